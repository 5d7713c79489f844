/* SPDX-License-Identifier: MIT */
/*
 * revoked: see revoked.h. Called by server.c; the work is done on a strand of the pool, one at
 * a time. A revocation must not be counted as told before the CA has answered
 * (tests/interop/ejbca/board).
 */
#include "oem-server/run/revoked.h"

#include <string.h>

#include "common/core/wr.h"
#include "oem-server/unit/certificate.h"

enum { EVERY_MS = 5000, AT_ONCE = 100, CURSOR_SIZE = 8 + UID_SIZE + 4 };

#define CURSOR "ca-revoked" /* a setting: the last one that was told */

struct telling {
    struct server *server;
    struct unit_revocation last, next;
};

static void telling_drop(struct telling *t)
{
    buf_free(&t->next.certificate);
}

static enum err read_cursor(struct store_tx *tx, struct unit_revocation *last)
{
    AUTO(buf_free) struct buf value = { 0 };
    enum err found = store_setting_get(tx, CURSOR, &value);
    if (found != ERR_OK)
        return found == ERR_NOT_FOUND ? ERR_OK : found;
    struct rd r = rd_of(buf_span(&value));
    last->revoked_us = (int64_t)rd_u64be(&r);
    struct span uid = rd_take(&r, UID_SIZE);
    last->gen = rd_u32le(&r);
    TRY(rd_end(&r));
    memcpy(last->uid, uid.ptr, UID_SIZE);
    return ERR_OK;
}

static enum err read_next(struct store_tx *tx, void *context)
{
    struct telling *t = context;
    telling_drop(t);
    TRY(read_cursor(tx, &t->last));
    return unit_revoked_next(tx, &t->last, &t->next);
}

static enum err keep_cursor(struct store_tx *tx, void *context)
{
    const struct telling *t = context;
    uint8_t cursor[CURSOR_SIZE];
    struct event event;
    struct wr w = wr_of(cursor, sizeof(cursor));
    wr_u64be(&w, (uint64_t)t->next.revoked_us);
    wr_span(&w, SPAN(t->next.uid));
    wr_u32le(&w, t->next.gen);
    TRY(wr_end(&w));
    event_init(&event, "revocation", "oem-server", ERR_OK, "the CA was told");
    event_text(&event, EVENT_REASON, t->next.reason);
    event_bytes(&event, EVENT_UID, SPAN(t->next.uid));
    event_digest(&event, "certificate", buf_span(&t->next.certificate));
    TRY(store_setting_put(tx, CURSOR, SPAN(cursor)));
    return tlog_append(t->server->log, tx, &event.pb, NULL);
}

static enum err tell_one(struct telling *t)
{
    TRY(store_read(t->server->store, read_next, t, rpc_now_ms() + EVERY_MS));
    TRY(ejbca_revoke(t->server->ejbca, buf_span(&t->next.certificate)));
    return server_do(t->server, keep_cursor, t, 0);
}

static void tell(void *context)
{
    struct server *server = context;
    struct telling t = { .server = server };
    enum err e = ERR_OK;
    ejbca_tidy(server->ejbca);
    for (int i = 0; i < AT_ONCE && e == ERR_OK; i++)
        e = tell_one(&t);
    telling_drop(&t);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        log_line(LOG_LEVEL_WARN, "run: a revocation is told to the CA later: %s", fail_words());
    atomic_store(&server->telling, false);
}

void revoked_watch(struct server *server)
{
    uint64_t now = rpc_now_ms();
    if (server->ejbca == NULL || server->log == NULL || now - server->told_ms < EVERY_MS ||
        atomic_exchange(&server->telling, true))
        return;
    server->told_ms = now;
    AUTO(strand_drop) struct strand *strand = strand_new(server->work);
    if (strand == NULL || strand_submit(strand, tell, server) != ERR_OK)
        atomic_store(&server->telling, false);
}
