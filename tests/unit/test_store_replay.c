/* SPDX-License-Identifier: MIT */
/* The fold of changes, and what it finds different: without a store. */
#include "oem-server/store/replay.h"

#include <stdio.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "tests/unit/check.h"

static struct replay *replay;
static char said[1000];

static int set_up(void **state)
{
    (void)state;
    said[0] = '\0';
    return replay_new(&replay) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    replay_free(replay);
    return 0;
}

static void fold(const char *row, const char *field, const char *value)
{
    assert_int_equal(replay_fold(replay, row, field, value), ERR_OK);
}

static void say(void *context, const char *row, const char *field, const char *want,
                const char *got)
{
    size_t at = strlen(said);
    (void)context;
    snprintf(said + at, sizeof(said) - at, "%s.%s %s->%s;", row, field,
             want == NULL ? "-" : want, got == NULL ? "-" : got);
}

static void store_says(bool whole, const char *row, const char *field, const char *value)
{
    replay_compare(replay, whole, row, field, value, say, NULL);
}

static void the_last_value_counts(void **state)
{
    (void)state;
    fold("unit/1", "state", "1");
    fold("unit/1", "state", "2");
    fold("unit/1", "order", "a");
    store_says(true, "unit/1", "state", "2");
    store_says(true, "unit/1", "order", "a");
    replay_missing(replay, say, NULL);
    assert_string_equal(said, "");
}

static void differences_are_named(void **state)
{
    (void)state;
    fold("unit/1", "state", "2");
    fold("unit/1", "held", "");
    fold("unit/2", "state", "1");
    store_says(true, "unit/1", "state", "4");
    store_says(true, "unit/1", "held", "");
    store_says(true, "unit/3", "state", "1");
    replay_missing(replay, say, NULL);
    assert_string_equal(said, "unit/1.state 2->4;unit/3.state -->1;unit/2.state 1->-;");
}

static void a_row_that_is_gone_has_no_fields(void **state)
{
    (void)state;
    fold("unit/1", "state", "1");
    fold("unit/1", "", "");
    replay_missing(replay, say, NULL);
    assert_string_equal(said, "");
    store_says(false, "unit/1", "state", "1");
    assert_string_equal(said, "unit/1.state -->1;");
    said[0] = '\0';
    fold("unit/1", "order", "a"); /* made again: the old fields are not back */
    store_says(true, "unit/1", "order", "a");
    store_says(true, "unit/1", "state", "1");
    assert_string_equal(said, "unit/1.state -->1;");
}

static void a_part_of_the_log_tells_a_part(void **state)
{
    (void)state;
    fold("unit/1", "state", "2");
    store_says(false, "unit/1", "state", "2");
    store_says(false, "unit/1", "order", "a"); /* not touched by these entries */
    store_says(false, "unit/9", "state", "1");
    replay_missing(replay, say, NULL);
    assert_string_equal(said, "");
}

static enum err count_row(void *context, const char *row)
{
    assert_memory_equal(row, "row/", 4);
    return ++*(size_t *)context == 5000 ? ERR_EXCESS : ERR_OK;
}

static void many_rows(void **state)
{
    (void)state;
    enum { MANY = 5000 };
    char row[32];
    size_t count = 0;
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < MANY; i++) {
            snprintf(row, sizeof(row), "row/%d", i);
            fold(row, "n", row);
        }
    assert_int_equal(replay_rows(replay, count_row, &count), ERR_EXCESS);
    assert_int_equal(count, MANY); /* each once */
    for (int i = 0; i < MANY; i++) {
        snprintf(row, sizeof(row), "row/%d", i);
        store_says(true, row, "n", row);
    }
    replay_missing(replay, say, NULL);
    assert_string_equal(said, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_last_value_counts),
        TEST(differences_are_named),
        TEST(a_row_that_is_gone_has_no_fields),
        TEST(a_part_of_the_log_tells_a_part),
        TEST(many_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
