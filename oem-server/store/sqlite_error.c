/* SPDX-License-Identifier: MIT */
/* The table of SQLite's result codes. Called by sqlite.c for each failure. A failure of the
 * machine must not be taken for damage of the store, nor for a refusal. */
#include "oem-server/store/sqlite_error.h"

#include <stdbool.h>
#include <stddef.h>

#include "common/host/own.h"

/* The first row whose code is the extended one, or its lower byte, counts. Where a statement
 * has no "ON CONFLICT", an existing row is one that the log did not write. */
static const struct {
    int code;
    enum err err;
    const char *trouble;
} rows[] = {
    { SQLITE_CONSTRAINT_PRIMARYKEY, ERR_DATA_LOSS, NULL },
    { SQLITE_CONSTRAINT_UNIQUE, ERR_DATA_LOSS, NULL },
    { SQLITE_CONSTRAINT_FOREIGNKEY, ERR_PRECONDITION, NULL },
    { SQLITE_IOERR_NOMEM, ERR_MEMORY, "there is no memory for it" },
    { SQLITE_CORRUPT, ERR_DATA_LOSS, NULL },
    { SQLITE_NOTADB, ERR_DATA_LOSS, NULL },
    { SQLITE_CONSTRAINT, ERR_INVALID, NULL },
    { SQLITE_TOOBIG, ERR_INVALID, NULL },
    { SQLITE_BUSY, ERR_BUSY, "another process holds its file" },
    { SQLITE_LOCKED, ERR_BUSY, "another process holds its file" },
    { SQLITE_NOMEM, ERR_MEMORY, "there is no memory for it" },
    { SQLITE_FULL, ERR_STORE, "its disk is full" },
    { SQLITE_READONLY, ERR_STORE, "its file is read-only" },
    { SQLITE_PERM, ERR_STORE, "its file is read-only" },
    { SQLITE_CANTOPEN, ERR_STORE, "its files cannot be opened" },
    { SQLITE_IOERR, ERR_STORE, "its disk fails" },
};

static size_t find(int extended)
{
    size_t i = 0;
    while (i < COUNT(rows) && rows[i].code != extended && rows[i].code != (extended & 0xff))
        i++;
    return i;
}

enum err sqlite_error_code(int extended)
{
    size_t i = find(extended);
    return i < COUNT(rows) ? rows[i].err : ERR_STORE;
}

const char *sqlite_error_trouble(int extended)
{
    size_t i = find(extended);
    return i < COUNT(rows) ? rows[i].trouble : NULL;
}

static int last_errno(sqlite3 *db, int which)
{
    sqlite3_file *file = NULL;
    int number = 0;
    if (sqlite3_file_control(db, "main", which, &file) == SQLITE_OK && file != NULL &&
        file->pMethods != NULL)
        (void)file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &number);
    return number;
}

/* SQLite calls a read that the system failed (EIO) a damaged database. A damaged one is read
 * without an error of the system. */
int sqlite_error_of(sqlite3 *db)
{
    int code = sqlite3_extended_errcode(db);
    bool failed =
        (code & 0xff) == SQLITE_CORRUPT && (last_errno(db, SQLITE_FCNTL_FILE_POINTER) != 0 ||
                                            last_errno(db, SQLITE_FCNTL_JOURNAL_POINTER) != 0);
    return failed ? SQLITE_IOERR_READ : code;
}
