/* SPDX-License-Identifier: MIT */
/*
 * query: run a named statement in a transaction and read its rows. For the functions of store
 * and unit.
 *
 * Rows are read as rd reads bytes: column after column. The first value of a wrong type or size
 * sticks as ERR_DATA_LOSS, because the database was edited then (test_store_damage). A query
 * borrows its values' bytes and the transaction; release it with AUTO(query_close).
 */
#pragma once

#include "common/host/own.h"
#include "oem-server/store/backend.h"
#include "oem-server/store/store.h"

enum { STORE_NAME_SIZE = 65 }; /* of a name, NUL included */

/* Values. A name that is not terminated within its array, or a number over 63 bits, is refused
 * as ERR_INVALID by the statement that gets it. */
struct store_value value_number(int64_t number);
struct store_value value_u64(uint64_t number);
struct store_value value_text(const char *text);
struct store_value value_name(const char name[static STORE_NAME_SIZE]);
struct store_value value_bytes(const uint8_t *bytes, size_t len);
struct store_value value_span(struct span bytes);
struct store_value value_optional(const struct buf *bytes); /* NULL if empty */

#define VALUES(...)                                                                            \
    (const struct store_value[]){ __VA_ARGS__ },                                               \
        sizeof((const struct store_value[]){ __VA_ARGS__ }) / sizeof(struct store_value)
#define VALUES_ONLY(...)                                                                       \
    ((const struct store_value[]){ __VA_ARGS__ }) /* without their number */
#define NO_VALUES NULL, 0

/* Runs a statement that gives no rows. changed_out may be NULL. */
enum err query_write(struct store_tx *tx, enum statement statement,
                     const struct store_value *values, size_t count, uint64_t *changed_out);
/* The same, for an "ON CONFLICT DO NOTHING": ERR_EXISTS if nothing was written. */
enum err query_insert(struct store_tx *tx, enum statement statement,
                      const struct store_value *values, size_t count);

struct query {
    struct store_tx *tx;
    struct store_rows *rows;
    enum statement statement;
    unsigned column; /* the next to be read */
    enum err err;
};

/* query is the caller's, for query_close(). A failure of the database dooms the transaction. */
enum err query_open(struct store_tx *tx, enum statement statement,
                    const struct store_value *values, size_t count, struct query *query);
/* Runs a statement that gives one row with one number. */
enum err query_count(struct store_tx *tx, enum statement statement,
                     const struct store_value *values, size_t count, uint64_t *value_out);
enum err query_next(struct query *query, bool *row_out);
enum err query_one(struct query *query); /* to the first row; ERR_NOT_FOUND if none */
void query_close(struct query *query);

/* The next column of the row. A value of a wrong type, size or range gives 0 or nothing, and
 * its error is query->err, which query_end() returns. */
int64_t query_i64(struct query *query);
uint64_t query_u64(struct query *query);
uint32_t query_u32(struct query *query);
bool query_bool(struct query *query);
struct span query_span(struct query *query); /* borrowed until the next row */
void query_bytes(struct query *query, uint8_t *bytes_out, size_t len); /* exactly len */
void query_buf(struct query *query, struct buf *bytes_out);
void query_optional(struct query *query, struct buf *bytes_out); /* empty for NULL */
void query_name(struct query *query, char name_out[static STORE_NAME_SIZE]);
struct store_value query_value(struct query *query); /* as it is stored, until the next row */
void query_chars(struct query *query, char *text_out, size_t size); /* text that fits */
void query_text(struct query *query, char **text_out);              /* of malloc */
enum err query_end(const struct query *query);                      /* of this row */
