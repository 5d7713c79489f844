/* SPDX-License-Identifier: MIT */
/* Which clocks oemctl init doubts. */
#include "tests/unit/check.h"

#include "common/host/own.h"
#include "oem-server/ctl/init_clock.h"

enum { DAY_S = 86400 };

#define BUILT INT64_C(1796083200) /* 2026-12-01 */

static const struct {
    const char *name;
    int64_t now_s;
    bool synchronised;
    enum init_doubt doubt;
} rows[] = {
    { "the day of the build", BUILT, true, INIT_CLOCK_FINE },
    { "the second before", BUILT - 1, true, INIT_CLOCK_BEFORE_BUILD },
    { "a day before", BUILT - DAY_S, true, INIT_CLOCK_BEFORE_BUILD },
    { "a computer without a battery", 0, true, INIT_CLOCK_BEFORE_BUILD },
    { "the same, and not synchronised", 0, false, INIT_CLOCK_BEFORE_BUILD },
    { "23 months later", BUILT + 700 * (int64_t)DAY_S, true, INIT_CLOCK_FINE },
    { "not synchronised", BUILT + DAY_S, false, INIT_CLOCK_UNSYNCHRONISED },
    { "ten years later", BUILT + 3653 * (int64_t)DAY_S, true, INIT_CLOCK_FAR_AHEAD },
    { "2038", INT64_C(2147483648), true, INIT_CLOCK_FAR_AHEAD },
    { "2050", INT64_C(2524608000), false, INIT_CLOCK_FAR_AHEAD },
    { "9999", INT64_C(253402300799), true, INIT_CLOCK_FAR_AHEAD },
};

static void the_gravest_doubt_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (init_clock_judge(rows[i].now_s, BUILT, rows[i].synchronised) != rows[i].doubt)
            fail_msg("%s", rows[i].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_gravest_doubt_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
