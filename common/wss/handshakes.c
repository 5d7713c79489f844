/* SPDX-License-Identifier: MIT */
/*
 * handshakes: the list of handshakes in progress. Called by callback.c on the I/O thread. It
 * must not let more than HANDSHAKES_MAX handshakes stay in progress.
 */
#include "common/wss/handshakes.h"

#include <stdlib.h>

struct handshake {
    TAILQ_ENTRY(handshake) link;
    struct lws *wsi; /* its opaque user data is this struct */
};

void handshake_init(struct handshake_set *set)
{
    TAILQ_INIT(&set->list);
    set->count = 0;
}

void handshake_done(struct handshake_set *set, struct lws *wsi)
{
    struct handshake *one = lws_get_opaque_user_data(wsi);
    if (one == NULL)
        return;
    TAILQ_REMOVE(&set->list, one, link);
    set->count--;
    lws_set_opaque_user_data(wsi, NULL);
    free(one);
}

static void drop_oldest(struct handshake_set *set)
{
    struct lws *wsi = TAILQ_FIRST(&set->list)->wsi;
    handshake_done(set, wsi);
    lws_set_timeout(wsi, PENDING_TIMEOUT_KILLED_BY_PARENT, LWS_TO_KILL_SYNC);
}

void handshake_add(struct handshake_set *set, struct lws *wsi)
{
    struct handshake *one = calloc(1, sizeof(*one));
    if (one == NULL)
        return; /* not counted: its time-out still ends it */
    one->wsi = wsi;
    lws_set_opaque_user_data(wsi, one);
    TAILQ_INSERT_TAIL(&set->list, one, link);
    if (++set->count > HANDSHAKES_MAX)
        drop_oldest(set);
}
