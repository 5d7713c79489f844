/* SPDX-License-Identifier: MIT */
/* Units, event by event: what is refused and how it says so, and what a committed unit answers.
 * The order of all of them at random is test_unit_model.c's. */
#include "tests/unit/test_unit_world.h"

#define BOARD     7
#define FIRST_RUN 1
#define NEXT_RUN  2

static void says(const char *what)
{
    if (strstr(fail_words(), what) == NULL)
        fail_msg("said \"%s\", not \"%s\"", fail_words(), what);
}

static struct unit unit_now(uint32_t uid)
{
    struct act act = { .uid = uid };
    assert_int_equal(look(do_get, &act), ERR_OK);
    return act.unit;
}

static struct act again(const struct act *act, uint32_t run)
{
    struct act next = *act;
    memset(&next.opened, 0, sizeof(next.opened));
    next.run = run;
    next.flag = false;
    return next;
}

/* The two connections of the issue: A claims, B opens the same UID and claims with another key.
 */
static void a_board_has_one_key(void **state)
{
    (void)state;
    struct act a = act_of(BOARD, FIRST_RUN, 0), b = again(&a, NEXT_RUN);
    run_to_claim(&a);
    assert_int_equal(change(do_open, &b), ERR_OK); /* the same station: A's run is over */
    assert_true(b.opened.superseded);
    assert_memory_equal(b.opened.superseded_run, RUN(FIRST_RUN), RUN_ID_SIZE);
    b.key = 9;
    b.flag = true;
    assert_int_equal(change(do_claim, &b), ERR_DATA_LOSS);
    assert_int_equal(change(do_certify, &a), ERR_ABORTED);
    b.key = FIRST_RUN;
    assert_int_equal(change(do_claim, &b), ERR_OK);
    unit_opened_free(&b.opened);
}

static enum err claim_answers_the_row(struct store_tx *tx, void *context)
{
    struct act *act = context;
    struct unit_run run = RUN_OF(act);
    struct unit_claim claim, wanted = { .not_before = 77, .not_after = 88 };
    bytes_of(wanted.auth_public_key, P256_POINT_SIZE, 'k', act->key);
    bytes_of(wanted.serial, sizeof(wanted.serial), 'x', 99);
    TRY(unit_claim(tx, &run, &wanted, false, &claim));
    assert_int_equal(claim.not_before, 1);
    assert_memory_equal(claim.serial, NUMBERED(20, 'n', FIRST_RUN), 20);
    return ERR_OK;
}

static void a_claim_is_made_once(void **state)
{
    (void)state;
    struct act a = act_of(BOARD, FIRST_RUN, 0), other = act_of(BOARD + 1, 5, 0);
    run_to_claim(&a);
    assert_int_equal(change(claim_answers_the_row, &a), ERR_OK);
    assert_int_equal(change(do_open, &other), ERR_OK);
    other.key = FIRST_RUN;
    other.flag = true;
    assert_int_equal(change(do_claim, &other), ERR_EXISTS); /* one UID for a key */
    says("757575757575757575000007");
    other.key = 4;
    other.flag = false;
    assert_int_equal(change(do_claim, &other), ERR_SPOILT); /* no record, and never had it */
    unit_opened_free(&other.opened);
}

/* A new board each time on an order of two: certificates end at quantity and spares. */
static void an_order_ends(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= 4; i++) {
        struct act a = act_of(i, i, 0);
        run_to_claim(&a);
        assert_int_equal(change(do_end, &a), ERR_OK);
        assert_true(a.ended);
    }
    struct act fifth = act_of(5, 5, 0);
    assert_int_equal(change(do_open, &fifth), ERR_OK);
    fifth.flag = true;
    assert_int_equal(change(do_claim, &fifth), ERR_QUOTA);
    assert_int_equal(change(do_end, &fifth), ERR_OK);
    assert_int_equal(look(do_get, &fifth), ERR_NOT_FOUND); /* without a claim the UID is free */
    struct act first = act_of(1, 11, 0), second = act_of(2, 12, 0), third = act_of(3, 13, 0);
    assert_int_equal(change(do_open, &first), ERR_OK);
    assert_int_equal(change(do_open, &second), ERR_OK);
    assert_int_equal(change(do_open, &third), ERR_QUOTA);
    says("order-a");
}

