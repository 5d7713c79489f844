/* SPDX-License-Identifier: MIT */
#include "tests/conformance/rows.h"

#include <stdio.h>

enum { WHY_MAX = 64 };

void row_of(struct rows *rows, bool good, enum row_mark mark, const char *name, const char *why)
{
    const char *tail = mark == ROW_U ? " [U]" : "";
    if (good)
        printf("ok %s: %s%s\n", rows->program, name, tail);
    else
        printf("not ok %s: %s%s: %s\n", rows->program, name, tail, why);
    rows->passed += good;
    rows->failed += !good;
    rows->unverified += mark == ROW_U;
    fflush(stdout);
}

void row_value(struct rows *rows, enum row_mark mark, const char *name, uint32_t got,
               uint32_t want)
{
    char why[WHY_MAX];
    snprintf(why, sizeof(why), "got 0x%08x want 0x%08x", got, want);
    row_of(rows, got == want, mark, name, why);
}

void row_skipped(struct rows *rows, const char *name, const char *why)
{
    printf("skipped %s: %s: %s\n", rows->program, name, why);
    rows->skipped++;
    fflush(stdout);
}
