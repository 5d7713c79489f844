/* SPDX-License-Identifier: MIT */
/*
 * log: the operating log of the host programs, one line a record on stderr.
 *
 * It is not the event log (oem-server/tlog), which is evidence. A failure is logged once, where
 * it is found: fail() writes the line, keeps the message for the thread, and returns the code,
 * so a caller only passes it up with TRY. An RPC answer carries the thread's message to the
 * peer, so a message must hold no secret. Lines are lower case: "module: what: value". Any
 * thread.
 */
#pragma once

#include <stdarg.h>

#include "common/core/err.h"

enum log_level {
    LOG_LEVEL_NONE = 0, /* as a threshold: write nothing, keep the message */
    LOG_LEVEL_ERROR = 3,
    LOG_LEVEL_WARN = 4,
    LOG_LEVEL_INFO = 6,
    LOG_LEVEL_DEBUG = 7
};

enum { FAIL_WORDS_MAX = 400 }; /* bytes kept of a failure's message, NUL included */

/* Sets the level up to which lines are written; writes a line. Any thread. */
void log_set_level(enum log_level level); /* default LOG_LEVEL_INFO */
void log_line(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Logs at error level, keeps the message for the thread, returns e. */
enum err fail(enum err e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same without the log line: for a failure that its caller turns into an answer. */
enum err fail_quiet(enum err e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The message of this thread's latest failure, borrowed until the next one. */
const char *fail_words(void); /* of this thread's latest fail(); "" after fail_clear() */
void fail_clear(void);
void fail_set(const char *text); /* restores a message after calls that may have changed it */
