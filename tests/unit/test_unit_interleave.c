/* SPDX-License-Identifier: MIT */
/* Two runs of one UID, interleaved at every pair of their store functions: i events of one, j
 * of the other, the rest of the first, the rest of the other; by one station and by two, with
 * one AUTHKEY and with two; and, at every pair too, with the unit failed by an operator before
 * the rest. The invariants hold after each event, and at the end there is one
 * of everything. */
#include "tests/unit/test_unit_invariants.h"
#include "tests/unit/test_unit_world.h"

/* The events of a run, in order. The board's slot is followed as a board would. */
static store_fn *const steps[] = {
    do_open,   do_hold_on, do_claim,  do_certify, do_rotpk, do_fwinfo,  do_agree,
    do_finish, do_commit,  do_booted, do_locked,  do_seal,  do_hold_on, do_end,
};
enum { STEPS = COUNT(steps), FAR = 10000 };

struct board {
    uint32_t slot; /* the run whose AES_NuLink3 it holds; 0: none */
};

struct side {
    struct act act;
    size_t done;
    uint32_t auth_key, passed;
};

static struct board board;

/* Some events take another number than the AUTHKEY as their key. */
static void side_prepare(struct side *side)
{
    store_fn *step = steps[side->done];
    side->act.flag = step != do_open; /* no repeat; recorded; booted */
    side->act.key = step == do_commit ? board.slot : side->auth_key;
    side->act.slot_key = board.slot;
}

static int64_t unit_is(uint32_t uid, const char *condition)
{
    char sql[256];
    snprintf(sql, sizeof(sql),
             "SELECT COUNT(*) FROM units WHERE uid = x'757575757575757575%06x' AND %s", uid,
             condition);
    return count_of(sql);
}

/* The unit is in that state, and this side's run is its holder. */
static bool side_holds(const struct side *side, const char *in_state)
{
    char condition[96];
    snprintf(condition, sizeof(condition), "run_id = x'72727272727272727272727272%06x' AND %s",
             side->act.run, in_state);
    return unit_is(side->act.uid, condition) == 1;
}

static void side_step(struct side *side)
{
    side_prepare(side);
    bool asks = steps[side->done] == do_hold_on;
    bool holds = asks && side_holds(side, "state IN (1, 2, 3)");
    enum err e = change(steps[side->done], &side->act);
    if (asks)
        assert_int_equal(e, holds ? ERR_OK : ERR_ABORTED);
    if (e == ERR_OK && steps[side->done] == do_finish && !side->act.keep)
        board.slot = side->act.run; /* WRITE */
    side->passed += e == ERR_OK;
    unit_opened_free(&side->act.opened);
    const char *broken =
        e == ERR_OK ? invariant_broken() : NULL; /* a refusal changes nothing */
    if (broken != NULL || e == ERR_INTERNAL || e == ERR_STORE || e == ERR_UNAVAILABLE)
        fail_msg("run %u, step %zu: %s (%s): %s", side->act.run, side->done, err_text(e),
                 fail_words(), broken == NULL ? "" : broken);
    side->done++;
}

static void side_steps(struct side *side, size_t until)
{
    while (side->done < until)
        side_step(side);
}

static int64_t facts_of(const char *table, uint32_t uid)
{
    char sql[120];
    snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM %s WHERE uid = x'757575757575757575%06x'",
             table, uid);
    return count_of(sql);
}

static void one_of_each(uint32_t uid)
{
    static const char *const tables[] = { "fact_claim", "fact_certificate", "fact_rotpk",
                                          "fact_lock",  "fact_seal",        "auth_key" };
    for (size_t i = 0; i < COUNT(tables); i++)
        if (facts_of(tables[i], uid) > 1)
            fail_msg("unit %u has %jd of %s", uid, (intmax_t)facts_of(tables[i], uid),
                     tables[i]);
}

/* An operator fails a started unit, whoever holds it, and no other one. */
static bool unit_fails(struct side *side)
{
    bool started = unit_is(side->act.uid, "state = 1") == 1;
    enum err e = change(do_fail, &side->act);
    assert_int_equal(e == ERR_OK, started);
    assert_null(invariant_broken());
    return started;
}

/* What was known before stays, and nothing is added that only a unit under way can have. */
static void stays_failed(uint32_t uid)
{
    static const char *const tables[] = { "fact_receipt", "fact_commit", "fact_lock",
                                          "fact_seal" };
    assert_int_equal(unit_is(uid, "state = 5 AND run_id IS NULL"), 1);
    for (size_t i = 0; i < COUNT(tables); i++)
        assert_int_equal(facts_of(tables[i], uid), 0);
}

struct how {
    bool same_station, same_key;
    bool fails; /* by an operator, after the first steps of both */
};

static uint32_t failures;

static void interleave(uint32_t uid, const struct how *how, size_t i, size_t j)
{
    struct side a = { .act = act_of(uid, 2 * uid + 1, 1), .auth_key = 2 * uid };
    struct side b = { .act = act_of(uid, 2 * uid + 2, 1),
                      .auth_key = how->same_key ? 2 * uid : 2 * uid + 1 };
    if (!how->same_station)
        b.act.station = "line-2";
    board.slot = 0;
    side_steps(&a, i);
    side_steps(&b, j);
    bool failed = how->fails && unit_fails(&a);
    if (how->fails && !failed)
        return; /* nothing has changed: the rest is that without it */
    side_steps(&a, STEPS);
    side_steps(&b, STEPS);
    one_of_each(uid);
    if (failed)
        stays_failed(uid);
    else
        assert_true(a.passed + b.passed > 2);
    failures += failed;
}

static enum err quantity_up(struct store_tx *tx, void *context)
{
    (void)context;
    struct order_quantity now, wanted = {
        .quantity_given = true, .spares_given = true, .quantity = FAR, .spares = FAR
    };
    return order_set_quantity(tx, order_names[1], &wanted, "for the test", &now);
}

static void all_pairs(const struct how *how, uint32_t want_failures)
{
    failures = 0;
    log_set_level(LOG_LEVEL_NONE);
    for (size_t i = 0; i <= STEPS; i++) {
        world_open(NULL);
        invariants_open(world.dir.store);
        assert_int_equal(change(quantity_up, NULL), ERR_OK);
        for (size_t j = 0; j <= STEPS; j++)
            interleave((uint32_t)j + 1, how, i, j);
        invariants_close();
        world_close(NULL);
    }
    assert_int_equal(failures, want_failures);
}

/* A unit is started and not finished after 1 to 7 steps of a run. One station's second run goes
 * on from where the first one was, or begins; of two stations, the first to open keeps the
 * unit.
 */
static void one_station(bool same_key)
{
    all_pairs(&(struct how){ true, same_key, false }, 0);
    all_pairs(&(struct how){ true, same_key, true }, 7 + 7 * (1 + 7));
}

static void two_stations(bool same_key)
{
    all_pairs(&(struct how){ false, same_key, false }, 0);
    all_pairs(&(struct how){ false, same_key, true }, 7 + 7 * (STEPS + 1));
}

static void one_station_one_key(void **state)
{
    (void)state;
    one_station(true);
}

static void one_station_two_keys(void **state)
{
    (void)state;
    one_station(false);
}

static void two_stations_one_key(void **state)
{
    (void)state;
    two_stations(true);
}

static void two_stations_two_keys(void **state)
{
    (void)state;
    two_stations(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_station_one_key),
        cmocka_unit_test(one_station_two_keys),
        cmocka_unit_test(two_stations_one_key),
        cmocka_unit_test(two_stations_two_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
