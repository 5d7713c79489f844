/* SPDX-License-Identifier: MIT */
/*
 * guard: ends the process when a call in it is unresponsive and has no way to be interrupted.
 * For main.c.
 *
 * A thread waits for SIGTERM or SIGINT, which must be blocked; when one arrives, or when the
 * time is up, it ends the process with _exit(). What was committed stays, what was not is lost,
 * as after a kill (tests/cut/cut).
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
/* guard is the caller's until guard_end(), which ends the thread. ERR_IO: no thread. */
enum err guard_begin(struct guard *guard, const char *doing, unsigned timeout_ms, int code);
void guard_end(struct guard *guard);
