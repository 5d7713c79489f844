/* SPDX-License-Identifier: MIT */
/*
 * What all steps of a site share: where it is, its calls to the server and to the board, and
 * what of their answers is checked in more than one of them. On the site's own thread.
 */
#include <stdio.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/stop.h"
#include "station-agent/site/engine.h"

void site_now(struct site *site, const char *where)
{
    fail_clear();
    site->where = where;
    output_doing(site->output, site->index, "%s", where);
}

void site_point(const struct site *site, const char *place, const char *moment)
{
    stop_at(place, moment, SPAN(site->unit.uid));
}

void site_point_arrow(const struct site *site, const char *moment)
{
    const struct flow_row *row = site->trace.row;
    stop_at_call(row->method, row->arrow, moment, SPAN(site->unit.uid));
}

/* A call that is no arrow: of an arrow's the places are in steps.c and serve.c. */
static void call_point(const struct site *site, const char *method, const char *moment)
{
    if (flow_row_of_method(method) == NULL)
        stop_at_call(method, 0, moment, SPAN(site->unit.uid));
}

enum err site_note_loss(struct site *site, enum err e)
{
    site->interrupted = e != ERR_OK && (site->channel == NULL || channel_lost(site->channel));
    return e;
}

uint64_t site_until_ms(const struct site *site)
{
    uint64_t since_ms = site->first_loss_ms != 0 ? site->first_loss_ms : rpc_now_ms();
    return since_ms + site->reconnect_ms +
           CLIENT_LOSS_MS; /* the keeper of the connection gives up first */
}

/* A call whose method is not listed belongs to the run, which ends with its connection. */
static const struct lasting {
    const char *method;
    bool of_unit; /* names it by UID, if any: any server answers, with a run or without */
} lasting[] = {
    { "hallmark.v1.Runs/Finish", false }, { "hallmark.v1.Runs/Commit", true },
    { "hallmark.v1.Runs/Booted", true },  { "hallmark.v1.Runs/Locked", true },
    { "hallmark.v1.Runs/Sealed", true },  { "hallmark.v1.Bench/TurnAway", true },
};

static const struct lasting *outlives_run(const char *method)
{
    for (size_t i = 0; i < COUNT(lasting); i++)
        if (strcmp(method, lasting[i].method) == 0)
            return &lasting[i];
    return NULL;
}

enum err site_to_server(void *context, const char *method, struct span payload,
                        struct buf *response_out)
{
    struct site *site = context;
    AUTO(buf_free) struct buf reports = { 0 };
    const struct lasting *lasts = outlives_run(method);
    if (site->reports.count != 0)
        TRY(reports_take(&site->reports, &reports));
    const struct channel_call call = {
        .method = method,
        .payload = payload,
        .reports = buf_span(&reports),
        .timeout_ms = CHANNEL_CALL_MS,
        .opens_run = strcmp(method, "hallmark.v1.Runs/Open") == 0,
        .of_unit = lasts != NULL && lasts->of_unit,
        .until_ms = lasts != NULL ? site_until_ms(site) : 0,
    };
    call_point(site, method, "before");
    enum err e = site_note_loss(site, channel_call(site->channel, &call, response_out));
    if (e == ERR_OK)
        call_point(site, method, "after");
    return e;
}

enum err closing_board(void *context, const char *method, struct span payload,
                       struct buf *response_out)
{
    struct site *site = context;
    const struct mail_call call = {
        .method = method,
        .payload = payload,
        .timeout_ms =
            strcmp(method, "hallmark.v1.Closing/Lock") == 0 ? MAIL_LOCK_MS : MAIL_CALL_MS,
    };
    call_point(site, method, "before");
    enum err e = mail_call(&site->mail, &call, response_out);
    if (e == ERR_OK)
        call_point(site, method, "after");
    return e;
}

/* The board verifies these; here it is only checked that they are present. */
enum err closing_check(const Hallmark__V1__UnitCommitResponse *committed)
{
    if (committed->statement == NULL || committed->receipt == NULL)
        return fail_quiet(ERR_PROTO, "the server's answer lacks commit statement or receipt");
    if (committed->rotpk.len != ROTPK_SIZE || committed->lock_tag.len != CONFIRMATION_TAG_SIZE)
        return fail_quiet(ERR_INVALID,
                          "the server's answer has a ROTPK of %zu and a lock tag of %zu bytes, "
                          "not %d and %d",
                          committed->rotpk.len, committed->lock_tag.len, ROTPK_SIZE,
                          CONFIRMATION_TAG_SIZE);
    return ERR_OK;
}
