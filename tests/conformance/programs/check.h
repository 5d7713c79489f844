/* SPDX-License-Identifier: MIT */
/*
 * check: what a conformance program is written with.
 *
 * A program names its block by PROGRAM() and has one function, phase(). Each check is a row
 * that the runner prints: "ok keystore: a key is read back", or what was read and what was
 * wanted. What no public source says of silicon is checked by the functions with a u at the
 * end: their rows are marked [U]. Nothing here stops at a failure, and every wait ends. Used by
 * programs/ only.
 */
#pragma once

#include "tests/conformance/programs/chip.h"
#include "tests/conformance/programs/results.h"

#include <stdbool.h>
#include <stddef.h>

#define UNIFIED       ".syntax unified\n\t" /* GCC's own is "divided" for this core */
#define WORD(pointer) ((uint32_t)(uintptr_t)(pointer))
#define COUNT(array)  (sizeof(array) / sizeof((array)[0]))

#define PROGRAM(block_name, program_flags)                                                     \
    static const char program_block[] = block_name;                                            \
    const struct described_program program = { program_block, program_flags }

/* struct program with a pointer that the linker can fill in. */
struct described_program {
    const char *block;
    uint32_t flags;
};
extern const struct described_program program;
extern struct results results;

void phase(uint32_t number);

void check(const char *name, uint32_t got, uint32_t want);
void checku(const char *name, uint32_t got, uint32_t want);
void check_words(const char *name, const volatile uint32_t *got, const uint32_t *want,
                 size_t count);
void checku_words(const char *name, const volatile uint32_t *got, const uint32_t *want,
                  size_t count);

/* virtual-board's log must have said this since the phase began, with the address of this
 * program's code. Whatever else it says is a failed row. Skipped where there is no log. */
void told(const char *words);
void told_at(const char *words, uint32_t pc); /* of that very instruction */

/* The very next thing must fault: this is the row. The phase ends there. */
void fault_expected(const char *name);

/* What comes before the next phase; without it the program is over. */
void then(enum program_then what);
void then_control(const char *command); /* of virtual-board, N for its number; no reset */

bool until(volatile const uint32_t *reg, uint32_t mask,
           uint32_t want); /* false: it never came */
