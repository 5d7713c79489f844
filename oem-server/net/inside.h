/* SPDX-License-Identifier: MIT */
/* inside: the state of the listener, for net/ only. */
#pragma once

#include "oem-server/net/net.h"

struct net {
    struct server *server;
    struct wss *wss;
    struct strand *strand; /* for jobs without a session: TLS refusals */
    pthread_mutex_t lock;  /* protects what follows, and the jobs of all sessions */
    pthread_cond_t idle;
    unsigned open;            /* calls accepted and not yet answered */
    struct client *strangers; /* those whose handshake fails, all together */
};

/* wss_handler.request and .cancelled; on the I/O thread. The event is lent for the call. */
void serve_request(void *context, struct wss_conn *conn, struct peer_event *event);
void serve_cancelled(void *context, struct wss_conn *conn, uint32_t stream);

/* The connection is closed: none of its waiting calls will run. On the I/O thread. */
void serve_gone(struct net *net, struct session *session);

/* Entries of the event log, each within the rate limit of its principal, or counted
 * (test_call_budget). Any thread; none waits. */

/* wss_handler.violation and .tls_refused: protocol violations and limits of a connection, calls
 * that common/wss refused, handshakes that failed. */
void refusal_violation(void *context, struct wss_conn *conn, enum err e, const char *words);
void refusal_tls(void *context, const char *address, const char *alert);
/* A connection or a call is refused over e and fail_words(), which stay as they are. One that
 * its own client gave up is not told of. */
void refusal_connection(struct net *net, const struct wss_peer *peer, enum err e);
void refusal_call(struct net *net, const struct session *session, const char *method,
                  enum err e);
