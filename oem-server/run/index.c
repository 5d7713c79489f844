/* SPDX-License-Identifier: MIT */
/*
 * index: the runs in memory, found by run id, by UID, and by connection. Called by net, run and
 * sweep, on any thread. All functions take server->lock, and must not touch what belongs to a
 * run's strand.
 */
#include <stdlib.h>
#include <string.h>

#include "oem-server/run/run.h"

/* Run ids are random. A UID's last bytes count dies on a wafer, so all bytes are used. */
static unsigned bucket_of_id(const uint8_t id[static RUN_ID_SIZE])
{
    return id[0];
}

bool run_list(struct run *run, struct session *session)
{
    struct server *server = run->server;
    struct run **by_id = &server->runs.by_id[bucket_of_id(run->id)];
    pthread_mutex_lock(&server->lock);
    bool there = session != NULL && !session->gone;
    run->session = there ? session : NULL;
    run->listed = true;
    run->next_id = *by_id;
    *by_id = run_keep(run);
    server->runs.count++;
    pthread_mutex_unlock(&server->lock);
    return there;
}

/* Under server->lock. */
static bool unlink_run(struct server *server, struct run *run)
{
    struct run **at = &server->runs.by_id[bucket_of_id(run->id)];
    while (*at != NULL && *at != run)
        at = &(*at)->next_id;
    if (*at == NULL)
        return false;
    *at = run->next_id;
    server->runs.count--;
    return true;
}

void run_unlist(struct run *run)
{
    struct server *server = run->server;
    pthread_mutex_lock(&server->lock);
    struct run *found = unlink_run(server, run) ? run : NULL;
    pthread_mutex_unlock(&server->lock);
    run_drop(&found);
}

struct run *run_find(struct server *server, const uint8_t id[static RUN_ID_SIZE])
{
    pthread_mutex_lock(&server->lock);
    struct run *run = server->runs.by_id[bucket_of_id(id)];
    while (run != NULL && memcmp(run->id, id, RUN_ID_SIZE) != 0)
        run = run->next_id;
    if (run != NULL)
        run_keep(run);
    pthread_mutex_unlock(&server->lock);
    return run;
}

/* Under server->lock: the first run for which is_it gives true. */
static struct run *search(struct server *server,
                          bool (*is_it)(const struct run *, const void *), const void *context)
{
    for (unsigned i = 0; i < RUN_BUCKETS; i++)
        for (struct run *run = server->runs.by_id[i]; run != NULL; run = run->next_id)
            if (is_it(run, context))
                return run_keep(run);
    return NULL;
}

static bool is_of(const struct run *run, const void *session)
{
    return run->session == session;
}

/* Removes the run's link to the session, so that the next call finds another one. */
struct run *run_take_of(struct session *session)
{
    struct server *server = session->server;
    pthread_mutex_lock(&server->lock);
    struct run *run = search(server, is_of, session);
    if (run != NULL)
        run->session = NULL;
    pthread_mutex_unlock(&server->lock);
    return run;
}

static bool is_late(const struct run *run, const void *before_ms)
{
    uint64_t since = atomic_load(&run->staged.since_ms), before;
    memcpy(&before, before_ms, sizeof(before));
    return since != 0 && since < before && !atomic_load(&run->flush_due);
}

struct run *run_take_late(struct server *server, uint64_t before_ms)
{
    pthread_mutex_lock(&server->lock);
    struct run *run = search(server, is_late, &before_ms);
    if (run != NULL)
        atomic_store(&run->flush_due, true);
    pthread_mutex_unlock(&server->lock);
    return run;
}

enum { ENDING_TAKEN = -1 }; /* later than any time */

static bool is_ending(const struct run *run, const void *before_ms)
{
    uint64_t failed = atomic_load(&run->end.failed_ms), before;
    memcpy(&before, before_ms, sizeof(before));
    return failed != 0 && failed < before;
}

struct run *run_take_ending(struct server *server, uint64_t before_ms)
{
    pthread_mutex_lock(&server->lock);
    struct run *run = search(server, is_ending, &before_ms);
    if (run != NULL)
        atomic_store(&run->end.failed_ms, (uint64_t)ENDING_TAKEN);
    pthread_mutex_unlock(&server->lock);
    return run;
}

unsigned run_count_ending(struct server *server)
{
    unsigned count = 0;
    pthread_mutex_lock(&server->lock);
    for (unsigned i = 0; i < RUN_BUCKETS; i++)
        for (const struct run *run = server->runs.by_id[i]; run != NULL; run = run->next_id)
            count += atomic_load(&run->end.failed_ms) != 0;
    pthread_mutex_unlock(&server->lock);
    return count;
}

void run_index_free(struct server *server)
{
    for (unsigned i = 0; i < RUN_BUCKETS; i++)
        while (server->runs.by_id[i] != NULL) {
            struct run *run = server->runs.by_id[i];
            server->runs.by_id[i] = run->next_id;
            run_drop(&run);
        }
}
