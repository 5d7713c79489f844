/* SPDX-License-Identifier: MIT */
/*
 * clock: the two clocks of the system in one number. Called wherever a deadline is made or
 * asked for. A deadline must not be of CLOCK_REALTIME: setting the clock would move it.
 */
#include "common/host/clock.h"

#include <stdio.h>

enum { NS_PER_S = 1000000000, NS_PER_MS = 1000000, MS_PER_S = 1000, US_PER_S = 1000000 };
enum { MINUTE_S = 60, HOUR_S = 3600, DAY_S = 86400 };

static uint64_t read_ns(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t clock_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

uint64_t clock_us(void)
{
    return clock_ns() / 1000;
}

uint64_t clock_ms(void)
{
    return clock_ns() / NS_PER_MS;
}

/* Not by way of nanoseconds: those of a date after 2554 do not fit 64 bits. */
static uint64_t read_us(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * US_PER_S + (uint64_t)now.tv_nsec / 1000;
}

uint64_t clock_real_us(void)
{
    return read_us(CLOCK_REALTIME);
}

int64_t clock_real_s(void)
{
    return (int64_t)(clock_real_us() / US_PER_S);
}

uint64_t clock_boot_us(void)
{
    return read_us(CLOCK_BOOTTIME);
}

const char *clock_text(int64_t seconds, char out[static CLOCK_TEXT_SIZE])
{
    struct tm tm;
    time_t t = (time_t)seconds;
    if (seconds < CLOCK_TEXT_FIRST || seconds > CLOCK_TEXT_LAST || gmtime_r(&t, &tm) == NULL ||
        strftime(out, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        snprintf(out, CLOCK_TEXT_SIZE, "out of range");
    return out;
}

const char *clock_amount(uint64_t seconds, char out[static CLOCK_TEXT_SIZE])
{
    unsigned long long s = seconds;
    if (seconds >= 2 * (uint64_t)DAY_S)
        snprintf(out, CLOCK_TEXT_SIZE, "%llu days", s / DAY_S);
    else if (seconds >= 2 * (uint64_t)HOUR_S)
        snprintf(out, CLOCK_TEXT_SIZE, "%llu hours", s / HOUR_S);
    else if (seconds >= 2 * (uint64_t)MINUTE_S)
        snprintf(out, CLOCK_TEXT_SIZE, "%llu minutes", s / MINUTE_S);
    else
        snprintf(out, CLOCK_TEXT_SIZE, "%llu s", s);
    return out;
}

struct timespec clock_after_ms(unsigned ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += (time_t)(ms / MS_PER_S);
    t.tv_nsec += (long)(ms % MS_PER_S) * NS_PER_MS;
    if (t.tv_nsec >= NS_PER_S) {
        t.tv_sec++;
        t.tv_nsec -= NS_PER_S;
    }
    return t;
}
