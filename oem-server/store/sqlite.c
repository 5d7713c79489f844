/* SPDX-License-Identifier: MIT */
/*
 * The store on SQLite. Called by the store through struct store_backend; a link is used by one
 * thread at a time. No other file but sqlite_error.c and sqlite_schema.c may know SQLite.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/host/clock.h"
#include "common/host/log.h"
#include "common/host/own.h"
#include "oem-server/store/backend.h"
#include "oem-server/store/sqlite_error.h"
#include "oem-server/store/sqlite_schema.h"

enum {
    BUSY_TIMEOUT_MS = 5000, /* another program reads or backs up the file */
    FILE_MODE = 0600,
};

struct store_rows {
    struct store_link *link;
    sqlite3_stmt *stmt;
    enum statement statement;
    bool under_way;
};

struct store_link {
    sqlite3 *db;
    char *path;
    const char *trouble; /* of the machine, at the latest failure of that kind, */
    enum err trouble_err;
    bool quiet;                              /* failures are not logged */
    struct store_rows rows[STATEMENT_COUNT]; /* prepared when first used */
};

/* The extended code distinguishes a full disk from a missing file; the message names the file.
 */
static enum err fail_db(struct store_link *link, const char *doing)
{
    int code = sqlite_error_of(link->db);
    enum err e = sqlite_error_code(code);
    const char *trouble = sqlite_error_trouble(code), *words = sqlite3_errmsg(link->db);
    if (trouble != NULL) {
        link->trouble = trouble;
        link->trouble_err = e;
    }
    return link->quiet ? fail_quiet(e, "store: %s: %s: %s (%d)", link->path, doing, words, code)
                       : fail(e, "store: %s: %s: %s (%d)", link->path, doing, words, code);
}

