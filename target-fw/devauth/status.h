/* SPDX-License-Identifier: MIT */
/* status: the gRPC status of an error, as err_status() gives it, without its texts, which would
 * take SRAM. Used by devauth.c; `test_devauth_parts` holds it against err_status(). */
#pragma once

#include "common/core/err.h"

enum { STATUS_MAX = 16 }; /* numbers up to here are statuses themselves */

/* An unknown number gives UNKNOWN. */
uint8_t status_of(enum err e);
