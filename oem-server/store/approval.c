/* SPDX-License-Identifier: MIT */
/* Acts that wait for a second operator: see approval.h. Called inside the changes of
 * call/gate.c. Nothing here may make one person two: names are compared, never certificates.
 */
#include "oem-server/store/approval.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "oem-server/store/row.h"

enum { ROLE_OPERATOR = 2, CLOCK_AHEAD_US = 60 * 1000000 };

void store_approval_free(struct store_approval *approval)
{
    buf_free(&approval->request);
}

enum err store_operator_count(struct store_tx *tx, uint64_t *now_out, uint64_t *ever_out)
{
    TRY(query_count(tx, STATEMENT_OPERATOR_COUNT, VALUES(value_number(0)), now_out));
    return query_count(tx, STATEMENT_OPERATOR_COUNT, VALUES(value_number(1)), ever_out);
}

/* What was asked in the future was asked before the clock was set back: it is not known how
 * long ago. */
static int64_t latest_us(struct store_tx *tx)
{
    return store_now_us(tx) + CLOCK_AHEAD_US;
}

static bool is_old(struct store_tx *tx, const struct store_approval *a)
{
    return a->expires_us <= store_now_us(tx) || a->asked_us > latest_us(tx);
}

static void approval_read(struct query *query, struct store_approval *a)
{
    a->number = query_u64(query);
    query_chars(query, a->method, sizeof(a->method));
    query_buf(query, &a->request);
    query_name(query, a->requester);
    query_bytes(query, a->certificate_sha256, SHA256_SIZE);
    query_bytes(query, a->call_key, STORE_CALL_KEY_SIZE);
    query_chars(query, a->reason, sizeof(a->reason));
    query_chars(query, a->subject, sizeof(a->subject));
    a->asked_us = query_i64(query);
    a->expires_us = query_i64(query);
    a->state = (enum approval_state)query_u32(query);
    query_name(query, a->decided_by);
    query_chars(query, a->decided_reason, sizeof(a->decided_reason));
    a->decided_us = query_i64(query);
    if (a->state == APPROVAL_PENDING && is_old(query->tx, a))
        a->state = APPROVAL_EXPIRED;
}

static enum err approval_find(struct store_tx *tx, enum statement statement,
                              const struct store_value *values, size_t count,
                              struct store_approval *approval_out)
{
    AUTO(query_close) struct query query = { 0 };
    AUTO(store_approval_free) struct store_approval found = { 0 };
    TRY(query_open(tx, statement, values, count, &query));
    TRY(query_one(&query));
    approval_read(&query, &found);
    TRY(query_end(&query));
    store_approval_free(approval_out);
    *approval_out = found;
    found = (struct store_approval){ 0 };
    return ERR_OK;
}

enum err store_approval_get(struct store_tx *tx, uint64_t number,
                            struct store_approval *approval_out)
{
    enum err e = number > INT64_MAX ? ERR_NOT_FOUND
                                    : approval_find(tx, STATEMENT_APPROVAL_GET,
                                                    VALUES(value_u64(number)), approval_out);
    return e == ERR_NOT_FOUND
               ? fail_quiet(e, "there is no request %" PRIu64 " for approval", number)
               : e;
}

/* --- Asking. ------------------------------------------------------------------------------ */

static enum err check_room(struct store_tx *tx, const struct store_approval_limits *limits,
                           const char *requester)
{
    uint64_t own = 0, all = 0;
    struct store_value now = value_number(store_now_us(tx));
    struct store_value latest = value_number(latest_us(tx));
    TRY(query_count(tx, STATEMENT_APPROVAL_COUNT, VALUES(now, value_text(requester), latest),
                    &own));
    TRY(query_count(tx, STATEMENT_APPROVAL_COUNT, VALUES(now, value_text(""), latest), &all));
    if (own >= limits->of_operator)
        return fail_quiet(ERR_EXHAUSTED,
                          "operator %s has %" PRIu64
                          " requests pending, limit %u: withdraw one "
                          "(oemctl pending withdraw)",
                          requester, own, limits->of_operator);
    if (all >= limits->of_all)
        return fail_quiet(ERR_EXHAUSTED,
                          "%" PRIu64 " requests are pending, limit %u: approve, reject or "
                          "withdraw some (oemctl pending list)",
                          all, limits->of_all);
    return ERR_OK;
}

static enum err check_second(struct store_tx *tx)
{
    uint64_t now = 0, ever = 0;
    TRY(store_operator_count(tx, &now, &ever));
    if (now >= 2)
        return ERR_OK;
    return ever < 2
               ? fail_quiet(ERR_PRECONDITION,
                            "two_person = yes and only one operator: add a second operator "
                            "first (oemctl operator add)")
               : fail_quiet(ERR_PRECONDITION,
                            "two_person = yes and only one operator is not revoked: the "
                            "server's administrator sets two_person = no in its "
                            "configuration until there are two again");
}

