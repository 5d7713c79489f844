/* SPDX-License-Identifier: MIT */
/*
 * Holders: taken, checked by the events of a run, and ended by disconnection, lease, operator
 * and start. Time is the database's. A run that is not the holder any more must get ERR_ABORTED
 * and change nothing (test_unit).
 */
#include <string.h>

#include "common/host/clock.h"
#include "common/host/hex.h"
#include "common/host/log.h"
#include "oem-server/unit/inside.h"

static bool is_holder(const struct unit *unit, const uint8_t run_id[static RUN_ID_SIZE])
{
    return unit->holder.held_now && memcmp(unit->holder.run_id, run_id, RUN_ID_SIZE) == 0;
}

bool unit_is_future(struct store_tx *tx, int64_t time_us)
{
    return time_us > store_now_us(tx) + UNIT_CLOCK_STEP_US;
}

bool unit_holder_live(struct store_tx *tx, const struct unit_limits *limits,
                      const struct unit *unit)
{
    int64_t now = store_now_us(tx);
    return unit->holder.held_now && now < unit->holder.lease_us &&
           now < unit->holder.opened_us + limits->longest_us &&
           !unit_is_future(tx, unit->holder.opened_us);
}

static int64_t lease_until(struct store_tx *tx, const struct unit_limits *limits,
                           int64_t opened_us)
{
    int64_t lease = store_now_us(tx) + limits->lease_us;
    int64_t end = opened_us + limits->longest_us;
    return lease < end ? lease : end;
}

void unit_holder_take(struct store_tx *tx, const struct unit_limits *limits,
                      const struct unit_open *in, struct unit_holder *holder_out)
{
    struct unit_holder holder = { .held_now = true, .opened_us = store_now_us(tx) };
    memcpy(holder.run_id, in->run_id, RUN_ID_SIZE);
    strncpy(holder.server, in->server, sizeof(holder.server) - 1);
    strncpy(holder.station, in->station, sizeof(holder.station) - 1);
    holder.lease_us = lease_until(tx, limits, holder.opened_us);
    *holder_out = holder;
}

enum err unit_of_run(struct store_tx *tx, const struct unit_run *run, struct unit *unit_out)
{
    struct unit unit;
    char hex[UID_HEX_SIZE], now[CLOCK_TEXT_SIZE];
    enum err found = unit_get(tx, run->uid, &unit);
    if (found != ERR_OK && found != ERR_NOT_FOUND)
        return found;
    hex_of(span_of(run->uid, UID_SIZE), hex);
    if (found == ERR_NOT_FOUND || !is_holder(&unit, run->run_id))
        return fail_quiet(ERR_ABORTED, "the run is over: unit %s is not held by it any more",
                          hex);
    if (!unit_holder_live(tx, run->limits, &unit))
        return fail_quiet(
            ERR_ABORTED,
            "the run is over: its time for unit %s has passed; the server's clock "
            "says %s",
            hex, clock_text(store_now_us(tx) / 1000000, now));
    unit.holder.lease_us = lease_until(tx, run->limits, unit.holder.opened_us);
    TRY(query_write(tx, STATEMENT_UNIT_RENEW,
                    VALUES(value_bytes(run->uid, UID_SIZE), value_number(unit.holder.lease_us)),
                    NULL));
    *unit_out = unit;
    return ERR_OK;
}

enum err unit_hold_on(struct store_tx *tx, const struct unit_limits *limits,
                      const uint8_t uid[static UID_SIZE],
                      const uint8_t run_id[static RUN_ID_SIZE])
{
    struct unit unit;
    return unit_of_run(tx, &(struct unit_run){ limits, uid, run_id }, &unit);
}

static enum err order_is_closed(struct store_tx *tx, const char *name, bool *closed_out)
{
    AUTO(order_free) struct order order = { 0 };
    TRY(order_get(tx, name, &order));
    *closed_out = order.closed;
    return ERR_OK;
}

static enum err started_end(struct store_tx *tx, const struct unit *was, struct unit *now)
{
    struct unit_claim claim;
    bool closed = false;
    enum err claimed = fact_claim_get(tx, was, &claim);
    if (claimed == ERR_NOT_FOUND)
        return unit_transition(tx, UNIT_EVENT_VANISH, was, now);
    TRY(claimed);
    TRY(order_is_closed(tx, was->order, &closed));
    if (!closed)
        return unit_transition(tx, UNIT_EVENT_END, was, now);
    TRY(fact_revoke(tx, was, "the order was closed"));
    return unit_transition(tx, UNIT_EVENT_FAIL, was, now);
}

enum err unit_holder_end(struct store_tx *tx, const struct unit *was, struct unit *now_out)
{
    *now_out = *was;
    return was->state == UNIT_STARTED ? started_end(tx, was, now_out)
                                      : unit_transition(tx, UNIT_EVENT_END, was, now_out);
}

enum err unit_end_run(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                      const uint8_t run_id[static RUN_ID_SIZE], bool *ended_out)
{
    struct unit was, now;
    *ended_out = false;
    TRY(unit_find(tx, uid, &was));
    if (!is_holder(&was, run_id))
        return ERR_OK;
    *ended_out = true;
    return unit_holder_end(tx, &was, &now);
}

enum err unit_end_listed(struct store_tx *tx, const char *server, int64_t expired_us,
                         const char *order, unit_ended *ended, void *context)
{
    AUTO(buf_free) struct buf uids = { 0 };
    struct unit was, now;
    TRY(unit_uids(tx, STATEMENT_UNIT_HOLDERS,
                  VALUES(value_text(server), value_number(expired_us),
                         value_number(expired_us + UNIT_CLOCK_STEP_US), value_text(order),
                         value_number(UNIT_PAGE_MAX)),
                  &uids));
    for (size_t at = 0; at < uids.len; at += UID_SIZE) {
        TRY(unit_must(tx, uids.ptr + at, &was));
        TRY(unit_holder_end(tx, &was, &now));
        ended(context, was.uid, &was.holder, was.order);
    }
    return ERR_OK;
}

enum err unit_end_runs_of(struct store_tx *tx, const char *server, unit_ended *ended,
                          void *context)
{
    return unit_end_listed(tx, server, 0, "", ended, context);
}

enum err unit_end_expired(struct store_tx *tx, unit_ended *ended, void *context)
{
    return unit_end_listed(tx, "", store_now_us(tx), "", ended, context);
}

enum err unit_any_expired(struct store_tx *tx, bool *any_out)
{
    uint64_t count = 0;
    int64_t now = store_now_us(tx);
    TRY(query_count(tx, STATEMENT_UNIT_EXPIRED,
                    VALUES(value_number(now), value_number(now + UNIT_CLOCK_STEP_US)), &count));
    *any_out = count != 0;
    return ERR_OK;
}

enum err unit_of_run_id(struct store_tx *tx, const uint8_t run_id[static RUN_ID_SIZE],
                        struct unit *unit_out)
{
    AUTO(buf_free) struct buf uids = { 0 };
    char hex[2 * RUN_ID_SIZE + 1];
    TRY(unit_uids(tx, STATEMENT_UNIT_BY_RUN,
                  VALUES(value_bytes(run_id, RUN_ID_SIZE), value_number(1)), &uids));
    return uids.len == 0 ? fail_quiet(ERR_NOT_FOUND, "there is no run %s",
                                      hex_of(span_of(run_id, RUN_ID_SIZE), hex))
                         : unit_must(tx, uids.ptr, unit_out);
}
