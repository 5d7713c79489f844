/* SPDX-License-Identifier: MIT */
/*
 * fpb: the breakpoint unit: four addresses at which the core halts before it executes them.
 *
 * Breakpoint unit of ARMv8-M, version 2 (DDI 0553, "Flash Patch and Breakpoint"): FP_CTRL at
 * 0xE0002000, FP_COMP0 at 0xE0002008. It matches only while a debugger is connected, also at
 * the instruction that a debugger resumes or steps from: that one must be cleared first. Used
 * by core and cpu.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FPB_BASE = 0x2000, FPB_BYTES = 0x1000, FPB_COUNT = 4 }; /* offset from 0xE0000000 */

struct fpb {
    bool enabled;
    uint32_t comp[FPB_COUNT]; /* address, bit 0: in use */
};

/* Registers; offset is from FPB_BASE. */
uint32_t fpb_read(const struct fpb *fpb, uint32_t offset);
void fpb_write(struct fpb *fpb, uint32_t offset, uint32_t value);

/* The addresses in force, in the registers' order. */
struct fpb_set {
    uint64_t at[FPB_COUNT];
    size_t count;
};

/* The comparators in use; whether a set holds an address; whether two sets are the same. */
struct fpb_set fpb_active(const struct fpb *fpb);
bool fpb_set_has(const struct fpb_set *set, uint32_t address);
bool fpb_set_equal(const struct fpb_set *a, const struct fpb_set *b);
