/* server: what line.c and server.c share: the connection, under one lock held for moments only.
 */
#pragma once

#include <pthread.h>

#include "common/core/layout.h"
#include "common/wss/wss.h"
#include "station-agent/site/line.h"

enum server_state { SERVER_CONNECTING, SERVER_OPEN, SERVER_LOST };

enum { SERVER_REASON_MAX = 160 };

struct server {
    struct server_config config;
    struct wss *wss;
    struct wss_conn *conn; /* kept from open on, until server_close */
    pthread_mutex_t lock;  /* guards what follows, and every line */
    pthread_cond_t changed;
    enum server_state state;
    char reason[SERVER_REASON_MAX]; /* of the loss */
    struct line *lines;
};

struct line {
    struct line *next;
    struct server *server;
    pthread_cond_t changed;
    bool has_run;
    uint8_t run_id[RUN_ID_SIZE];
    struct peer_event inbox[LINE_INBOX_MAX]; /* oldest first */
    size_t waiting;                          /* events in it */
};

enum err line_condition(pthread_cond_t *condition); /* initialise it on CLOCK_MONOTONIC */
bool line_wait(pthread_cond_t *condition, pthread_mutex_t *lock,
               uint64_t deadline_ms); /* false: the deadline has come */
void line_refuse(struct wss_conn *conn, uint32_t stream, enum err e, const char *words);
