/* SPDX-License-Identifier: MIT */
/* The boot test as the chip sees it: the reset, what the firmware shows, and the way back in.
 */
#include "tests/unit/check.h"

#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "station-agent/chip/chip.h"
#include "station-agent/probe/dap.h"
#include "tests/unit/test_probe_fake.h"

enum {
    PDID = 0x40000000,
    RSTSTS = 0x40000004,
    REGLCTL = 0x40000100,
    STATUS = 0x40000250,
    BTF = 0x4002F800,
    PIN = 1 << 1,
    POWER = 1 << 0,
    READY = 1 << 16 | 1 << 20,
    HALTED = 1 << 17,
    LOCKUP = 1 << 19,
    RESET_SEEN = 1 << 25,
};
#define DHCSR 0xE000EDF0u
#define DEMCR 0xE000EDFCu
#define AIRCR 0xE000ED0Cu
#define RUN   0xA05F0001u
#define STOP  0xA05F0003u

struct bench {
    struct fake fake;
    struct chip *chip;
    unsigned keys;
    uint32_t after, stage; /* DHCSR and BTF once nRESET is let go */
    bool no_pin;           /* nRESET is not wired to the chip */
    bool shuts_pins;       /* the firmware does, as soon as it runs */
    bool keeps_bit;        /* RSTSTS cannot be cleared */
    unsigned late;         /* so many reads of BTF until it is there */
};

static void on_write(struct fake *fake, uint32_t address, uint32_t value)
{
    struct bench *b = fake->user;
    if (address == REGLCTL) {
        static const uint32_t keys[] = { 0x59, 0x16, 0x88 };
        b->keys = b->keys < 3 && value == keys[b->keys] ? b->keys + 1 : 0;
        fake_set(fake, REGLCTL, b->keys == 3);
    }
    if (address == RSTSTS)
        fake_set(fake, RSTSTS, b->keeps_bit ? PIN : (POWER & ~value));
    if (address == DHCSR)
        fake_set(fake, DHCSR, READY | (value == STOP ? HALTED : 0));
    if (address == AIRCR)
        fake_set(fake, DHCSR, READY | HALTED | RESET_SEEN);
}

static void on_read(struct fake *fake, uint32_t address)
{
    struct bench *b = fake->user;
    if (address == BTF && b->late > 0 && --b->late == 0)
        fake_set(fake, BTF, 1);
}

/* A core that was asked to is halted at its vector; else the firmware runs. */
static void on_reset(struct fake *fake, bool low)
{
    struct bench *b = fake->user;
    if (low || b->no_pin)
        return;
    bool caught = (fake_get(fake, DEMCR) & 1) != 0;
    fake_set(fake, RSTSTS, fake_get(fake, RSTSTS) | PIN);
    fake_set(fake, BTF, b->late != 0 || caught ? 0 : b->stage);
    fake_set(fake, DHCSR, caught ? READY | HALTED : b->after);
    fake->pins_shut = b->shuts_pins && !caught;
}

static struct bench *bench_open(void)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    fake_init(&b->fake);
    b->fake.user = b;
    b->fake.on_write = on_write;
    b->fake.on_read = on_read;
    b->fake.on_reset = on_reset;
    b->after = READY;
    b->stage = 1;
    fake_set(&b->fake, PDID, 0xA1735440);
    fake_set(&b->fake, STATUS, 1u << 4);
    fake_set(&b->fake, RSTSTS, POWER | PIN);
    fake_set(&b->fake, DHCSR, READY);
    assert_int_equal(chip_open(&b->fake.probe, 0, &b->chip), ERR_OK);
    return b;
}

static void bench_drop(struct bench **b)
{
    chip_close((*b)->chip);
    free(*b);
}

static const struct {
    const char *name;
    uint32_t after, stage;
    bool no_pin, shuts_pins;
    enum chip_boot want;
    bool answered, reset_seen;
    const char *words;
} boots[] = {
    { "it starts", READY, 1, false, false, CHIP_BOOT_STARTED, true, true,
      "reset by pin), BTF 0x00000001, core running" },
    { "the boot ROM refuses it", READY, 0, false, false, CHIP_BOOT_FAILED, true, true,
      "BTF 0x00000000" },
    { "it ends in lock-up", READY | LOCKUP, 1, false, false, CHIP_BOOT_FAILED, true, true,
      "core in lock-up" },
    { "it is halted", READY | HALTED, 1, false, false, CHIP_BOOT_FAILED, true, true,
      "core halted" },
    { "nRESET is not wired", READY, 1, true, false, CHIP_BOOT_NOT_KNOWN, true, false,
      "no reset by pin is seen" },
    { "it shuts its pins", READY, 1, false, true, CHIP_BOOT_NOT_KNOWN, false, false,
      "SWD does not answer after the reset" },
};

