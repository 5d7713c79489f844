/* SPDX-License-Identifier: MIT */
/* Holds: several may stand, each with its cause; what lifts one lifts no other; and the unit is
 * refused while any stands. */
#include <stdlib.h>

#include "tests/unit/test_unit_world.h"

static struct unit_hold *holds;
static size_t hold_count;

static enum err do_holds(struct store_tx *tx, void *context)
{
    struct act *act = context;
    TRY(unit_get(tx, UID(act->uid), &act->unit));
    return unit_holds_get(tx, &act->unit, UNIT_CAUSE_ANY, &holds, &hold_count);
}

/* Which holds stand, by their causes' numbers, and what the row says of them. */
static void stand(struct act *act, const char *causes, const char *held)
{
    char got[16] = "";
    assert_int_equal(look(do_holds, act), ERR_OK);
    for (size_t i = 0; i < hold_count; i++)
        got[i] = (char)('0' + holds[i].cause);
    assert_string_equal(got, causes);
    assert_string_equal(act->unit.held, held);
    free(holds);
}

static enum err do_withdraw(struct store_tx *tx, void *context)
{
    AUTO(image_free) struct image firmware = image_numbered(FIRMWARE);
    AUTO(image_units_free) struct image_units units = { 0 };
    (void)context;
    return image_withdraw(tx, firmware.sha256, "has a hole", &units);
}

static enum err allow(struct act *act, enum unit_cause cause)
{
    act->cause = cause;
    return change(do_allow, act);
}

/* A unit with a hold of each cause. */
static struct act held_thrice(void)
{
    struct act act = act_of(1, 1, 0);
    run_to_commit(&act);
    act.reason = "looks odd";
    assert_int_equal(change(do_hold, &act), ERR_OK);
    assert_int_equal(change(do_withdraw, NULL), ERR_OK);
    act.reason = "stolen";
    assert_int_equal(change(do_seize, &act), ERR_OK);
    assert_int_equal(act.count, 1);
    assert_memory_equal(act.uids.ptr, UID(1), UID_SIZE);
    buf_free(&act.uids);
    stand(&act, "123", "looks odd (and 2 more)");
    return act;
}

static void a_hold_does_not_replace_another(void **state)
{
    (void)state;
    struct act act = held_thrice();
    act.reason = "and again";
    assert_int_equal(change(do_hold, &act), ERR_OK);
    stand(&act, "1231", "looks odd (and 3 more)");
}

static void allow_lifts_what_it_names(void **state)
{
    (void)state;
    struct act act = held_thrice();
    act.reason = "looked into";
    assert_int_equal(allow(&act, UNIT_CAUSE_OPERATOR), ERR_OK);
    stand(&act, "23", "firmware withdrawn: has a hole (and 1 more)");
    assert_int_equal(allow(&act, UNIT_CAUSE_OPERATOR), ERR_PRECONDITION);
    assert_non_null(strstr(fail_words(), "no hold with the cause operator"));
    assert_non_null(strstr(fail_words(), "firmware withdrawn: has a hole"));
    assert_int_equal(change(do_locked, &act), ERR_HELD);
    assert_int_equal(allow(&act, UNIT_CAUSE_FIRMWARE), ERR_OK);
    stand(&act, "3", "station seized: stolen");
    assert_int_equal(change(do_locked, &act), ERR_HELD);
    assert_int_equal(change(do_accept, &act), ERR_HELD);
    assert_int_equal(allow(&act, UNIT_CAUSE_STATION), ERR_OK);
    stand(&act, "", "");
    assert_int_equal(change(do_locked, &act), ERR_OK);
}

static void reassign_lifts_only_a_seizure(void **state)
{
    (void)state;
    struct act act = held_thrice();
    act.station = "line-2";
    assert_int_equal(change(do_reassign, &act), ERR_OK);
    stand(&act, "12", "looks odd (and 1 more)");
    assert_int_equal(change(do_locked, &act), ERR_HELD);
    act.station = "line-1";
    assert_int_equal(change(do_reassign, &act), ERR_OK);
    stand(&act, "12", "looks odd (and 1 more)");
}

/* More than one page of them. */
static void all_holds_of_a_cause_are_lifted(void **state)
{
    (void)state;
    struct act act = act_of(1, 1, 0);
    run_to_finish(&act);
    for (unsigned i = 0; i < UNIT_HOLDS_MAX + 1; i++)
        assert_int_equal(change(do_hold, &act), ERR_OK);
    assert_int_equal(allow(&act, UNIT_CAUSE_OPERATOR), ERR_OK);
    stand(&act, "", "");
}

/* Only what is finished or committed, and of that station. */
static void a_seizure_holds_its_station_s_units(void **state)
{
    (void)state;
    struct act finished = act_of(1, 1, 1), sealed = act_of(2, 2, 1), started = act_of(3, 3, 1);
    struct act other = act_of(4, 4, 0);
    run_to_finish(&finished);
    run_to_seal(&sealed);
    run_to_claim(&started);
    other.station = "line-2";
    run_to_finish(&other);
    assert_int_equal(change(do_seize, &finished), ERR_OK);
    assert_int_equal(finished.count, 1);
    buf_free(&finished.uids);
    stand(&finished, "3", "station seized: as told");
    stand(&sealed, "", "");
    stand(&started, "", "");
    stand(&other, "", "");
    finished.run = 5, finished.flag = false;
    assert_int_equal(change(do_open, &finished), ERR_HELD);
    assert_int_equal(change(do_allow, &other), ERR_PRECONDITION);
    assert_int_equal(change(do_allow, &started), ERR_PRECONDITION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_hold_does_not_replace_another),     TEST(allow_lifts_what_it_names),
        TEST(reassign_lifts_only_a_seizure),       TEST(all_holds_of_a_cause_are_lifted),
        TEST(a_seizure_holds_its_station_s_units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
