/* SPDX-License-Identifier: MIT */
/*
 * backend: what a database has to do for the store. SQLite does it (sqlite.c); PostgreSQL would
 * be a second struct store_backend. README.md says in what the two may differ.
 *
 * A backend knows SQL only by the names of statements.h and as the schema's text. It logs
 * failures itself, with a message that names the database. A link is used by one thread at a
 * time.
 */
#pragma once

#include "common/core/rd.h"
#include "oem-server/store/statements.h"

/* STORE_OTHER: a type that no column of the schema has: the row was edited. */
enum store_type { STORE_NULL, STORE_NUMBER, STORE_TEXT, STORE_BYTES, STORE_OTHER };

/* One value, to a statement or from a row. */
struct store_value {
    enum store_type type;
    int64_t number;
    struct span bytes; /* of STORE_TEXT, without a NUL, and STORE_BYTES; borrowed */
};

struct store_link; /* a connection */
struct store_rows; /* a statement under way */

struct store_backend {
    enum err (*open)(const char *path, bool read_only, struct store_link **link_out);
    void (*close)(struct store_link *link);

    enum err (*begin)(struct store_link *link); /* as the only writer */
    enum err (*begin_read)(struct store_link *link);
    enum err (*commit)(struct store_link *link);
    void (*rollback)(struct store_link *link);
    bool (*in_transaction)(struct store_link *link); /* it was not ended by a failure */
    /* One at a time, within a transaction. */
    enum err (*savepoint)(struct store_link *link);
    enum err (*savepoint_release)(struct store_link *link);
    enum err (*savepoint_rollback)(struct store_link *link);
    int64_t (*now_us)(struct store_link *link); /* the database's clock, since 1970 */

    /* Writes and commits something that means nothing: does the database take changes? Logs no
     * failure. */
    enum err (*probe)(struct store_link *link);
    /* What was wrong with the machine at the latest failure of that kind, for people, without
     * a file's name; its error. */
    const char *(*trouble)(struct store_link *link, enum err *err_out);

    enum err (*script)(struct store_link *link, const char *sql); /* of the schema */
    enum err (*check)(struct store_link *link); /* all statements fit the schema */
    /* Are tables, indexes and triggers what the migrations make? ERR_DATA_LOSS: no. */
    enum err (*schema_check)(struct store_link *link);

    /* Values are $1, $2, ...; their bytes must outlive the rows, the array need not. */
    enum err (*run)(struct store_link *link, enum statement statement,
                    const struct store_value *values, size_t count,
                    struct store_rows **rows_out);
    enum err (*step)(struct store_rows *rows, bool *row_out);
    struct store_value (*column)(struct store_rows *rows, unsigned index); /* until step */
    /* What the schema says that a column holds, if it is not NULL. STORE_OTHER: it is no column
     * of a table. */
    enum store_type (*declared)(struct store_rows *rows, unsigned index);
    uint64_t (*changed)(struct store_rows *rows); /* rows written, once step gave false */
    void (*done)(struct store_rows *rows);
};

extern const struct store_backend store_sqlite;
