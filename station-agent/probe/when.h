/* SPDX-License-Identifier: MIT */
/* when: the monotonic clock and a short sleep, for time-outs of this folder and its users. Any
 * thread. */
#pragma once

#include <stdint.h>

/* Microseconds since an arbitrary moment; a sleep, which a signal may shorten. */
uint64_t when_us(void);
void when_sleep_us(unsigned us);

/* Milliseconds left until a deadline of when_us(), at least 0. */
unsigned when_left_ms(uint64_t deadline_us);
