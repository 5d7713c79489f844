/* SPDX-License-Identifier: MIT */
/*
 * wire: what the runner checks itself, as a debugger: the debug port, core debug, locks, boot.
 *
 * A row per group of checks; each begins with a system reset and a halted core, and leaves the
 * board as it found it unless it is destructive.
 */
#pragma once

#include "tests/conformance/bench.h"
#include "tests/conformance/rows.h"

struct wire {
    const char *name;
    const char *block; /* the row of target-fw/board/README.md that it checks */
    bool destructive;
    enum err (*run)(struct bench *bench, struct rows *rows);
};

const struct wire *wire_at(size_t n);           /* NULL: no more */
const struct wire *wire_find(const char *name); /* NULL: a program, perhaps */
enum err wire_run(const struct wire *wire, struct bench *bench, struct rows *rows);
