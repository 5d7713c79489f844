/* SPDX-License-Identifier: MIT */
/*
 * turn: requests for the same user name go one after the other, so that the later one finds
 * what the earlier one got. For the folder and its tests; any thread.
 */
#pragma once

#include <pthread.h>

#include "common/host/own.h"
#include "oem-server/ca/ejbca/breaker.h"

struct turns {
    pthread_mutex_t lock; /* protects users */
    pthread_cond_t changed;
    const char *users[2 * BREAKER_CALLS_MAX]; /* borrowed from those whose turn it is */
};
void turns_init(struct turns *turns);
void turns_fini(struct turns *turns);

/* Waits for its turn, at most that long; false: it is not there, and nothing is to be given
 * back. user stays until turn_leave(). */
bool turn_take(struct turns *turns, const char *user, unsigned timeout_ms);
void turn_leave(struct turns *turns, const char *user);
