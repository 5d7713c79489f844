/* SPDX-License-Identifier: MIT */
/*
 * units_rows: rows of units for answers, into the call's arena. Called by the handlers of Units
 * and Orders inside their reads and changes; it never writes.
 */
#include <stdlib.h>

#include "common/host/log.h"
#include "oem-server/api/orders.h"
#include "oem-server/call/message.h"

static enum err fill_row(struct call *call, const struct unit_row *from,
                         Hallmark__V1__UnitRow **out)
{
    struct rpc_call *rpc = &call->rpc;
    const struct unit *unit = &from->unit;
    Hallmark__V1__UnitRow *row = rpc_alloc(rpc, sizeof(*row));
    if (row == NULL)
        return fail(ERR_MEMORY, "units: no memory");
    hallmark__v1__unit_row__init(row);
    row->generation = unit->gen;
    row->locked = from->locked;
    row->lock_level = (Hallmark__V1__LockLevel)from->lock_level;
    row->accepted = unit->accepted;
    row->held = unit->held[0] != '\0';
    row->changed_us = (uint64_t)unit->changed_us;
    row->boot_failed = unit->boot_failed;
    *out = row;
    TRY(rpc_bytes(rpc, &row->uid, SPAN(unit->uid)));
    TRY(rpc_text(rpc, &row->state, unit_state_name(unit->state)));
    TRY(rpc_text(rpc, &row->order, unit->order));
    TRY(rpc_text(rpc, &row->station, unit->station));
    TRY(rpc_text(rpc, &row->held_reason, unit->held));
    if (!unit->holder.held_now)
        return ERR_OK;
    TRY(rpc_bytes(rpc, &row->run_id, SPAN(unit->holder.run_id)));
    return rpc_text(rpc, &row->holder_station, unit->holder.station);
}

enum err units_fill(struct store_tx *tx, struct call *call, const struct unit_filter *filter,
                    size_t *count, Hallmark__V1__UnitRow **rows, bool *more_out)
{
    AUTO(free_drop) struct unit_row *found = NULL;
    size_t found_count = 0;
    bool more = false;
    TRY(unit_list(tx, filter, &found, &found_count, &more));
    for (size_t i = 0; i < found_count; i++, ++*count)
        TRY(fill_row(call, &found[i], &rows[*count]));
    if (more_out != NULL)
        *more_out = more;
    return ERR_OK;
}

static enum err lock_level_of(struct call *call, const struct unit_facts *facts,
                              struct unit_row *row)
{
    ProtobufCMessage *lock = NULL;
    row->locked = facts->lock.len != 0;
    if (!row->locked)
        return ERR_OK;
    TRY(message_unpack(&call->rpc, &hallmark__v1__lock_statement__descriptor,
                       buf_span(&facts->lock), &lock));
    row->lock_level = (uint32_t)((Hallmark__V1__LockStatement *)lock)->lock_level;
    return ERR_OK;
}

enum err units_fill_facts(struct call *call, const struct unit *unit,
                          const struct unit_facts *facts, Hallmark__V1__UnitRow **row_out)
{
    struct unit_row row = { .unit = *unit };
    TRY(lock_level_of(call, facts, &row));
    return fill_row(call, &row, row_out);
}

enum err units_fill_one(struct store_tx *tx, struct call *call, const struct unit *unit,
                        Hallmark__V1__UnitRow **row_out)
{
    struct unit_facts facts = { 0 };
    TRY(unit_facts_get(tx, unit, &facts));
    enum err e = units_fill_facts(call, unit, &facts, row_out);
    unit_facts_free(&facts);
    return e;
}
