/* SPDX-License-Identifier: MIT */
/*
 * backoff: draws the waits between attempts. Called by common/client. A
 * wait must not exceed its bound (test_backoff).
 */
#include "common/host/backoff.h"

#include <assert.h>
#include <sys/random.h>
#include <time.h>

struct backoff backoff_of(uint32_t initial_ms, uint32_t cap_ms, uint64_t seed)
{
    assert(initial_ms != 0 && initial_ms <= cap_ms);
    return (struct backoff){ initial_ms, cap_ms, initial_ms, seed };
}

/* SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014). */
static uint64_t next_number(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u;
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint32_t backoff_next_ms(struct backoff *b)
{
    uint64_t range = (uint64_t)b->bound_ms + 1;
    uint32_t wait_ms = (uint32_t)(((next_number(&b->state) >> 32) * range) >> 32);
    b->bound_ms = b->bound_ms > b->cap_ms / 2 ? b->cap_ms : 2 * b->bound_ms;
    return wait_ms;
}

void backoff_reset(struct backoff *b)
{
    b->bound_ms = b->initial_ms;
}

uint64_t backoff_seed(void)
{
    uint64_t seed;
    struct timespec now;
    if (getrandom(&seed, sizeof(seed), 0) == (ssize_t)sizeof(seed))
        return seed;
    clock_gettime(CLOCK_REALTIME, &now); /* jitter needs no secrecy */
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
