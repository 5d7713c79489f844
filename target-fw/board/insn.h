/*
 * insn: how often an instruction of v8-M Baseline reaches memory.
 *
 * A block of code is straight, so the number of accesses since its start tells at which of its
 * instructions an access was made: the emulator itself does not say. Used by cpu.
 */
#pragma once

#include <stdint.h>

unsigned insn_bytes(uint16_t first); /* 2 or 4 */
unsigned insn_accesses(uint16_t first, uint16_t second);
