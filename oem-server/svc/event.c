/* SPDX-License-Identifier: MIT */
/*
 * event: entries of the event log that belong to no call: refusals, ends of runs, start and
 * stop. Any thread; they wait for the store.
 */
#include <stdint.h>

#include "common/host/log.h"
#include "oem-server/svc/settle.h"

/* protobuf-c knows no const strings; an event only lends them until it is packed. */
static char *lend(const char *text)
{
    return (char *)(uintptr_t)text;
}

void event_init(Hallmark__V1__Event *event, const char *kind, const char *actor, enum err e,
                const char *words)
{
    hallmark__v1__event__init(event);
    event->time_us = svc_now_us();
    event->software = lend("oem-server " HALLMARK_VERSION);
    event->kind = lend(kind);
    event->actor = lend(actor);
    event->status = err_status(e);
    event->code = (uint32_t)e;
    event->message = lend(words);
}

void event_run(Hallmark__V1__Event *event, struct run *run)
{
    event->peer = run->peer;
    event->order = run->order.name;
    event->uid = (ProtobufCBinaryData){ UID_SIZE, run->uid };
    event->run_id = (ProtobufCBinaryData){ RUN_ID_SIZE, run->id };
}

struct writing {
    struct server *server;
    Hallmark__V1__Event *event;
    uint64_t index;
};

static enum err append(struct store_tx *tx, void *context)
{
    struct writing *w = context;
    return tlog_append(w->server->log, tx, w->event, &w->index);
}

enum err event_write(struct server *server, Hallmark__V1__Event *event, uint64_t *index_out)
{
    struct writing w = { server, event, 0 };
    if (server->log == NULL)
        return fail(ERR_PRECONDITION, "svc: there is no event log yet: run oemctl init first");
    TRY(svc_do(server, append, &w, 0));
    if (index_out != NULL)
        *index_out = w.index;
    return ERR_OK;
}

enum err event_simple(struct server *server, const char *kind, const char *actor,
                      const char *peer, enum err e, const char *words)
{
    Hallmark__V1__Event event;
    event_init(&event, kind, actor, e, words);
    event.peer = lend(peer);
    return event_write(server, &event, NULL);
}
