/* SPDX-License-Identifier: MIT */
/* The clock is set, forward and back, while the log is open and while it is not: each time an
 * entry says so before any other has the new time. */
#include "oem-server/store/hooks.h"
#include "tests/unit/test_tlog_log.h"

#include "common/host/clock.h"

#define HOUR_US (INT64_C(3600) * 1000000)
#define DAY_US  (24 * HOUR_US)
#define YEAR_US (365 * DAY_US)

enum { ENTRIES_MAX = 32 };

/* The log, as it is read back. */
static struct {
    size_t count;
    int64_t time_us[ENTRIES_MAX];
    bool clock[ENTRIES_MAX];
    char words[ENTRIES_MAX][200];
} read_back;

static enum err read_one(void *context, uint64_t index, struct span entry)
{
    (void)context;
    Hallmark__V1__Event *event = hallmark__v1__event__unpack(NULL, entry.len, entry.ptr);
    assert_non_null(event);
    assert_true(index < ENTRIES_MAX);
    read_back.time_us[index] = (int64_t)event->time_us;
    read_back.clock[index] = strcmp(event->kind, "clock") == 0;
    snprintf(read_back.words[index], sizeof(read_back.words[0]), "%s", event->message);
    read_back.count = index + 1;
    hallmark__v1__event__free_unpacked(event, NULL);
    return ERR_OK;
}

static enum err read_in(struct store_tx *tx, void *context)
{
    return store_log_read(tx, 0, INT64_MAX, read_one, context);
}

static void read_log(void)
{
    read_back.count = 0;
    assert_int_equal(look(read_in, NULL), ERR_OK);
}

static uint64_t real_us(int64_t offset_us)
{
    return (uint64_t)((int64_t)clock_real_us() + offset_us);
}

static void append_at(int64_t offset_us)
{
    uint64_t time_us = real_us(offset_us);
    assert_int_equal(change(append_one, &time_us), ERR_OK);
}

/* No entry is a step earlier than one before it, or a step later than the next, but for one
 * that says so. */
static void nothing_is_unannounced(void)
{
    for (size_t i = 1; i < read_back.count; i++) {
        int64_t by_us = read_back.time_us[i] - read_back.time_us[i - 1];
        assert_true(read_back.clock[i] ||
                    (by_us >= -TLOG_CLOCK_STEP_US && by_us <= TLOG_CLOCK_STEP_US));
    }
}

static void clocks_are(const char *kinds) /* "..c." */
{
    read_log();
    assert_int_equal(read_back.count, strlen(kinds));
    for (size_t i = 0; i < read_back.count; i++)
        assert_int_equal(read_back.clock[i], kinds[i] == 'c');
    nothing_is_unannounced();
    assert_int_equal(tlog_verify_all(event_log), ERR_OK);
}

static void a_clock_that_runs_is_not_told(void **state)
{
    (void)state;
    append_at(0);
    append_at(-59 * INT64_C(1000000)); /* a call that took so long */
    append_at(0);
    store_clock_offset(store, 59 * INT64_C(1000000));
    append_at(59 * INT64_C(1000000));
    store_clock_offset(store, 0);
    append_at(0);
    clocks_are(".....");
    assert_true(tlog_clock_settled(event_log, INT64_MAX));
    assert_int_equal(tlog_clock_ahead_us(event_log), 0);
}

static const struct {
    int64_t by_us;
    const char *words;
} steps[] = {
    { -DAY_US, "was set back by 24 hours" },
    { -2 * YEAR_US, "was set back by 730 days" },
    { -61 * INT64_C(1000000), "was set back by 61 s" },
    { 61 * INT64_C(1000000), "was set forward by 61 s" },
    { 700 * DAY_US, "was set forward by 700 days" },
    { 10 * YEAR_US, "was set forward by 3650 days" },
    { 24 * YEAR_US, "was set forward by 8760 days" }, /* 2050 */
};

static void a_step_is_told_before_an_entry_has_its_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(steps); i++) {
        size_t at;
        append_at(0);
        store_clock_offset(store, steps[i].by_us);
        append_at(steps[i].by_us);
        read_log();
        at = read_back.count - 2;
        assert_true(read_back.clock[at]);
        assert_non_null(strstr(read_back.words[at], steps[i].words));
        store_clock_offset(store, 0);
        append_at(0);
        read_log();
        nothing_is_unannounced();
        assert_int_equal(tlog_verify_all(event_log), ERR_OK);
        tear_down(NULL);
        assert_int_equal(set_up(NULL), 0);
    }
}