static void another_station_waits(void **state)
{
    (void)state;
    struct act a = act_of(BOARD, FIRST_RUN, 0), b = again(&a, NEXT_RUN);
    assert_int_equal(change(do_open, &a), ERR_OK);
    b.station = "line-2";
    assert_int_equal(change(do_open, &b), ERR_BUSY);
    says("line-1");
    b.station = "line-3"; /* not of this order */
    assert_int_equal(change(do_open, &b), ERR_DENIED);
    b.station = "line-2";
    clock_move(15 * MINUTE_US);
    assert_int_equal(change(do_open, &b), ERR_OK); /* its lease is over */
    assert_true(b.opened.superseded);
}

static void a_run_ends_by_time(void **state)
{
    (void)state;
    struct act a = act_of(BOARD, FIRST_RUN, 0);
    run_to_claim(&a);
    for (int i = 0; i < 5; i++) {
        clock_move(10 * MINUTE_US);
        assert_int_equal(change(do_hold_on, &a), ERR_OK);
    }
    clock_move(9 * MINUTE_US);
    assert_int_equal(change(do_hold_on, &a), ERR_OK);
    clock_move(MINUTE_US); /* 60 minutes since it was opened, 1 since it was renewed */
    assert_int_equal(change(do_hold_on, &a), ERR_ABORTED);
    assert_int_equal(change(do_expire, NULL), ERR_OK);
    assert_false(unit_now(BOARD).holder.held_now);
    assert_int_equal(unit_now(BOARD).state, UNIT_STARTED);
}

/* --- From finished to sealed. --- */

static void only_its_station_goes_on(void **state)
{
    (void)state;
    struct act a = act_of(BOARD, FIRST_RUN, 0), b;
    run_to_finish(&a);
    b = again(&a, NEXT_RUN);
    b.station = "line-2";
    assert_int_equal(change(do_open, &b), ERR_DENIED);
    says("oemctl unit reassign");
    assert_int_equal(change(do_commit, &b), ERR_DENIED);
    assert_int_equal(change(do_reassign, &b), ERR_OK);
    assert_true(b.ended); /* the first run, by it */
    assert_false(b.unit.holder.held_now);
    assert_int_equal(change(do_reassign, &b), ERR_OK);
    assert_false(b.ended);
    b.run = FIRST_RUN;
    assert_int_equal(change(do_commit, &a), ERR_DENIED);
    b.key = FIRST_RUN;
    assert_int_equal(change(do_commit, &b), ERR_OK);
    assert_int_equal(change(do_locked, &a), ERR_DENIED);
    assert_int_equal(change(do_locked, &b), ERR_OK);
    assert_int_equal(change(do_seal, &a), ERR_DENIED);
    assert_int_equal(change(do_seal, &b), ERR_OK);
}

