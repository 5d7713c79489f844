/* SPDX-License-Identifier: MIT */
/*
 * list: rows of a list command: for people a table with a header, for scripts JSON Lines.
 *
 * Rows are printed as they come, so a list of any length takes no memory. A column shows the
 * value of its name in the row's report; what a table has no column for stands in JSON only.
 */
#pragma once

#include "oem-server/ctl/report.h"

struct list_column {
    const char *name; /* of a value of the report */
    int width;
};

/* The names of the columns, in capitals. With --json nothing. */
void list_header(const struct ctl *ctl, const struct list_column columns[], size_t count);

/* One row. notes: what a person should see at the end of the line, cleaned; "" for nothing. */
enum err list_row(const struct ctl *ctl, const struct list_column columns[], size_t count,
                  const struct report *row, const char *notes);

/* Rows of a page to ask for, of a list that is to have at most limit rows (0: all of them) and
 * has had so many; 0: enough. */
enum { LIST_PAGE_MAX = 1000 };
uint32_t list_page(uint32_t limit, uint64_t had);
