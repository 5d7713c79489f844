/* SPDX-License-Identifier: MIT */
/*
 * Is there a connection, and why not: told by server.c and reconnect.c, waited for by all
 * sites. Everything here is under server->lock.
 */
#include <time.h>

#include "common/host/log.h"
#include "station-agent/site/server.h"

enum err channel_condition(pthread_cond_t *condition)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    int refused = pthread_cond_init(condition, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return refused == 0 ? ERR_OK : fail_quiet(ERR_MEMORY, "no memory for a condition");
}

bool channel_wait(pthread_cond_t *condition, pthread_mutex_t *lock, uint64_t deadline_ms)
{
    struct timespec until = {
        .tv_sec = (time_t)(deadline_ms / 1000),
        .tv_nsec = (long)(deadline_ms % 1000) * 1000000,
    };
    return pthread_cond_timedwait(condition, lock, &until) == 0;
}

void server_rouse(struct server *server)
{
    pthread_cond_broadcast(&server->changed);
    for (struct channel *channel = server->channels; channel != NULL; channel = channel->next)
        pthread_cond_broadcast(&channel->changed);
}

void server_lose(struct server *server, enum server_state state, enum err e, const char *reason)
{
    uint64_t now_ms = rpc_now_ms();
    if (server->state == SERVER_OPEN) {
        if (now_ms - server->opened_ms >= SERVER_BACKOFF_CAP_MS)
            backoff_reset(&server->backoff);
        server->lost_ms = now_ms;
        server->attempts = 0;
        wss_conn_drop(&server->conn);
    }
    server->state = state;
    server->err = e;
    printable_copy(reason, server->reason, sizeof(server->reason));
    server_rouse(server);
}

static enum err no_connection(const struct server *server)
{
    return server->err == ERR_OK || server->err == ERR_UNAVAILABLE
               ? fail_quiet(ERR_CLOSED, "connection to the server lost: %s", server->reason)
               : fail_quiet(server->err, "the server refuses this station: %s", server->reason);
}

enum err server_lost(struct server *server)
{
    pthread_mutex_lock(&server->lock);
    enum err e = no_connection(server);
    pthread_mutex_unlock(&server->lock);
    return e;
}

enum err server_await(struct server *server, uint64_t until_ms)
{
    bool in_time = true;
    pthread_mutex_lock(&server->lock);
    while (server->state != SERVER_OPEN && server->state != SERVER_OVER && in_time)
        in_time = channel_wait(&server->changed, &server->lock, until_ms);
    enum err e = server->state == SERVER_OPEN ? ERR_OK : no_connection(server);
    pthread_mutex_unlock(&server->lock);
    return e;
}

void server_used(struct server *server)
{
    pthread_mutex_lock(&server->lock);
    backoff_reset(&server->backoff);
    pthread_mutex_unlock(&server->lock);
}
