/* SPDX-License-Identifier: MIT */
/*
 * The writer: one thread that runs all changes. It takes the waiting changes as a group, gives
 * each function a savepoint of its own in one transaction, and commits once. store_do() must
 * not report success before the commit. If the group is lost (SQLITE_FULL ends a whole
 * transaction, a COMMIT may fail), each function is run once more, alone (test_store_do). The
 * mutex protects the queue and must not be held while a function runs.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/host/clock.h"
#include "common/host/log.h"
#include "oem-server/store/hooks.h"
#include "oem-server/store/tx.h"

enum { PROBE_MS = 1000 }; /* while changes fail: how often it is tried whether they do */

enum job_state { JOB_QUEUED, JOB_TAKEN, JOB_DONE };

/* On the stack of the thread that waits in store_do(). state and next under the mutex; err and
 * message are the writer's until state is JOB_DONE. */
struct store_job {
    store_fn *fn;
    void *context;
    uint64_t deadline_ms;
    enum job_state state;
    pthread_cond_t done;
    struct store_job *next;
    bool started; /* fn ran, even if in a group that was lost: the deadline is met */
    enum err err;
    char message[FAIL_WORDS_MAX];
};

struct group {
    struct store *store;
    struct store_job *jobs[STORE_GROUP_MAX];
    size_t count;
};

uint64_t store_ms(void)
{
    return clock_ms();
}

bool store_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, uint64_t deadline_ms)
{
    enum { FAR_MS = 3600 * 1000 }; /* a time that no clock refuses */
    uint64_t now_ms = store_ms();
    if (deadline_ms <= now_ms)
        return false;
    uint64_t until_ms = deadline_ms - now_ms > FAR_MS ? now_ms + FAR_MS : deadline_ms;
    struct timespec until = { .tv_sec = (time_t)(until_ms / 1000),
                              .tv_nsec = (long)(until_ms % 1000) * 1000000 };
    (void)pthread_cond_clockwait(cond, mutex, CLOCK_MONOTONIC, &until);
    return true;
}

/* --- Of the writer's thread. --- */

static void follower_save(const struct store *store)
{
    if (store->follower.save != NULL)
        store->follower.save(store->follower.context);
}

static void follower_restore(const struct store *store)
{
    if (store->follower.restore != NULL)
        store->follower.restore(store->follower.context);
}

static enum err follower_finish(const struct store *store, struct store_tx *tx)
{
    return store->follower.finish != NULL ? store->follower.finish(store->follower.context, tx)
                                          : ERR_OK;
}

static void follower_ended(const struct store *store, bool committed)
{
    if (store->follower.ended != NULL)
        store->follower.ended(store->follower.context, committed);
}

static bool in_transaction(const struct store_tx *tx)
{
    return tx->store->backend->in_transaction(tx->link);
}

static void job_says(struct store_job *job, enum err e)
{
    job->err = e;
    snprintf(job->message, sizeof(job->message), "%s", e == ERR_OK ? "" : fail_words());
}

/* Checks a function that returned ERR_OK but left a state that must not be committed. */
static enum err fn_check(struct store_tx *tx, enum err e)
{
    if (e != ERR_OK)
        return e;
    if (tx->doomed)
        return fail(ERR_ABORTED, "store: commit after a failed statement");
    if (tx->store->follower.finish != NULL && tx->note_count != 0)
        return fail(ERR_INTERNAL, "store: %s: %s changed without an entry in the event log",
                    tx->notes[0].row, tx->notes[0].field);
    return ERR_OK;
}

/* Runs fn in a savepoint. false: the transaction is lost, and with it the group. */
static bool job_run(struct store_tx *tx, struct store_job *job)
{
    const struct store_backend *backend = tx->store->backend;
    if (backend->savepoint(tx->link) != ERR_OK)
        return false;
    follower_save(tx->store);
    job->started = true;
    fail_clear();
    job_says(job, fn_check(tx, job->fn(tx, job->context)));
    tx->hurt = tx->hurt || job->err == ERR_STORE;
    store_notes_clear(tx);
    if (job->err == ERR_OK)
        return in_transaction(tx) && backend->savepoint_release(tx->link) == ERR_OK;
    follower_restore(tx->store);
    tx->doomed = false; /* what failed is undone */
    return in_transaction(tx) && backend->savepoint_rollback(tx->link) == ERR_OK;
}

