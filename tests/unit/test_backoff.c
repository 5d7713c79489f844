/* SPDX-License-Identifier: MIT */
/* The waits between attempts: their bounds, their spread, their seed. */
#include "tests/unit/check.h"

#include "common/host/backoff.h"
#include "common/host/own.h"

enum { DRAWS = 4000, STEPS = 40 };

static const struct {
    const char *name;
    uint32_t initial_ms, cap_ms;
    uint32_t bounds[6]; /* of the first waits */
} cases[] = {
    { "doubles up to its cap", 500, 5000, { 500, 1000, 2000, 4000, 5000, 5000 } },
    { "cap is a power", 100, 400, { 100, 200, 400, 400, 400, 400 } },
    { "constant", 7, 7, { 7, 7, 7, 7, 7, 7 } },
    { "smallest", 1, 2, { 1, 2, 2, 2, 2, 2 } },
    { "does not wrap",
      UINT32_MAX / 2,
      UINT32_MAX,
      { UINT32_MAX / 2, UINT32_MAX - 1, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX } },
};

static void no_wait_is_over_its_bound(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        for (uint64_t seed = 0; seed < DRAWS; seed++) {
            struct backoff b = backoff_of(cases[i].initial_ms, cases[i].cap_ms, seed);
            for (size_t k = 0; k < COUNT(cases[i].bounds); k++)
                if (backoff_next_ms(&b) > cases[i].bounds[k])
                    fail_msg("%s: wait %zu, seed %ju", cases[i].name, k, (uintmax_t)seed);
            for (size_t k = 0; k < STEPS; k++)
                assert_true(backoff_next_ms(&b) <= cases[i].cap_ms);
        }
}

/* Full jitter: all of the range is used, its ends too, and evenly. */
static void waits_are_spread(void **state)
{
    (void)state;
    unsigned seen[4] = { 0 };
    for (uint64_t seed = 0; seed < DRAWS; seed++) {
        struct backoff b = backoff_of(COUNT(seen) - 1, 100, seed);
        seen[backoff_next_ms(&b)]++;
    }
    for (size_t i = 0; i < COUNT(seen); i++)
        assert_in_range(seen[i], DRAWS / COUNT(seen) * 9 / 10, DRAWS / COUNT(seen) * 11 / 10);
}

static void a_seed_fixes_the_waits(void **state)
{
    (void)state;
    struct backoff a = backoff_of(500, 5000, 42), same = a, other = backoff_of(500, 5000, 43);
    unsigned differ = 0;
    for (size_t i = 0; i < STEPS; i++) {
        uint32_t wait_ms = backoff_next_ms(&a);
        assert_int_equal(wait_ms, backoff_next_ms(&same));
        differ += wait_ms != backoff_next_ms(&other);
    }
    assert_true(differ > STEPS / 2);
    assert_true(backoff_seed() != backoff_seed());
}

static void use_starts_it_again(void **state)
{
    (void)state;
    struct backoff b = backoff_of(10, 10000, 1);
    for (size_t i = 0; i < DRAWS; i++) {
        for (size_t k = 0; k < 8; k++)
            (void)backoff_next_ms(&b);
        backoff_reset(&b);
        assert_true(backoff_next_ms(&b) <= 10);
        assert_true(backoff_next_ms(&b) <= 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_wait_is_over_its_bound),
        cmocka_unit_test(waits_are_spread),
        cmocka_unit_test(a_seed_fixes_the_waits),
        cmocka_unit_test(use_starts_it_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