static void the_same_again_is_the_same(void **state)
{
    (void)state;
    struct act a = act_of(BOARD, FIRST_RUN, 0);
    run_to_finish(&a);
    assert_int_equal(change(do_finish, &a), ERR_OK);
    assert_false(a.keep);
    assert_int_equal(change(do_commit, &a), ERR_OK);
    assert_int_equal(change(do_commit, &a), ERR_OK);
    assert_int_equal(change(do_finish, &a), ERR_OK); /* from committed too, in the same run */
    assert_int_equal(change(do_locked, &a), ERR_OK);
    assert_int_equal(change(do_locked, &a), ERR_OK);
    a.level = DEV;
    assert_int_equal(change(do_locked, &a), ERR_MISMATCH);
    says("another lock statement");
    a.level = PRODUCTION;
    assert_int_equal(change(do_seal, &a), ERR_OK);
    assert_int_equal(change(do_seal, &a), ERR_OK);
    a.level = DEV;
    assert_int_equal(change(do_seal, &a), ERR_MISMATCH);
    a.level = PRODUCTION;
    assert_int_equal(change(do_locked, &a), ERR_OK);
    assert_int_equal(change(do_commit, &a), ERR_OK);
    assert_int_equal(unit_now(BOARD).state, UNIT_SEALED);
    struct act next = again(&a, NEXT_RUN);
    assert_int_equal(change(do_open, &next), ERR_EXISTS);
}

/* Shut is not enough: dev, or half of production, as an interrupted lock leaves it. */
static void no_seal_below_the_stated_level(void **state)
{
    (void)state;
    struct act a = act_of(BOARD, FIRST_RUN, 0);
    run_to_commit(&a);
    assert_int_equal(change(do_locked, &a), ERR_OK);
    for (uint32_t level = 0; level < PRODUCTION; level++) {
        a.level = level;
        assert_int_equal(change(do_seal, &a), ERR_MISMATCH);
        says("stated level 3");
        assert_int_equal(unit_now(BOARD).state, UNIT_COMMITTED);
    }
    a.level = PRODUCTION;
    assert_int_equal(change(do_seal, &a), ERR_OK);
}

static void no_seal_without_a_lock(void **state)
{
    (void)state;
    struct act a = act_of(BOARD, FIRST_RUN, 0);
    run_to_commit(&a);
    assert_int_equal(change(do_seal, &a), ERR_NOT_LOCKED);
    says("oemctl unit accept 757575757575757575000007");
    assert_int_equal(change(do_accept, &a), ERR_OK);
    assert_true(unit_now(BOARD).accepted);
    assert_int_equal(change(do_seal, &a), ERR_EXISTS);
    assert_int_equal(change(do_locked, &a), ERR_PRECONDITION);
}

static void what_has_a_lock_is_not_accepted(void **state)
{
    (void)state;
    struct act a = act_of(BOARD, FIRST_RUN, 0);
    run_to_commit(&a);
    assert_int_equal(change(do_locked, &a), ERR_OK);
    assert_int_equal(change(do_accept, &a), ERR_PRECONDITION);
    says("has a lock statement");
}

/* Interrupted after Finish: the board holds K of the first run, or not. */
static void keep_or_write(void **state)
{
    (void)state;
    struct act a = act_of(BOARD, FIRST_RUN, 0), b;
    run_to_finish(&a);
    b = again(&a, NEXT_RUN);
    assert_int_equal(change(do_open, &b), ERR_OK);
    assert_false(b.opened.committed);
    assert_int_equal(change(do_agree, &b), ERR_OK);
    b.slot_key = FIRST_RUN;
    assert_int_equal(change(do_finish, &b), ERR_OK);
    assert_true(b.keep);
    b.key = NEXT_RUN;
    assert_int_equal(change(do_commit, &b), ERR_MISMATCH); /* it was to keep */
    b.key = FIRST_RUN;
    assert_int_equal(change(do_commit, &b), ERR_OK);
    assert_int_equal(change(do_end, &b), ERR_OK);
    struct act c = again(&a, 3);
    c.flag = true; /* repeat */
    assert_int_equal(change(do_open, &c), ERR_OK);
    assert_int_equal(change(do_agree, &c), ERR_OK);
    c.slot_key = NEXT_RUN;
    assert_int_equal(change(do_finish, &c), ERR_MISMATCH);
    says("slot 3");
    c.slot_key = 0;
    assert_int_equal(change(do_finish, &c), ERR_MISMATCH);
    c.slot_key = FIRST_RUN;
    assert_int_equal(change(do_finish, &c), ERR_OK);
    assert_true(c.keep);
    assert_int_equal(unit_now(BOARD).state, UNIT_COMMITTED);
}

