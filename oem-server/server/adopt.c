/* SPDX-License-Identifier: MIT */
/*
 * Adopts a store. Called by oemctl store adopt. What is missing must be in the log, and its
 * places must be unknown, before the anchor is written again.
 */
#include "oem-server/server/adopt.h"

#include <stdio.h>

#include "common/host/log.h"
#include "common/host/stop.h"
#include "hallmark/v1/operator.pb-c.h"
#include "oem-server/run/sweep.h"
#include "oem-server/server/log_check.h"
#include "oem-server/server/server.h"

struct adopting {
    struct server *server;
    const char *operator_name, *reason;
    struct adopt_report *report;
};

static void words_of(const struct tlog_anchor_found *found, char *out, size_t size)
{
    unsigned long long at = found->size, have = found->log_size;
    switch (found->is) {
    case TLOG_ANCHOR_BEHIND:
        snprintf(out, size, "the anchor is of %llu entries, the store has %llu", at, have);
        break;
    case TLOG_ANCHOR_FORKED:
        snprintf(out, size, "the anchor is of %llu entries that are not the store's first ones",
                 at);
        break;
    case TLOG_ANCHOR_GONE:
        snprintf(out, size, "the anchor is gone; the store has %llu entries", have);
        break;
    case TLOG_ANCHOR_DAMAGED:
        snprintf(out, size, "the anchor is no checkpoint of this log (%.100s)", found->words);
        break;
    case TLOG_ANCHOR_UNSET:
        snprintf(out, size, "the anchor is given up: the configuration names none");
        break;
    default:
        snprintf(out, size, "nothing is missing");
    }
}

/* By name only: the person is the server's administrator, who has the tokens' PINs. */
static enum err check_operator(struct store_tx *tx, const char *name)
{
    const struct store_principal_filter any = { .role = HALLMARK__V1__ROLE__ROLE_OPERATOR,
                                                .after = "",
                                                .limit = 1 };
    AUTO(free_drop) struct store_principal *first = NULL;
    struct store_principal found;
    size_t count = 0;
    bool more = false;
    TRY(store_principal_list(tx, &any, &first, &count, &more));
    enum err e = store_principal_get(tx, HALLMARK__V1__ROLE__ROLE_OPERATOR, name, &found);
    if (count == 0)
        return ERR_OK;
    if (e == ERR_NOT_FOUND || (e == ERR_OK && found.revoked))
        return fail_quiet(ERR_DENIED, "%s is no operator of this store%s", name,
                          e == ERR_OK ? " any more: revoked" : "");
    return e;
}

static enum err enter(struct store_tx *tx, const struct adopting *a,
                      const struct order_adopted *adopted)
{
    const struct tlog_anchor_found *found = &a->server->anchor;
    struct event event;
    char words[500];
    snprintf(words, sizeof(words),
             "store adopted by operator %.64s: %s; entries after %llu of the log as it was "
             "published are missing; %llu places of %u orders are unknown",
             a->operator_name, a->report->found, (unsigned long long)found->log_size,
             (unsigned long long)adopted->places, adopted->orders);
    event_init(&event, "adopt", "oemctl-adopt", ERR_OK, words);
    event_text(&event, EVENT_REASON, a->reason);
    event_digest_is(&event, "store-root", found->log_root);
    if (found->note.len != 0) {
        event_digest_is(&event, "anchor-root", found->root);
        event_checkpoint(&event, found->note);
    }
    return tlog_append(a->server->log, tx, &event.pb, &a->report->entry);
}

static enum err change(struct store_tx *tx, void *context)
{
    struct adopting *a = context;
    struct order_adopted adopted;
    bool set = a->server->anchor.is != TLOG_ANCHOR_UNSET;
    int64_t last_us = 0;
    TRY(check_operator(tx, a->operator_name));
    enum err last = store_log_last_time(tx, &last_us);
    if (last != ERR_NOT_FOUND)
        TRY(last);
    TRY(sweep_adopt(a->server, tx, &adopted));
    TRY(tlog_anchor_record(tx, set ? TLOG_RECORD_ADOPTED : TLOG_RECORD_NONE,
                           tlog_anchor_held(a->server->log)));
    a->report->last_us = (uint64_t)last_us;
    a->report->orders = adopted.orders;
    a->report->places = adopted.places;
    return enter(tx, a, &adopted);
}

static enum err adopt(struct server *server, const char *operator_name, const char *reason,
                      struct adopt_report *report)
{
    const struct tlog_anchor_found *found = &server->anchor;
    struct adopting adopting = { server, operator_name, reason, report };
    report->size = found->log_size;
    report->anchor_size = found->size;
    report->known = found->is == TLOG_ANCHOR_BEHIND;
    report->missing = report->known ? found->size - found->log_size : 0;
    words_of(found, report->found, sizeof(report->found));
    if (found->is == TLOG_ANCHOR_NONE || found->is == TLOG_ANCHOR_AGREES)
        return ERR_OK;
    if (found->is != TLOG_ANCHOR_BEGINS) {
        stop_at("adopt", "before", span_of(NULL, 0));
        TRY(server_do(server, change, &adopting, 0));
        report->adopted = true;
        stop_at("adopt", "inside", span_of(NULL, 0));
    }
    if (found->is == TLOG_ANCHOR_UNSET)
        return ERR_OK;
    server->anchor.is = TLOG_ANCHOR_BEGINS;
    TRY(server_anchor_begin(server));
    stop_at("adopt", "after", span_of(NULL, 0));
    return ERR_OK;
}

static enum err open_and_adopt(const struct config *config, const char *operator_name,
                               const char *reason, struct adopt_report *report)
{
    struct server *server = NULL;
    TRY(server_open(config, &server));
    enum err e = server_log_adopt(server);
    if (e == ERR_OK)
        e = log_check_state(server);
    if (e == ERR_OK)
        e = adopt(server, operator_name, reason, report);
    server_close(server);
    return e;
}

enum err adopt_store(const char *config_path, const char *operator_name, const char *reason,
                     struct adopt_report *report_out)
{
    struct config *config = NULL;
    struct adopt_report report = { 0 };
    TRY(config_read(config_path, &config));
    enum err e = open_and_adopt(config, operator_name, reason, &report);
    config_free(config);
    if (e == ERR_OK)
        *report_out = report;
    return e;
}
