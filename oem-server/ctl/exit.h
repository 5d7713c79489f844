/* SPDX-License-Identifier: MIT */
/* exit: errors to the exit codes of sysexits(3), and gRPC's status names. */
#pragma once

#include "common/core/err.h"

int exit_code(enum err e);
const char *exit_status_name(enum err e); /* "PERMISSION_DENIED" */

/* What exit_code() stands for: the status, or the cause that has a code of its own. */
const char *exit_word(enum err e);
