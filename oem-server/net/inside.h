/* SPDX-License-Identifier: MIT */
/* inside: the listener, shared by net's files. For net/ only. */
#pragma once

#include "oem-server/net/net.h"

struct net {
    struct server *server;
    struct wss *wss;
    struct strand *strand; /* for what belongs to no session: TLS refusals */
    pthread_mutex_t lock;  /* of what follows, and of every session's jobs */
    pthread_cond_t idle;
    unsigned open;            /* calls taken and not yet answered */
    struct caller *strangers; /* those whose handshake fails, all together */
};

/* wss_handler.request and .cancelled */
void serve_request(void *context, struct wss_conn *conn, struct peer_event *event);
void serve_cancelled(void *context, struct wss_conn *conn, uint32_t stream);

/* The connection is gone: none of its calls that wait will run. */
void serve_gone(struct net *net, struct session *session);

/* wss_handler.breach and .tls_refused: what never became a call is in the event log too. */
void refusal_breach(void *context, struct wss_conn *conn, enum err e, const char *words);
void refusal_tls(void *context, const char *address, const char *alert);
