/* SPDX-License-Identifier: MIT */
/*
 * rows: what came of each check, one line each on standard output, and how many failed.
 *
 * "ok PROGRAM: ROW", "not ok PROGRAM: ROW: why", "skipped PROGRAM: ROW: why". A row that no
 * public source says of silicon ends in [U]: where it fails on a board, an assumption has
 * fallen.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct rows {
    const char *program; /* that is running, for the lines */
    unsigned passed, failed, skipped, unverified;
};

enum row_mark { ROW_SURE, ROW_U };

void row_of(struct rows *rows, bool good, enum row_mark mark, const char *name,
            const char *why);
void row_value(struct rows *rows, enum row_mark mark, const char *name, uint32_t got,
               uint32_t want);
void row_skipped(struct rows *rows, const char *name, const char *why);
