/* SPDX-License-Identifier: MIT */
/* row_image: a row of row_kinds.h as the event log records it. For row.c and state.c. */
#pragma once

#include "oem-server/store/query.h"

enum row_how { ROW_FIELDS, ROW_DIGEST };
struct row_info {
    const char *name;    /* in the log */
    const char *columns; /* key first, separated by ", " */
    unsigned keys, count;
    enum row_how how;
    enum statement add, first, page;
};
extern const struct row_info row_infos[ROW_KIND_COUNT];

struct row_image {
    enum row_kind kind;
    bool there;
    char *name;                    /* "unit/<uid>" */
    unsigned fields;               /* how many values */
    char *values[ROW_COLUMNS_MAX]; /* by field */
};
/* An image owns its strings: free it, also after a failure of row_image_read() or
 * row_image_get(). */
void row_image_free(struct row_image *image);

/* The name of a column: 0 is the first of the key. Borrowed from name_out. */
enum { ROW_COLUMN_SIZE = 32 };
const char *row_column(enum row_kind kind, unsigned column,
                       char name_out[static ROW_COLUMN_SIZE]);
/* Of value i of an image: the column's, or "sha256". */
const char *row_field(enum row_kind kind, unsigned field,
                      char name_out[static ROW_COLUMN_SIZE]);

/* The row under the query's cursor. */
enum err row_image_read(struct query *query, enum row_kind kind, struct row_image *image_out);
/* The row of that key; there is false if none. */
enum err row_image_get(struct store_tx *tx, enum row_kind kind, const struct store_value *key,
                       struct row_image *image_out);
