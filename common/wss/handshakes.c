/* SPDX-License-Identifier: MIT */
/*
 * handshakes: the list of handshakes in progress. Called by callback.c on the I/O thread. It
 * must not let more than HALF_OPEN_MAX handshakes stay in progress.
 */
#include "common/wss/handshakes.h"

#include <stdlib.h>

struct half_open {
    TAILQ_ENTRY(half_open) link;
    struct lws *wsi; /* its opaque user data is this struct */
};

void half_open_init(struct half_open_set *set)
{
    TAILQ_INIT(&set->list);
    set->count = 0;
}

void half_open_done(struct half_open_set *set, struct lws *wsi)
{
    struct half_open *one = lws_get_opaque_user_data(wsi);
    if (one == NULL)
        return;
    TAILQ_REMOVE(&set->list, one, link);
    set->count--;
    lws_set_opaque_user_data(wsi, NULL);
    free(one);
}

static void drop_oldest(struct half_open_set *set)
{
    struct lws *wsi = TAILQ_FIRST(&set->list)->wsi;
    half_open_done(set, wsi);
    lws_set_timeout(wsi, PENDING_TIMEOUT_KILLED_BY_PARENT, LWS_TO_KILL_SYNC);
}

void half_open_add(struct half_open_set *set, struct lws *wsi)
{
    struct half_open *one = calloc(1, sizeof(*one));
    if (one == NULL)
        return; /* not counted: its time-out still ends it */
    one->wsi = wsi;
    lws_set_opaque_user_data(wsi, one);
    TAILQ_INSERT_TAIL(&set->list, one, link);
    if (++set->count > HALF_OPEN_MAX)
        drop_oldest(set);
}
