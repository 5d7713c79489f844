/* SPDX-License-Identifier: MIT */
/*
 * The thread that makes the connection to the server, and makes it again after a loss. Started
 * by server.c. It must not hold the lock while it connects or reports, and it must end when the
 * server refuses this station.
 */

#include <stdio.h>
#include <string.h>

#include "common/host/log.h"
#include "station-agent/site/output.h"
#include "station-agent/site/server.h"

/* Outside the lock, since output may block. */
static void output(struct server *s, enum output_connection_kind kind, uint32_t wait_ms)
{
    char reason[SERVER_REASON_MAX];
    uint64_t gone_ms = rpc_now_ms() - s->lost_ms;
    struct output_connection news = {
        .kind = kind,
        .host = s->config.host,
        .port = s->config.port,
        .words = reason,
        .attempts = s->attempts,
        .wait_ms = wait_ms,
        .left_ms =
            gone_ms < s->config.reconnect_ms ? (uint32_t)(s->config.reconnect_ms - gone_ms) : 0,
    };
    memcpy(reason, s->reason, sizeof(reason));
    pthread_mutex_unlock(&s->lock);
    if (s->config.output != NULL)
        output_connection(s->config.output, &news);
    pthread_mutex_lock(&s->lock);
}

static bool is_lost(const struct server *s)
{
    return s->state == SERVER_LOST && !s->closing;
}

static void give_up(struct server *s)
{
    char words[SERVER_REASON_MAX];
    memcpy(words, s->reason, sizeof(words));
    if (s->config.reconnect_ms != 0)
        snprintf(words, sizeof(words), "%.240s; given up after %u attempts in %u s", s->reason,
                 s->attempts, s->config.reconnect_ms / 1000);
    server_lose(s, SERVER_OVER, ERR_UNAVAILABLE, words);
}

/* Before each attempt but the very first. */
static void wait_for_turn(struct server *s)
{
    uint64_t now_ms = rpc_now_ms(), until_ms = s->lost_ms + s->config.reconnect_ms;
    if (now_ms >= until_ms) {
        give_up(s);
        return;
    }
    uint32_t wait_ms = backoff_next_ms(&s->backoff);
    if (wait_ms > until_ms - now_ms)
        wait_ms = (uint32_t)(until_ms - now_ms); /* a last attempt when the time is over */
    output(s, OUTPUT_CONNECTION_LOST, wait_ms);
    bool in_time = true;
    while (is_lost(s) && in_time)
        in_time = channel_wait(&s->changed, &s->lock, now_ms + wait_ms);
}

static void attempt(struct server *s)
{
    s->state = SERVER_CONNECTING;
    s->attempts++;
    pthread_mutex_unlock(&s->lock);
    enum err e = wss_connect(s->wss);
    pthread_mutex_lock(&s->lock);
    uint64_t deadline_ms = rpc_now_ms() + CHANNEL_CONNECT_MS;
    bool in_time = e == ERR_OK;
    while (s->state == SERVER_CONNECTING && in_time && !s->closing)
        in_time = channel_wait(&s->changed, &s->lock, deadline_ms);
    if (s->state == SERVER_CONNECTING)
        server_lose(s, SERVER_LOST, ERR_UNAVAILABLE, "no answer in time");
    if (s->state == SERVER_OPEN && (s->connections > 1 || s->attempts > 1))
        output(s, OUTPUT_CONNECTION_OPEN, 0);
}

static void reconnect(struct server *s)
{
    if (s->connections != 0 || s->attempts != 0)
        wait_for_turn(s);
    if (is_lost(s))
        attempt(s);
}

void *keeper_run(void *context)
{
    struct server *s = context;
    bool told = false;
    pthread_mutex_lock(&s->lock);
    while (!s->closing) {
        if (s->state == SERVER_LOST) {
            reconnect(s);
        } else if (s->state == SERVER_OVER && !told) {
            told = true;
            output(s, OUTPUT_CONNECTION_OVER, 0);
        } else {
            pthread_cond_wait(&s->changed, &s->lock);
        }
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}
