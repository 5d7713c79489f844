/* SPDX-License-Identifier: MIT */
/*
 * breaker: a circuit breaker and a limit of calls under way. For the folder and its tests.
 *
 * Closed: calls pass. After BREAKER_FAILURES outages in a row it opens: calls are refused until
 * a time has passed, then one call is let through as a probe. Its success closes the breaker,
 * its failure opens it again for twice the time, at most BREAKER_LONGEST_MS. Time is the
 * caller's (CLOCK_MONOTONIC, ms). Any thread.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    BREAKER_FAILURES = 3,
    BREAKER_FIRST_MS = 5000,
    BREAKER_LONGEST_MS = 60000,
    BREAKER_CALLS_MAX = 16, /* under way together */
};

struct breaker {
    pthread_mutex_t lock; /* protects all below */
    unsigned failures;    /* in a row */
    unsigned under_way;
    bool probing;
    uint64_t open_until_ms; /* 0: closed */
    uint64_t wait_ms;
    const char *last; /* the latest outage, for people; a constant */
};

enum breaker_answer { BREAKER_PASS, BREAKER_PROBE, BREAKER_REFUSED, BREAKER_CROWDED };

void breaker_init(struct breaker *breaker);
void breaker_fini(struct breaker *breaker);
/* BREAKER_PASS and BREAKER_PROBE are followed by breaker_leave(), which is told which it was.
 * *left_ms_out: of BREAKER_REFUSED, when to retry. */
enum breaker_answer breaker_enter(struct breaker *breaker, uint64_t now_ms,
                                  uint64_t *left_ms_out);
void breaker_leave(struct breaker *breaker, uint64_t now_ms, bool was_probe,
                   const char *outage); /* why it failed, a constant; NULL: it did not */
const char *breaker_last(struct breaker *breaker); /* "": none yet */
