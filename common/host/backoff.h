/* SPDX-License-Identifier: MIT */
/*
 * backoff: how long to wait before the next attempt: exponential, with full jitter.
 *
 * Each wait is drawn evenly from 0 to a bound that starts at initial_ms and doubles up to
 * cap_ms, so that clients that lost the same server at the same moment do not reconnect at the
 * same moment (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015). A
 * plain value: no release, one thread at a time. Used by common/client (test_backoff).
 */
#pragma once

#include <stdint.h>

struct backoff {
    uint32_t initial_ms; /* not 0 */
    uint32_t cap_ms;     /* at least initial_ms */
    uint32_t bound_ms;   /* of the next wait */
    uint64_t state;      /* of the generator */
};

/* A generator of waits with that seed; the next wait, in ms, which doubles the bound. */
struct backoff backoff_of(uint32_t initial_ms, uint32_t cap_ms, uint64_t seed);
uint32_t backoff_next_ms(struct backoff *backoff);
void backoff_reset(struct backoff *backoff); /* an attempt succeeded: back to initial_ms */

uint64_t backoff_seed(void); /* differs between processes and calls */
