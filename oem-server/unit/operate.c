/* SPDX-License-Identifier: MIT */
/*
 * Operators' changes of a unit, each with a reason. Called by the service Units; the caller
 * checks that the principal is an operator, and writes the reason into its entry. A sealed
 * production unit must not be released (test_unit: production_stays_shut).
 */
#include <stdio.h>
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "oem-server/unit/inside.h"

static enum err operated(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                         const char *reason, struct unit *was)
{
    TRY(reason_check(reason));
    return unit_must(tx, uid, was);
}

/* The caller gets the new row, and the holder that was ended. */
static enum err change(struct store_tx *tx, enum unit_event event, const struct unit *was,
                       struct unit *now, struct unit *unit_out)
{
    TRY(unit_transition(tx, event, was, now));
    *unit_out = *now;
    if (!now->holder.held_now)
        unit_out->holder = was->holder;
    return ERR_OK;
}

static enum err release_check(struct store_tx *tx, const struct unit *unit)
{
    AUTO(order_free) struct order order = { 0 };
    char hex[UID_HEX_SIZE];
    if (unit->state != UNIT_SEALED)
        return ERR_OK;
    TRY(order_get(tx, unit->order, &order));
    return order.lock_level == LEVEL_DEV
               ? ERR_OK
               : fail_quiet(ERR_PRECONDITION,
                            "unit %s is sealed at level production: its board stays shut",
                            hex_of(SPAN(unit->uid), hex));
}

enum err unit_release(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                      bool board_refuses, const char *reason, struct unit *unit_out)
{
    struct unit was, now;
    TRY(operated(tx, uid, reason, &was));
    TRY(release_check(tx, &was));
    now = was;
    TRY(change(tx, UNIT_EVENT_RELEASE, &was, &now, unit_out));
    TRY(fact_revoke(tx, &was, reason));
    TRY(wrapped_shared_destroy(tx, &was, NULL));
    unit_out->gen = was.gen + 1;
    return row_add(tx, ROW_RELEASE,
                   VALUES(UNIT_GEN(&was), value_number(board_refuses), value_text(reason),
                          value_number(store_now_us(tx))));
}

enum err unit_fail(struct store_tx *tx, const uint8_t uid[static UID_SIZE], const char *reason,
                   struct unit *unit_out)
{
    struct unit was, now;
    TRY(operated(tx, uid, reason, &was));
    now = was;
    TRY(change(tx, UNIT_EVENT_FAIL, &was, &now, unit_out));
    return fact_revoke(tx, &was, reason);
}

enum err unit_scrap(struct store_tx *tx, const uint8_t uid[static UID_SIZE], const char *reason,
                    struct unit *unit_out)
{
    struct unit was, now;
    TRY(operated(tx, uid, reason, &was));
    now = was;
    TRY(change(tx, UNIT_EVENT_SCRAP, &was, &now, unit_out));
    return fact_revoke(tx, &was, reason);
}

enum err unit_accept(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                     const char *reason, struct unit *unit_out)
{
    struct unit was, now;
    char hex[UID_HEX_SIZE];
    bool same = false;
    TRY(operated(tx, uid, reason, &was));
    hex_of(SPAN(was.uid), hex);
    if (was.held[0] != '\0')
        return fail_quiet(ERR_HELD, "unit %s is held: %s", hex, was.held);
    TRY(seizure_check(tx, &was, false));
    enum err locked = fact_lock_find(tx, &was, NULL, &same);
    if (was.state == UNIT_COMMITTED && locked == ERR_OK)
        return fail_quiet(ERR_PRECONDITION,
                          "unit %s has a lock statement: station %s seals it, or another one "
                          "that it is reassigned to",
                          hex, was.station);
    if (locked != ERR_NOT_FOUND)
        TRY(locked);
    now = was;
    now.accepted = true;
    TRY(change(tx, UNIT_EVENT_ACCEPT, &was, &now, unit_out));
    return unit_seal_add(tx, &was, reason, true);
}

/* --- Reassign. --- */

struct reassigning {
    const char *station, *reason;
    unit_ended *ended;
    void *context;
};

/* Ends the run of the station that the unit is taken from. */
static enum err holder_take_away(struct store_tx *tx, const struct reassigning *r,
                                 const struct unit *unit, struct unit *now_out)
{
    *now_out = *unit;
    if (unit_table_find(UNIT_EVENT_REASSIGN, unit->state) == NULL || !unit->holder.held_now ||
        strcmp(unit->holder.station, r->station) == 0)
        return ERR_OK;
    TRY(unit_holder_end(tx, unit, now_out));
    r->ended(r->context, unit->uid, &unit->holder, unit->order);
    return ERR_OK;
}

static enum err reassign(struct store_tx *tx, const struct reassigning *r,
                         const struct unit *unit, struct unit *unit_out)
{
    struct unit was, now;
    size_t lifted = 0;
    TRY(seizure_check(tx, unit, true));
    TRY(holder_take_away(tx, r, unit, &was));
    now = was;
    snprintf(now.station, sizeof(now.station), "%s", r->station);
    if (unit_table_find(UNIT_EVENT_REASSIGN, was.state) != NULL)
        TRY(hold_lift(tx, UNIT_CAUSE_STATION, r->reason, &now, &lifted));
    TRY(unit_transition(tx, UNIT_EVENT_REASSIGN, &was, &now));
    *unit_out = now;
    return ERR_OK;
}

enum err unit_reassign(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                       const char *station, const char *reason, unit_ended *ended,
                       void *context, struct unit *unit_out)
{
    const struct reassigning r = { station, reason, ended, context };
    struct unit was;
    TRY(operated(tx, uid, reason, &was));
    TRY(station_check(tx, station));
    return reassign(tx, &r, &was, unit_out);
}

static enum err reassign_page(struct store_tx *tx, const struct reassigning *r,
                              const struct buf *uids)
{
    struct unit was, now;
    for (size_t at = 0; at < uids->len; at += UID_SIZE) {
        TRY(unit_must(tx, uids->ptr + at, &was));
        TRY(reassign(tx, r, &was, &now));
    }
    return ERR_OK;
}

enum err unit_reassign_all(struct store_tx *tx, const char *from, const char *to,
                           const char *reason, unit_ended *ended, void *context,
                           struct buf *uids_out, uint32_t *count_out)
{
    const struct reassigning r = { to, reason, ended, context };
    AUTO(buf_free) struct buf uids = { 0 };
    uint8_t after[UID_SIZE] = { 0 };
    TRY(reason_check(reason));
    TRY(station_check(tx, to));
    if (strcmp(from, to) == 0)
        return fail_quiet(ERR_INVALID, "from and to are both %s", from);
    *count_out = 0;
    uids_out->len = 0;
    do {
        TRY(unit_uids(tx, STATEMENT_UNIT_UNSEALED,
                      VALUES(value_text(from), value_text(""),
                             value_bytes(after, *count_out == 0 ? 0 : UID_SIZE),
                             value_number(UNIT_PAGE_MAX)),
                      &uids));
        TRY(reassign_page(tx, &r, &uids));
        if (*count_out == 0)
            TRY(buf_copy(uids_out, buf_span(&uids)));
        if (uids.len != 0)
            memcpy(after, uids.ptr + uids.len - UID_SIZE, UID_SIZE);
        *count_out += (uint32_t)(uids.len / UID_SIZE);
    } while (uids.len == (size_t)UNIT_PAGE_MAX * UID_SIZE);
    return ERR_OK;
}
