/* SPDX-License-Identifier: MIT */
/* inside: the structures of the pool and its strands. For work/ only; the contract is work.h's.
 * work->lock protects all but refs and ready. */
#pragma once

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>

#include "oem-server/work/work.h"

enum { THREADS_MAX = 64, SPARE_MAX = 32 }; /* as configured, and in place of blocked ones */

struct job {
    struct job *next;
    work_job *run;
    void *context;
};

struct strand {
    atomic_uint refs;
    struct share *share;
    struct strand *next_ready;
    struct job *head, **tail;
    bool active; /* in its share's ready list or running */
};

struct share {
    atomic_uint refs;
    struct work *work;
    bool bounded; /* in its slots; all but the pool's own are */

    struct share *next_ready; /* under work->lock, as is what follows */
    struct strand *head, **tail;
    bool ready;    /* in the pool's list: it has ready strands */
    unsigned held; /* slots: its jobs that wait or run */
};

struct worker {
    struct work *work;
    pthread_t thread;
    bool used, ended;  /* ended: to be joined */
    uint64_t since_ms; /* since when it runs its job; 0: idle */
};

struct work {
    pthread_mutex_t lock;
    sem_t ready;   /* wakes idle workers; unlike a condition variable it is posted without the
                      lock */
    unsigned idle; /* workers that wait for it */
    bool roused;   /* it was posted for one of them, which has not woken yet */
    struct share *own;          /* the share of strand_new() */
    struct share *head, **tail; /* with something to do */
    unsigned queued, held, places;
    unsigned threads; /* as configured */
    unsigned wanted;  /* with those in place of blocked ones */
    unsigned live;    /* as there are */
    bool stopping;
    struct worker worker[THREADS_MAX + SPARE_MAX];
};

void strand_enter(const struct strand *strand); /* this thread runs its job; NULL: none */
bool work_tell(struct work *work);              /* under work->lock: post ready after it */
void strand_ready(struct strand *strand);       /* under work->lock; takes a reference */
struct strand *share_next(struct work *work);   /* under work->lock: a strand with a job, of the
                                                   share whose turn it is; NULL: nothing to do */
