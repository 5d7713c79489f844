/* SPDX-License-Identifier: MIT */
/*
 * Reads units for people: lists, alarms, and all facts of one. Called by the services Units,
 * RunTable and Health, in read transactions. It must not write.
 */
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "oem-server/unit/inside.h"

enum { LIST_PAGE = 100, REVOKED_MAX = 1000 };

static enum err rows_read(struct query *query, struct unit_row *rows, size_t cap, size_t *count)
{
    bool row = false;
    TRY(query_next(query, &row));
    for (*count = 0; row && *count < cap; ++*count) {
        struct unit_row *to = &rows[*count];
        unit_read(query, &to->unit);
        to->lock_level = query_u32(query);
        to->locked = to->lock_level != 0;
        TRY(query_end(query));
        TRY(query_next(query, &row));
    }
    return ERR_OK;
}

static enum err rows_get(struct store_tx *tx, enum statement statement,
                         const struct store_value *values, size_t value_count, uint32_t cap,
                         struct unit_row **rows_out, size_t *count_out)
{
    AUTO(query_close) struct query query = { 0 };
    AUTO(free_drop) struct unit_row *rows = calloc(cap, sizeof(*rows));
    if (rows == NULL)
        return fail(ERR_MEMORY, "unit: out of memory");
    TRY(query_open(tx, statement, values, value_count, &query));
    TRY(rows_read(&query, rows, cap, count_out));
    *rows_out = TAKE(rows);
    return ERR_OK;
}

/* A state's number; 0: any, or one of the two that are no states. */
static enum err state_wanted(const char *name, enum unit_state *state_out)
{
    *state_out = UNIT_FREE;
    if (name == NULL || strcmp(name, "held") == 0 || strcmp(name, "unlocked") == 0)
        return ERR_OK;
    for (unsigned state = UNIT_STARTED; state <= UNIT_SCRAPPED; state++)
        if (strcmp(name, unit_state_name((enum unit_state)state)) == 0) {
            *state_out = (enum unit_state)state;
            return ERR_OK;
        }
    return fail_quiet(ERR_INVALID, "%.64s is no state of a unit", name);
}

static bool asks(const struct unit_filter *filter, const char *what)
{
    return filter->state != NULL && strcmp(filter->state, what) == 0;
}

static const char *any(const char *text)
{
    return text == NULL ? "" : text;
}

enum err unit_list(struct store_tx *tx, const struct unit_filter *filter,
                   struct unit_row **rows_out, size_t *count_out, bool *more_out)
{
    uint32_t most = filter->limit == 0              ? LIST_PAGE
                    : filter->limit > UNIT_PAGE_MAX ? UNIT_PAGE_MAX
                                                    : filter->limit;
    enum unit_state state = UNIT_FREE;
    TRY(state_wanted(filter->state, &state));
    TRY(rows_get(tx, STATEMENT_UNIT_PAGE,
                 VALUES(value_bytes(filter->after, filter->after == NULL ? 0 : UID_SIZE),
                        value_text(any(filter->order)), value_text(any(filter->station)),
                        value_number(state), value_number(asks(filter, "held")),
                        value_number(asks(filter, "unlocked")), value_number(most + 1)),
                 most + 1, rows_out, count_out));
    *more_out = *count_out > most;
    *count_out -= *more_out ? 1 : 0;
    return ERR_OK;
}

enum err unit_list_held(struct store_tx *tx, const struct unit_held_filter *filter,
                        struct unit_row **rows_out, size_t *count_out, bool *more_out)
{
    bool first = filter->after_uid == NULL;
    TRY(rows_get(tx, STATEMENT_UNIT_HELD_PAGE,
                 VALUES(value_number(first ? INT64_MIN : filter->after_opened_us),
                        value_bytes(filter->after_uid, first ? 0 : UID_SIZE),
                        filter->uid == NULL ? (struct store_value){ STORE_NULL, 0, { 0 } }
                                            : value_bytes(filter->uid, UID_SIZE),
                        value_number(UNIT_PAGE_MAX + 1)),
                 UNIT_PAGE_MAX + 1, rows_out, count_out));
    *more_out = *count_out > UNIT_PAGE_MAX;
    *count_out -= *more_out ? 1 : 0;
    return ERR_OK;
}

enum err unit_list_unlocked(struct store_tx *tx, const struct unit_limits *limits,
                            const uint8_t *after, struct buf *uids_out)
{
    int64_t now = store_now_us(tx);
    return unit_uids(
        tx, STATEMENT_UNIT_UNLOCKED_PAGE,
        VALUES(value_number(now - limits->unlocked_us), value_number(now + UNIT_CLOCK_STEP_US),
               value_bytes(after, after == NULL ? 0 : UID_SIZE), value_number(UNIT_PAGE_MAX)),
        uids_out);
}

enum err unit_count_unlocked(struct store_tx *tx, const struct unit_limits *limits,
                             uint32_t *count_out)
{
    uint64_t count = 0;
    int64_t now = store_now_us(tx);
    TRY(query_count(tx, STATEMENT_UNIT_UNLOCKED,
                    VALUES(value_number(now - limits->unlocked_us),
                           value_number(now + UNIT_CLOCK_STEP_US), value_text("")),
                    &count));
    *count_out = (uint32_t)count;
    return ERR_OK;
}

/* --- All facts of one. --- */

void unit_facts_free(struct unit_facts *facts)
{
    buf_free(&facts->csr);
    buf_free(&facts->certificate);
    buf_free(&facts->rotpk);
    buf_free(&facts->fwinfo);
    buf_free(&facts->receipt);
    buf_free(&facts->commit);
    buf_free(&facts->lock);
    free(facts->seal_detail);
    free(facts->revoked);
    *facts = (struct unit_facts){ 0 };
}