static void committed_is_answered_without_a_run(void **state)
{
    (void)state;
    struct act a = act_of(BOARD, FIRST_RUN, 0), b, failed;
    run_to_commit(&a);
    b = again(&a, NEXT_RUN);
    assert_int_equal(change(do_open, &b), ERR_OK);
    assert_true(b.opened.committed && !b.opened.repeat && !b.opened.unit.holder.held_now);
    struct span statement = buf_span(&b.opened.answer.statement);
    struct span receipt = buf_span(&b.opened.answer.receipt);
    assert_true(span_eq(statement, span_of("statement", 9)));
    assert_true(span_eq(receipt, span_of("receipt", 7)));
    assert_memory_equal(b.opened.answer.lock_tag,
                        NUMBERED(CONFIRMATION_TAG_SIZE, 'l', FIRST_RUN), CONFIRMATION_TAG_SIZE);
    assert_memory_equal(b.opened.answer.rotpk, NUMBERED(ROTPK_SIZE, 'p', BOARD), ROTPK_SIZE);
    assert_true(b.opened.answer.boot_test); /* at production */
    a.flag = false;
    assert_int_equal(change(do_booted, &a), ERR_OK);
    failed = again(&a, 3);
    assert_int_equal(change(do_open, &failed), ERR_OK);
    assert_true(failed.opened.committed && failed.opened.repeat);
    failed.flag = true;
    assert_int_equal(change(do_open, &failed), ERR_OK);
    assert_true(!failed.opened.committed && failed.opened.unit.holder.held_now);
    assert_int_equal(unit_now(BOARD).state, UNIT_COMMITTED);
    unit_opened_free(&b.opened);
}

static void held_is_refused_by_name(void **state)
{
    (void)state;
    struct act a = act_of(BOARD, FIRST_RUN, 0), b;
    run_to_commit(&a);
    a.reason = "seized by the police";
    assert_int_equal(change(do_hold, &a), ERR_OK);
    b = again(&a, NEXT_RUN);
    assert_int_equal(change(do_open, &b), ERR_HELD);
    says("seized by the police");
    assert_int_equal(change(do_locked, &a), ERR_HELD);
    assert_int_equal(change(do_seal, &a), ERR_HELD);
    assert_int_equal(change(do_allow, &a), ERR_OK);
    assert_int_equal(change(do_locked, &a), ERR_OK);
}

/* --- Release. --- */

static void released_is_another_board(void **state)
{
    (void)state;
    struct act a = act_of(BOARD, FIRST_RUN, 0), b;
    run_to_claim(&a);
    assert_int_equal(change(do_release, &a), ERR_OK);
    assert_int_equal(a.unit.state, UNIT_FREE);
    assert_int_equal(a.unit.gen, 2);
    assert_true(a.unit.holder.held_now); /* which ended by it */
    assert_int_equal(look(do_get, &a), ERR_NOT_FOUND);
    b = act_of(BOARD, NEXT_RUN, 0);
    assert_int_equal(change(do_open, &b), ERR_OK);
    assert_int_equal(b.opened.unit.gen, 2);
    b.flag = true;
    b.key = 3; /* the board that the name was taken of has another key */
    assert_int_equal(change(do_claim, &b), ERR_OK);
    unit_opened_free(&b.opened);
}

static void otp_has_no_generations(void **state)
{
    (void)state;
    struct act a = act_of(BOARD, FIRST_RUN, 0), b = act_of(BOARD, NEXT_RUN, 1);
    run_to_claim(&a);
    a.flag = false;
    assert_int_equal(change(do_release, &a), ERR_OK);
    assert_int_equal(change(do_open, &b), ERR_PRECONDITION); /* that order has another ROTPK */
    says("--board-refuses");
    assert_false(a.recreate);
    struct act c = act_of(BOARD, 3, 0);
    run_to_claim(&c);
    assert_true(c.recreate); /* a blank record may be written again */
    c.flag = true;
    assert_int_equal(change(do_release, &c), ERR_OK);
    b.flag = false;
    assert_int_equal(change(do_open, &b), ERR_OK);
    unit_opened_free(&b.opened);
}