static bool job_late(struct store_job *job)
{
    if (job->started || job->deadline_ms > store_ms())
        return false;
    job_says(job, fail_quiet(ERR_DEADLINE, "store: the writer was busy until the deadline"));
    return true;
}

static bool jobs_run(struct store_tx *tx, struct store_job **jobs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!job_late(jobs[i]) && !job_run(tx, jobs[i]))
            return false;
    return true;
}

/* Commits these jobs in the transaction that has begun. false: nothing of it was committed, and
 * no result holds. */
static bool jobs_commit(struct store_tx *tx, struct store_job **jobs, size_t count)
{
    struct store *store = tx->store;
    bool committed = jobs_run(tx, jobs, count) && follower_finish(store, tx) == ERR_OK &&
                     !tx->doomed && !atomic_load(&store->fails) &&
                     store->backend->commit(store->link) == ERR_OK;
    if (!committed)
        store->backend->rollback(store->link);
    notes_free(tx);
    follower_ended(store, committed);
    return committed;
}

static struct store_tx tx_of(struct store *store)
{
    return (struct store_tx){ .store = store, .link = store->link };
}

static void job_lost(struct store_job *job)
{
    char why[FAIL_WORDS_MAX];
    snprintf(why, sizeof(why), "%s", fail_words());
    job_says(job, fail(ERR_UNAVAILABLE, "store: the change was not committed: %.300s", why));
}

/* What failed to begin would fail for all jobs, and may have waited long for a lock. */
static void jobs_refuse(struct store_job **jobs, size_t count)
{
    if (count != 0)
        job_lost(jobs[0]);
    for (size_t i = 1; i < count; i++) {
        jobs[i]->err = jobs[0]->err;
        memcpy(jobs[i]->message, jobs[0]->message, sizeof(jobs[i]->message));
    }
}

/* The group was lost. true: the machine failed none of these. */
static bool jobs_alone(struct group *group)
{
    struct store *store = group->store;
    bool done = true;
    log_line(LOG_LEVEL_WARN, "store: %s: a group of %zu changes was lost: each is run alone",
             store->path, group->count);
    for (size_t i = 0; i < group->count; i++) {
        struct store_tx tx = tx_of(store);
        if (store->backend->begin(store->link) != ERR_OK) {
            jobs_refuse(group->jobs + i, group->count - i);
            return false;
        }
        bool committed = jobs_commit(&tx, &group->jobs[i], 1);
        if (!committed)
            job_lost(group->jobs[i]);
        done = done && committed && !tx.hurt;
    }
    return done;
}

/* A change is queued, or the store closes. false: neither, but it is time for a probe. */
static bool jobs_await(struct store *store)
{
    uint64_t until_ms = store_ms() + PROBE_MS;
    bool in_time = true;
    pthread_mutex_lock(&store->mutex);
    while (store->first == NULL && !store->closing && in_time)
        if (store->health.fails_ms != 0)
            in_time = store_wait(&store->work, &store->mutex, until_ms);
        else
            pthread_cond_wait(&store->work, &store->mutex);
    pthread_mutex_unlock(&store->mutex);
    return in_time;
}

/* false: the store closes, and there is none. */
static bool jobs_are_due(struct store *store)
{
    pthread_mutex_lock(&store->mutex);
    bool due = store->first != NULL || !store->closing;
    pthread_mutex_unlock(&store->mutex);
    return due;
}

static void group_take(struct group *group)
{
    struct store *store = group->store;
    pthread_mutex_lock(&store->mutex);
    group->count = 0;
    while (store->first != NULL && group->count < STORE_GROUP_MAX) {
        struct store_job *job = store->first;
        store->first = job->next;
        job->state = JOB_TAKEN;
        group->jobs[group->count++] = job;
    }
    if (store->first == NULL)
        store->last = NULL;
    pthread_mutex_unlock(&store->mutex);
}

/* Changes that were all refused, or withdrawn, wrote nothing: they tell nothing of the disk. */
static bool tells(const struct group *group)
{
    for (size_t i = 0; i < group->count; i++)
        if (group->jobs[i]->err == ERR_OK)
            return true;
    return false;
}