static enum err absent(enum err e)
{
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err certificate_get(struct store_tx *tx, const struct unit *unit,
                                struct unit_facts *facts)
{
    AUTO(query_close) struct query query = { 0 };
    TRY(query_open(tx, STATEMENT_CERTIFICATE_GET, VALUES(UNIT_GEN(unit)), &query));
    TRY(query_one(&query));
    query_buf(&query, &facts->csr);
    query_buf(&query, &facts->certificate);
    return query_end(&query);
}

static enum err rotpk_get(struct store_tx *tx, const struct unit *unit,
                          struct unit_facts *facts)
{
    struct fact_rotpk rotpk;
    TRY(fact_rotpk_get(tx, unit->uid, &rotpk));
    return buf_copy(&facts->rotpk, SPAN(rotpk.rotpk));
}

static enum err fwinfo_get(struct store_tx *tx, const struct unit *unit,
                           struct unit_facts *facts)
{
    AUTO(query_close) struct query query = { 0 };
    TRY(query_open(tx, STATEMENT_FWINFO_GET,
                   VALUES(UNIT_GEN(unit), value_bytes(facts->firmware_sha256, SHA256_SIZE)),
                   &query));
    TRY(query_one(&query));
    query_buf(&query, &facts->fwinfo);
    return query_end(&query);
}

static enum err receipt_get(struct store_tx *tx, const struct unit *unit,
                            struct unit_facts *facts)
{
    AUTO(query_close) struct query query = { 0 };
    uint8_t run_id[RUN_ID_SIZE];
    TRY(query_open(tx, STATEMENT_RECEIPT_NEWEST, VALUES(UNIT_GEN(unit)), &query));
    TRY(query_one(&query));
    (void)query_u64(&query);
    query_bytes(&query, run_id, sizeof(run_id));
    query_buf(&query, &facts->receipt);
    query_bytes(&query, facts->firmware_sha256, SHA256_SIZE);
    facts->done_us = query_i64(&query);
    return query_end(&query);
}

static enum err commit_get(struct store_tx *tx, const struct unit *unit,
                           struct unit_facts *facts)
{
    AUTO(fact_commit_free) struct fact_commit commit = { 0 };
    TRY(fact_commit_newest(tx, unit, &commit));
    facts->commit = buf_take(&commit.statement);
    return ERR_OK;
}

static enum err lock_get(struct store_tx *tx, const struct unit *unit, struct unit_facts *facts)
{
    AUTO(query_close) struct query query = { 0 };
    TRY(query_open(tx, STATEMENT_LOCK_GET, VALUES(UNIT_GEN(unit)), &query));
    TRY(query_one(&query));
    query.column = 3; /* statement */
    query_buf(&query, &facts->lock);
    return query_end(&query);
}

static enum err seal_get(struct store_tx *tx, const struct unit *unit, struct unit_facts *facts)
{
    AUTO(query_close) struct query query = { 0 };
    TRY(query_open(tx, STATEMENT_SEAL_GET, VALUES(UNIT_GEN(unit)), &query));
    TRY(query_one(&query));
    query.column = 1; /* detail */
    query_text(&query, &facts->seal_detail);
    return query_end(&query);
}

static enum err revoked_get(struct store_tx *tx, const struct unit *unit,
                            struct unit_facts *facts)
{
    AUTO(query_close) struct query query = { 0 };
    bool row = false;
    facts->revoked = calloc(REVOKED_MAX, sizeof(*facts->revoked));
    if (facts->revoked == NULL)
        return fail(ERR_MEMORY, "unit: out of memory");
    TRY(query_open(tx, STATEMENT_REVOKED_PAGE,
                   VALUES(value_bytes(unit->uid, UID_SIZE), value_number(REVOKED_MAX)),
                   &query));
    TRY(query_next(&query, &row));
    while (row) {
        struct unit_revoked *to = &facts->revoked[facts->revoked_count++];
        to->gen = query_u32(&query);
        query_bytes(&query, to->serial, sizeof(to->serial));
        query_chars(&query, to->reason, sizeof(to->reason));
        to->revoked_us = query_i64(&query);
        TRY(query_end(&query));
        TRY(query_next(&query, &row));
    }
    return ERR_OK;
}

/* Without a receipt there is a FwInfo only after arrow 22: then it is that of the order's
 * firmware. */
static enum err firmware_of(struct store_tx *tx, const struct unit *unit,
                            struct unit_facts *facts)
{
    AUTO(order_free) struct order order = { 0 };
    enum err found = receipt_get(tx, unit, facts);
    if (found != ERR_NOT_FOUND)
        return found;
    TRY(order_get(tx, unit->order, &order));
    memcpy(facts->firmware_sha256, order.firmware_sha256, SHA256_SIZE);
    return ERR_OK;
}

enum err unit_facts_get(struct store_tx *tx, const struct unit *unit,
                        struct unit_facts *facts_out)
{
    AUTO(unit_facts_free) struct unit_facts facts = { 0 };
    TRY(absent(certificate_get(tx, unit, &facts)));
    TRY(absent(rotpk_get(tx, unit, &facts)));
    TRY(firmware_of(tx, unit, &facts));
    TRY(absent(fwinfo_get(tx, unit, &facts)));
    TRY(absent(commit_get(tx, unit, &facts)));
    TRY(absent(lock_get(tx, unit, &facts)));
    TRY(absent(seal_get(tx, unit, &facts)));
    TRY(revoked_get(tx, unit, &facts));
    *facts_out = facts;
    facts = (struct unit_facts){ 0 };
    return ERR_OK;
}
