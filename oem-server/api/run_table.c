/* SPDX-License-Identifier: MIT */
/*
 * RunTable: lists the open runs of all servers, and ends one. Called by operators. The list is
 * that of the holders in the store; a run in this server's memory must end only after its
 * holder is removed.
 */
#include <stdlib.h>
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "oem-server/api/services.h"
#include "oem-server/call/message.h"
#include "oem-server/run/run.h"

struct listing {
    struct call *call;
    struct unit_held_filter filter;
    Hallmark__V1__ListRunsResponse *out;
};

static enum err fill_run(struct rpc_call *rpc, const struct unit *unit,
                         Hallmark__V1__RunRow **out)
{
    Hallmark__V1__RunRow *row = rpc_alloc(rpc, sizeof(*row));
    if (row == NULL)
        return fail(ERR_MEMORY, "runs: no memory");
    hallmark__v1__run_row__init(row);
    row->opened_us = (uint64_t)unit->holder.opened_us;
    row->lease_us = (uint64_t)unit->holder.lease_us;
    *out = row;
    TRY(rpc_bytes(rpc, &row->run_id, SPAN(unit->holder.run_id)));
    TRY(rpc_bytes(rpc, &row->uid, SPAN(unit->uid)));
    TRY(rpc_text(rpc, &row->order, unit->order));
    TRY(rpc_text(rpc, &row->station, unit->holder.station));
    return rpc_text(rpc, &row->server, unit->holder.server);
}

static enum err list(struct store_tx *tx, void *context)
{
    struct listing *l = context;
    AUTO(free_drop) struct unit_row *rows = NULL;
    size_t count = 0;
    bool more = false;
    TRY(unit_list_held(tx, &l->filter, &rows, &count, &more));
    l->out->more = more;
    l->out->n_runs = 0;
    l->out->runs = rpc_alloc(&l->call->rpc, count * sizeof(*l->out->runs));
    if (l->out->runs == NULL)
        return fail(ERR_MEMORY, "runs: no memory");
    for (size_t i = 0; i < count; i++, l->out->n_runs++)
        TRY(fill_run(&l->call->rpc, &rows[i].unit, &l->out->runs[i]));
    return ERR_OK;
}

static enum err run_table_list(struct rpc_call *rpc, const Hallmark__V1__ListRunsRequest *in,
                               Hallmark__V1__ListRunsResponse *out)
{
    struct listing l = { .call = call_of(rpc), .out = out };
    if ((in->uid.len != 0 && in->uid.len != UID_SIZE) ||
        (in->after_uid.len != 0 && in->after_uid.len != UID_SIZE) ||
        in->after_opened_us > INT64_MAX)
        return fail_quiet(ERR_INVALID, "runs: a UID is %d bytes, and a time at most 63 bits",
                          UID_SIZE);
    l.filter = (struct unit_held_filter){
        .uid = in->uid.len == 0 ? NULL : in->uid.data,
        .after_uid = in->after_uid.len == 0 ? NULL : in->after_uid.data,
        .after_opened_us = (int64_t)in->after_opened_us,
    };
    return call_read(l.call, list, &l);
}

struct ending {
    struct call *call;
    uint8_t id[RUN_ID_SIZE];
};

static enum err end(struct store_tx *tx, void *context)
{
    struct ending *e = context;
    struct unit unit = { 0 };
    char words[80 + sizeof(unit.holder.station)];
    bool ended;
    TRY(unit_of_run_id(tx, e->id, &unit));
    TRY(unit_end_run(tx, unit.uid, e->id, &ended));
    snprintf(words, sizeof(words), "run of station %s", unit.holder.station);
    event_bytes(&e->call->event, EVENT_UID, SPAN(unit.uid));
    event_text(&e->call->event, EVENT_ORDER, unit.order);
    event_text(&e->call->event, EVENT_MESSAGE, words);
    return ERR_OK;
}

static enum err run_table_end(struct rpc_call *rpc, const Hallmark__V1__EndHolderRequest *in,
                              Hallmark__V1__EndHolderResponse *out)
{
    struct ending e = { .call = call_of(rpc) };
    char words[UNIT_REASON_MAX + 40];
    event_bytes(&e.call->event, EVENT_RUN_ID, span_in(&in->run_id));
    if (in->run_id.len != RUN_ID_SIZE)
        return fail_quiet(ERR_INVALID, "a run id is %d bytes", RUN_ID_SIZE);
    memcpy(e.id, in->run_id.data, RUN_ID_SIZE);
    TRY(message_reason(e.call, in->reason));
    TRY(call_change(e.call, end, &e, &out->base));
    snprintf(words, sizeof(words), "ended by an operator: %s", in->reason);
    if (!e.call->replayed)
        run_end_of_id(e.call->server, e.id, ERR_ABORTED, words, true);
    return ERR_OK;
}

RPC_HANDLER(run_table, RunTable, list, List, ListRuns)
RPC_HANDLER(run_table, RunTable, end, End, EndHolder)

Hallmark__V1__RunTable_Service run_table_service = HALLMARK__V1__RUN_TABLE__INIT(run_table__);
