/* SPDX-License-Identifier: MIT */
/* Holds of finished and committed units: facts with a cause, and what lifts them. A unit is
 * held while any hold stands. Called for the operators' hold, allow and reassign, for a
 * firmware that is withdrawn and for a station that is seized. The row's "held" is only what
 * people are told of the holds that stand: it is written here and nowhere else. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "oem-server/unit/inside.h"

const char *unit_cause_name(enum unit_cause cause)
{
    static const char *const names[] = {
#define X(name, number, text) [number] = (text),
        UNIT_CAUSE_LIST(X)
#undef X
    };
    return (unsigned)cause < COUNT(names) && names[cause] != NULL ? names[cause] : "unknown";
}

static enum err holds_read(struct query *query, struct unit_hold *holds, size_t *count)
{
    bool row = false;
    TRY(query_next(query, &row));
    for (*count = 0; row && *count < UNIT_HOLDS_MAX; ++*count) {
        struct unit_hold *to = &holds[*count];
        to->n = query_u32(query);
        to->cause = (enum unit_cause)query_u32(query);
        query_chars(query, to->reason, sizeof(to->reason));
        to->held_us = query_i64(query);
        TRY(query_end(query));
        TRY(query_next(query, &row));
    }
    return ERR_OK;
}

enum err unit_holds_get(struct store_tx *tx, const struct unit *unit, enum unit_cause cause,
                        struct unit_hold **holds_out, size_t *count_out)
{
    AUTO(query_close) struct query query = { 0 };
    AUTO(free_drop) struct unit_hold *holds = calloc(UNIT_HOLDS_MAX, sizeof(*holds));
    if (holds == NULL)
        return fail(ERR_MEMORY, "unit: out of memory");
    TRY(query_open(tx, STATEMENT_HOLD_STANDING,
                   VALUES(UNIT_GEN(unit), value_number(cause), value_number(UNIT_HOLDS_MAX)),
                   &query));
    TRY(holds_read(&query, holds, count_out));
    *holds_out = TAKE(holds);
    return ERR_OK;
}

/* What refusals and lists say: the oldest hold that stands, and how many more there are. */
static enum err held_tell(struct store_tx *tx, struct unit *unit)
{
    AUTO(free_drop) struct unit_hold *holds = NULL;
    size_t count = 0;
    TRY(unit_holds_get(tx, unit, UNIT_CAUSE_ANY, &holds, &count));
    unit->held[0] = '\0';
    if (count == 0)
        return ERR_OK;
    int len = snprintf(unit->held, sizeof(unit->held), "%s%s%s",
                       holds->cause == UNIT_CAUSE_OPERATOR ? "" : unit_cause_name(holds->cause),
                       holds->cause == UNIT_CAUSE_OPERATOR ? "" : ": ", holds->reason);
    if (count > 1)
        snprintf(unit->held + len, sizeof(unit->held) - (size_t)len, " (and %zu more)",
                 count - 1);
    return ERR_OK;
}

static enum err hold_add(struct store_tx *tx, const struct unit *was, enum unit_cause cause,
                         const char *reason, struct unit *now_out)
{
    uint64_t n = 0;
    struct unit now = *was;
    if (unit_table_find(UNIT_EVENT_HOLD, was->state) == NULL)
        return unit_transition(tx, UNIT_EVENT_HOLD, was, &now); /* refused by name */
    TRY(query_count(tx, STATEMENT_HOLD_NEXT, VALUES(UNIT_GEN(was)), &n));
    TRY(row_add(tx, ROW_HOLD,
                VALUES(UNIT_GEN(was), value_u64(n), value_number(cause), value_text(reason),
                       value_number(store_now_us(tx)))));
    TRY(held_tell(tx, &now));
    TRY(unit_transition(tx, UNIT_EVENT_HOLD, was, &now));
    *now_out = now;
    return ERR_OK;
}

