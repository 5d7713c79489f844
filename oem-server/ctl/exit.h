/* SPDX-License-Identifier: MIT */
/* exit: errors to the exit codes of sysexits(3), and gRPC's status names. */
#pragma once

#include "common/core/err.h"

/* Constants for an error; ERR_OK is 0. */
int exit_code(enum err e);
const char *exit_status_name(enum err e); /* "PERMISSION_DENIED" */

/* The name of what exit_code() stands for: the status, or a cause that has a code of its own.
 */
const char *exit_word(enum err e);
