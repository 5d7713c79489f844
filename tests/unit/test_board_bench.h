/* SPDX-License-Identifier: MIT */
/* A bare chip for the tests of virtual-board's blocks: clocks on, register lock open. */
#pragma once

#include "common/host/log.h"
#include "target-fw/board/chip/chip.h"

static inline uint32_t peek(struct chip *chip, uint32_t address)
{
    uint32_t value = 0;
    bool ok = bus_read(chip, address, 4, &value);
    assert_true(ok);
    return value;
}

static inline void poke(struct chip *chip, uint32_t address, uint32_t value)
{
    bool ok = bus_write(chip, address, 4, value);
    assert_true(ok);
}

static inline void unlock(struct chip *chip)
{
    poke(chip, 0x40000100, 0x59);
    poke(chip, 0x40000100, 0x16);
    poke(chip, 0x40000100, 0x88);
}

static inline void clocks_on(struct chip *chip)
{
    unlock(chip);
    poke(chip, 0x40000204, 0x00108000 | 7 << 20 | 1 << 13 | 1 << 12 | 1 << 2);
    poke(chip, 0x40000208, 1 << 1 | 1 << 16);
    poke(chip, 0x4000020c, 1 << 25);
}

/* Polls until (value & mask) == want; fails the test if that never comes. */
static inline uint32_t await(struct chip *chip, uint32_t address, uint32_t mask, uint32_t want)
{
    uint32_t value = 0;
    for (int i = 0; i < 50; i++) {
        value = peek(chip, address);
        if ((value & mask) == want)
            return value;
    }
    assert_int_equal(value & mask, want);
    return value;
}

static inline bool never(struct chip *chip, uint32_t address, uint32_t mask, uint32_t want)
{
    for (int i = 0; i < 50; i++)
        if ((peek(chip, address) & mask) == want)
            return false;
    return true;
}

/* Without a CPU: blocks, flash, ROM and debug port only. */
static inline void bench_open(struct chip *chip)
{
    log_set_level((enum log_level)0);
    assert_int_equal(chip_open(chip, 0, NULL, false), ERR_OK);
    clocks_on(chip);
}
