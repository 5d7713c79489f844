/* SPDX-License-Identifier: MIT */
/*
 * entry: entries of the event log that belong to no call: refusals, ends of runs, start and
 * stop. Called by session, net, run and server, on any thread but the I/O thread, because they
 * wait for the store.
 */
#include <stdint.h>

#include "common/host/log.h"
#include "oem-server/base/base.h"

struct writing {
    struct server *server;
    const struct event *event;
    uint64_t index;
};

static enum err append(struct store_tx *tx, void *context)
{
    struct writing *w = context;
    return tlog_append(w->server->log, tx, &w->event->pb, &w->index);
}

enum err event_write(struct server *server, const struct event *event, uint64_t *index_out)
{
    struct writing w = { server, event, 0 };
    if (server->log == NULL)
        return fail(ERR_PRECONDITION,
                    "entry: there is no event log yet: run oemctl init first");
    TRY(server_do(server, append, &w, 0));
    if (index_out != NULL)
        *index_out = w.index;
    return ERR_OK;
}

enum err event_simple(struct server *server, const char *kind, const char *actor,
                      const char *peer, enum err e, const char *words)
{
    struct event event;
    event_init(&event, kind, actor, e, words);
    event_text(&event, EVENT_PEER, peer);
    return event_write(server, &event, NULL);
}
