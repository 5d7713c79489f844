/* SPDX-License-Identifier: MIT */
/*
 * sys: SYS and CLK: register lock, reset causes and controls, clock gates and sources. Used by
 * chip, bus and swd.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "target-fw/board/chip/busy.h"

enum {
    SYS_PDID = 0xa1735440, /* M2354KJFAE */
    SYS_RSTS_POR = 1 << 0,
    SYS_RSTS_PIN = 1 << 1,
    SYS_RSTS_SYS = 1 << 5,
    SYS_RSTS_CPU = 1 << 7,
    SYS_REGS = 0x80, /* words of the SYS page that are kept */
    CLK_REGS = 0x40
};

struct sys {
    uint32_t regs[SYS_REGS];
    uint32_t reset_status;
    unsigned unlock_step;
    bool unlocked;
    struct busy power_level;
};

struct clk {
    uint32_t regs[CLK_REGS];
    struct busy settle; /* of a source just switched on */
    uint32_t stable;    /* STATUS as shown */
    unsigned speed;     /* HCLK in units of CHIP_HCLK_HZ */
};

struct chip;
bool sys_swd_pins(const struct chip *chip); /* PF.0 and PF.1 are ICE_DAT and ICE_CLK */

/* Does the block, or the bank of SRAM, have its clock? gate: enum gate, of periph.h. */
bool clk_gate_open(const struct chip *chip, unsigned gate);
bool clk_sram_bank_on(const struct chip *chip, unsigned bank);
