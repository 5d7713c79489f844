/* SPDX-License-Identifier: MIT */
/*
 * results: what a conformance program and the runner say to each other through SRAM.
 *
 * A program is loaded at the start of SRAM bank 0, all that has a clock after reset. Words 4 to
 * 7 of its vector table, which the ARMv8-M Baseline reserves, are struct described. It is run
 * once a phase: the runner writes the phase's number, starts it, waits until the core halts or
 * locks up, reads the rows, and does what `then` asks for before the next phase. Pointers are
 * the target's. Used by tests/conformance/programs (Cortex-M23) and by the runner (any
 * little-endian host).
 */
#pragma once

#include <stdint.h>

#define PROGRAM_MAGIC 0x43666e4du
#define PROGRAM_BASE  0x20000000u
#define PROGRAM_BYTES                                                                          \
    0x7000u /* program, rows and stack; the rest of the bank is the program's */

enum {
    ROWS_MAX = 220,
    ROW_UNVERIFIED = 1 << 0, /* no public text says that silicon does so */
    ROW_TOLD = 1 << 1, /* the model's log must have said these words; got: of that PC, or 0 */
    PROGRAM_DESTRUCTIVE = 1 << 0,
};

enum program_state { PROGRAM_RUNNING, PROGRAM_DONE, PROGRAM_FAULTED };

enum program_then {
    THEN_END,          /* that was all */
    THEN_AGAIN,        /* the next phase, without any reset */
    THEN_RESET_SYSTEM, /* AIRCR.SYSRESETREQ */
    THEN_RESET_CPU,    /* SYS_IPRST0.CPURST */
    THEN_RESET_CHIP,   /* SYS_IPRST0.CHIPRST */
    THEN_RESET_PIN,    /* nRESET */
    THEN_POWER,        /* off and on */
};

struct described {
    uint32_t magic;
    uint32_t program; /* struct program */
    uint32_t results; /* struct results */
    uint32_t size;    /* of the image, in bytes */
};

struct program {
    uint32_t block; /* text: the row of target-fw/board/README.md that it checks */
    uint32_t flags;
};

struct row {
    uint32_t name; /* text */
    uint32_t flags;
    uint32_t got;
    uint32_t want;
};

struct results {
    uint32_t phase; /* the runner's; all below is the program's, zero when it starts */
    uint32_t state;
    uint32_t then;
    uint32_t control;  /* text or 0: a command for virtual-board, before the next phase */
    uint32_t expected; /* text or 0: the row that holds if the core faults now */
    uint32_t count;
    struct row rows[ROWS_MAX];
};
