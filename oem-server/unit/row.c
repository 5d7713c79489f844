/* SPDX-License-Identifier: MIT */
/*
 * Reads the unit's row. Called by all events of unit.h, which change it by unit_transition()
 * (transition.c). It must not write.
 */
#include <stdio.h>
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "oem-server/unit/inside.h"

const char *unit_state_name(enum unit_state state)
{
    static const char *const names[] = {
#define X(name, number, text) [number] = (text),
        UNIT_STATE_LIST(X)
#undef X
    };
    return (unsigned)state < COUNT(names) ? names[state] : "unknown";
}

static void read_run_id(struct query *query, struct unit *unit)
{
    struct store_value run = query_value(query);
    unit->holder.held_now = run.type == STORE_BYTES && run.bytes.len == RUN_ID_SIZE;
    if (unit->holder.held_now)
        memcpy(unit->holder.run_id, run.bytes.ptr, RUN_ID_SIZE);
}

void unit_read(struct query *query, struct unit *unit)
{
    memset(unit, 0, sizeof(*unit));
    query_bytes(query, unit->uid, UID_SIZE);
    unit->gen = query_u32(query);
    unit->state = (enum unit_state)query_u32(query);
    query_name(query, unit->order);
    query_name(query, unit->station);
    query_chars(query, unit->held, sizeof(unit->held));
    read_run_id(query, unit);
    query_name(query, unit->holder.server);
    query_name(query, unit->holder.station);
    unit->holder.opened_us = query_i64(query);
    unit->boot_failed = query_bool(query);
    unit->accepted = query_bool(query);
    unit->started_us = query_i64(query);
    unit->changed_us = query_i64(query);
    unit->holder.lease_us = query_i64(query);
}

enum err unit_get(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                  struct unit *unit_out)
{
    AUTO(query_close) struct query query = { 0 };
    struct unit unit;
    TRY(query_open(tx, STATEMENT_UNIT_GET, VALUES(value_bytes(uid, UID_SIZE)), &query));
    TRY(query_one(&query));
    unit_read(&query, &unit);
    TRY(query_end(&query));
    *unit_out = unit;
    return ERR_OK;
}

enum err unit_find(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                   struct unit *unit_out)
{
    uint64_t gen = 0;
    enum err found = unit_get(tx, uid, unit_out);
    if (found != ERR_NOT_FOUND)
        return found;
    TRY(query_count(tx, STATEMENT_UNIT_GENERATION, VALUES(value_bytes(uid, UID_SIZE)), &gen));
    memset(unit_out, 0, sizeof(*unit_out));
    memcpy(unit_out->uid, uid, UID_SIZE);
    unit_out->gen = (uint32_t)gen;
    return ERR_OK;
}

enum err unit_must(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                   struct unit *unit_out)
{
    char hex[UID_HEX_SIZE];
    enum err found = unit_get(tx, uid, unit_out);
    return found == ERR_NOT_FOUND
               ? fail_quiet(found, "there is no unit %s", hex_of(span_of(uid, UID_SIZE), hex))
               : found;
}

static enum err uids_read(struct query *query, struct buf *uids)
{
    uint8_t uid[UID_SIZE];
    bool row = false;
    TRY(query_next(query, &row));
    while (row) {
        query_bytes(query, uid, sizeof(uid));
        TRY(query_end(query));
        TRY(buf_append(uids, SPAN(uid)));
        TRY(query_next(query, &row));
    }
    return ERR_OK;
}

enum err unit_uids(struct store_tx *tx, enum statement statement,
                   const struct store_value *values, size_t count, struct buf *uids_out)
{
    AUTO(query_close) struct query query = { 0 };
    uids_out->len = 0;
    TRY(query_open(tx, statement, values, count, &query));
    return uids_read(&query, uids_out);
}