static enum err approval_add(struct store_tx *tx, const struct store_approval *a)
{
    return row_add(tx, ROW_APPROVAL,
                   VALUES(value_u64(a->number), value_text(a->method),
                          value_span(buf_span(&a->request)), value_name(a->requester),
                          value_bytes(a->certificate_sha256, SHA256_SIZE),
                          value_bytes(a->call_key, STORE_CALL_KEY_SIZE), value_text(a->reason),
                          value_text(a->subject), value_number(a->asked_us),
                          value_number(a->expires_us), value_number(APPROVAL_PENDING),
                          value_text(""), value_text(""), value_number(0)));
}

static void take_over(struct store_approval *asked, const struct store_approval *have)
{
    asked->number = have->number;
    asked->asked_us = have->asked_us;
    asked->expires_us = have->expires_us;
    asked->state = have->state;
    memcpy(asked->decided_by, have->decided_by, sizeof(asked->decided_by));
}

/* The answer to the request may have been lost. */
static enum err asked_before(struct store_tx *tx, struct store_approval *asked)
{
    AUTO(store_approval_free) struct store_approval have = { 0 };
    TRY(approval_find(
        tx, STATEMENT_APPROVAL_BY_KEY,
        VALUES(value_name(asked->requester), value_bytes(asked->call_key, STORE_CALL_KEY_SIZE)),
        &have));
    if (strcmp(have.method, asked->method) != 0 ||
        !span_eq(buf_span(&have.request), buf_span(&asked->request)))
        return fail_quiet(ERR_INVALID, "this idempotency key was used for another request");
    take_over(asked, &have);
    return ERR_OK;
}

/* A person that repeats its command does not ask for a second act. */
static enum err asked_the_same(struct store_tx *tx, struct store_approval *asked)
{
    AUTO(store_approval_free) struct store_approval have = { 0 };
    TRY(approval_find(tx, STATEMENT_APPROVAL_SAME,
                      VALUES(value_name(asked->requester), value_text(asked->method),
                             value_span(buf_span(&asked->request)),
                             value_number(store_now_us(tx)), value_number(latest_us(tx)),
                             value_text(asked->subject)),
                      &have));
    take_over(asked, &have);
    return ERR_OK;
}

enum err store_approval_ask(struct store_tx *tx, const struct store_approval_limits *limits,
                            struct store_approval *asked, bool *fresh_out)
{
    *fresh_out = false;
    enum err found = asked_before(tx, asked);
    if (found == ERR_NOT_FOUND)
        found = asked_the_same(tx, asked);
    if (found != ERR_NOT_FOUND)
        return found;
    if (asked->request.len > APPROVAL_REQUEST_MAX)
        return fail_quiet(ERR_LIMIT,
                          "a request of %zu bytes cannot wait for approval, limit %d",
                          asked->request.len, APPROVAL_REQUEST_MAX);
    TRY(check_second(tx));
    TRY(check_room(tx, limits, asked->requester));
    TRY(query_count(tx, STATEMENT_APPROVAL_NEXT, NO_VALUES, &asked->number));
    asked->asked_us = store_now_us(tx);
    asked->expires_us = asked->asked_us + limits->expire_us;
    asked->state = APPROVAL_PENDING;
    *fresh_out = true;
    return approval_add(tx, asked);
}

/* --- Deciding. ---------------------------------------------------------------------------- */

static enum err operator_check(struct store_tx *tx, const char *name, const char *what,
                               enum err unfit)
{
    struct store_principal principal;
    enum err found = store_principal_get(tx, ROLE_OPERATOR, name, &principal);
    if (found == ERR_NOT_FOUND)
        return fail_quiet(unfit, "operator %s%s is not registered", name, what);
    TRY(found);
    return principal.revoked ? fail_quiet(unfit, "operator %s%s is revoked: %s", name, what,
                                          principal.revoked_reason)
                             : ERR_OK;
}

static const char *const said[] = {
    [APPROVAL_PENDING] = "is pending",    [APPROVAL_APPROVED] = "was approved",
    [APPROVAL_REJECTED] = "was rejected", [APPROVAL_WITHDRAWN] = "was withdrawn",
    [APPROVAL_EXPIRED] = "has expired",
};

static enum err check_open(const struct store_approval *a)
{
    if (a->state == APPROVAL_PENDING)
        return ERR_OK;
    if (a->state == APPROVAL_EXPIRED)
        return fail_quiet(ERR_PRECONDITION, "request %" PRIu64 " has expired: ask again",
                          a->number);
    return fail_quiet(ERR_PRECONDITION, "request %" PRIu64 " %s by operator %s", a->number,
                      said[a->state], a->decided_by);
}

