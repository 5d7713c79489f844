/* SPDX-License-Identifier: MIT */
/* sqlite_schema: is the schema of a file that of the migrations? For sqlite.c only. */
#pragma once

#include <sqlite3.h>

#include "common/host/own.h"

/* ERR_DATA_LOSS: a table, an index or a trigger is missing, was added or was changed; the
 * message names the first one. path is for messages. */
enum err sqlite_schema_check(sqlite3 *db, const char *path);