static void production_stays_shut(void **state)
{
    (void)state;
    struct act a = act_of(BOARD, FIRST_RUN, 0), b = act_of(BOARD + 1, NEXT_RUN, 1);
    run_to_seal(&a);
    assert_int_equal(change(do_release, &a), ERR_PRECONDITION);
    run_to_seal(&b);
    assert_int_equal(change(do_release, &b), ERR_OK);
}

/* --- Lists and ends. --- */

struct listing {
    struct unit_filter filter;
    char uids[64]; /* the last byte of each, in order */
    bool more;
};

static enum err do_list(struct store_tx *tx, void *context)
{
    struct listing *l = context;
    struct unit_row *rows = NULL;
    size_t count = 0;
    memset(l->uids, 0, sizeof(l->uids));
    TRY(unit_list(tx, &l->filter, &rows, &count, &l->more));
    for (size_t i = 0; i < count; i++)
        l->uids[i] = (char)('0' + rows[i].unit.uid[UID_SIZE - 1]);
    free(rows);
    return ERR_OK;
}

static void lists(const struct unit_filter *filter, const char *want, bool more)
{
    struct listing l = { .filter = *filter };
    assert_int_equal(look(do_list, &l), ERR_OK);
    assert_string_equal(l.uids, want);
    assert_int_equal(l.more, more);
}

static enum err do_list_held(struct store_tx *tx, void *context)
{
    struct unit_row *rows = NULL;
    bool more = true;
    TRY(unit_list_held(tx, &(struct unit_held_filter){ 0 }, &rows, context, &more));
    assert_false(more);
    assert_memory_equal(rows[0].unit.uid, UID(2), UID_SIZE);
    free(rows);
    return ERR_OK;
}

static void units_are_listed(void **state)
{
    (void)state;
    struct act sealed = act_of(1, 1, 1), committed = act_of(2, 2, 1), started = act_of(3, 3, 0);
    size_t held = 0;
    run_to_seal(&sealed);
    run_to_commit(&committed);
    started.station = "line-2";
    run_to_claim(&started);
    lists(&(struct unit_filter){ .limit = 0 }, "123", false);
    lists(&(struct unit_filter){ .limit = 2 }, "12", true);
    lists(&(struct unit_filter){ .limit = 2, .after = UID(2) }, "3", false);
    lists(&(struct unit_filter){ .order = "order-b" }, "12", false);
    lists(&(struct unit_filter){ .station = "line-2" }, "3", false);
    lists(&(struct unit_filter){ .state = "sealed" }, "1", false);
    lists(&(struct unit_filter){ .state = "unlocked" }, "2", false);
    lists(&(struct unit_filter){ .state = "held" }, "", false);
    assert_int_equal(change(do_hold, &committed), ERR_OK);
    lists(&(struct unit_filter){ .state = "held" }, "2", false);
    struct listing bad = { .filter = { .state = "cut" } };
    assert_int_equal(look(do_list, &bad), ERR_INVALID);
    assert_int_equal(look(do_list_held, &held), ERR_OK);
    assert_int_equal(held, 2);
}

static void count_ended(void *context, const uint8_t uid[static UID_SIZE],
                        const struct unit_holder *holder, const char *order)
{
    assert_string_equal(holder->server, "server-1");
    assert_true(uid[0] == 'u' && order[0] == 'o');
    ++*(size_t *)context;
}