/* The requester withdraws; another one approves or rejects. */
static enum err check_person(const struct store_approval *a, enum approval_state state,
                             const char *by)
{
    bool own = strcmp(a->requester, by) == 0;
    if (state == APPROVAL_WITHDRAWN && !own)
        return fail_quiet(ERR_DENIED,
                          "request %" PRIu64 " is operator %s's: another one rejects it "
                          "(oemctl pending reject)",
                          a->number, a->requester);
    if (state != APPROVAL_WITHDRAWN && own)
        return fail_quiet(ERR_DENIED,
                          "request %" PRIu64 " is operator %s's own: another operator decides, "
                          "the requester withdraws (oemctl pending withdraw)",
                          a->number, by);
    return ERR_OK;
}

static enum err decide(struct store_tx *tx, const struct store_approval *a,
                       enum approval_state state, const char *by, const char *reason)
{
    TRY(check_open(a));
    TRY(check_person(a, state, by));
    if (state == APPROVAL_APPROVED)
        TRY(operator_check(tx, a->requester, ", who asked for it,", ERR_PRECONDITION));
    return row_write(tx, ROW_APPROVAL, VALUES_ONLY(value_u64(a->number)),
                     STATEMENT_APPROVAL_DECIDE,
                     VALUES(value_u64(a->number), value_number(state), value_text(by),
                            value_text(reason), value_number(store_now_us(tx))),
                     NULL);
}

enum err store_approval_decide(struct store_tx *tx, uint64_t number, enum approval_state state,
                               const char *by, const char *reason,
                               struct store_approval *approval_out, bool *again_out)
{
    *again_out = false;
    TRY(operator_check(tx, by, "", ERR_REVOKED));
    TRY(store_approval_get(tx, number, approval_out));
    *again_out = approval_out->state == APPROVAL_APPROVED && state == APPROVAL_APPROVED &&
                 strcmp(approval_out->decided_by, by) == 0;
    return *again_out ? ERR_OK : decide(tx, approval_out, state, by, reason);
}

enum err store_approval_answer_put(struct store_tx *tx, uint64_t number, struct span response)
{
    return query_insert(tx, STATEMENT_APPROVAL_ANSWER_PUT,
                        VALUES(value_u64(number), value_span(response)));
}

enum err store_approval_answer_get(struct store_tx *tx, uint64_t number,
                                   struct buf *response_out)
{
    AUTO(query_close) struct query query = { 0 };
    AUTO(buf_free) struct buf found = { 0 };
    TRY(query_open(tx, STATEMENT_APPROVAL_ANSWER_GET, VALUES(value_u64(number)), &query));
    TRY(query_one(&query));
    query_buf(&query, &found);
    TRY(query_end(&query));
    *response_out = buf_take(&found);
    return ERR_OK;
}

/* --- Listing. ----------------------------------------------------------------------------- */

void store_approval_list_free(struct store_approval *list, size_t count)
{
    for (size_t i = 0; list != NULL && i < count; i++)
        store_approval_free(&list[i]);
    free(list);
}

static enum err list_read(struct query *query, struct store_approval *list, size_t *count,
                          bool *more_out)
{
    bool row = false;
    TRY(query_next(query, &row));
    while (row && *count < APPROVAL_PAGE_MAX) {
        approval_read(query, &list[(*count)++]);
        TRY(query_end(query));
        TRY(query_next(query, &row));
    }
    *more_out = row;
    return ERR_OK;
}

enum err store_approval_list(struct store_tx *tx, uint64_t after, bool all,
                             struct store_approval **list_out, size_t *count_out,
                             bool *more_out)
{
    AUTO(query_close) struct query query = { 0 };
    struct store_approval *list = calloc(APPROVAL_PAGE_MAX, sizeof(*list));
    size_t count = 0;
    if (list == NULL)
        return fail(ERR_MEMORY, "store: out of memory");
    enum err e =
        query_open(tx, STATEMENT_APPROVAL_PAGE,
                   VALUES(value_number(after > INT64_MAX ? INT64_MAX : (int64_t)after),
                          value_number(all), value_number(store_now_us(tx)),
                          value_number(APPROVAL_PAGE_MAX + 1), value_number(latest_us(tx))),
                   &query);
    if (e == ERR_OK)
        e = list_read(&query, list, &count, more_out);
    if (e != ERR_OK) {
        store_approval_list_free(list, count);
        return e;
    }
    *list_out = list;
    *count_out = count;
    return ERR_OK;
}
