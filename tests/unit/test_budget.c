/* SPDX-License-Identifier: MIT */
/* The table of oem-server/README.md is the code's; token buckets; meters. */
#include "tests/unit/check.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "common/host/meter.h"
#include "oem-server/budget/budget.h"

/* The README has the table's rows, in order, and no other row of six cells between them. */
static void readme_has_the_table(void **state)
{
    (void)state;
    char line[1024], row[512];
    unsigned next = 0;
    FILE *readme = fopen(SOURCE_DIR "/oem-server/README.md", "r");
    assert_non_null(readme);
    while (next < BUDGET_ROWS && fgets(line, sizeof(line), readme) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        budget_line(next, row, sizeof(row));
        if (strcmp(line, row) == 0)
            next++;
        else if (next != 0)
            assert_string_equal(line, row);
    }
    budget_line(next < BUDGET_ROWS ? next : 0, row, sizeof(row));
    if (next < BUDGET_ROWS)
        fail_msg("oem-server/README.md lacks this row: %s", row);
    assert_non_null(fgets(line, sizeof(line), readme));
    assert_int_not_equal(line[0], '|');
    fclose(readme);
}

/* A row without a test that tries to exceed it is a promise. */
static void each_row_has_its_test(void **state)
{
    (void)state;
    static char text[1 << 20];
    for (unsigned row = 0; row < BUDGET_ROWS; row++) {
        const char *file, *test;
        char path[512], run[160], macro[160];
        budget_test(row, &file, &test);
        snprintf(path, sizeof(path), "%s/tests/unit/%s", SOURCE_DIR, file);
        FILE *f = fopen(path, "r");
        if (f == NULL)
            fail_msg("row %u of the budget: there is no tests/unit/%s", row, file);
        size_t len = f == NULL ? 0 : fread(text, 1, sizeof(text) - 1, f);
        text[len] = '\0';
        fclose(f);
        snprintf(run, sizeof(run), "cmocka_unit_test(%s)", test);
        snprintf(macro, sizeof(macro), "TEST(%s)", test);
        if (strstr(text, run) == NULL && strstr(text, macro) == NULL)
            fail_msg("row %u of the budget: tests/unit/%s runs no %s", row, file, test);
    }
}

static void a_bucket_refills_with_time(void **state)
{
    (void)state;
    static const struct budget_rate rate = { 3, 100 };
    struct budget_bucket bucket = { 0 };
    for (unsigned i = 0; i < 3; i++)
        assert_true(budget_take(&bucket, rate, 1000));
    assert_false(budget_take(&bucket, rate, 1000));
    assert_false(budget_take(&bucket, rate, 1099));
    assert_true(budget_take(&bucket, rate, 1100));
    assert_false(budget_take(&bucket, rate, 1150)); /* the half is not lost: */
    assert_true(budget_take(&bucket, rate, 1200));
    assert_int_equal(budget_left(&bucket, rate, 1000000), 3); /* and it never overflows */
}

static void a_meter_counts_on_both_or_neither(void **state)
{
    (void)state;
    struct meter all = { .max = 100 };
    struct meter one = { .max = 60, .all = &all }, two = { .max = 60, .all = &all };
    assert_true(meter_take(&one, 60));
    assert_false(meter_take(&one, 1));
    assert_false(meter_take(&two, 41));
    assert_int_equal(atomic_load(&two.used), 0);
    assert_true(meter_take(&two, 40));
    assert_false(meter_take(&two, SIZE_MAX));
    meter_add(&two, 500); /* over both: nothing more is granted until it goes */
    assert_false(meter_take(&one, 0));
    meter_give(&two, 500);
    meter_give(&one, 60);
    meter_give(&two, 40);
    assert_int_equal(atomic_load(&all.used), 0);
}

enum { THREADS = 4, ROUNDS = 20000 };

static void *take_and_give(void *context)
{
    struct meter *meter = context;
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (meter_take(meter, 3))
            meter_give(meter, 3);
    }
    return NULL;
}

static void a_meter_is_exact_between_threads(void **state)
{
    (void)state;
    struct meter all = { .max = 10 };
    struct meter one = { .max = 8, .all = &all };
    pthread_t thread[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, take_and_give, &one), 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(atomic_load(&one.used), 0);
    assert_int_equal(atomic_load(&all.used), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readme_has_the_table),
        cmocka_unit_test(each_row_has_its_test),
        cmocka_unit_test(a_bucket_refills_with_time),
        cmocka_unit_test(a_meter_counts_on_both_or_neither),
        cmocka_unit_test(a_meter_is_exact_between_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
