/* SPDX-License-Identifier: MIT */
/*
 * cpu: the processor. Only files of that name know Unicorn.
 *
 * Runs in slices, on the thread of its board. A slice ends at WFI, at a breakpoint, watchpoint,
 * fault, SVC or exception return, or at the start of a block when the budget is used, a stop
 * was asked for, or an exception is due (exc.h). A fault in the middle of a block leaves all
 * registers as they were before the instruction; PC is computed (insn.h). A fresh engine is
 * made per reset and whenever memory that was executed has changed, so translated code is not
 * stale (`test_board_cpu`). Functions on a NULL cpu do nothing (blocks are tested without one).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/core/err.h"

struct chip;
struct cpu;

enum cpu_end {
    CPU_END_SLICE, /* budget used, or stopped as asked */
    CPU_END_WFI,
    CPU_END_BKPT,   /* PC at the instruction */
    CPU_END_FAULT,  /* PC at the instruction; cpu_fault_words() says which */
    CPU_END_SVC,    /* PC after it */
    CPU_END_RETURN, /* PC is an EXC_RETURN value */
    CPU_END_WATCH   /* PC after the access; its comparator is marked */
};

/* Register selectors are those of DCRSR.REGSEL (ARMv8-M Architecture Reference Manual). */
enum {
    CPU_REG_SP = 13,
    CPU_REG_LR = 14,
    CPU_REG_PC = 15,
    CPU_REG_XPSR = 16,
    CPU_REG_MSP = 17,
    CPU_REG_PSP = 18,
    CPU_REG_SPECIAL = 20, /* CONTROL, FAULTMASK, BASEPRI, PRIMASK */
    CPU_REG_MSP_S = 26,
    CPU_REG_PSP_S = 27,
    CPU_REG_MSPLIM_S = 28,
    CPU_REG_PSPLIM_S = 29
};

/* *out is the caller's, to be freed before the chip is closed. ERR_MEMORY: no engine. */
enum err cpu_new(struct chip *chip, struct cpu **out);
void cpu_free(struct cpu *cpu);

enum err cpu_restart(struct cpu *cpu); /* a fresh engine, registers as after reset */
enum cpu_end cpu_run(struct cpu *cpu, uint32_t blocks);
enum cpu_end cpu_step(struct cpu *cpu);           /* one instruction */
void cpu_stop(struct cpu *cpu);                   /* end the slice at the next block */
void cpu_alarm(struct cpu *cpu, uint64_t cycles); /* end it when board time is there */
const char *cpu_fault_words(const struct cpu *cpu);

/* Registers, by the selectors above; an unknown one reads as zero and takes nothing. */
uint32_t cpu_reg(struct cpu *cpu, unsigned select);
void cpu_reg_set(struct cpu *cpu, unsigned select, uint32_t value);
uint32_t cpu_where(struct cpu *cpu); /* the instruction that makes an access, for log lines */

/* To be called with each change of memory or map, by whatever caused it: code that ran there is
 * translated again. */
void cpu_code_changed(struct cpu *cpu, uint32_t address, uint32_t len);
void cpu_map_changed(struct cpu *cpu); /* an SRAM bank's clock was switched */
