/* SPDX-License-Identifier: MIT */
/* Version counters and debug protection: what only ever rises, and what runs out. */
#include "tests/unit/check.h"

#include "common/host/own.h"
#include "tests/unit/test_board_bench.h"

enum {
    RSTSTS = 0x40000004,
    FVC = 0x4002f500,
    DPM = 0x4002f600,
    BUSY = 1,
    READY = 1 << 1,
    PWCERR = 1 << 4,
    PWUOK = 1 << 5,
    PWFMAX = 1 << 6,
    PWOK = 1 << 18
};

static struct chip chip;

static int setup(void **state)
{
    (void)state;
    bench_open(&chip);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    chip_close(&chip);
    return 0;
}

static void counters_rise_within_their_range(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t offset, write, want;
    } steps[] = {
        { "0 to 5", 0x10, 0x00000005, 5 },
        { "from a value it has not", 0x10, 0x00040006, 5 },
        { "5 to 63", 0x10, 0x0005003f, 63 },
        { "63 to 64", 0x10, 0x003f0040, 63 },
        { "down, before MONOEN", 0x10, 0x003f0007, 7 },
        { "counter 4 to 255", 0x20, 0x000000ff, 255 },
        { "counter 4 to 256", 0x20, 0x00ff0100, 255 },
        { "counter 2 does not exist", 0x18, 0x00000001, 0 },
    };
    poke(&chip, FVC + 0x10, 1); /* before INIT: refused */
    poke(&chip, FVC, 0x11110001);
    assert_true(never(&chip, FVC + 4, READY, READY)); /* wrong key */
    poke(&chip, FVC, 0x77100001);
    await(&chip, FVC + 4, READY | BUSY, READY);
    assert_int_equal(peek(&chip, FVC + 0x10), 0);
    for (size_t i = 0; i < COUNT(steps); i++) {
        poke(&chip, FVC + steps[i].offset, steps[i].write);
        await(&chip, FVC + 4, BUSY, 0);
        if (peek(&chip, FVC + steps[i].offset) != steps[i].want)
            fail_msg("%s", steps[i].name);
    }
    poke(&chip, FVC, 0x77100002);
    poke(&chip, FVC + 0x10, 0x00070006);
    assert_int_equal(peek(&chip, FVC + 0x10), 7);
    chip_power(&chip, false);
    chip_power(&chip, true);
    poke(&chip, FVC, 0x77100001);
    await(&chip, FVC + 4, READY | BUSY, READY);
    assert_int_equal(peek(&chip, FVC + 0x10), 7);
    assert_int_equal(peek(&chip, FVC) & 2, 2); /* MONOEN stays */
}

static uint32_t password(uint32_t side, uint32_t first, uint32_t operation)
{
    for (uint32_t i = 0; i < 4; i++) {
        poke(&chip, DPM + side + 0x10 + 4 * i, first + i);
        await(&chip, DPM + side + 4, BUSY, 0);
    }
    poke(&chip, DPM + side, 0x5a000000 | operation);
    return await(&chip, DPM + side + 4, BUSY, 0);
}

enum { COMPARE = 1 << 2, UPDATE = 1 << 3, SECURE = 0, NON_SECURE = 0x50 };

static void a_password_can_be_set_seven_times(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= 8; i++) {
        uint32_t status = password(SECURE, i, UPDATE);
        assert_int_equal((status & PWUOK) != 0, i <= 7);
        assert_int_equal(status >> 8 & 7, i <= 7 ? i : 7);
        poke(&chip, DPM + 4, PWUOK);
    }
    assert_int_equal(password(SECURE, 7, COMPARE) & PWOK, PWOK);
    assert_int_equal(password(NON_SECURE, 7, COMPARE) & PWOK, 0); /* its own password */
}

static void guesses_run_out_and_stay_out(void **state)
{
    (void)state;
    password(SECURE, 100, UPDATE);
    for (uint32_t i = 1; i <= 7; i++) {
        uint32_t status = password(SECURE, i, COMPARE);
        assert_int_equal(status & PWCERR, PWCERR);
        assert_int_equal((status & PWFMAX) != 0, i == 7);
        poke(&chip, DPM + 4, PWCERR);
    }
    assert_int_equal(password(SECURE, 100, COMPARE) & PWOK, 0);
    chip_power(&chip, false);
    chip_power(&chip, true);
    assert_int_equal(password(SECURE, 100, COMPARE) & (PWOK | PWFMAX), PWFMAX);
}

