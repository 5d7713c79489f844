/* SPDX-License-Identifier: MIT */
/* A chip with its core, code in SRAM and a debugger's registers, for tests of the core. */
#pragma once

#include <string.h>

#include "common/host/own.h"
#include "tests/unit/test_board_bench.h"

#define DHCSR 0xe000edf0U
#define DCRSR 0xe000edf4U
#define DCRDR 0xe000edf8U
#define DEMCR 0xe000edfcU
#define SHCSR 0xe000ed24U
#define CODE  0x20000000U

enum {
    HALT = 3,
    RUN = 1,
    STEP = 5,
    S_HALT = 1 << 17,
    S_SLEEP = 1 << 18,
    S_LOCKUP = 1 << 19,
    BUDGET = 10000,
    SLICES = 8,    /* an exception ends one */
    HERE = 0xe7fe, /* b . */
    WFI = 0xbf30,
    BKPT = 0xbe00
};

static struct chip chip;

static inline int setup(void **state)
{
    (void)state;
    log_set_level((enum log_level)0);
    assert_int_equal(chip_open(&chip, 0, NULL, true), ERR_OK);
    chip.master = MASTER_DEBUG;
    clocks_on(&chip);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    chip_close(&chip);
    return 0;
}

static inline void debug(uint32_t control)
{
    poke(&chip, DHCSR, 0xa05f0000 | control);
}

static inline uint32_t reg(unsigned select)
{
    poke(&chip, DCRSR, select);
    return peek(&chip, DCRDR);
}

static inline void set_reg(unsigned select, uint32_t value)
{
    poke(&chip, DCRDR, value);
    poke(&chip, DCRSR, 1 << 16 | select);
}

static inline void load(const uint16_t *code, size_t count)
{
    debug(HALT);
    poke(&chip, SHCSR, 0); /* blank flash has left HardFault active */
    for (size_t i = 0; i < count; i++)
        assert_true(bus_write(&chip, CODE + 2 * (uint32_t)i, 2, code[i]));
    set_reg(CPU_REG_XPSR, 0x01000000);
    set_reg(CPU_REG_MSP, 0x20008000);
    set_reg(CPU_REG_PC, CODE);
}

#define LOAD(...)                                                                              \
    load((const uint16_t[]){ __VA_ARGS__ }, sizeof((const uint16_t[]){ __VA_ARGS__ }) / 2)

static inline uint32_t run(void)
{
    debug(RUN);
    for (int i = 0; i < SLICES; i++)
        chip_run(&chip, BUDGET);
    return peek(&chip, DHCSR) & (S_HALT | S_SLEEP | S_LOCKUP);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
