/* SPDX-License-Identifier: MIT */
/*
 * server: what the sites share of the connection (common/client): their channels, under one
 * lock, which no thread holds while it waits for a peer. server.c receives the server's calls
 * on the I/O thread; calls.c is for the sites' threads.
 */
#pragma once

#include <pthread.h>

#include "common/client/client.h"
#include "common/core/layout.h"
#include "station-agent/site/calls.h"

struct server {
    struct server_config config;
    struct client *client;
    pthread_mutex_t lock; /* protects the list, inboxes, runs and line.conn of all channels */
    struct channel *channels;
};

struct channel {
    struct client_line line; /* the first member: see channel_replace() */
    struct channel *next;
    struct server *server;
    pthread_cond_t changed;
    bool moved;
    bool has_run;
    uint8_t run_id[RUN_ID_SIZE];
    struct peer_event inbox[CHANNEL_INBOX_MAX]; /* oldest first */
    size_t waiting;                             /* events in it */
};
