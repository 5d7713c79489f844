/* SPDX-License-Identifier: MIT */
/*
 * clock: what time it is, and when a time-out ends.
 *
 * Deadlines and durations are of CLOCK_MONOTONIC, which a set clock does not move; only what
 * is said or stored as a date is of CLOCK_REALTIME. No state; any thread (test_clock).
 */
#pragma once

#include <stdint.h>
#include <time.h>

/* CLOCK_MONOTONIC. */
uint64_t clock_ns(void);
uint64_t clock_us(void);
uint64_t clock_ms(void);

/* CLOCK_REALTIME, since 1970. */
uint64_t clock_real_us(void);
int64_t clock_real_s(void);

/* CLOCK_BOOTTIME: like CLOCK_MONOTONIC, but it counts the time that the machine sleeps, too. So
 * its distance to CLOCK_REALTIME changes only when that clock is set. */
uint64_t clock_boot_us(void);

enum { CLOCK_TEXT_SIZE = 32 };

#define CLOCK_TEXT_FIRST INT64_C(-62135596800) /* 0001-01-01T00:00:00Z */
#define CLOCK_TEXT_LAST  INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

/* For people; out is returned. clock_text(): a second since 1970, "2026-12-01T12:00:00Z", or
 * "out of range" (years 1 to 9999). clock_amount(): a duration, in its largest unit of which
 * there are two: "25 hours", "731 days". */
const char *clock_text(int64_t seconds, char out[static CLOCK_TEXT_SIZE]);
const char *clock_amount(uint64_t seconds, char out[static CLOCK_TEXT_SIZE]);

/* The moment of CLOCK_MONOTONIC that comes after ms, for pthread_cond_clockwait(), for a
 * condition that uses that clock, and for clock_nanosleep(). */
struct timespec clock_after_ms(unsigned ms);
