/* SPDX-License-Identifier: MIT */
/*
 * backoff: how long to wait before the next attempt: exponential, with full jitter.
 *
 * Each wait is drawn evenly from 0 to a bound that starts at initial_ms and doubles up to
 * cap_ms, so that those who lost the same server at the same moment do not come back at the
 * same moment (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015). A
 * plain value: no release, one user at a time. Used by both programs' clients.
 */
#pragma once

#include <stdint.h>

struct backoff {
    uint32_t initial_ms; /* not 0 */
    uint32_t cap_ms;     /* at least initial_ms */
    uint32_t bound_ms;   /* of the next wait */
    uint64_t state;      /* of the generator */
};

struct backoff backoff_of(uint32_t initial_ms, uint32_t cap_ms, uint64_t seed);
uint32_t backoff_next_ms(struct backoff *backoff);
void backoff_reset(struct backoff *backoff); /* an attempt was of use: start small again */

uint64_t backoff_seed(void); /* another one in every process, and each time */