static void what_the_firmware_shows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(boots); i++) {
        AUTO(bench_drop) struct bench *b = bench_open();
        struct chip_boot_result result;
        b->after = boots[i].after;
        b->stage = boots[i].stage;
        b->no_pin = boots[i].no_pin;
        b->shuts_pins = boots[i].shuts_pins;
        assert_int_equal(chip_boot_reset(b->chip), ERR_OK);
        assert_int_equal(b->fake.resets, 1);
        chip_boot_look(b->chip, 30, &result);
        if (result.boot != boots[i].want || strstr(result.detail, boots[i].words) == NULL)
            fail_msg("%s: %d: %s", boots[i].name, (int)result.boot, result.detail);
        assert_int_equal(result.answered, boots[i].answered);
        assert_int_equal(result.reset_seen, boots[i].reset_seen);
        /* Whatever it did, it can be taken back: no further reset unless SWD is dead. */
        assert_int_equal(chip_attach(b->chip), ERR_OK);
        assert_int_equal(b->fake.resets, boots[i].shuts_pins ? 2 : 1);
        assert_true((fake_get(&b->fake, DHCSR) & HALTED) != 0);
        assert_int_equal(fake_get(&b->fake, DEMCR), 0);
    }
}

static void a_slow_start_is_waited_for(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_open();
    struct chip_boot_result result;
    b->late = 4;
    assert_int_equal(chip_boot_reset(b->chip), ERR_OK);
    chip_boot_look(b->chip, 5000, &result);
    assert_int_equal(result.boot, CHIP_BOOT_STARTED);
}

static void a_reset_bit_that_stays_is_no_sight_of_a_reset(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_open();
    b->keeps_bit = true;
    assert_int_equal(chip_boot_reset(b->chip), ERR_CHIP);
    assert_int_equal(b->fake.resets, 0);
}

static void a_board_without_power_is_not_attached(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_open();
    b->fake.no_answer = true;
    assert_int_equal(chip_attach(b->chip), ERR_UNAVAILABLE);
    assert_non_null(strstr(fail_words(), "with nRESET held low"));
    assert_false(b->fake.reset_low); /* it is let go again */
}

static bool all_but_dpm(uint32_t address)
{
    return address != 0xF00016FC;
}

/* Firmware that shuts its pins runs. Only a board that does not answer is reset. */
static void a_start_under_reset(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool pins_shut, locked, absent;
        enum err want;
        unsigned resets;
    } cases[] = {
        { "shuts its pins", true, false, false, ERR_OK, 1 },
        { "answers", false, false, false, ERR_OK, 0 },
        { "is locked", false, true, false, ERR_LOCKED, 0 },
        { "is not there", false, false, true, ERR_UNAVAILABLE, 1 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(bench_drop) struct bench *b = bench_open();
        chip_close(b->chip);
        b->chip = NULL;
        fake_set(&b->fake, 0xF00016FC, 0x44504D00);
        b->shuts_pins = b->fake.pins_shut = cases[i].pins_shut;
        b->fake.refuses = cases[i].locked ? all_but_dpm : NULL;
        b->fake.no_answer = cases[i].absent;
        enum err e = chip_open_under_reset(&b->fake.probe, 0, &b->chip);
        if (e != cases[i].want || b->fake.resets != cases[i].resets)
            fail_msg("%s: %d, %u resets: %s", cases[i].name, (int)e, b->fake.resets,
                     fail_words());
        assert_false(b->fake.reset_low);
        assert_int_equal(fake_get(&b->fake, DEMCR), 0);
    }
}

int main(void)
{
    log_set_level(LOG_LEVEL_NONE);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_firmware_shows),
        cmocka_unit_test(a_slow_start_is_waited_for),
        cmocka_unit_test(a_reset_bit_that_stays_is_no_sight_of_a_reset),
        cmocka_unit_test(a_board_without_power_is_not_attached),
        cmocka_unit_test(a_start_under_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