static enum err do_end_all(struct store_tx *tx, void *context)
{
    *(size_t *)context = 0;
    TRY(unit_end_runs_of(tx, "server-2", count_ended, context));
    assert_int_equal(*(size_t *)context, 0);
    return unit_end_runs_of(tx, "server-1", count_ended, context);
}

/* As a server does when it starts: what it had under way is over. */
static void a_server_ends_its_own_runs(void **state)
{
    (void)state;
    struct act claimed = act_of(1, 1, 0), opened = act_of(2, 2, 0);
    size_t ended = 0;
    run_to_claim(&claimed);
    assert_int_equal(change(do_open, &opened), ERR_OK);
    assert_int_equal(change(do_end_all, &ended), ERR_OK);
    assert_int_equal(ended, 2);
    assert_int_equal(change(do_agree, &claimed), ERR_ABORTED);
    assert_int_equal(look(do_get, &opened), ERR_NOT_FOUND);
    assert_false(unit_now(1).holder.held_now);
    unit_opened_free(&opened.opened);
}

static void reasons_are_words(void **state)
{
    (void)state;
    static char long_one[UNIT_REASON_MAX + 2];
    memset(long_one, 'x', sizeof(long_one) - 1);
    const char *const bad[] = { "", "a\nb", long_one };
    struct act a = act_of(BOARD, FIRST_RUN, 0);
    run_to_commit(&a);
    for (size_t i = 0; i < COUNT(bad); i++) {
        a.reason = bad[i];
        assert_int_equal(change(do_scrap, &a), ERR_INVALID);
        assert_int_equal(change(do_hold, &a), ERR_INVALID);
        assert_int_equal(change(do_reassign, &a), ERR_INVALID);
    }
}

/* --- More runs than a page has. --- */

enum { MANY = UNIT_PAGE_MAX + 1, FIRST_UID = 100 };

static enum err open_many(struct store_tx *tx, void *context)
{
    struct order_quantity now, wanted = {
        .quantity_given = true, .spares_given = true, .quantity = MANY, .spares = 0
    };
    (void)context;
    TRY(order_set_quantity(tx, "order-b", &wanted, "for the test", &now));
    for (uint32_t i = 0; i < MANY; i++) {
        struct act act = act_of(FIRST_UID + i, i + 1, 1);
        TRY(do_open(tx, &act));
    }
    return ERR_OK;
}

/* All but the last one. */
static enum err renew_many(struct store_tx *tx, void *context)
{
    (void)context;
    for (uint32_t i = 0; i + 1 < MANY; i++)
        TRY(unit_hold_on(tx, &limits, UID(FIRST_UID + i), RUN(i + 1)));
    return ERR_OK;
}

static enum err list_many(struct store_tx *tx, void *context)
{
    AUTO(free_drop) struct unit_row *rows = NULL;
    struct unit_held_filter filter = { 0 };
    size_t count = 0;
    bool more = false;
    (void)context;
    TRY(unit_list_held(tx, &filter, &rows, &count, &more));
    assert_true(more && count == UNIT_PAGE_MAX);
    uint8_t last[UID_SIZE];
    memcpy(last, rows[count - 1].unit.uid, UID_SIZE);
    filter.after_uid = last;
    filter.after_opened_us = rows[count - 1].unit.holder.opened_us;
    free(TAKE(rows));
    TRY(unit_list_held(tx, &filter, &rows, &count, &more));
    assert_true(!more && count == 1);
    assert_memory_equal(rows[0].unit.uid, UID(FIRST_UID + MANY - 1), UID_SIZE);
    filter = (struct unit_held_filter){ .uid = UID(FIRST_UID + 7) };
    free(TAKE(rows));
    TRY(unit_list_held(tx, &filter, &rows, &count, &more));
    assert_true(!more && count == 1);
    assert_memory_equal(rows[0].unit.holder.run_id, RUN(8), RUN_ID_SIZE);
    return ERR_OK;
}

