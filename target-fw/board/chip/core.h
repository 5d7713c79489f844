/* SPDX-License-Identifier: MIT */
/*
 * core: the private peripheral bus of the Cortex-M23: SCB, SysTick, core debug, breakpoints,
 * watchpoints; and the core's state after the cpu stops. Exceptions: exc.h.
 *
 * Registers: ARMv8-M Architecture Reference Manual (DDI 0553). Used by bus, chip, swd and cpu,
 * on the board's thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "target-fw/board/chip/cpu.h"
#include "target-fw/board/chip/dwt.h"
#include "target-fw/board/chip/exc.h"
#include "target-fw/board/chip/fpb.h"

enum core_state {
    CORE_OFF,
    CORE_HELD, /* nRESET is low */
    CORE_RUN,
    CORE_SLEEP,
    CORE_HALT,
    CORE_LOCKUP,
    CORE_REFUSED /* the ROM does not start the image */
};

struct core {
    enum core_state state;
    uint32_t control; /* DHCSR's C_ bits */
    uint32_t demcr;
    uint32_t dfsr;
    uint32_t dcrdr;
    uint32_t dscsr;
    struct fpb fpb;
    struct dwt dwt;
    struct exc exc;
    uint32_t vtor;
    uint32_t scr;
    bool reset_seen; /* S_RESET_ST, cleared by reading */
    bool ran;        /* S_RETIRE_ST */
    bool in_rom;     /* refused, and the debugger has not set another PC */
    uint32_t tick_control;
    uint32_t tick_load;
    uint64_t tick_start; /* cycle of the last reload */
    bool tick_flag;
};

struct chip;

/* The addresses at which the core halts now; none without a debugger or under a lock. */
struct fpb_set core_breakpoints(const struct chip *chip);
struct dwt_set core_watchpoints(const struct chip *chip);

/* Registers; offset is from 0xE0000000, of a word. What chip->master may not see reads as zero,
 * and a write to it has no effect. */
uint32_t core_read(struct chip *chip, uint32_t offset);
void core_write(struct chip *chip, uint32_t offset, uint32_t value);

void core_reset(struct chip *chip, bool debug_too);   /* state to be set by core_start */
void core_start(struct chip *chip);                   /* from the vectors at address 0 */
void core_tick(struct chip *chip);                    /* bring SysTick up to date */
uint64_t core_tick_left(const struct chip *chip);     /* cycles; UINT64_MAX: no SysTick wake */
void core_ended(struct chip *chip, enum cpu_end end); /* the cpu stopped, for that reason */
void core_catch_hard_fault(struct chip *chip); /* HardFault was entered: halts if DEMCR says */
void core_lockup(struct chip *chip, const char *why);
const char *core_state_name(enum core_state state); /* as the control socket writes it */
