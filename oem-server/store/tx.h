/* SPDX-License-Identifier: MIT */
/*
 * tx: the internals of store and transaction, for the store's own files.
 *
 * The writer's link and transaction are used by the writer's thread only; a reader's by the
 * thread that took it from the pool. The mutex protects the queue, the pool and closing.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "oem-server/store/backend.h"
#include "oem-server/store/store.h"

enum { STORE_READERS_MAX = 4, STORE_GROUP_MAX = 64 };

struct store_tx {
    struct store *store;
    struct store_link *link;
    bool doomed;    /* a statement failed: commit is refused */
    bool hurt;      /* the machine failed one of the functions */
    int64_t now_us; /* 0: the clock has not been read yet */
    struct store_note *notes;
    size_t note_count, note_cap;
};

struct store_job; /* writer.c */

/* health.c; under the mutex. Times of store_ms(), 0: none. */
struct health {
    uint64_t begun_ms; /* the transaction in progress */
    uint64_t took_ms;  /* the latest one */
    uint64_t fails_ms; /* the first of those that failed since the last that did not */
    enum err err;      /* of the latest failure, with its words */
    const char *words;
};

struct store {
    const struct store_backend *backend;
    struct store_link *link; /* the writer's */
    char *path;
    int lock_fd;
    atomic_llong clock_offset_us; /* hooks.h */
    atomic_bool fails;            /* hooks.h */

    pthread_mutex_t mutex;
    pthread_cond_t work;            /* the writer waits: a job, or closing */
    struct store_job *first, *last; /* the queue */
    bool closing, running;
    pthread_t writer;
    struct store_follower follower; /* all NULL: none */
    struct health health;

    pthread_cond_t freed;                          /* a reader waits: a link */
    struct store_link *readers[STORE_READERS_MAX]; /* free ones */
    size_t free_count;
};

/* The writer: started when the store is open, stopped before its link is closed. */
enum err writer_start(struct store *store);
void writer_stop(struct store *store);

/* Opens the connections of the pool, so that no reader needs a descriptor later; closes them:
 * no reader may be active. */
enum err readers_open(struct store *store);
void readers_close(struct store *store);

/* Of the writer's thread: a transaction begins, and has ended. done: nothing that it was to
 * write failed by the machine. */
void health_begun(struct store *store);
void health_ended(struct store *store, bool done);

/* Frees the notes and their list. */
void notes_free(struct store_tx *tx);

uint64_t store_ms(void); /* CLOCK_MONOTONIC */
/* Waits on cond, which uses CLOCK_MONOTONIC, until deadline_ms at most; false: it has passed.
 */
bool store_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, uint64_t deadline_ms);
