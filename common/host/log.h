/* SPDX-License-Identifier: MIT */
/*
 * log: the operating log of the host programs, one line a record on stderr.
 *
 * Not the event log (oem-server/log), which is evidence. A failure is said once, where it is
 * found: fail() writes the line, keeps the words for the thread, and yields the code, so a
 * caller only passes it up with TRY. The thread's words are what an RPC answer carries to the
 * peer, so they hold no secret. Lines are lower case: "module: what: value".
 */
#pragma once

#include <stdarg.h>

#include "common/core/err.h"

enum log_level {
    LOG_LEVEL_NONE = 0, /* as a threshold: write nothing, keep the words */
    LOG_LEVEL_ERROR = 3,
    LOG_LEVEL_WARN = 4,
    LOG_LEVEL_INFO = 6,
    LOG_LEVEL_DEBUG = 7
};

enum { FAIL_WORDS_MAX = 400 }; /* bytes kept of a failure's words, NUL included */

void log_set_level(enum log_level level); /* default LOG_LEVEL_INFO */
void log_line(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Log at error level, keep the words for the thread, yield e. */
enum err fail(enum err e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same without the log line: for a failure that its finder turns into an answer. */
enum err fail_quiet(enum err e, const char *format, ...) __attribute__((format(printf, 2, 3)));

const char *fail_words(void); /* of this thread's latest fail(); "" after fail_clear() */
void fail_clear(void);
void fail_set(const char *text); /* put words back after calls that may have changed them */
