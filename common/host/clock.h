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

/* The moment of CLOCK_MONOTONIC that comes after ms, for pthread_cond_clockwait(), for a
 * condition that uses that clock, and for clock_nanosleep(). */
struct timespec clock_after_ms(unsigned ms);