/* Jobs stay in the queue, where their deadlines count, until the transaction has begun. */
static void group_run(struct group *group)
{
    struct store *store = group->store;
    struct store_tx tx = tx_of(store);
    health_begun(store);
    bool done = store->backend->begin(store->link) == ERR_OK;
    group_take(group);
    if (!done)
        jobs_refuse(group->jobs, group->count);
    else if (group->count == 0)
        store->backend->rollback(store->link);
    else if (jobs_commit(&tx, group->jobs, group->count))
        done = !tx.hurt;
    else
        done = jobs_alone(group);
    health_ended(store, done && (tells(group) || store->health.fails_ms == 0));
}

static void writer_probe(struct store *store)
{
    health_begun(store);
    health_ended(store, store->backend->probe(store->link) == ERR_OK);
}

static void group_done(const struct group *group)
{
    pthread_mutex_lock(&group->store->mutex);
    for (size_t i = 0; i < group->count; i++) {
        group->jobs[i]->state = JOB_DONE;
        pthread_cond_signal(&group->jobs[i]->done);
    }
    pthread_mutex_unlock(&group->store->mutex);
}

static void *writer_main(void *context)
{
    struct group group = { .store = context };
    bool due = true;
    while (due) {
        bool probes = !jobs_await(group.store);
        due = jobs_are_due(group.store);
        if (due && probes)
            writer_probe(group.store);
        else if (due) {
            group_run(&group);
            group_done(&group);
        }
    }
    return NULL;
}

enum err writer_start(struct store *store)
{
    if (pthread_create(&store->writer, NULL, writer_main, store) != 0)
        return fail(ERR_MEMORY, "store: no thread for the writer");
    store->running = true;
    return ERR_OK;
}

void writer_stop(struct store *store)
{
    if (!store->running)
        return;
    pthread_mutex_lock(&store->mutex);
    store->closing = true;
    pthread_cond_signal(&store->work);
    pthread_mutex_unlock(&store->mutex);
    pthread_join(store->writer, NULL);
    store->running = false;
}

/* --- Of the callers' threads. --- */

static void job_put(struct store *store, struct store_job *job)
{
    if (store->last != NULL)
        store->last->next = job;
    else
        store->first = job;
    store->last = job;
    pthread_cond_signal(&store->work);
}

static void job_withdraw(struct store *store, const struct store_job *job)
{
    struct store_job **at = &store->first, *before = NULL;
    while (*at != job) {
        before = *at;
        at = &before->next;
    }
    *at = job->next;
    if (store->last == job)
        store->last = before;
}

/* Under the mutex. false: the deadline passed while it was still queued. */
static bool job_wait(struct store *store, struct store_job *job)
{
    while (job->state == JOB_QUEUED)
        if (!store_wait(&job->done, &store->mutex, job->deadline_ms) &&
            job->state == JOB_QUEUED) {
            job_withdraw(store, job);
            return false;
        }
    while (job->state != JOB_DONE)
        pthread_cond_wait(&job->done, &store->mutex);
    return true;
}

enum err store_do(struct store *store, store_fn *fn, void *context, uint64_t deadline_ms)
{
    struct store_job job = { .fn = fn, .context = context, .deadline_ms = deadline_ms };
    if (pthread_equal(pthread_self(), store->writer))
        return fail(ERR_INTERNAL, "store: a change within a change");
    pthread_cond_init(&job.done, NULL);
    pthread_mutex_lock(&store->mutex);
    job_put(store, &job);
    bool ran = job_wait(store, &job);
    pthread_mutex_unlock(&store->mutex);
    pthread_cond_destroy(&job.done);
    if (!ran)
        return fail_quiet(ERR_DEADLINE, "store: the writer was busy until the deadline");
    if (job.err != ERR_OK)
        fail_set(job.message);
    return job.err;
}

void store_follow(struct store *store, const struct store_follower *follower)
{
    store->follower = follower != NULL ? *follower : (struct store_follower){ 0 };
}

size_t store_waiting(struct store *store)
{
    size_t count = 0;
    pthread_mutex_lock(&store->mutex);
    for (const struct store_job *job = store->first; job != NULL; job = job->next)
        count++;
    pthread_mutex_unlock(&store->mutex);
    return count;
}
