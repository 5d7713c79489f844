/* SPDX-License-Identifier: MIT */
/*
 * core: halt, run and set up the processor through its debug registers.
 *
 * DDI 0553 (Armv8-M), chapter "Debug": DHCSR, DCRSR, DCRDR, DEMCR. It has no state of its own.
 * Errors are mem.h's; ERR_FAULT also if the core does not react in time. On the mem's thread.
 * Used by chip/ and link/.
 */
#pragma once

#include "station-agent/probe/mem.h"

enum core_register {
    CORE_R0 = 0,
    CORE_SP = 13,
    CORE_LR = 14,
    CORE_PC = 15,
    CORE_XPSR = 16,
    CORE_MSP = 17,
    CORE_PSP = 18,
    CORE_CONTROL = 20, /* CONTROL, FAULTMASK, BASEPRI, PRIMASK, one byte each */
    CORE_MSPLIM = 28,  /* of the secure state */
};

/* Bits of DHCSR as read. */
enum core_status {
    CORE_S_REGRDY = 1 << 16,
    CORE_S_HALT = 1 << 17,
    CORE_S_SLEEP = 1 << 18,
    CORE_S_LOCKUP = 1 << 19,
    CORE_S_SDE = 1 << 20, /* secure debug allowed */
    CORE_S_RESET = 1 << 25,
};

#define CORE_DHCSR 0xE000EDF0u

enum { CORE_WORDS_MAX = 120 };

enum err core_status(struct mem *mem, uint32_t *dhcsr_out);
enum err core_halt(struct mem *mem);
enum err core_run(struct mem *mem);
enum err core_reset_halt(struct mem *mem); /* system reset, caught at the first instruction */

/* Two steps for a core that nRESET holds in reset: request the halt at its first instruction
 * while it is held, and wait for that halt after nRESET is released. */
enum err core_catch_reset(struct mem *mem);
enum err core_await_caught(struct mem *mem);

enum err core_register_write(struct mem *mem, enum core_register reg, uint32_t value);
/* Several, in one packet where it holds them and the probe waits for values. */
enum { CORE_VALUES_MAX = 8 };
struct core_value {
    enum core_register reg;
    uint32_t value;
};
enum err core_registers_write(struct mem *mem, const struct core_value *values, size_t count);
enum err core_register_read(struct mem *mem, enum core_register reg, uint32_t *value_out);
enum err core_vector_table(struct mem *mem, uint32_t address); /* VTOR */

/* The core's state, for a message: "lock-up at PC 0x20000123", or that nothing could be read.
 * Halts the core to read it. */
void core_describe(struct mem *mem, char words[static CORE_WORDS_MAX]);
