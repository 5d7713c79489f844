/* SPDX-License-Identifier: MIT */
/*
 * seizure: see seizure.h. The store says what is left (unit/seizure.c): nothing is kept in
 * memory, so a kill between two pages loses none, and one in a page undoes just that.
 */
#include "oem-server/run/seizure.h"

#include <stdatomic.h>
#include <stdio.h>

#include "common/host/log.h"

struct paging {
    struct server *server;
    struct unit_seize_page page;
    bool due;
};

static enum err look(struct store_tx *tx, void *context)
{
    return unit_seize_due(tx, &((struct paging *)context)->due);
}

static enum err next(struct store_tx *tx, void *context)
{
    struct paging *p = context;
    struct event event;
    char words[160];
    enum err e = unit_seize_next(tx, SEIZURE_PAGE, &p->page);
    p->due = e == ERR_OK; /* another worker may have done the last page */
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(e);
    snprintf(words, sizeof(words), "station %s was seized: %u units %s%s", p->page.station,
             p->page.count, p->page.scrapped ? "scrapped" : "held",
             p->page.done ? ", the last of them" : "");
    event_init(&event, "seizure", "oem-server", ERR_OK, words);
    return tlog_append(p->server->log, tx, &event.pb, NULL);
}

enum err seizure_go_on(struct server *server)
{
    struct paging p = { .server = server };
    TRY(store_read(server->store, look, &p, rpc_now_ms() + SERVER_CHANGE_MS));
    while (p.due && !atomic_load(&server->stopping))
        TRY(server_do(server, next, &p, 0));
    return ERR_OK;
}
