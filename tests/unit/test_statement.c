/* SPDX-License-Identifier: MIT */
/* Messages of closing.proto as statements: what the board signs, and nothing that passes for
 * it. */
#include "tests/unit/check.h"

#include <string.h>

#include "common/host/p256.h"
#include "common/rpc/statement.h"

static uint8_t run_id[RUN_ID_SIZE] = { 1 }, uid[UID_SIZE] = { 2 }, digest[SHA256_SIZE] = { 3 };
static uint8_t kcv[KCV_SIZE] = { 4 };

#define DATA(array) ((ProtobufCBinaryData){ sizeof(array), (array) })

static Hallmark__V1__LockStatement lock_of(uint32_t level)
{
    Hallmark__V1__LockStatement lock = HALLMARK__V1__LOCK_STATEMENT__INIT;
    lock.run_id = DATA(run_id);
    lock.uid = DATA(uid);
    lock.lock_level = (Hallmark__V1__LockLevel)level;
    lock.statement_sha256 = DATA(digest);
    return lock;
}

static Hallmark__V1__CommitStatement commit_of(uint32_t slot, uint32_t level)
{
    Hallmark__V1__CommitStatement commit = HALLMARK__V1__COMMIT_STATEMENT__INIT;
    commit.run_id = DATA(run_id);
    commit.uid = DATA(uid);
    commit.slot = slot;
    commit.kcv = DATA(kcv);
    commit.lock_level = (Hallmark__V1__LockLevel)level;
    commit.receipt_sha256 = DATA(digest);
    return commit;
}

static void a_statement_is_what_the_board_signs(void **state)
{
    (void)state;
    uint8_t bytes[SIGN_STATEMENT_MAX], want[SHA256_SIZE];
    struct wr w = wr_of(bytes, sizeof(bytes));
    const struct sign_lock fields = { SPAN(run_id), SPAN(uid), 2, SPAN(digest) };
    const Hallmark__V1__LockStatement lock = lock_of(2);
    const struct statement s = statement_of_lock(&lock);
    sign_lock(&w, &fields);
    assert_int_equal(wr_end(&w), ERR_OK);
    sha256_of(wr_done(&w), want);
    assert_true(s.made);
    assert_true(span_eq(span_of(s.bytes, s.len), wr_done(&w)));
    assert_memory_equal(s.sha256, want, SHA256_SIZE);
}

/* 258 would be 2 in the statement's byte. */
static void a_number_that_does_not_fit_makes_none(void **state)
{
    (void)state;
    const Hallmark__V1__LockStatement lock = lock_of(258);
    const Hallmark__V1__CommitStatement slot = commit_of(258, 2), level = commit_of(2, 258);
    const Hallmark__V1__CommitStatement good = commit_of(2, 2);
    Hallmark__V1__Receipt receipt = HALLMARK__V1__RECEIPT__INIT;
    receipt.slot = 258;
    const struct statement none[] = { statement_of_lock(&lock), statement_of_commit(&slot),
                                      statement_of_commit(&level),
                                      statement_of_receipt(&receipt) };
    for (size_t i = 0; i < COUNT(none); i++) {
        assert_false(none[i].made);
        assert_int_equal(none[i].len, 0);
        assert_false(statement_is_signed(&none[i], SPAN(digest), &good.uid));
    }
    assert_true(statement_of_commit(&good).made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_statement_is_what_the_board_signs),
        cmocka_unit_test(a_number_that_does_not_fit_makes_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
