/* SPDX-License-Identifier: MIT */
/*
 * halt: what stops the core: a debugger, or a fault that no handler can take. The public part
 * is in core.h. Used by core.c and halt.c, on the board's thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    C_DEBUGEN = 1 << 0, /* of DHCSR */
    C_HALT = 1 << 1,
    DFSR_HALTED = 1 << 0,
    DFSR_BKPT = 1 << 1,
    DFSR_DWTTRAP = 1 << 2,
    DFSR_VCATCH = 1 << 3
};

struct chip;
struct core;

bool core_debugged(const struct chip *chip); /* there is a debugger, and no lock forbids it */
void core_halt(struct core *core, uint32_t reason); /* a bit of DFSR */
