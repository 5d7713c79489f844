/* SPDX-License-Identifier: MIT */
/* Acts that wait for a second operator, in the store: who may decide, once, in time, and that
 * neither the code nor the database lets what was asked for change. */
#include "oem-server/store/approval.h"

#include "oem-server/store/hooks.h"
#include "tests/unit/test_store_edit.h"
#include "tests/unit/test_store_open.h"

enum { OPERATOR = 2, LIMIT_OWN = 3, LIMIT_ALL = 5 };
static const int64_t HOUR = INT64_C(3600) * 1000000;

static enum err do_add(struct store_tx *tx, void *name)
{
    struct store_principal p = { .role = OPERATOR };
    snprintf(p.name, sizeof(p.name), "%s", (const char *)name);
    return store_principal_add(tx, &p);
}

static enum err do_revoke(struct store_tx *tx, void *name)
{
    return store_principal_revoke(tx, OPERATOR, name, "left");
}

static void people(const char *const names[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(change(do_add, (void *)(uintptr_t)names[i]), ERR_OK);
}

static const char *const three[] = { "alice", "bob", "carol" };

struct asking {
    const char *who, *method, *request;
    uint8_t key;
    size_t length; /* of the request, if it is not the text's */
    uint64_t number;
    bool fresh;
};

static enum err do_ask(struct store_tx *tx, void *context)
{
    struct asking *a = context;
    static const char zeros[APPROVAL_REQUEST_MAX + 1];
    const struct store_approval_limits limits = { LIMIT_OWN, LIMIT_ALL, HOUR };
    AUTO(store_approval_free) struct store_approval asked = { .reason = "because" };
    snprintf(asked.requester, sizeof(asked.requester), "%s", a->who);
    snprintf(asked.method, sizeof(asked.method), "%s", a->method);
    memset(asked.call_key, a->key, sizeof(asked.call_key));
    TRY(buf_copy(&asked.request, a->length != 0 ? span_of(zeros, a->length)
                                                : span_of(a->request, strlen(a->request))));
    TRY(store_approval_ask(tx, &limits, &asked, &a->fresh));
    a->number = asked.number;
    return ERR_OK;
}

static enum err ask(const char *who, uint8_t key, const char *request, uint64_t *number_out)
{
    struct asking a = { .who = who, .method = "m", .request = request, .key = key };
    TRY(change(do_ask, &a));
    *number_out = a.number;
    return ERR_OK;
}

static uint64_t asked(const char *who, uint8_t key, const char *request)
{
    uint64_t number = 0;
    if (ask(who, key, request, &number) != ERR_OK)
        fail_msg("%s", fail_words());
    return number;
}

struct deciding {
    uint64_t number;
    enum approval_state state;
    const char *by;
    bool again;
};

static enum err do_decide(struct store_tx *tx, void *context)
{
    struct deciding *d = context;
    AUTO(store_approval_free) struct store_approval row = { 0 };
    return store_approval_decide(tx, d->number, d->state, d->by, "seen", &row, &d->again);
}

static enum err decide(uint64_t number, enum approval_state state, const char *by)
{
    struct deciding d = { number, state, by, false };
    enum err e = change(do_decide, &d);
    assert_false(e == ERR_OK && d.again);
    return e;
}

static void refused(enum err got, enum err want, const char *words)
{
    if (got != want || strstr(fail_words(), words) == NULL)
        fail_msg("want %d \"%s\", got %d \"%s\"", want, words, got, fail_words());
}

static void one_operator_cannot_ask(void **state)
{
    (void)state;
    uint64_t n;
    people(three, 1);
    refused(ask("alice", 1, "x", &n), ERR_PRECONDITION, "add a second operator first");
    people(three + 1, 1);
    assert_int_equal(ask("alice", 1, "x", &n), ERR_OK);
    assert_int_equal(change(do_revoke, (void *)(uintptr_t) "bob"), ERR_OK);
    refused(ask("alice", 2, "y", &n), ERR_PRECONDITION, "two_person = no");
}

static void who_may_decide(void **state)
{
    (void)state;
    people(three, 3);
    uint64_t n = asked("alice", 1, "x");
    refused(decide(n, APPROVAL_APPROVED, "alice"), ERR_DENIED, "another operator decides");
    refused(decide(n, APPROVAL_REJECTED, "alice"), ERR_DENIED, "another operator decides");
    refused(decide(n, APPROVAL_WITHDRAWN, "bob"), ERR_DENIED, "is operator alice's");
    refused(decide(n, APPROVAL_APPROVED, "mallory"), ERR_REVOKED, "is not registered");
    refused(decide(n + 1, APPROVAL_APPROVED, "bob"), ERR_NOT_FOUND, "there is no request");
    refused(decide(UINT64_MAX, APPROVAL_APPROVED, "bob"), ERR_NOT_FOUND, "there is no request");
    assert_int_equal(change(do_revoke, (void *)(uintptr_t) "carol"), ERR_OK);
    refused(decide(n, APPROVAL_APPROVED, "carol"), ERR_REVOKED, "carol is revoked: left");
    assert_int_equal(decide(n, APPROVAL_APPROVED, "bob"), ERR_OK);
}

static void a_revoked_requester_does_not_count(void **state)
{
    (void)state;
    people(three, 3);
    uint64_t n = asked("alice", 1, "x");
    assert_int_equal(change(do_revoke, (void *)(uintptr_t) "alice"), ERR_OK);
    refused(decide(n, APPROVAL_APPROVED, "bob"), ERR_PRECONDITION,
            "operator alice, who asked for it, is revoked: left");
    assert_int_equal(decide(n, APPROVAL_REJECTED, "bob"), ERR_OK);
}

static void decided_once(void **state)
{
    (void)state;
    static const struct {
        enum approval_state first;
        const char *by, *words;
    } rows[] = {
        { APPROVAL_APPROVED, "bob", "was approved by operator bob" },
        { APPROVAL_REJECTED, "bob", "was rejected by operator bob" },
        { APPROVAL_WITHDRAWN, "alice", "was withdrawn by operator alice" },
    };
    people(three, 3);
    for (uint8_t i = 0; i < COUNT(rows); i++) {
        const char request[] = { (char)('a' + i), '\0' };
        uint64_t n = asked("alice", (uint8_t)(i + 1), request);
        assert_int_equal(decide(n, rows[i].first, rows[i].by), ERR_OK);
        refused(decide(n, APPROVAL_APPROVED, "carol"), ERR_PRECONDITION, rows[i].words);
        refused(decide(n, APPROVAL_REJECTED, "carol"), ERR_PRECONDITION, rows[i].words);
        refused(decide(n, APPROVAL_WITHDRAWN, "alice"), ERR_PRECONDITION, rows[i].words);
    }
    struct deciding again = { 1, APPROVAL_APPROVED, "bob", false };
    assert_int_equal(change(do_decide, &again), ERR_OK);
    assert_true(again.again);
}

struct listing {
    uint64_t after;
    bool all;
    size_t count;
    uint64_t first;
};

static enum err do_list(struct store_tx *tx, void *context)
{
    struct listing *l = context;
    struct store_approval *list = NULL;
    bool more = false;
    TRY(store_approval_list(tx, l->after, l->all, &list, &l->count, &more));
    assert_false(more);
    l->first = l->count == 0 ? 0 : list[0].number;
    store_approval_list_free(list, l->count);
    return ERR_OK;
}

static void it_expires_by_the_databases_clock(void **state)
{
    (void)state;
    people(three, 3);
    uint64_t n = asked("alice", 1, "x");
    store_clock_offset(store, HOUR - 60 * 1000000);
    uint64_t second = asked("alice", 2, "y");
    assert_int_not_equal(second, n);
    store_clock_offset(store, HOUR + 1);
    refused(decide(n, APPROVAL_APPROVED, "bob"), ERR_PRECONDITION, "has expired");
    refused(decide(n, APPROVAL_WITHDRAWN, "alice"), ERR_PRECONDITION, "has expired");
    assert_int_equal(decide(second, APPROVAL_APPROVED, "bob"), ERR_OK);
    assert_int_not_equal(asked("alice", 3, "x"), n); /* it may be asked again */
}

/* By a clock that was set back two years it would be pending for two years more. */
static void a_clock_set_back_prolongs_nothing(void **state)
{
    (void)state;
    uint64_t n;
    people(three, 3);
    store_clock_offset(store, 2 * 365 * 24 * HOUR);
    uint64_t first = asked("alice", 1, "x");
    (void)asked("alice", 2, "y");
    (void)asked("alice", 3, "z");
    store_clock_offset(store, 2 * 365 * 24 * HOUR - 59 * 1000000); /* as clocks are adjusted */
    assert_int_equal(asked("alice", 4, "x"), first);
    refused(ask("alice", 5, "w", &n), ERR_EXHAUSTED, "has 3 requests pending");
    store_clock_offset(store, 0);
    refused(decide(first, APPROVAL_APPROVED, "bob"), ERR_PRECONDITION, "has expired");
    struct listing pending = { 0, false, 0, 0 };
    assert_int_equal(look(do_list, &pending), ERR_OK);
    assert_int_equal(pending.count, 0);
    uint64_t second = asked("alice", 6, "x"); /* expired ones are not it, and take no room */
    assert_int_not_equal(second, first);
    assert_int_equal(decide(second, APPROVAL_APPROVED, "bob"), ERR_OK);
}

static void asked_again_is_the_same_request(void **state)
{
    (void)state;
    uint64_t n;
    people(three, 3);
    uint64_t first = asked("alice", 1, "x");
    assert_int_equal(asked("alice", 1, "x"), first);
    assert_int_equal(asked("alice", 2, "x"), first);
    refused(ask("alice", 1, "y", &n), ERR_INVALID, "used for another request");
    assert_int_not_equal(asked("bob", 1, "x"), first);
    assert_int_equal(decide(first, APPROVAL_REJECTED, "bob"), ERR_OK);
    assert_int_equal(asked("alice", 1, "x"), first); /* the call, not the act */
    assert_int_not_equal(asked("alice", 2, "x"), first);
}

static void requests_are_bounded(void **state)
{
    (void)state;
    uint64_t n;
    const char *const texts[] = { "a", "b", "c", "d" };
    people(three, 3);
    for (uint8_t i = 0; i < LIMIT_OWN; i++)
        (void)asked("alice", i, texts[i]);
    refused(ask("alice", 9, "d", &n), ERR_EXHAUSTED, "has 3 requests pending");
    assert_int_equal(asked("alice", 8, "a"), 1); /* it is there: no new row */
    (void)asked("bob", 1, "a");
    (void)asked("bob", 2, "b");
    refused(ask("carol", 1, "a", &n), ERR_EXHAUSTED, "5 requests are pending");
    assert_int_equal(decide(1, APPROVAL_WITHDRAWN, "alice"), ERR_OK);
    assert_int_equal(ask("carol", 1, "a", &n), ERR_OK);
    store_clock_offset(store, HOUR + 1); /* expired ones do not count */
    assert_int_equal(ask("carol", 2, "b", &n), ERR_OK);
    struct asking big = { .who = "bob", .method = "m", .key = 7 };
    big.length = APPROVAL_REQUEST_MAX;
    assert_int_equal(change(do_ask, &big), ERR_OK);
    big.length++;
    big.key++;
    refused(change(do_ask, &big), ERR_LIMIT, "16385 bytes");
}

static void pending_ones_are_listed(void **state)
{
    (void)state;
    struct listing pending = { 0, false, 0, 0 }, all = { 0, true, 0, 0 },
                   after = { 2, true, 0, 0 };
    people(three, 3);
    (void)asked("alice", 1, "a");
    (void)asked("alice", 2, "b");
    (void)asked("bob", 3, "c");
    assert_int_equal(decide(1, APPROVAL_APPROVED, "bob"), ERR_OK);
    assert_int_equal(look(do_list, &pending), ERR_OK);
    assert_int_equal(pending.count, 2);
    assert_int_equal(pending.first, 2);
    assert_int_equal(look(do_list, &all), ERR_OK);
    assert_int_equal(all.count, 3);
    assert_int_equal(look(do_list, &after), ERR_OK);
    assert_int_equal(after.first, 3);
    store_clock_offset(store, HOUR + 1);
    assert_int_equal(change(do_list, &pending), ERR_OK);
    assert_int_equal(pending.count, 0);
}

/* Whoever writes SQL past the functions: with the triggers and checks as they are. */
static void the_database_keeps_what_was_asked(void **state)
{
    (void)state;
    static const char *const edits[] = {
        "UPDATE approvals SET request = x'00' WHERE number = 1",
        "UPDATE approvals SET method = 'other' WHERE number = 1",
        "UPDATE approvals SET requester = 'bob' WHERE number = 1",
        "UPDATE approvals SET expires_us = expires_us + 1 WHERE number = 1",
        "UPDATE approvals SET state = 1, decided_by = 'alice' WHERE number = 1",
        "UPDATE approvals SET state = 0 WHERE number = 2",
        "UPDATE approvals SET state = 1, decided_by = 'carol' WHERE number = 2",
        "DELETE FROM approvals WHERE number = 1",
        "UPDATE approval_answers SET response = x'00'",
    };
    people(three, 3);
    (void)asked("alice", 1, "x");
    uint64_t second = asked("alice", 2, "y");
    assert_int_equal(decide(second, APPROVAL_REJECTED, "bob"), ERR_OK);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(dir.store, &db), SQLITE_OK);
    edit_exec(db, "INSERT INTO approval_answers (number, response) VALUES (2, x'01')");
    for (size_t i = 0; i < COUNT(edits); i++)
        if (sqlite3_exec(db, edits[i], NULL, NULL, NULL) == SQLITE_OK)
            fail_msg("not refused: %s", edits[i]);
    sqlite3_close(db);
}

int main(void)
{
    log_set_level(0);
    const struct CMUnitTest tests[] = {
        TEST(one_operator_cannot_ask),
        TEST(who_may_decide),
        TEST(a_revoked_requester_does_not_count),
        TEST(decided_once),
        TEST(it_expires_by_the_databases_clock),
        TEST(a_clock_set_back_prolongs_nothing),
        TEST(asked_again_is_the_same_request),
        TEST(requests_are_bounded),
        TEST(pending_ones_are_listed),
        TEST(the_database_keeps_what_was_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
