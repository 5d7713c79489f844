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

enum { HALF_OPEN_MAX = 128 };

struct half_open;
TAILQ_HEAD(half_open_list, half_open);
struct half_open_set {
    struct half_open_list list; /* oldest first */
    unsigned count;
};

/* A connection is in the set from half_open_add() to half_open_done(), which may be called
 * again. */
void half_open_init(struct half_open_set *set);
void half_open_add(struct half_open_set *set, struct lws *wsi);
void half_open_done(struct half_open_set *set,
                    struct lws *wsi); /* it is done, or the connection is closed */