static enum err link_script(struct store_link *link, const char *sql)
{
    if (sqlite3_exec(link->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return fail_db(link, "script");
    return ERR_OK;
}

static void link_close(struct store_link *link)
{
    if (link == NULL)
        return;
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(link->rows[i].stmt);
    sqlite3_close(link->db);
    free(link->path);
    free(link);
}

static void link_drop(struct store_link **link)
{
    link_close(*link);
}

/* A new file's name is durable only once its folder is. */
static enum err folder_sync(const char *path)
{
    AUTO(free_drop) char *copy = strdup(path);
    if (copy == NULL)
        return fail(ERR_MEMORY, "store: out of memory");
    AUTO(fd_drop) int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        return fail(ERR_STORE, "store: folder of %s: %s", path, strerror(errno));
    return ERR_OK;
}

/* SQLite gives its -wal and -shm files the mode of the file itself; so that is made first. */
static enum err file_make(const char *path)
{
    AUTO(fd_drop) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0)
        return fail(ERR_STORE, "store: %s: %s", path, strerror(errno));
    if ((st.st_mode & 0077) != 0) {
        log_line(LOG_LEVEL_WARN, "store: %s: others could read it (mode %o), now 0600", path,
                 (unsigned)st.st_mode & 0777);
        if (fchmod(fd, FILE_MODE) != 0)
            return fail(ERR_STORE, "store: %s: mode 0600: %s", path, strerror(errno));
    }
    return folder_sync(path);
}

/* journal_mode answers with the mode it got: on some file systems WAL cannot be had. */
static enum err wal_on(struct store_link *link)
{
    sqlite3_stmt *stmt = NULL;
    bool wal = sqlite3_prepare_v2(link->db, "PRAGMA journal_mode = WAL", -1, &stmt, NULL) ==
                   SQLITE_OK &&
               sqlite3_step(stmt) == SQLITE_ROW &&
               strcmp((const char *)sqlite3_column_text(stmt, 0), "wal") == 0;
    enum err result = wal ? ERR_OK : fail_db(link, "journal_mode = WAL");
    sqlite3_finalize(stmt);
    if (!wal && result == ERR_OK)
        return fail(ERR_STORE, "store: %s: no WAL here", link->path);
    return result;
}

/* recursive_triggers: without it, a REPLACE would bypass the triggers that keep facts from
 * deletion. temp_store: a savepoint's journal, or a sort, needs no file and no descriptor. The
 * first read opens the files of the WAL. */
static enum err link_configure(struct store_link *link, bool read_only)
{
    sqlite3_extended_result_codes(link->db, 1);
    sqlite3_busy_timeout(link->db, BUSY_TIMEOUT_MS);
    sqlite3_db_config(link->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(link->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    if (read_only)
        return link_script(link, "PRAGMA cell_size_check = ON; PRAGMA query_only = ON;"
                                 " PRAGMA temp_store = MEMORY;"
                                 " SELECT COUNT(*) FROM sqlite_schema;");
    TRY(wal_on(link));
    return link_script(link, "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
                             " PRAGMA recursive_triggers = ON;"
                             " PRAGMA temp_store = MEMORY;"
                             " PRAGMA cell_size_check = ON;"
                             " PRAGMA journal_size_limit = 67108864;");
}

static enum err link_open(const char *path, bool read_only, struct store_link **link_out)
{
    if (!read_only)
        TRY(file_make(path));
    AUTO(link_drop) struct store_link *link = calloc(1, sizeof(*link));
    if (link == NULL || (link->path = strdup(path)) == NULL)
        return fail(ERR_MEMORY, "store: out of memory");
    int flags = (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) |
                SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    if (sqlite3_open_v2(path, &link->db, flags, NULL) != SQLITE_OK)
        return fail_db(link, "open");
    TRY(link_configure(link, read_only));
    *link_out = TAKE(link);
    return ERR_OK;
}

static enum err link_begin(struct store_link *link)
{
    return link_script(link, "BEGIN IMMEDIATE");
}

static enum err link_begin_read(struct store_link *link)
{
    return link_script(link, "BEGIN");
}

static enum err link_commit(struct store_link *link)
{
    return link_script(link, "COMMIT");
}

/* SQLite rolls back by itself when a disk is full or fails. */
static void link_rollback(struct store_link *link)
{
    if (sqlite3_get_autocommit(link->db) == 0)
        (void)link_script(link, "ROLLBACK");
}

/* The number is of no use to SQLite; setting it writes the first page. */
static enum err link_probe(struct store_link *link)
{
    link->quiet = true;
    enum err e = link_script(link, "BEGIN IMMEDIATE; PRAGMA user_version = 0; COMMIT");
    link_rollback(link);
    link->quiet = false;
    return e;
}

static const char *link_trouble(struct store_link *link, enum err *err_out)
{
    *err_out = link->trouble != NULL ? link->trouble_err : ERR_STORE;
    return link->trouble != NULL ? link->trouble : "see the lines before";
}

static bool link_in_transaction(struct store_link *link)
{
    return sqlite3_get_autocommit(link->db) == 0;
}

static enum err link_savepoint(struct store_link *link)
{
    return link_script(link, "SAVEPOINT change");
}

static enum err link_savepoint_release(struct store_link *link)
{
    return link_script(link, "RELEASE change");
}

static enum err link_savepoint_rollback(struct store_link *link)
{
    return link_script(link, "ROLLBACK TO change; RELEASE change");
}

/* SQLite runs in this process: its clock is the machine's. */
static int64_t link_now_us(struct store_link *link)
{
    (void)link;
    return (int64_t)clock_real_us();
}

static enum err rows_prepare(struct store_link *link, enum statement statement)
{
    struct store_rows *rows = &link->rows[statement];
    if (rows->stmt != NULL)
        return ERR_OK;
    rows->link = link;
    rows->statement = statement;
    int result = sqlite3_prepare_v3(link->db, statement_sql(statement), -1,
                                    SQLITE_PREPARE_PERSISTENT, &rows->stmt, NULL);
    if (result == SQLITE_OK)
        return ERR_OK;
    enum err e = fail_db(link, statement_name(statement));
    return result == SQLITE_ERROR ? ERR_DATA_LOSS : e; /* the SQL is right, so a table is not */
}

static enum err link_check(struct store_link *link)
{
    for (unsigned i = 0; i < STATEMENT_COUNT; i++)
        TRY(rows_prepare(link, (enum statement)i));
    return ERR_OK;
}

static enum err link_schema_check(struct store_link *link)
{
    return sqlite_schema_check(link->db, link->path);
}

static int bind(sqlite3_stmt *stmt, int index, const struct store_value *value)
{
    const char *ptr = value->bytes.len == 0 ? "" : (const char *)value->bytes.ptr;
    switch (value->type) {
    case STORE_NUMBER:
        return sqlite3_bind_int64(stmt, index, value->number);
    case STORE_TEXT:
        return sqlite3_bind_text64(stmt, index, ptr, value->bytes.len, SQLITE_STATIC,
                                   SQLITE_UTF8);
    case STORE_BYTES:
        return sqlite3_bind_blob64(stmt, index, ptr, value->bytes.len, SQLITE_STATIC);
    case STORE_NULL:
    case STORE_OTHER:
        break;
    }
    return sqlite3_bind_null(stmt, index);
}

/* "$7" is a name to SQLite, numbered by where it first stands. */
static enum err rows_bind(struct store_rows *rows, const struct store_value *values,
                          size_t count)
{
    if ((size_t)sqlite3_bind_parameter_count(rows->stmt) != count)
        return fail(ERR_INTERNAL, "store: %s: %zu values", statement_name(rows->statement),
                    count);
    for (size_t i = 0; i < count; i++) {
        char name[24];
        snprintf(name, sizeof(name), "$%zu", i + 1);
        int index = sqlite3_bind_parameter_index(rows->stmt, name);
        if (bind(rows->stmt, index, &values[i]) != SQLITE_OK)
            return fail_db(rows->link, statement_name(rows->statement));
    }
    return ERR_OK;
}

static void rows_done(struct store_rows *rows)
{
    sqlite3_reset(rows->stmt);
    sqlite3_clear_bindings(rows->stmt);
    rows->under_way = false;
}

static enum err link_run(struct store_link *link, enum statement statement,
                         const struct store_value *values, size_t count,
                         struct store_rows **rows_out)
{
    TRY(rows_prepare(link, statement));
    struct store_rows *rows = &link->rows[statement];
    if (rows->under_way)
        return fail(ERR_INTERNAL, "store: %s: within itself", statement_name(statement));
    enum err bound = rows_bind(rows, values, count);
    if (bound != ERR_OK) {
        rows_done(rows);
        return bound;
    }
    rows->under_way = true;
    *rows_out = rows;
    return ERR_OK;
}

static enum err rows_step(struct store_rows *rows, bool *row_out)
{
    int result = sqlite3_step(rows->stmt);
    if (result != SQLITE_ROW && result != SQLITE_DONE)
        return fail_db(rows->link, statement_name(rows->statement));
    *row_out = result == SQLITE_ROW;
    return ERR_OK;
}

/* Takes the value as it is stored: a conversion would hide an edited row. */
static struct store_value rows_column(struct store_rows *rows, unsigned index)
{
    sqlite3_stmt *stmt = rows->stmt;
    int column = (int)index;
    const void *ptr;
    switch (sqlite3_column_type(stmt, column)) {
    case SQLITE_INTEGER:
        return (struct store_value){ STORE_NUMBER, sqlite3_column_int64(stmt, column), { 0 } };
    case SQLITE_TEXT:
        ptr = sqlite3_column_text(stmt, column);
        return (struct store_value){ STORE_TEXT, 0,
                                     span_of(ptr, (size_t)sqlite3_column_bytes(stmt, column)) };
    case SQLITE_BLOB:
        ptr = sqlite3_column_blob(stmt, column);
        return (struct store_value){ STORE_BYTES, 0,
                                     span_of(ptr, (size_t)sqlite3_column_bytes(stmt, column)) };
    case SQLITE_NULL:
        return (struct store_value){ STORE_NULL, 0, { 0 } };
    default:
        return (struct store_value){ STORE_OTHER, 0, { 0 } };
    }
}

static enum store_type rows_declared(struct store_rows *rows, unsigned index)
{
    static const struct {
        const char *said;
        enum store_type type;
    } types[] = { { "BIGINT", STORE_NUMBER },
                  { "TEXT", STORE_TEXT },
                  { "BYTEA", STORE_BYTES } };
    const char *said = sqlite3_column_decltype(rows->stmt, (int)index);
    for (size_t i = 0; said != NULL && i < COUNT(types); i++)
        if (strcmp(said, types[i].said) == 0)
            return types[i].type;
    return STORE_OTHER;
}

static uint64_t rows_changed(struct store_rows *rows)
{
    return (uint64_t)sqlite3_changes64(rows->link->db);
}

const struct store_backend store_sqlite = {
    .open = link_open,
    .close = link_close,
    .begin = link_begin,
    .begin_read = link_begin_read,
    .commit = link_commit,
    .rollback = link_rollback,
    .in_transaction = link_in_transaction,
    .savepoint = link_savepoint,
    .savepoint_release = link_savepoint_release,
    .savepoint_rollback = link_savepoint_rollback,
    .now_us = link_now_us,
    .probe = link_probe,
    .trouble = link_trouble,
    .script = link_script,
    .check = link_check,
    .schema_check = link_schema_check,
    .run = link_run,
    .step = rows_step,
    .column = rows_column,
    .declared = rows_declared,
    .changed = rows_changed,
    .done = rows_done,
};