enum err hold_lift(struct store_tx *tx, enum unit_cause cause, const char *reason,
                   struct unit *unit, size_t *lifted_out)
{
    size_t count = 0;
    *lifted_out = 0;
    do { /* a page at a time: those that are lifted stand no more */
        AUTO(free_drop) struct unit_hold *holds = NULL;
        TRY(unit_holds_get(tx, unit, cause, &holds, &count));
        for (size_t i = 0; i < count; i++)
            TRY(row_add(tx, ROW_ALLOW,
                        VALUES(UNIT_GEN(unit), value_number(holds[i].n), value_text(reason),
                               value_number(store_now_us(tx)))));
        *lifted_out += count;
    } while (count == UNIT_HOLDS_MAX);
    return held_tell(tx, unit);
}

enum err unit_hold(struct store_tx *tx, const uint8_t uid[static UID_SIZE], const char *reason,
                   struct unit *unit_out)
{
    struct unit was;
    TRY(reason_check(reason));
    TRY(unit_must(tx, uid, &was));
    return hold_add(tx, &was, UNIT_CAUSE_OPERATOR, reason, unit_out);
}

enum err unit_allow(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                    enum unit_cause cause, const char *reason, struct unit *unit_out)
{
    struct unit was, now;
    char hex[UID_HEX_SIZE];
    size_t lifted = 0;
    TRY(reason_check(reason));
    TRY(unit_must(tx, uid, &was));
    now = was;
    if (unit_table_find(UNIT_EVENT_ALLOW, was.state) == NULL)
        return unit_transition(tx, UNIT_EVENT_ALLOW, &was, &now); /* refused by name */
    TRY(hold_lift(tx, cause, reason, &now, &lifted));
    if (lifted == 0)
        return fail_quiet(ERR_PRECONDITION, "unit %s has no hold with the cause %s%s%s",
                          hex_of(SPAN(was.uid), hex), unit_cause_name(cause),
                          was.held[0] == '\0' ? "" : "; it is held: ", was.held);
    TRY(unit_transition(tx, UNIT_EVENT_ALLOW, &was, &now));
    *unit_out = now;
    return ERR_OK;
}

/* --- Many at once. --- */

static enum err hold_page(struct store_tx *tx, const struct buf *uids, enum unit_cause cause,
                          const char *reason)
{
    struct unit was, now;
    for (size_t at = 0; at < uids->len; at += UID_SIZE) {
        TRY(unit_must(tx, uids->ptr + at, &was));
        TRY(hold_add(tx, &was, cause, reason, &now));
    }
    return ERR_OK;
}

/* One page of what the cause is about; about: a digest, or a station's name. */
static enum err hold_next(struct store_tx *tx, enum unit_cause cause, struct span about,
                          const uint8_t *after, struct buf *uids)
{
    struct store_value last = value_bytes(after, after == NULL ? 0 : UID_SIZE);
    if (cause == UNIT_CAUSE_FIRMWARE)
        return unit_uids(tx, STATEMENT_UNIT_BY_FIRMWARE,
                         VALUES(value_span(about), last, value_number(UNIT_PAGE_MAX)), uids);
    return unit_uids(tx, STATEMENT_UNIT_UNSEALED,
                     VALUES(value_text((const char *)about.ptr), value_text(""), last,
                            value_number(UNIT_PAGE_MAX)),
                     uids);
}

enum err hold_all(struct store_tx *tx, enum unit_cause cause, struct span about,
                  const char *reason, struct buf *uids_out, uint32_t *count_out)
{
    AUTO(buf_free) struct buf uids = { 0 };
    uint8_t after[UID_SIZE] = { 0 };
    *count_out = 0;
    uids_out->len = 0;
    do {
        TRY(hold_next(tx, cause, about, *count_out == 0 ? NULL : after, &uids));
        TRY(hold_page(tx, &uids, cause, reason));
        if (*count_out == 0)
            TRY(buf_copy(uids_out, buf_span(&uids)));
        if (uids.len != 0)
            memcpy(after, uids.ptr + uids.len - UID_SIZE, UID_SIZE);
        *count_out += (uint32_t)(uids.len / UID_SIZE);
    } while (uids.len == (size_t)UNIT_PAGE_MAX * UID_SIZE);
    return ERR_OK;
}

enum err unit_hold_station(struct store_tx *tx, const char *station, const char *reason,
                           struct buf *uids_out, uint32_t *count_out)
{
    TRY(reason_check(reason));
    return hold_all(tx, UNIT_CAUSE_STATION, span_of(station, strlen(station)), reason, uids_out,
                    count_out);
}
