/* SPDX-License-Identifier: MIT */
/*
 * handshakes: connections of the server whose handshake is in progress. For wss/ only;
 * connections whose handshake has not begun wait in admission.h.
 *
 * Anyone may open one, and each costs memory and a place in libwebsockets' list of timers,
 * which is searched from its head. So their number is limited: when there is one too many, the
 * oldest is closed; an honest peer needs milliseconds (test_wss_strangers). I/O thread only.
 */
#pragma once

#include <libwebsockets.h>
#include <stdbool.h>
#include <sys/queue.h>

enum { HANDSHAKES_MAX = 128 };

struct handshake;
TAILQ_HEAD(handshake_list, handshake);
struct handshake_set {
    struct handshake_list list; /* oldest first */
    unsigned count;
};

/* A connection is in the set from handshake_add() to handshake_done(), which may be called
 * again. */
void handshake_init(struct handshake_set *set);
void handshake_add(struct handshake_set *set, struct lws *wsi);
void handshake_done(struct handshake_set *set,
                    struct lws *wsi); /* it is done, or the connection is closed */
