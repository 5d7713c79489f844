/* SPDX-License-Identifier: MIT */
/*
 * Is there a connection, and why not: told by client.c and keeper.c, waited for by all callers.
 * A peer's message must not be kept before it was made printable.
 */
#include <stdio.h>
#include <time.h>

#include "common/client/inside.h"
#include "common/host/clean.h"
#include "common/host/clock.h"
#include "common/host/log.h"

enum err client_condition(pthread_cond_t *condition)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    int refused = pthread_cond_init(condition, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return refused == 0 ? ERR_OK : fail_quiet(ERR_MEMORY, "no memory for a condition");
}

bool client_wait(pthread_cond_t *condition, pthread_mutex_t *lock, uint64_t until_ms)
{
    const struct timespec until = {
        .tv_sec = (time_t)(until_ms / 1000),
        .tv_nsec = (long)(until_ms % 1000) * 1000000,
    };
    return pthread_cond_timedwait(condition, lock, &until) == 0;
}

void client_tell(struct client *client)
{
    if (client->config.handler.changed != NULL)
        client->config.handler.changed(client->config.handler.context);
}

void client_lose(struct client *client, enum client_state state, enum err e, const char *reason)
{
    uint64_t now_ms = rpc_now_ms();
    if (client->state == CLIENT_OPEN) {
        if (now_ms - client->opened_ms >= client->config.backoff_cap_ms)
            backoff_reset(&client->backoff);
        client->lost_ms = now_ms;
        client->attempts = 0;
        wss_conn_drop(&client->conn);
    }
    client->state = state;
    client->err = e;
    clean_put(client->reason, sizeof(client->reason), reason);
    pthread_cond_broadcast(&client->changed);
}

enum err client_missing(const struct client *client)
{
    if (client->connections == 0 && client->err != ERR_OK)
        return fail_quiet(client->err, "%s", client->reason);
    return client->err == ERR_OK || client->err == ERR_UNAVAILABLE
               ? fail_quiet(ERR_CLOSED, "connection to the server lost: %s", client->reason)
               : fail_quiet(client->err, "the server refuses this %s: %s", client->config.self,
                            client->reason);
}

enum err client_await(struct client *client, uint64_t until_ms)
{
    bool in_time = true;
    pthread_mutex_lock(&client->lock);
    while (client->state != CLIENT_OPEN && client->state != CLIENT_OVER && in_time)
        in_time = client_wait(&client->changed, &client->lock, until_ms);
    enum err e = client->state == CLIENT_OPEN ? ERR_OK : client_missing(client);
    pthread_mutex_unlock(&client->lock);
    return e;
}

void client_used(struct client *client)
{
    pthread_mutex_lock(&client->lock);
    backoff_reset(&client->backoff);
    pthread_mutex_unlock(&client->lock);
}

bool client_clock_differs(struct client *client, char words[static CLIENT_CLOCK_WORDS_MAX])
{
    char amount[CLOCK_TEXT_SIZE], ours[CLOCK_TEXT_SIZE], theirs[CLOCK_TEXT_SIZE];
    pthread_mutex_lock(&client->lock);
    int64_t ahead_s = (client->ahead_us + (client->ahead_us < 0 ? -500000 : 500000)) / 1000000;
    pthread_mutex_unlock(&client->lock);
    int64_t now_s = clock_real_s();
    if (ahead_s >= -CLIENT_CLOCK_S && ahead_s <= CLIENT_CLOCK_S)
        return false;
    snprintf(
        words, CLIENT_CLOCK_WORDS_MAX,
        "this computer's clock is %s %s the server's: it says %s, the server's says %s: set "
        "the wrong one right (timedatectl)",
        clock_amount((uint64_t)(ahead_s < 0 ? -ahead_s : ahead_s), amount),
        ahead_s < 0 ? "ahead of" : "behind", clock_text(now_s, ours),
        clock_text(now_s + ahead_s, theirs));
    return true;
}
