/* SPDX-License-Identifier: MIT */
/*
 * Parses and prints times. Called by option parsers and reports. A text that could mean two
 * instants must be refused (test_ctl_value).
 */
#include "oem-server/ctl/when.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/core/rd.h"
#include "common/host/log.h"

enum { MICROSECONDS = 1000000 };

/* Exactly count digits; anything else sticks as ERR_INVALID. */
static int digits(struct rd *r, size_t count)
{
    int value = 0;
    for (size_t i = 0; i < count; i++) {
        uint8_t c = rd_u8(r);
        if (c < '0' || c > '9')
            r->err = ERR_INVALID;
        value = value * 10 + (c - '0');
    }
    return value;
}

static void mark(struct rd *r, char want)
{
    if (rd_u8(r) != (uint8_t)want)
        r->err = ERR_INVALID;
}

static void read_time(struct rd *r, struct tm *tm)
{
    mark(r, 'T');
    tm->tm_hour = digits(r, 2);
    mark(r, ':');
    tm->tm_min = digits(r, 2);
    if (r->rest.len > 0 && r->rest.ptr[0] == ':') {
        mark(r, ':');
        tm->tm_sec = digits(r, 2);
    }
}

/* Seconds east of UTC. */
static int read_zone(struct rd *r)
{
    uint8_t sign = rd_u8(r);
    if (sign == 'Z')
        return 0;
    if (sign != '+' && sign != '-')
        r->err = ERR_INVALID;
    int hours = digits(r, 2);
    mark(r, ':');
    int minutes = digits(r, 2);
    if (hours > 14 || minutes > 59)
        r->err = ERR_INVALID;
    return (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
}

/* true if such a second exists: timegm() would silently turn 31 June into 1 July. */
static bool exists(const struct tm *tm, time_t seconds)
{
    struct tm back;
    return gmtime_r(&seconds, &back) != NULL && back.tm_mday == tm->tm_mday &&
           back.tm_mon == tm->tm_mon && back.tm_hour == tm->tm_hour &&
           back.tm_min == tm->tm_min && back.tm_sec == tm->tm_sec;
}

enum err when_parse(const char *text, uint64_t *seconds_out)
{
    struct rd r = rd_of(span_of(text, strlen(text)));
    struct tm tm = { 0 };
    int zone = 0;
    tm.tm_year = digits(&r, 4) - 1900;
    mark(&r, '-');
    tm.tm_mon = digits(&r, 2) - 1;
    mark(&r, '-');
    tm.tm_mday = digits(&r, 2);
    if (r.rest.len > 0) {
        read_time(&r, &tm);
        zone = read_zone(&r);
    }
    struct tm carried = tm;
    time_t seconds = timegm(&carried);
    if (rd_end(&r) != ERR_OK || !exists(&tm, seconds) || seconds - zone < 0 ||
        (uint64_t)(seconds - zone) > WHEN_END)
        return fail_quiet(ERR_USAGE,
                          "not a time like 2026-11-22, 2026-11-22T14:05Z or "
                          "2026-11-22T15:05:00+01:00: %s",
                          text);
    *seconds_out = (uint64_t)(seconds - zone);
    return ERR_OK;
}

static bool split(uint64_t seconds, char out[static WHEN_TEXT_SIZE])
{
    struct tm tm;
    time_t t = (time_t)seconds;
    return seconds <= WHEN_END && gmtime_r(&t, &tm) != NULL &&
           strftime(out, WHEN_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &tm) > 0;
}

void when_text(uint64_t seconds, char out[static WHEN_TEXT_SIZE])
{
    if (split(seconds, out))
        snprintf(out + strlen(out), 2, "Z");
    else
        snprintf(out, WHEN_TEXT_SIZE, "out of range");
}

void when_text_us(uint64_t us, char out[static WHEN_TEXT_SIZE])
{
    if (!split(us / MICROSECONDS, out)) {
        snprintf(out, WHEN_TEXT_SIZE, "out of range");
        return;
    }
    size_t len = strlen(out);
    snprintf(out + len, WHEN_TEXT_SIZE - len, ".%06uZ", (unsigned)(us % MICROSECONDS));
}