static enum err find_last(struct store_tx *tx, void *context)
{
    struct unit *unit = context;
    TRY(unit_of_run_id(tx, RUN(MANY), unit));
    struct unit none;
    assert_int_equal(unit_of_run_id(tx, RUN(MANY + 1), &none), ERR_NOT_FOUND);
    return ERR_OK;
}

static bool any_expired;
static enum err find_expired(struct store_tx *tx, void *context)
{
    (void)context;
    return unit_any_expired(tx, &any_expired);
}

/* The newest of many is found: to be ended by its id, and when its lease is over. */
static void no_run_is_too_many(void **state)
{
    (void)state;
    struct unit unit;
    assert_int_equal(change(open_many, NULL), ERR_OK);
    assert_int_equal(look(list_many, NULL), ERR_OK);
    assert_int_equal(look(find_last, &unit), ERR_OK);
    assert_memory_equal(unit.uid, UID(FIRST_UID + MANY - 1), UID_SIZE);
    clock_move(10 * MINUTE_US);
    assert_int_equal(change(renew_many, NULL), ERR_OK);
    assert_int_equal(look(find_expired, NULL), ERR_OK);
    assert_false(any_expired);
    clock_move(6 * MINUTE_US);
    assert_int_equal(look(find_expired, NULL), ERR_OK);
    assert_true(any_expired);
    assert_int_equal(change(do_expire, NULL), ERR_OK);
    assert_int_equal(look(find_last, &unit), ERR_NOT_FOUND);
}

/* --- A clock that is set back. --- */

#define TWO_YEARS_US (INT64_C(2 * 365 * 24 * 60) * MINUTE_US)

static void a_run_from_the_future_is_over(void **state)
{
    (void)state;
    struct act a = act_of(BOARD, FIRST_RUN, 0), b = again(&a, NEXT_RUN);
    struct act c = act_of(BOARD + 1, NEXT_RUN + 1, 1);
    run_to_claim(&a);
    run_to_claim(&c);
    clock_move(-TWO_YEARS_US);
    a.flag = true;
    assert_int_equal(change(do_certify, &a), ERR_ABORTED);
    assert_int_equal(look(find_expired, NULL), ERR_OK);
    assert_true(any_expired);
    b.station = "line-2"; /* another station need not wait for two years */
    assert_int_equal(change(do_open, &b), ERR_OK);
    assert_true(b.opened.superseded);
    unit_opened_free(&b.opened);
    assert_int_equal(change(do_expire, NULL), ERR_OK);
    assert_false(unit_now(BOARD + 1).holder.held_now);
    assert_true(unit_now(BOARD).holder.held_now); /* of the new time */
}

/* An adjustment of the clock ends no run. */
static void a_small_step_back_is_none(void **state)
{
    (void)state;
    struct act a = act_of(BOARD, FIRST_RUN, 0);
    run_to_claim(&a);
    clock_move(-30 * SECOND_US);
    assert_int_equal(change(do_expire, NULL), ERR_OK);
    assert_int_equal(change(do_certify, &a), ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_board_has_one_key),
        TEST(a_claim_is_made_once),
        TEST(an_order_ends),
        TEST(another_station_waits),
        TEST(a_run_ends_by_time),
        TEST(only_its_station_goes_on),
        TEST(the_same_again_is_the_same),
        TEST(no_seal_below_the_stated_level),
        TEST(no_seal_without_a_lock),
        TEST(what_has_a_lock_is_not_accepted),
        TEST(keep_or_write),
        TEST(committed_is_answered_without_a_run),
        TEST(held_is_refused_by_name),
        TEST(released_is_another_board),
        TEST(otp_has_no_generations),
        TEST(production_stays_shut),
        TEST(units_are_listed),
        TEST(a_server_ends_its_own_runs),
        TEST(no_run_is_too_many),
        TEST(a_run_from_the_future_is_over),
        TEST(a_small_step_back_is_none),
        TEST(reasons_are_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
