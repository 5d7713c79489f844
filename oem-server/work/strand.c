/* SPDX-License-Identifier: MIT */
/*
 * strand: shares, strands and their queues of jobs. Called by net and the run engine to submit,
 * and by work.c to choose the next job. Two jobs of a strand must never run in parallel;
 * work->lock protects all queues, and is not held while a job runs.
 */
#include <stdlib.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "oem-server/work/inside.h"

enum { POSTED_MAX = 32 }; /* jobs that may wait before a worker is woken anyway */

/* The strand whose job this thread runs; NULL: none. */
static _Thread_local const struct strand *current;

void strand_enter(const struct strand *strand)
{
    current = strand;
}

bool strand_is_current(const struct strand *strand)
{
    return current == strand;
}

struct share *share_new(struct work *work)
{
    struct share *share = calloc(1, sizeof(*share));
    if (share == NULL)
        return NULL;
    atomic_init(&share->refs, 1);
    share->work = work;
    share->bounded = true;
    share->tail = &share->head;
    return share;
}

struct share *share_keep(struct share *share)
{
    atomic_fetch_add(&share->refs, 1);
    return share;
}

void share_drop(struct share **share_pointer)
{
    struct share *share = TAKE(*share_pointer);
    if (share != NULL && atomic_fetch_sub(&share->refs, 1) == 1)
        free(share);
}

struct strand *strand_of(struct share *share)
{
    struct strand *strand = calloc(1, sizeof(*strand));
    if (strand == NULL)
        return NULL;
    atomic_init(&strand->refs, 1);
    strand->share = share_keep(share);
    strand->tail = &strand->head;
    return strand;
}

struct strand *strand_new(struct work *work)
{
    return strand_of(work->own);
}

struct strand *strand_keep(struct strand *strand)
{
    atomic_fetch_add(&strand->refs, 1);
    return strand;
}

void strand_drop(struct strand **strand_pointer)
{
    struct strand *strand = TAKE(*strand_pointer);
    if (strand == NULL || atomic_fetch_sub(&strand->refs, 1) != 1)
        return;
    share_drop(&strand->share);
    free(strand);
}

/* Under work->lock: the share waits for its turn. */
static void queue_share(struct work *work, struct share *share)
{
    share->ready = true;
    share->next_ready = NULL;
    *work->tail = share;
    work->tail = &share->next_ready;
}

void strand_ready(struct strand *strand)
{
    struct share *share = strand->share;
    struct work *work = share->work;
    strand->next_ready = NULL;
    *share->tail = strand;
    share->tail = &strand->next_ready;
    if (!share->ready)
        queue_share(work, share);
}

/* Wakes one worker at a time: it wakes the next if there is more work than it can do alone. So
 * a burst of jobs costs few wake-ups, and none while all workers are busy. */
bool work_tell(struct work *work)
{
    bool tell = work->head != NULL && work->idle != 0 && !work->roused;
    if (tell)
        work->roused = true;
    return tell;
}

/* Under work->lock. */
static enum err admit(const struct work *work, const struct share *share)
{
    unsigned left = work->held < work->places ? work->places - work->held : 0;
    if (work->stopping)
        return fail_quiet(ERR_UNAVAILABLE, "the server is stopping");
    if (left == 0)
        return fail_quiet(ERR_EXHAUSTED, "the server's queue of %u calls is full: try later",
                          work->places);
    if (share->bounded && share->held >= left)
        return fail_quiet(
            ERR_EXHAUSTED,
            "%u calls of this principal are open, and the server has %u free slots "
            "for all: wait for answers",
            share->held, left);
    return ERR_OK;
}

/* Under work->lock. */
static void enqueue(struct work *work, struct strand *strand, struct job *job)
{
    work->queued++;
    work->held++;
    strand->share->held++;
    *strand->tail = job;
    strand->tail = &job->next;
    if (!strand->active) {
        strand->active = true;
        strand_ready(strand_keep(strand));
    }
}

static enum err submit(struct strand *strand, work_job *run, void *context, bool bounded,
                       bool now)
{
    struct work *work = strand->share->work;
    struct job *job = malloc(sizeof(*job));
    if (job == NULL)
        return fail(ERR_MEMORY, "work: no memory for a job");
    *job = (struct job){ NULL, run, context };
    pthread_mutex_lock(&work->lock);
    enum err e = bounded ? admit(work, strand->share) : ERR_OK;
    if (e == ERR_OK)
        enqueue(work, strand, job);
    bool tell = (now || work->queued >= POSTED_MAX) && work_tell(work);
    pthread_mutex_unlock(&work->lock);
    if (tell)
        sem_post(&work->ready);
    if (e != ERR_OK)
        free(job);
    return e;
}

enum err strand_submit(struct strand *strand, work_job *run, void *context)
{
    return submit(strand, run, context, true, true);
}

enum err strand_post(struct strand *strand, work_job *run, void *context)
{
    return submit(strand, run, context, true, false);
}

enum err strand_submit_due(struct strand *strand, work_job *run, void *context)
{
    return submit(strand, run, context, false, true);
}

/* Under work->lock: unlinked, or NULL. */
static struct job *unlink_job(struct strand *strand, const void *context)
{
    for (struct job **at = &strand->head; *at != NULL; at = &(*at)->next) {
        struct job *job = *at;
        if (job->context != context)
            continue;
        *at = job->next;
        if (*at == NULL)
            strand->tail = at;
        return job;
    }
    return NULL;
}

bool strand_withdraw(struct strand *strand, const void *context)
{
    struct work *work = strand->share->work;
    pthread_mutex_lock(&work->lock);
    struct job *job = unlink_job(strand, context);
    if (job != NULL) {
        work->queued--;
        work->held--;
        strand->share->held--;
    }
    pthread_mutex_unlock(&work->lock);
    free(job);
    return job != NULL;
}

/* Under work->lock: the next strand of the share whose turn it is; NULL: nothing to do. */
static struct strand *take_strand(struct work *work)
{
    struct share *share = work->head;
    if (share == NULL)
        return NULL;
    struct strand *strand = share->head;
    work->head = share->next_ready;
    if (work->head == NULL)
        work->tail = &work->head;
    share->head = strand->next_ready;
    share->ready = false;
    if (share->head == NULL)
        share->tail = &share->head;
    else
        queue_share(work, share);
    return strand;
}

/* Withdrawn jobs may have left empty strands: skip them. */
struct strand *share_next(struct work *work)
{
    struct strand *strand;
    while ((strand = take_strand(work)) != NULL && strand->head == NULL) {
        strand->active = false;
        strand_drop(&strand);
    }
    return strand;
}
