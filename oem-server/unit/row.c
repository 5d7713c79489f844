/* SPDX-License-Identifier: MIT */
/*
 * The unit's row, and unit_transition(), the only way by which an event changes it. Called by
 * all events of unit.h. A unit's state, its holder and its order's counters must not be written
 * anywhere else.
 */
#include <stdio.h>
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "oem-server/unit/inside.h"

const struct unit_table_row unit_table[] = {
#define X(event, from, to, holding, actor) { UNIT_EVENT_##event, from, to, holding, actor },
    UNIT_TABLE(X)
#undef X
};
const unsigned unit_table_count = COUNT(unit_table);

const struct unit_table_row *unit_table_find(enum unit_event event, enum unit_state from)
{
    for (unsigned i = 0; i < unit_table_count; i++)
        if (unit_table[i].event == event && (unit_table[i].from & (1U << from)) != 0)
            return &unit_table[i];
    return NULL;
}

const char *unit_state_name(enum unit_state state)
{
    static const char *const names[] = {
#define X(name, number, text) [number] = (text),
        UNIT_STATE_LIST(X)
#undef X
    };
    return (unsigned)state < COUNT(names) ? names[state] : "unknown";
}

static const char *event_name(enum unit_event event)
{
    static const char *const names[] = {
#define X(name, text) [UNIT_EVENT_##name] = (text),
        UNIT_EVENT_LIST(X)
#undef X
    };
    return names[event];
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

static struct store_value run_or_null(const struct unit_holder *holder)
{
    return holder->held_now ? value_bytes(holder->run_id, RUN_ID_SIZE)
                            : (struct store_value){ STORE_NULL, 0, { 0 } };
}

static enum err row_insert(struct store_tx *tx, const struct unit *unit)
{
    const struct unit_holder *holder = &unit->holder;
    TRY(row_add(tx, ROW_UNIT,
                VALUES(value_bytes(unit->uid, UID_SIZE), value_number(unit->gen),
                       value_number(unit->state), value_name(unit->order),
                       value_name(unit->station), value_text(unit->held), run_or_null(holder),
                       value_name(holder->server), value_name(holder->station),
                       value_number(holder->opened_us), value_number(unit->boot_failed),
                       value_number(unit->accepted), value_number(unit->started_us),
                       value_number(unit->changed_us))));
    return query_write(tx, STATEMENT_UNIT_RENEW,
                       VALUES(value_bytes(unit->uid, UID_SIZE), value_number(holder->lease_us)),
                       NULL);
}

static enum err row_set(struct store_tx *tx, const struct unit *unit)
{
    const struct unit_holder *holder = &unit->holder;
    return row_write(tx, ROW_UNIT, UNIT_KEY(unit), STATEMENT_UNIT_SET,
                     VALUES(value_bytes(unit->uid, UID_SIZE), value_number(unit->state),
                            value_name(unit->station), value_text(unit->held),
                            run_or_null(holder), value_name(holder->server),
                            value_name(holder->station), value_number(holder->opened_us),
                            value_number(unit->boot_failed), value_number(unit->accepted),
                            value_number(unit->changed_us), value_number(holder->lease_us)),
                     NULL);
}

static enum err row_save(struct store_tx *tx, const struct unit *was, const struct unit *now)
{
    if (was->state == UNIT_FREE)
        return row_insert(tx, now);
    if (now->state != UNIT_FREE)
        return row_set(tx, now);
    return row_write(tx, ROW_UNIT, UNIT_KEY(now), STATEMENT_UNIT_DELETE,
                     VALUES(value_bytes(now->uid, UID_SIZE)), NULL);
}

static bool is_under_way(const struct unit *unit)
{
    return unit->state == UNIT_FINISHED || unit->state == UNIT_COMMITTED ||
           (unit->state == UNIT_STARTED && unit->holder.held_now);
}

/* A sealed unit that is scrapped still counts against the order's quantity as good. */
static enum err counters_move(struct store_tx *tx, const struct unit *was,
                              const struct unit *now)
{
    bool good_was = was->state == UNIT_SEALED;
    bool good = now->state == UNIT_SEALED || (good_was && now->state == UNIT_SCRAPPED);
    int accepted = now->state == UNIT_FREE ? 0 : now->accepted;
    if (is_under_way(now) && !is_under_way(was) && !good_was)
        return order_place(tx, now->order);
    int moved = is_under_way(now) - is_under_way(was);
    if (good == good_was && accepted == was->accepted && moved == 0)
        return ERR_OK;
    return order_count(tx, now->order, good - good_was, accepted - was->accepted, moved);
}

static enum err refuse(enum unit_event event, const struct unit *unit)
{
    char hex[UID_HEX_SIZE];
    return fail_quiet(ERR_PRECONDITION, "unit %s is %s: it cannot be %s",
                      hex_of(SPAN(unit->uid), hex), unit_state_name(unit->state),
                      event_name(event));
}

enum err unit_transition(struct store_tx *tx, enum unit_event event, const struct unit *was,
                         struct unit *now)
{
    const struct unit_table_row *row = unit_table_find(event, was->state);
    if (row == NULL)
        return refuse(event, was);
    if (row->holding == UNIT_HOLDER_NEEDED && !was->holder.held_now)
        return fail_quiet(ERR_ABORTED, "the unit has no run");
    if (row->holding == UNIT_HOLDER_LOST)
        now->holder = (struct unit_holder){ 0 };
    now->state = row->to == UNIT_SAME ? was->state : (enum unit_state)row->to;
    if (now->state != UNIT_FINISHED && now->state != UNIT_COMMITTED)
        now->held[0] = '\0';
    if (now->state != was->state)
        now->changed_us = store_now_us(tx);
    if (was->holder.held_now && !now->holder.held_now)
        TRY(unit_key_forget(tx, was));
    TRY(row_save(tx, was, now));
    return counters_move(tx, was, now);
}
