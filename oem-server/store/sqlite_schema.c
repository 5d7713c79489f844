/* SPDX-License-Identifier: MIT */
/*
 * Compares what an SQLite file declares (tables, indexes, triggers) with what the migrations
 * make in an empty one. Called by sqlite.c. A trigger that was removed takes a rule away; one
 * that was added acts in every change, and what it writes is noted as that change's own.
 */
#include "oem-server/store/sqlite_schema.h"

#include <string.h>

#include "common/host/log.h"
#include "oem-server/store/schema.h"

#define OBJECTS_SQL                                                                            \
    "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%'"     \
    " ESCAPE '\\' ORDER BY name, type"

enum { OBJECT_COLUMNS = 4, NAME_COLUMN = 1 };

static void db_drop(sqlite3 **db)
{
    sqlite3_close(*db);
}

static void stmt_drop(sqlite3_stmt **stmt)
{
    sqlite3_finalize(*stmt);
}

static enum err unread(sqlite3 *db, const char *path)
{
    return fail(ERR_STORE, "store: %s: its schema: %s", path, sqlite3_errmsg(db));
}

static enum err fresh_make(sqlite3 **db_out)
{
    bool made = sqlite3_open(":memory:", db_out) == SQLITE_OK &&
                sqlite3_exec(*db_out, schema_base, NULL, NULL, NULL) == SQLITE_OK;
    for (unsigned i = 0; made && i < schema_version; i++)
        made = sqlite3_exec(*db_out, schema_migrations[i], NULL, NULL, NULL) == SQLITE_OK;
    return made ? ERR_OK : unread(*db_out, "(fresh)");
}

static const char *text_of(sqlite3_stmt *stmt, int column)
{
    const unsigned char *text = sqlite3_column_text(stmt, column);
    return text == NULL ? "" : (const char *)text;
}

static bool is_same(sqlite3_stmt *one, sqlite3_stmt *other)
{
    for (int i = 0; i < OBJECT_COLUMNS; i++)
        if (strcmp(text_of(one, i), text_of(other, i)) != 0)
            return false;
    return true;
}

static enum err differs(const char *path, sqlite3_stmt *want, bool more_want,
                        sqlite3_stmt *have, bool more_have)
{
    int order = !more_want   ? 1
                : !more_have ? -1
                             : strcmp(text_of(want, NAME_COLUMN), text_of(have, NAME_COLUMN));
    const char *what = order > 0 ? "was added" : order < 0 ? "is missing" : "was changed";
    sqlite3_stmt *named = order > 0 ? have : want;
    return fail(ERR_DATA_LOSS, "store: %s: its schema was edited: %.20s %.60s %s", path,
                text_of(named, 0), text_of(named, NAME_COLUMN), what);
}

static enum err compare(sqlite3 *fresh, sqlite3 *db, const char *path)
{
    AUTO(stmt_drop) sqlite3_stmt *want = NULL;
    AUTO(stmt_drop) sqlite3_stmt *have = NULL;
    if (sqlite3_prepare_v2(fresh, OBJECTS_SQL, -1, &want, NULL) != SQLITE_OK)
        return unread(fresh, "(fresh)");
    if (sqlite3_prepare_v2(db, OBJECTS_SQL, -1, &have, NULL) != SQLITE_OK)
        return unread(db, path);
    for (;;) {
        int one = sqlite3_step(want), other = sqlite3_step(have);
        if ((one != SQLITE_ROW && one != SQLITE_DONE) ||
            (other != SQLITE_ROW && other != SQLITE_DONE))
            return unread(db, path);
        if (one == SQLITE_DONE && other == SQLITE_DONE)
            return ERR_OK;
        if (one != other || !is_same(want, have))
            return differs(path, want, one == SQLITE_ROW, have, other == SQLITE_ROW);
    }
}

enum err sqlite_schema_check(sqlite3 *db, const char *path)
{
    AUTO(db_drop) sqlite3 *fresh = NULL;
    TRY(fresh_make(&fresh));
    return compare(fresh, db, path);
}
