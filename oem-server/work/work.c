/* SPDX-License-Identifier: MIT */
/*
 * work: the threads of the pool. Started and stopped by the server, whose watch replaces
 * blocked threads by work_patrol(). work->lock must not be held while a job runs.
 */
#include "oem-server/work/work.h"

#include <stdlib.h>

#include "common/host/clock.h"
#include "common/host/log.h"
#include "common/host/own.h"
#include "oem-server/work/inside.h"

unsigned work_queued(struct work *work)
{
    pthread_mutex_lock(&work->lock);
    unsigned queued = work->queued;
    pthread_mutex_unlock(&work->lock);
    return queued;
}

void work_rouse(struct work *work)
{
    pthread_mutex_lock(&work->lock);
    bool tell = work_tell(work);
    pthread_mutex_unlock(&work->lock);
    if (tell)
        sem_post(&work->ready);
}

static void await(struct work *work)
{
    work->idle++;
    pthread_mutex_unlock(&work->lock);
    while (sem_wait(&work->ready) != 0)
        ;
    pthread_mutex_lock(&work->lock);
    work->idle--;
    work->roused = false;
}

/* Under work->lock: all workers look again. */
static void rouse_all(struct work *work)
{
    for (unsigned i = 0; i < work->idle; i++)
        sem_post(&work->ready);
}

/* Under work->lock: the next strand, with its first job taken off; NULL: time to end. */
static struct strand *next(struct work *work, struct job **job_out)
{
    struct strand *strand = NULL;
    while (work->live <= work->wanted && (strand = share_next(work)) == NULL && !work->stopping)
        await(work);
    if (strand == NULL)
        return NULL;
    *job_out = strand->head;
    strand->head = strand->head->next;
    if (strand->head == NULL)
        strand->tail = &strand->head;
    work->queued--;
    return strand;
}

/* Under work->lock: the job of strand has run; it and its share are free for the next. */
static void settle(struct work *work, struct strand *strand)
{
    work->held--;
    strand->share->held--;
    strand->active = strand->head != NULL;
    if (strand->active)
        strand_ready(strand);
    else
        strand_drop(&strand);
}

static void *serve(void *arg)
{
    struct worker *self = arg;
    struct work *work = self->work;
    struct job *job;
    struct strand *strand;
    pthread_mutex_lock(&work->lock);
    while ((strand = next(work, &job)) != NULL) {
        self->since_ms = clock_ms();
        bool tell = work_tell(work);
        pthread_mutex_unlock(&work->lock);
        if (tell)
            sem_post(&work->ready);
        strand_enter(strand);
        job->run(job->context);
        strand_enter(NULL);
        free(job);
        pthread_mutex_lock(&work->lock);
        self->since_ms = 0;
        settle(work, strand);
    }
    work->live--;
    self->ended = true;
    sem_post(
        &work->ready); /* this worker may have taken the wake-up that was meant for a job */
    pthread_mutex_unlock(&work->lock);
    return NULL;
}

/* Under work->lock, except at the start. */
static enum err add_worker(struct work *work)
{
    struct worker *w = work->worker;
    while (w->used && !w->ended)
        w++;
    if (w->used)
        pthread_join(w->thread, NULL);
    *w = (struct worker){ .work = work };
    w->used = pthread_create(&w->thread, NULL, serve, w) == 0;
    work->live += w->used ? 1 : 0;
    return w->used ? ERR_OK
                   : fail(ERR_IO, "work: cannot start a thread, there are %u", work->live);
}

unsigned work_patrol(struct work *work, unsigned over_ms)
{
    unsigned stuck = 0;
    enum err e = ERR_OK;
    pthread_mutex_lock(&work->lock);
    uint64_t now = clock_ms();
    for (size_t i = 0; i < COUNT(work->worker); i++) {
        const struct worker *w = &work->worker[i];
        stuck += w->used && w->since_ms != 0 && now - w->since_ms > over_ms ? 1u : 0u;
    }
    work->wanted = work->threads + (stuck < SPARE_MAX ? stuck : SPARE_MAX);
    while (!work->stopping && work->live < work->wanted && e == ERR_OK)
        e = add_worker(work);
    rouse_all(work); /* a worker that is one too many ends */
    pthread_mutex_unlock(&work->lock);
    return stuck;
}

static enum err start_all(struct work *work)
{
    enum err e = work->own == NULL ? fail(ERR_MEMORY, "work: no memory") : ERR_OK;
    pthread_mutex_lock(&work->lock);
    while (work->live < work->threads && e == ERR_OK)
        e = add_worker(work);
    pthread_mutex_unlock(&work->lock);
    return e;
}

enum err work_start(unsigned threads, unsigned queue_max, struct work **work_out)
{
    if (threads == 0 || threads > THREADS_MAX)
        return fail(ERR_INVALID, "work: %u threads, not 1 to %d", threads, THREADS_MAX);
    struct work *work = calloc(1, sizeof(*work));
    if (work == NULL)
        return fail(ERR_MEMORY, "work: no memory");
    work->places = threads + queue_max;
    work->threads = work->wanted = threads;
    work->tail = &work->head;
    pthread_mutex_init(&work->lock, NULL);
    sem_init(&work->ready, 0, 0);
    work->own = share_new(work);
    if (work->own != NULL)
        work->own->bounded = false;
    enum err e = start_all(work);
    if (e != ERR_OK) {
        work_stop(work);
        return e;
    }
    *work_out = work;
    return ERR_OK;
}

void work_stop(struct work *work)
{
    if (work == NULL)
        return;
    pthread_mutex_lock(&work->lock);
    work->stopping = true;
    rouse_all(work);
    pthread_mutex_unlock(&work->lock);
    for (size_t i = 0; i < COUNT(work->worker); i++)
        if (work->worker[i].used)
            pthread_join(work->worker[i].thread, NULL);
    share_drop(&work->own);
    sem_destroy(&work->ready);
    pthread_mutex_destroy(&work->lock);
    free(work);
}
