#include <stdint.h>

#include "common/host/log.h"
#include "oem-server/svc/svc.h"

enum { EVENT_TIMEOUT_MS = 10000 };

enum err event_write(struct server *server, Hallmark__V1__Event *event)
{
    if (server->log == NULL)
        return fail(ERR_PRECONDITION, "svc: there is no event log yet: run oemctl init first");
    AUTO(store_rollback) struct store_tx *tx = NULL;
    TRY(store_begin(server->store, EVENT_TIMEOUT_MS, &tx));
    TRY(tlog_append(server->log, tx, event, NULL));
    return store_commit(&tx);
}

enum err event_simple(struct server *server, const char *kind, const char *actor,
                      const char *peer, enum err e, const char *words)
{
    Hallmark__V1__Event event = HALLMARK__V1__EVENT__INIT;
    event.time_us = svc_now_us();
    event.kind = (char *)(uintptr_t)kind;
    event.actor = (char *)(uintptr_t)actor;
    event.peer = (char *)(uintptr_t)peer;
    event.status = err_status(e);
    event.code = (uint32_t)e;
    event.message = (char *)(uintptr_t)words;
    static char software[] = "oem-server " HALLMARK_VERSION;
    event.software = software;
    return event_write(server, &event);
}
