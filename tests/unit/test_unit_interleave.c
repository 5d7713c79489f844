/* SPDX-License-Identifier: MIT */
/* Two runs of one UID, interleaved at every pair of their store functions: i events of one, j
 * of the other, the rest of the first, the rest of the other; by one station and by two, with
 * one AUTHKEY and with two. The invariants hold after each event, and at the end there is one
 * of everything. */
#include "tests/unit/test_unit_invariants.h"
#include "tests/unit/test_unit_world.h"

/* The events of a run, in order. The board's slot is followed as a board would. */
static store_fn *const steps[] = {
    do_open,   do_claim,  do_certify, do_rotpk,  do_fwinfo, do_agree,
    do_finish, do_commit, do_booted,  do_locked, do_seal,   do_end,
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

static void side_step(struct side *side)
{
    side_prepare(side);
    enum err e = change(steps[side->done], &side->act);
    if (e == ERR_OK && steps[side->done] == do_finish && !side->act.keep)
        board.slot = side->act.run; /* WRITE */
    side->passed += e == ERR_OK;
    unit_opened_free(&side->act.opened);
    const char *broken = invariant_broken();
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

struct how {
    bool same_station, same_key;
};

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
    side_steps(&a, STEPS);
    side_steps(&b, STEPS);
    one_of_each(uid);
    assert_true(a.passed + b.passed > 2);
}

static enum err quantity_up(struct store_tx *tx, void *context)
{
    (void)context;
    struct order_quantity now, wanted = { true, true, FAR, FAR };
    return order_set_quantity(tx, order_names[1], &wanted, "for the test", &now);
}

static void all_pairs(const struct how *how)
{
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
}

static void one_station_one_key(void **state)
{
    (void)state;
    all_pairs(&(struct how){ true, true });
}

static void one_station_two_keys(void **state)
{
    (void)state;
    all_pairs(&(struct how){ true, false });
}

static void two_stations_one_key(void **state)
{
    (void)state;
    all_pairs(&(struct how){ false, true });
}

static void two_stations_two_keys(void **state)
{
    (void)state;
    all_pairs(&(struct how){ false, false });
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
