/* SPDX-License-Identifier: MIT */
/* Edits a store as somebody with the file would: past its checks and its triggers. */
#pragma once

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/check.h"

static inline void edit_exec(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
}

/* The name of a trigger that is left; "" if none is. */
static inline void edit_trigger(sqlite3 *db, char name[static 64])
{
    sqlite3_stmt *stmt = NULL;
    name[0] = '\0';
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT name FROM sqlite_master WHERE type ="
                                        " 'trigger' LIMIT 1",
                                        -1, &stmt, NULL),
                     SQLITE_OK);
    if (sqlite3_step(stmt) == SQLITE_ROW)
        snprintf(name, 64, "%s", (const char *)sqlite3_column_text(stmt, 0));
    sqlite3_finalize(stmt);
}

static inline void store_edit(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    char trigger[64], drop[96];
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    edit_exec(db, "PRAGMA ignore_check_constraints = ON");
    for (edit_trigger(db, trigger); trigger[0] != '\0'; edit_trigger(db, trigger)) {
        snprintf(drop, sizeof(drop), "DROP TRIGGER %s", trigger);
        edit_exec(db, drop);
    }
    edit_exec(db, sql);
    sqlite3_close(db);
}
