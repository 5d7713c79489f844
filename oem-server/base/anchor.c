/* SPDX-License-Identifier: MIT */
/*
 * The log's anchor in the server's life: its first checkpoint, and a newer one while the log
 * grows. Called at the start, by main once a second, and by what begins a board. A board that
 * was begun must not depend on it.
 */
#include "common/host/log.h"
#include "oem-server/base/base.h"

static enum err record(struct store_tx *tx, void *context)
{
    struct server *server = context;
    struct event event;
    TRY(tlog_anchor_record(tx, TLOG_RECORD_USED, span_of("", 0)));
    event_init(&event, "anchor", "oem-server", ERR_OK, "the log has an anchor from now on");
    return tlog_append(server->log, tx, &event.pb, NULL);
}

enum err server_anchor_begin(struct server *server)
{
    AUTO(buf_free) struct buf note = { 0 };
    uint64_t size = 0;
    server->anchored_ms = rpc_now_ms();
    if (server->anchor.is == TLOG_ANCHOR_NONE)
        log_line(LOG_LEVEL_WARN, "server: the log has no anchor ([log] anchor): a restored "
                                 "backup or a copied server is not noticed");
    if (server->anchor.is != TLOG_ANCHOR_BEGINS)
        return ERR_OK;
    enum err e = tlog_checkpoint(server->log, &note, &size);
    if (e != ERR_OK)
        return fail(e, "server: the log's anchor %s cannot begin: %.200s",
                    server->config->anchor.path, fail_words());
    TRY(server_do(server, record, server, 0));
    server->anchor.is = TLOG_ANCHOR_AGREES;
    return ERR_OK;
}

/* Why it failed is logged by tlog, once. */
static void advance(void *context)
{
    AUTO(buf_free) struct buf note = { 0 };
    struct server *server = context;
    uint64_t size = 0;
    if (tlog_checkpoint(server->log, &note, &size) != ERR_OK)
        log_line(LOG_LEVEL_DEBUG, "server: the anchor is written later: %s", fail_words());
    atomic_store(&server->anchoring, false);
}

void server_anchor_watch(struct server *server)
{
    struct tlog_anchor_status status;
    uint64_t now = rpc_now_ms();
    tlog_anchor_look(server->log, &status);
    if (!status.due || now - server->anchored_ms < server->config->anchor.every_s * 1000u ||
        atomic_exchange(&server->anchoring, true))
        return;
    server->anchored_ms = now;
    AUTO(strand_drop) struct strand *strand = strand_new(server->work);
    if (strand == NULL || strand_submit(strand, advance, server) != ERR_OK)
        atomic_store(&server->anchoring, false);
}

enum err server_anchor_check(struct server *server, struct store_tx *tx)
{
    int64_t lag_us = 0;
    TRY(tlog_anchor_lag(server->log, tx, &lag_us));
    return lag_us / 1000000 <= server->config->anchor.lag_s
               ? ERR_OK
               : fail_quiet(ERR_UNAVAILABLE,
                            "no board is begun: the log's anchor, the second place of what is "
                            "published, could not be written for over %u s ('oemctl health' "
                            "says why); boards that were begun go on",
                            server->config->anchor.lag_s);
}