static void bits_only_go_up_and_want_the_key(void **state)
{
    (void)state;
    poke(&chip, DPM, 1);
    assert_int_equal(peek(&chip, DPM), 0xa5000000);
    poke(&chip, DPM, 0x5a000001);
    await(&chip, DPM + 4, BUSY, 0);
    poke(&chip, DPM, 0x5a000000);
    assert_int_equal(await(&chip, DPM + 4, BUSY, 0) >> 16 & 3, 1);
    assert_int_equal(peek(&chip, DPM + 0x54) >> 16 & 3, 0);
}

static void a_debugger_can_be_kept_from_the_block(void **state)
{
    (void)state;
    poke(&chip, DPM, 0x5a001000);
    await(&chip, DPM + 4, BUSY, 0);
    chip.master = MASTER_DEBUG;
    poke(&chip, DPM, 0x5a000002);
    assert_int_equal(peek(&chip, DPM) & 3, 0);
    chip.master = MASTER_CPU;
    poke(&chip, DPM + 0x50, 0x5a003000); /* NSCTL has DACCWDIS, and no DACCDIS */
    await(&chip, DPM + 0x54, BUSY, 0);
    assert_int_equal(peek(&chip, DPM + 0x50), 0xa5001000);
    chip.master = MASTER_DEBUG;
    assert_int_equal(peek(&chip, DPM), 0xa5001000);
    poke(&chip, DPM + 0x50, 0x5a000001);
    assert_int_equal(peek(&chip, DPM + 0x54) >> 16 & 1, 0);
    chip.master = MASTER_CPU;
    poke(&chip, DPM, 0x5a002000);
    await(&chip, DPM + 4, BUSY, 0);
    chip.master = MASTER_DEBUG;
    assert_int_equal(peek(&chip, DPM), 0);
}

/* What each kind of reset adds to RSTSTS, and what it leaves of BTF; the flags are W1C. */
static void each_reset_tells_its_cause(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum reset_kind kind;
        uint32_t causes;
    } cases[] = {
        { "nRESET: PINRF", RESET_PIN, 1 << 1 },         { "CHIPRST: PORF", RESET_CHIP, 1 << 0 },
        { "SYSRESETREQ: SYSRF", RESET_SYSTEM, 1 << 5 }, { "CPURST: CPURF", RESET_CPU, 1 << 7 },
        { "power-on: PORF", RESET_POWER, 1 << 0 },
    };
    assert_int_equal(peek(&chip, RSTSTS), 1);
    for (size_t i = 0; i < COUNT(cases); i++) {
        poke(&chip, RSTSTS, 0x1ff);
        assert_int_equal(peek(&chip, RSTSTS), 0);
        chip_reset(&chip, cases[i].kind);
        if (peek(&chip, RSTSTS) != cases[i].causes)
            fail_msg("%s: 0x%x", cases[i].name, peek(&chip, RSTSTS));
    }
    chip_reset(&chip, RESET_PIN);
    poke(&chip, RSTSTS, 1); /* only what is written */
    assert_int_equal(peek(&chip, RSTSTS), 1 << 1);
}

/* A board that gets its power while a probe holds nRESET starts as after any power-on. */
static void power_under_reset_is_a_power_on(void **state)
{
    (void)state;
    poke(&chip, 0x20000000, 0x11223344);
    chip_power(&chip, false);
    chip_pin_reset(&chip, true);
    chip_power(&chip, true);
    assert_int_equal(chip.core.state, CORE_HELD);
    chip_pin_reset(&chip, false);
    assert_int_equal(peek(&chip, RSTSTS), 1 << 0 | 1 << 1);
    assert_int_not_equal(peek(&chip, 0x20000000), 0x11223344);
    poke(&chip, RSTSTS, 3);
    chip_pin_reset(&chip, true);
    chip_pin_reset(&chip, false);
    assert_int_equal(peek(&chip, RSTSTS), 1 << 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(counters_rise_within_their_range),      TEST(a_password_can_be_set_seven_times),
        TEST(guesses_run_out_and_stay_out),          TEST(bits_only_go_up_and_want_the_key),
        TEST(a_debugger_can_be_kept_from_the_block), TEST(each_reset_tells_its_cause),
        TEST(power_under_reset_is_a_power_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
