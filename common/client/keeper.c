/* SPDX-License-Identifier: MIT */
/*
 * The thread that makes the connection to the server, and makes it again after a loss. Started
 * by client.c. It must not hold the lock while it connects or reports, and must make no attempt
 * after the server has refused this client.
 */
#include <stdio.h>
#include <string.h>

#include "common/client/inside.h"
#include "common/host/log.h"

/* Under the lock, which is released while the program is told. */
static void report(struct client *c, enum client_news_kind kind, uint32_t wait_ms)
{
    char reason[CLIENT_REASON_MAX];
    uint64_t gone_ms = rpc_now_ms() - c->lost_ms;
    const struct client_news news = {
        .kind = kind,
        .host = c->config.host,
        .port = c->config.port,
        .words = reason,
        .attempts = c->attempts,
        .wait_ms = wait_ms,
        .left_ms =
            gone_ms < c->config.patience_ms ? (uint32_t)(c->config.patience_ms - gone_ms) : 0,
    };
    memcpy(reason, c->reason, sizeof(reason));
    pthread_mutex_unlock(&c->lock);
    if (c->config.handler.news != NULL)
        c->config.handler.news(c->config.handler.context, &news);
    pthread_mutex_lock(&c->lock);
}

static bool is_lost(const struct client *c)
{
    return c->state == CLIENT_LOST && !c->closing;
}

/* Under the lock, which is released meanwhile. */
static void lose(struct client *c, enum client_state state, const char *words)
{
    client_lose(c, state, ERR_UNAVAILABLE, words);
    pthread_mutex_unlock(&c->lock);
    client_tell(c);
    pthread_mutex_lock(&c->lock);
}

static void give_up(struct client *c)
{
    char words[CLIENT_REASON_MAX];
    memcpy(words, c->reason, sizeof(words));
    if (c->config.patience_ms != 0)
        snprintf(words, sizeof(words), "%.240s; given up after %u attempts in %u s", c->reason,
                 c->attempts, c->config.patience_ms / 1000);
    lose(c, CLIENT_OVER, words);
}

/* Before each attempt but the very first. */
static void wait_for_turn(struct client *c)
{
    uint64_t now_ms = rpc_now_ms(), until_ms = c->lost_ms + c->config.patience_ms;
    if (now_ms >= until_ms) {
        give_up(c);
        return;
    }
    uint32_t wait_ms = backoff_next_ms(&c->backoff);
    if (wait_ms > until_ms - now_ms)
        wait_ms = (uint32_t)(until_ms - now_ms); /* a last attempt when the time is over */
    report(c, CLIENT_NEWS_LOST, wait_ms);
    bool in_time = true;
    while (is_lost(c) && in_time)
        in_time = client_wait(&c->changed, &c->lock, now_ms + wait_ms);
}

static void attempt(struct client *c)
{
    c->state = CLIENT_CONNECTING;
    c->attempts++;
    pthread_mutex_unlock(&c->lock);
    enum err e = wss_connect(c->wss);
    pthread_mutex_lock(&c->lock);
    uint64_t deadline_ms = rpc_now_ms() + CLIENT_CONNECT_MS;
    bool in_time = e == ERR_OK;
    while (c->state == CLIENT_CONNECTING && in_time && !c->closing)
        in_time = client_wait(&c->changed, &c->lock, deadline_ms);
    if (c->state == CLIENT_CONNECTING)
        lose(c, CLIENT_LOST, e == ERR_OK ? "no answer in time" : fail_words());
    if (c->state == CLIENT_OPEN && (c->connections > 1 || c->attempts > 1))
        report(c, CLIENT_NEWS_OPEN, 0);
}

static void reconnect(struct client *c)
{
    if (c->connections != 0 || c->attempts != 0)
        wait_for_turn(c);
    if (is_lost(c))
        attempt(c);
}

void *keeper_run(void *context)
{
    struct client *c = context;
    bool told = false;
    pthread_mutex_lock(&c->lock);
    while (!c->closing) {
        if (c->state == CLIENT_LOST) {
            reconnect(c);
        } else if (c->state == CLIENT_OVER && !told) {
            told = true;
            report(c, CLIENT_NEWS_OVER, 0);
        } else {
            pthread_cond_wait(&c->changed, &c->lock);
        }
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}
