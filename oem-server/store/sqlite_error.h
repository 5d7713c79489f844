/* SPDX-License-Identifier: MIT */
/* sqlite_error: what SQLite's extended result codes mean here. For the SQLite backend. */
#pragma once

#include "common/core/err.h"

enum err sqlite_error_code(int extended);
/* What is wrong with the machine, for people, without a file's name: "its disk is full". NULL:
 * the code does not tell of the machine. */
const char *sqlite_error_trouble(int extended);
