#include "oem-server/work/work.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/host/log.h"
#include "common/host/own.h"

enum { THREADS_MAX = 64 };

struct job {
    struct job *next;
    work_job *run;
    void *context;
};

struct strand {
    atomic_uint refs;
    struct work *work;
    struct strand *next_ready;
    struct job *head, **tail;
    bool active; /* in the ready list or running */
};

struct work {
    pthread_mutex_t lock;
    pthread_cond_t ready;
    struct strand *head, **tail; /* strands with something to do */
    unsigned queued, queue_max;
    bool stopping;
    unsigned threads;
    pthread_t thread[THREADS_MAX];
};

struct strand *strand_new(struct work *work)
{
    struct strand *strand = calloc(1, sizeof(*strand));
    if (strand == NULL)
        return NULL;
    atomic_init(&strand->refs, 1);
    strand->work = work;
    strand->tail = &strand->head;
    return strand;
}

struct strand *strand_keep(struct strand *strand)
{
    atomic_fetch_add(&strand->refs, 1);
    return strand;
}

void strand_drop(struct strand **strand_pointer)
{
    struct strand *strand = TAKE(*strand_pointer);
    if (strand != NULL && atomic_fetch_sub(&strand->refs, 1) == 1)
        free(strand);
}

/* Under work->lock. */
static void make_ready(struct work *work, struct strand *strand)
{
    strand->next_ready = NULL;
    *work->tail = strand;
    work->tail = &strand->next_ready;
    pthread_cond_signal(&work->ready);
}

static enum err submit(struct strand *strand, work_job *run, void *context, bool bounded)
{
    struct work *work = strand->work;
    struct job *job = malloc(sizeof(*job));
    if (job == NULL)
        return fail(ERR_MEMORY, "work: no memory for a job");
    *job = (struct job){ NULL, run, context };
    pthread_mutex_lock(&work->lock);
    if (bounded && (work->queued >= work->queue_max || work->stopping)) {
        bool stopping = work->stopping;
        pthread_mutex_unlock(&work->lock);
        free(job);
        return stopping ? fail_quiet(ERR_UNAVAILABLE, "the server is stopping")
                        : fail_quiet(ERR_EXHAUSTED, "the server's queue of %u calls is full",
                                     work->queue_max);
    }
    work->queued++;
    *strand->tail = job;
    strand->tail = &job->next;
    if (!strand->active) {
        strand->active = true;
        make_ready(work, strand_keep(strand));
    }
    pthread_mutex_unlock(&work->lock);
    return ERR_OK;
}

enum err strand_submit(struct strand *strand, work_job *run, void *context)
{
    return submit(strand, run, context, true);
}

enum err strand_submit_due(struct strand *strand, work_job *run, void *context)
{
    return submit(strand, run, context, false);
}

unsigned work_queued(struct work *work)
{
    pthread_mutex_lock(&work->lock);
    unsigned queued = work->queued;
    pthread_mutex_unlock(&work->lock);
    return queued;
}

/* Under work->lock: the next strand, with its first job taken off; NULL: time to end. */
static struct strand *next(struct work *work, struct job **job_out)
{
    while (work->head == NULL && !work->stopping)
        pthread_cond_wait(&work->ready, &work->lock);
    struct strand *strand = work->head;
    if (strand == NULL)
        return NULL;
    work->head = strand->next_ready;
    if (work->head == NULL)
        work->tail = &work->head;
    *job_out = strand->head;
    strand->head = strand->head->next;
    if (strand->head == NULL)
        strand->tail = &strand->head;
    work->queued--;
    return strand;
}

static void *serve(void *arg)
{
    struct work *work = arg;
    struct job *job;
    struct strand *strand;
    pthread_mutex_lock(&work->lock);
    while ((strand = next(work, &job)) != NULL) {
        pthread_mutex_unlock(&work->lock);
        job->run(job->context);
        free(job);
        pthread_mutex_lock(&work->lock);
        strand->active = strand->head != NULL;
        if (strand->active)
            make_ready(work, strand);
        else
            strand_drop(&strand);
    }
    pthread_mutex_unlock(&work->lock);
    return NULL;
}

enum err work_start(unsigned threads, unsigned queue_max, struct work **work_out)
{
    if (threads == 0 || threads > THREADS_MAX)
        return fail(ERR_INVALID, "work: %u threads, not 1 to %d", threads, THREADS_MAX);
    struct work *work = calloc(1, sizeof(*work));
    if (work == NULL)
        return fail(ERR_MEMORY, "work: no memory");
    work->queue_max = queue_max;
    work->tail = &work->head;
    pthread_mutex_init(&work->lock, NULL);
    pthread_cond_init(&work->ready, NULL);
    for (; work->threads < threads; work->threads++) {
        if (pthread_create(&work->thread[work->threads], NULL, serve, work) != 0) {
            work_stop(work);
            return fail(ERR_IO, "work: cannot start %u threads", threads);
        }
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
    pthread_cond_broadcast(&work->ready);
    pthread_mutex_unlock(&work->lock);
    for (unsigned i = 0; i < work->threads; i++)
        pthread_join(work->thread[i], NULL);
    pthread_cond_destroy(&work->ready);
    pthread_mutex_destroy(&work->lock);
    free(work);
}
