/* SPDX-License-Identifier: MIT */
/*
 * guard: ends the process when something in it hangs that nobody can interrupt. For main.c.
 *
 * A thread that waits for SIGTERM or SIGINT, which must be blocked: at one of them, or when
 * the time is up, the process ends there and then. What is committed stays, what is not never
 * was: a kill at any instant is provided for.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "common/core/err.h"

struct guard {
    pthread_t thread;
    atomic_bool over;
    const char *doing;
    uint64_t until_ms; /* of CLOCK_MONOTONIC; 0: no end */
    int code;          /* to exit with */
};

/* doing is lent: "starting", "stopping". timeout_ms 0: only a signal ends it. */
enum err guard_begin(struct guard *guard, const char *doing, unsigned timeout_ms, int code);
void guard_end(struct guard *guard);
