/* SPDX-License-Identifier: MIT */
/*
 * log: writes lines to stderr and keeps each thread's latest message. Called everywhere, on any
 * thread. It must not write a control character: text of a peer may be in a message.
 */
#include "common/host/log.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LINE_MAX_BYTES = 1024 };

static enum log_level threshold = LOG_LEVEL_INFO;
static _Thread_local char words[FAIL_WORDS_MAX];

void log_set_level(enum log_level level)
{
    threshold = level;
}

static const char *level_name(enum log_level level)
{
    switch (level) {
    case LOG_LEVEL_NONE:
        break;
    case LOG_LEVEL_ERROR:
        return "error";
    case LOG_LEVEL_WARN:
        return "warn";
    case LOG_LEVEL_INFO:
        return "info";
    case LOG_LEVEL_DEBUG:
        return "debug";
    }
    return "?";
}

/* journald takes the "<N>" priority and adds its own time; for a terminal or a file both are
 * written. */
static void write_line(enum log_level level, const char *text)
{
    char line[LINE_MAX_BYTES + 64];
    int len;
    if (getenv("JOURNAL_STREAM") != NULL) {
        len = snprintf(line, sizeof(line), "<%d>%s\n", (int)level, text);
    } else {
        struct timespec now;
        struct tm utc;
        char when[32] = "";
        clock_gettime(CLOCK_REALTIME, &now);
        if (gmtime_r(&now.tv_sec, &utc) != NULL)
            strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &utc);
        len = snprintf(line, sizeof(line), "%s.%03ldZ %s %s\n", when, now.tv_nsec / 1000000,
                       level_name(level), text);
    }
    if (len > 0)
        fwrite(line, 1, (size_t)len < sizeof(line) ? (size_t)len : sizeof(line) - 1, stderr);
}

static void write_masked(enum log_level level, char *text)
{
    for (char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
    write_line(level, text);
}

void log_line(enum log_level level, const char *format, ...)
{
    if (level > threshold)
        return;
    char text[LINE_MAX_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    write_masked(level, text);
}

/* The message goes to peers and into the event log: printable ASCII only. */
__attribute__((format(printf, 1, 0))) static void keep_words(const char *format, va_list args)
{
    vsnprintf(words, sizeof(words), format, args);
    for (char *c = words; *c != '\0'; c++)
        if (*c < 0x20 || *c > 0x7e)
            *c = '?';
}

enum err fail(enum err e, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    keep_words(format, args);
    va_end(args);
    if (LOG_LEVEL_ERROR <= threshold) {
        char text[FAIL_WORDS_MAX];
        memcpy(text, words, sizeof(text));
        write_masked(LOG_LEVEL_ERROR, text);
    }
    return e;
}

enum err fail_quiet(enum err e, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    keep_words(format, args);
    va_end(args);
    return e;
}

const char *fail_words(void)
{
    return words;
}

void fail_clear(void)
{
    words[0] = '\0';
}

void fail_set(const char *text)
{
    snprintf(words, sizeof(words), "%s", text);
}
