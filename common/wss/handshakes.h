/* SPDX-License-Identifier: MIT */
/*
 * handshakes: connections of the server whose handshake is in progress. For wss/ only; those
 * whose handshake has not begun wait for admission (admission.h).
 *
 * Anyone may open one, and each costs memory and a place in libwebsockets' list of timers,
 * which is searched from its head. So there are few: when one too many comes, the oldest goes.
 * Who means well needs milliseconds. I/O thread only.
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

void half_open_init(struct half_open_set *set);
void half_open_add(struct half_open_set *set, struct lws *wsi);
void half_open_done(struct half_open_set *set, struct lws *wsi); /* it stands, or is gone */
