/* SPDX-License-Identifier: MIT */
/* The table of events, and the one way by which an event changes a unit's row. Called by every
 * event of unit.h; a unit's state, holder and its order's counters are written nowhere else. */
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

static const char *event_name(enum unit_event event)
{
    static const char *const names[] = {
#define X(name, text) [UNIT_EVENT_##name] = (text),
        UNIT_EVENT_LIST(X)
#undef X
    };
    return names[event];
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

/* Of a holder that is lost, however: K of a run without a receipt was never taken into use and
 * is destroyed. */
static enum err key_forget(struct store_tx *tx, const struct unit *unit)
{
    AUTO(fact_receipt_free) struct fact_receipt receipt = { 0 };
    enum err found = fact_receipt_get(tx, unit, unit->holder.run_id, &receipt);
    if (found == ERR_NOT_FOUND)
        return wrapped_shared_destroy_one(tx, unit, unit->holder.run_id);
    return found;
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
        TRY(key_forget(tx, was));
    TRY(row_save(tx, was, now));
    return counters_move(tx, was, now);
}
