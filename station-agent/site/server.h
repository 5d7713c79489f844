/* SPDX-License-Identifier: MIT */
/*
 * server: the connection, shared by calls.c, server.c, server_state.c and reconnect.c under one
 * lock, which no thread holds while it waits for a peer.
 *
 * server.c receives its events on the I/O thread; reconnect.c makes it, and makes it again
 * after a loss, on a thread of its own.
 */
#pragma once

#include <pthread.h>

#include "common/core/layout.h"
#include "common/host/backoff.h"
#include "common/wss/wss.h"
#include "station-agent/site/calls.h"

enum server_state {
    SERVER_LOST,       /* or not made yet: the keeper will connect */
    SERVER_CONNECTING, /* it does now */
    SERVER_OPEN,
    SERVER_OVER, /* for good */
};

enum { SERVER_REASON_MAX = 320 };
enum { SERVER_BACKOFF_MS = 250, SERVER_BACKOFF_CAP_MS = 5000 };

struct server {
    struct server_config config;
    struct wss *wss;
    pthread_t keeper;
    bool kept;            /* that thread runs */
    pthread_mutex_t lock; /* protects the fields below, and all channels */
    pthread_cond_t changed;
    bool closing;
    enum server_state state;
    enum err err; /* of the latest loss: ERR_UNAVAILABLE, or a refusal that lasts */
    char reason[SERVER_REASON_MAX]; /* its message */
    struct wss_conn *conn;          /* kept while SERVER_OPEN */
    uint64_t opened_ms;             /* since when it is */
    uint64_t lost_ms;               /* since when there is none */
    unsigned attempts;              /* since then */
    unsigned connections;           /* so far, this one included */
    struct backoff backoff;
    struct channel *channels;
};

struct channel {
    struct channel *next;
    struct server *server;
    struct wss_conn *conn; /* kept; the server's as long as that one stands */
    pthread_cond_t changed;
    bool moved;
    bool has_run;
    uint8_t run_id[RUN_ID_SIZE];
    struct peer_event inbox[CHANNEL_INBOX_MAX]; /* oldest first */
    size_t waiting;                             /* events in it */
};

void *keeper_run(void *server); /* pthread_create's */

void server_rouse(struct server *server); /* under the lock: wakes all waiters */
/* Under the lock: there is no connection, for now (SERVER_LOST) or for good. */
void server_lose(struct server *server, enum server_state state, enum err e,
                 const char *reason);

enum err server_lost(struct server *server); /* why, with a message: ERR_CLOSED, or a refusal */

enum err channel_condition(pthread_cond_t *condition); /* initialise it on CLOCK_MONOTONIC */
bool channel_wait(pthread_cond_t *condition, pthread_mutex_t *lock,
                  uint64_t deadline_ms); /* false: the deadline has come */
void channel_refuse(struct wss_conn *conn, uint32_t stream, enum err e, const char *words);
