/* SPDX-License-Identifier: MIT */
/*
 * The monotonic clock and a short sleep. Called by this folder and its users. It must not be
 * the wall clock: time-outs must not depend on changes of the date.
 */

#include "station-agent/probe/when.h"

#include <time.h>

#include "common/host/clock.h"

uint64_t when_us(void)
{
    return clock_us();
}

void when_sleep_us(unsigned us)
{
    struct timespec left = { us / 1000000, (long)(us % 1000000) * 1000 };
    nanosleep(&left, NULL); /* a signal may shorten it: callers loop on a deadline */
}

unsigned when_left_ms(uint64_t deadline_us)
{
    uint64_t now = when_us();
    return now >= deadline_us ? 0 : (unsigned)((deadline_us - now + 999) / 1000);
}
