/* SPDX-License-Identifier: MIT */
/* sqlite_error: what SQLite's extended result codes mean here. For the SQLite backend. */
#pragma once

#include <sqlite3.h>

#include "common/core/err.h"

/* The extended code of the latest failure; SQLITE_IOERR_READ where a read that the disk failed
 * is told as damage (tests/e2e/disk). */
int sqlite_error_of(sqlite3 *db);
enum err sqlite_error_code(int extended);
/* What is wrong with the machine, for people, without a file's name: "its disk is full". NULL:
 * the code does not tell of the machine. */
const char *sqlite_error_trouble(int extended);