/* What was made before a step and is entered after it must not look like another step. */
static void what_was_under_way_has_the_time_of_its_entry(void **state)
{
    (void)state;
    append_at(0);
    store_clock_offset(store, -DAY_US);
    append_at(0); /* made before the clock was set back */
    append_at(-DAY_US);
    store_clock_offset(store, YEAR_US);
    append_at(-DAY_US); /* made before it was set forward */
    append_at(YEAR_US);
    clocks_are(".c..c..");
    assert_true(read_back.time_us[2] <= read_back.time_us[3] &&
                read_back.time_us[2] >= read_back.time_us[1]);
    assert_true(read_back.time_us[5] >= read_back.time_us[4]);
}

static enum err refuse_after(struct store_tx *tx, void *context)
{
    TRY(append_one(tx, context));
    return ERR_QUOTA;
}

static void a_rollback_forgets_that_it_was_told(void **state)
{
    (void)state;
    uint64_t time_us = real_us(-DAY_US);
    append_at(0);
    store_clock_offset(store, -DAY_US);
    assert_int_equal(change(refuse_after, &time_us), ERR_QUOTA);
    clocks_are(".");
    assert_true(tlog_clock_settled(event_log, INT64_MAX));
    append_at(-DAY_US);
    append_at(-DAY_US);
    clocks_are(".c..");
}

static enum err is_set(struct store_tx *tx, void *context)
{
    *(bool *)context = tlog_clock_is_set(event_log, tx);
    return ERR_OK;
}

static enum err enter(struct store_tx *tx, void *context)
{
    (void)context;
    return tlog_clock_enter(event_log, tx, "test");
}

static bool clock_is_set(void)
{
    bool set = false;
    assert_int_equal(look(is_set, &set), ERR_OK);
    return set;
}

/* The sweep's way: a step is found and entered while nobody calls. */
static void a_step_is_told_without_a_call(void **state)
{
    (void)state;
    append_at(0);
    assert_false(clock_is_set());
    store_clock_offset(store, -DAY_US);
    assert_true(clock_is_set());
    assert_int_equal(change(enter, NULL), ERR_OK);
    assert_false(clock_is_set());
    assert_int_equal(change(enter, NULL), ERR_OK); /* once */
    append_at(-DAY_US);
    clocks_are(".c.");
    assert_false(tlog_clock_settled(event_log, HOUR_US));
    assert_true(tlog_clock_settled(event_log, -1));
}

/* Health's number: how far the log was, until the clock is there again or is accepted. */
static void where_the_log_was_is_known(void **state)
{
    (void)state;
    append_at(0);
    int64_t was_us = (int64_t)clock_real_us();
    store_clock_offset(store, -DAY_US);
    append_at(-DAY_US);
    int64_t ahead_us = tlog_clock_ahead_us(event_log);
    assert_true(ahead_us <= was_us && ahead_us > was_us - HOUR_US);
    assert_int_equal(change(tlog_clock_accept, event_log), ERR_OK);
    assert_int_equal(tlog_clock_ahead_us(event_log), 0);
    append_at(-DAY_US);
    assert_int_equal(tlog_clock_ahead_us(event_log), 0);
}

/* The server was stopped meanwhile: only the last entry's time is known. */
static void a_clock_behind_the_last_entry_is_told_after_a_start(void **state)
{
    (void)state;
    store_clock_offset(store, YEAR_US + HOUR_US); /* it was ahead */
    append_at(YEAR_US + HOUR_US);
    close_log();
    assert_int_equal(open_log(), ERR_OK); /* and is right now */
    append_at(0);
    append_at(0);
    clocks_are("c.c..");
    assert_non_null(strstr(read_back.words[2], "was set back by 365 days"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_clock_that_runs_is_not_told),
        TEST(a_step_is_told_before_an_entry_has_its_time),
        TEST(what_was_under_way_has_the_time_of_its_entry),
        TEST(a_rollback_forgets_that_it_was_told),
        TEST(a_step_is_told_without_a_call),
        TEST(where_the_log_was_is_known),
        TEST(a_clock_behind_the_last_entry_is_told_after_a_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
