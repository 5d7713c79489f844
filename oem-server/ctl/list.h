/* SPDX-License-Identifier: MIT */
/*
 * list: rows of a list command: for people a table with a header, for scripts JSON Lines.
 *
 * Rows are printed as they arrive, so a list of any length takes no memory. A column shows the
 * value of its name in the row's report; values without a column are in JSON only.
 */
#pragma once

#include "oem-server/ctl/report.h"

struct list_column {
    const char *name; /* of a value of the report */
    int width;
};

/* The names of the columns, in capitals. With --json nothing. */
void list_header(const struct ctl *ctl, const struct list_column columns[], size_t count);

/* Prints one row. notes: text for people at the end of the line, cleaned; "" for none. */
enum err list_row(const struct ctl *ctl, const struct list_column columns[], size_t count,
                  const struct report *row, const char *notes);

/* How many rows the next page should have, for a list of at most limit rows (0: all) of which
 * had were printed; 0: none, the list is complete. */
enum { LIST_PAGE_MAX = 1000 };
uint32_t list_page(uint32_t limit, uint64_t had);
