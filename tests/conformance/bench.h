/* SPDX-License-Identifier: MIT */
/*
 * bench: the board under test: its probe, its resets, and what only virtual-board has.
 *
 * A control socket and a log are there if the board is virtual-board. Without them power is
 * cycled by whoever sits at the bench, and what needs them is skipped. After every reset here
 * the core is halted, if the debug port is not closed. One bench per run, one thread.
 */
#pragma once

#include "station-agent/probe/core.h"
#include "tests/conformance/programs/results.h"

struct bench {
    struct probe *probe; /* borrowed */
    struct swd swd;
    struct mem mem;
    const char *control; /* path of virtual-board's socket, or NULL */
    const char *log;     /* path of what it logs, or NULL */
    const char *uart;    /* path of what its UART0 sends, or NULL */
    unsigned board;      /* its number there */
    bool attended;       /* somebody can cycle the power */
};

enum { BENCH_ANSWER_MAX = 1024 };

enum err bench_connect(struct bench *bench);
enum err bench_reset(struct bench *bench, enum program_then kind); /* then connects and halts */
enum err bench_reset_free(struct bench *bench, enum program_then kind); /* and lets it run */
bool bench_can(const struct bench *bench, enum program_then kind);

/* Power goes and comes; nothing is looked at afterwards: the debug port may be closed. */
enum err bench_power(struct bench *bench);

/* A command for the control socket; "N" as a word stands for the board's number. */
enum err bench_control(const struct bench *bench, const char *command,
                       char answer[static BENCH_ANSWER_MAX]);
