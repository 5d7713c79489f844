/* SPDX-License-Identifier: MIT */
/*
 * doubt: user names for which EJBCA may still make a certificate, because an answer was lost.
 * For the folder and its tests. At most DOUBTS_MAX; the oldest goes first. In memory only:
 * after a restart the claim in the store has the same effect, a search before anything is asked
 * for. Any thread.
 */
#pragma once

#include <pthread.h>

#include "common/host/own.h"

enum { DOUBTS_MAX = 256, DOUBT_USER_SIZE = 120 };

struct doubt {
    char user[DOUBT_USER_SIZE]; /* "": free */
    uint64_t until_ms;          /* by then the lost request has come to an end */
    struct buf stands;          /* the certificate in use, DER; empty: none yet */
};

struct doubts {
    pthread_mutex_t lock; /* protects rows */
    struct doubt rows[DOUBTS_MAX];
};

void doubts_init(struct doubts *doubts);
void doubts_fini(struct doubts *doubts);

/* stands may be empty. A later time of the same user counts. */
void doubt_put(struct doubts *doubts, const char *user, uint64_t until_ms, struct span stands);
/* How long, in ms from now on, the user's lost request may go on; 0: it has ended. */
uint64_t doubt_left_ms(struct doubts *doubts, const char *user, uint64_t now_ms);
bool doubts_any(struct doubts *doubts, uint64_t now_ms); /* of which the time is over */
/* Takes one of which the time is over; false: there is none. The caller frees out->stands. */
bool doubt_take(struct doubts *doubts, uint64_t now_ms, struct doubt *out);
