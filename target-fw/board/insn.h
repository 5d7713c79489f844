/* SPDX-License-Identifier: MIT */
/*
 * insn: which instructions v8-M Baseline has, and how often one reaches memory.
 *
 * The emulator's core is a Mainline one, and runs what an M23 does not know. A block of code
 * has no branch but its last instruction, so the number of accesses since its start tells which
 * instruction made one; the emulator does not. first and second are the halfwords of an
 * instruction. Pure functions. Used by cpu.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

unsigned insn_bytes(uint16_t first);                    /* 2 or 4 */
bool insn_is_baseline(uint16_t first, uint16_t second); /* second: of a long one only */
unsigned insn_accesses(uint16_t first, uint16_t second);
