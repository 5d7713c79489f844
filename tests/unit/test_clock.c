/* SPDX-License-Identifier: MIT */
/* The units of the clocks agree, and a moment to come is as far away as was asked. */
#include "tests/unit/check.h"

#include "common/host/clock.h"
#include "common/host/own.h"

static void units_agree(void **state)
{
    (void)state;
    uint64_t ms = clock_ms(), us = clock_us(), ns = clock_ns(), us2 = clock_us(),
             ms2 = clock_ms();
    assert_true(ms <= us / 1000 && us <= ns / 1000 && ns / 1000 <= us2 && us2 / 1000 <= ms2);
}

static void dates_are_of_the_wall_clock(void **state)
{
    (void)state;
    struct timespec before, after;
    clock_gettime(CLOCK_REALTIME, &before);
    uint64_t us = clock_real_us();
    clock_gettime(CLOCK_REALTIME, &after);
    assert_in_range(us, (uint64_t)before.tv_sec * 1000000 + (uint64_t)before.tv_nsec / 1000,
                    (uint64_t)after.tv_sec * 1000000 + (uint64_t)after.tv_nsec / 1000);
}

/* Whatever the fraction of the present second is. */
static void moments_are_whole(void **state)
{
    (void)state;
    static const unsigned after[] = { 0, 1, 999, 1000, 1001, 59999, 4294967295u };
    for (size_t i = 0; i < COUNT(after); i++)
        for (unsigned again = 0; again < 1000; again++) {
            uint64_t before = clock_ns() + (uint64_t)after[i] * 1000000;
            struct timespec t = clock_after_ms(after[i]);
            uint64_t latest = clock_ns() + (uint64_t)after[i] * 1000000;
            assert_in_range(t.tv_nsec, 0, 999999999);
            assert_in_range((uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec, before,
                            latest);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_agree),
        cmocka_unit_test(dates_are_of_the_wall_clock),
        cmocka_unit_test(moments_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
