/* SPDX-License-Identifier: MIT */
/*
 * The client's state, shared by the files of this folder under one lock, which no thread holds
 * while it waits for a peer or calls the program.
 *
 * client.c receives the connection's events on the I/O thread; keeper.c makes it, and makes it
 * again, on a thread of its own; line.c and call.c use it on the callers' threads.
 */
#pragma once

#include <pthread.h>

#include "common/client/client.h"
#include "common/host/backoff.h"

enum client_state {
    CLIENT_LOST,       /* or not made yet: the keeper will connect */
    CLIENT_CONNECTING, /* it does now */
    CLIENT_OPEN,
    CLIENT_OVER, /* for good */
};

struct client {
    struct client_config config;
    struct wss *wss;
    pthread_t keeper;
    bool kept;            /* that thread runs */
    pthread_mutex_t lock; /* protects what follows, and calls in progress */
    pthread_cond_t changed;
    bool closing;
    enum client_state state;
    enum err err; /* of the latest loss: ERR_UNAVAILABLE, or a refusal that lasts */
    char reason[CLIENT_REASON_MAX]; /* its message */
    struct wss_conn *conn;          /* kept while CLIENT_OPEN */
    uint64_t opened_ms;             /* since when it is */
    uint64_t lost_ms;               /* since when there is none */
    unsigned attempts;              /* since then */
    unsigned connections;           /* so far, this one included */
    int64_t ahead_us;               /* of the server's clock, when the latest was opened */
    struct backoff backoff;
};

void *keeper_run(void *client); /* pthread_create's */

/* Under the lock: there is no connection, for now (CLIENT_LOST) or for good. The caller tells
 * the program (client_tell) when it has released the lock. */
void client_lose(struct client *client, enum client_state state, enum err e,
                 const char *reason);
void client_tell(struct client *client);              /* changed; not under the lock */
enum err client_missing(const struct client *client); /* under the lock: why, with a message */

/* A wss_tls_setup; context is the struct client_config. */
enum err credentials_set(void *config, SSL_CTX *tls);
/* The same without a connection, because the carrier would lose the message. */
enum err credentials_check(const struct client_config *config);
