/* SPDX-License-Identifier: MIT */
/*
 * Reading: a pool of connections, all opened at the start, so that readers wait neither for the
 * writer nor for a descriptor. store_read() is called by any thread and runs the function on
 * that thread, in a read transaction that sees one state of the store. The mutex protects the
 * pool; it must not be held while a function runs.
 */
#include "common/host/log.h"
#include "oem-server/store/tx.h"

enum err readers_open(struct store *store)
{
    while (store->free_count < STORE_READERS_MAX) {
        TRY(store->backend->open(store->path, true, &store->readers[store->free_count]));
        store->free_count++;
    }
    return ERR_OK;
}

static enum err reader_take(struct store *store, uint64_t deadline_ms,
                            struct store_link **link_out)
{
    struct store_link *link = NULL;
    bool waited = true;
    pthread_mutex_lock(&store->mutex);
    while (waited && store->free_count == 0)
        waited = store_wait(&store->freed, &store->mutex, deadline_ms);
    if (store->free_count != 0)
        link = store->readers[--store->free_count];
    pthread_mutex_unlock(&store->mutex);
    if (link == NULL)
        return fail_quiet(ERR_DEADLINE, "store: %d readers were busy until the deadline",
                          STORE_READERS_MAX);
    *link_out = link;
    return ERR_OK;
}

static void reader_give(struct store *store, struct store_link *link)
{
    pthread_mutex_lock(&store->mutex);
    store->readers[store->free_count++] = link;
    pthread_cond_signal(&store->freed);
    pthread_mutex_unlock(&store->mutex);
}

enum err store_read(struct store *store, store_fn *fn, void *context, uint64_t deadline_ms)
{
    struct store_link *link = NULL;
    TRY(reader_take(store, deadline_ms, &link));
    struct store_tx tx = { .store = store, .link = link };
    enum err e = store->backend->begin_read(link);
    if (e == ERR_OK) {
        e = fn(&tx, context);
        store->backend->rollback(link);
    }
    notes_free(&tx);
    reader_give(store, link);
    return e;
}

void readers_close(struct store *store)
{
    while (store->free_count != 0)
        store->backend->close(store->readers[--store->free_count]);
}
