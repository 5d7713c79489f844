/*
 * half_open: connections of the server whose handshake is not done yet. For wss/ only.
 *
 * Anyone may open one, and each costs memory and a place in libwebsockets' list of timers,
 * which is searched from its head. So there are few: when one too many comes, the oldest goes.
 * Who means well needs milliseconds. I/O thread only.
 */
#pragma once

#include <libwebsockets.h>
#include <stdbool.h>
#include <sys/queue.h>

enum { HALF_OPEN_MAX = 512, HALF_OPEN_IN_A_ROW = 64 };

struct half_open;
TAILQ_HEAD(half_open_list, half_open);
struct half_open_set {
    struct half_open_list list; /* oldest first */
    unsigned count;
    unsigned in_a_row; /* accepted with nothing done for anybody else between */
};

void half_open_init(struct half_open_set *set);
/* libwebsockets accepts for as long as somebody connects, and serves nobody else meanwhile;
 * only a refusal gets it out of that. So one of a long row is refused. */
bool half_open_may_accept(struct half_open_set *set);
void half_open_served(struct half_open_set *set); /* a connection that stands had its turn */

void half_open_add(struct half_open_set *set, struct lws *wsi);
void half_open_done(struct half_open_set *set, struct lws *wsi); /* it stands, or is gone */
