/* SPDX-License-Identifier: MIT */
/*
 * when: times on the command line and in output: ISO 8601 with a zone, or a date in UTC.
 *
 * Accepted: 2026-11-22 (its first second, UTC), 2026-11-22T14:05Z, 2026-11-22T14:05:30Z and
 * with +hh:mm or -hh:mm for Z. A time without a zone is refused, because it would mean
 * different instants in different places. Years 1970-9999.
 */
#pragma once

#include "common/core/err.h"

#include <stddef.h>

enum { WHEN_TEXT_SIZE = 32 };

#define WHEN_END UINT64_C(253402300799) /* 9999-12-31T23:59:59Z: no end */

enum err when_parse(const char *text, uint64_t *seconds_out); /* ERR_USAGE with a message */

/* "2026-11-22T14:05:30Z"; with microseconds "2026-11-22T14:05:30.000001Z". */
void when_text(uint64_t seconds, char out[static WHEN_TEXT_SIZE]);
void when_text_us(uint64_t us, char out[static WHEN_TEXT_SIZE]);
