/* SPDX-License-Identifier: MIT */
#include "oem-server/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "common/host/log.h"
#include "oem-server/store/query.h"
#include "oem-server/store/schema.h"
#include "oem-server/store/tx.h"

enum { OPEN_WAIT_MS = 1000 };

static void store_drop(struct store **store)
{
    store_close(*store);
}

static enum err store_new(const char *path, struct store **store_out)
{
    struct store *store = calloc(1, sizeof(*store));
    if (store == NULL || (store->path = strdup(path)) == NULL) {
        free(store);
        return fail(ERR_MEMORY, "store: out of memory");
    }
    store->backend = &store_sqlite;
    store->lock_fd = -1;
    pthread_mutex_init(&store->mutex, NULL);
    pthread_cond_init(&store->idle, NULL);
    *store_out = store;
    return ERR_OK;
}

/* The lock is of the open file, so it ends with this process however that ends. */
static enum err lock_take(struct store *store)
{
    AUTO(free_drop) char *path = NULL;
    if (asprintf(&path, "%s.lock", store->path) < 0) {
        path = NULL;
        return fail(ERR_MEMORY, "store: out of memory");
    }
    store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (store->lock_fd < 0)
        return fail(ERR_STORE, "store: %s: %s", path, strerror(errno));
    if (flock(store->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return ERR_OK;
    if (errno == EWOULDBLOCK)
        return fail(ERR_BUSY, "store: %s: in use by another process, which holds %s",
                    store->path, path);
    return fail(ERR_STORE, "store: %s: %s", path, strerror(errno));
}

static enum err version_read(struct store_tx *tx, unsigned *version_out)
{
    AUTO(query_close) struct query query = { 0 };
    TRY(query_open(tx, STATEMENT_SCHEMA_VERSION, NO_VALUES, &query));
    TRY(query_one(&query));
    *version_out = query_u32(&query);
    TRY(query_end(&query));
    if (*version_out > schema_version)
        return fail(ERR_CONFIG, "store: %s: schema %u, this program knows %u", tx->store->path,
                    *version_out, schema_version);
    return ERR_OK;
}

static enum err migrate_one(struct store *store, bool *more_out)
{
    AUTO(store_rollback) struct store_tx *tx = NULL;
    unsigned version = 0;
    TRY(store_begin(store, OPEN_WAIT_MS, &tx));
    TRY(store->backend->script(store->link, schema_base));
    TRY(version_read(tx, &version));
    *more_out = version < schema_version;
    if (!*more_out)
        return store_commit(&tx);
    TRY(store->backend->script(store->link, schema_migrations[version]));
    TRY(query_write(tx, STATEMENT_SCHEMA_VERSION_ADD, VALUES(value_number(version + 1)), NULL));
    return store_commit(&tx);
}

enum err store_open(const char *path, struct store **store_out)
{
    AUTO(store_drop) struct store *store = NULL;
    bool more = true;
    TRY(store_new(path, &store));
    TRY(lock_take(store));
    TRY(store->backend->open(path, &store->link));
    while (more)
        TRY(migrate_one(store, &more));
    TRY(store->backend->check(store->link));
    *store_out = TAKE(store);
    return ERR_OK;
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    if (store->link != NULL)
        store->backend->close(store->link);
    fd_drop(&store->lock_fd);
    pthread_cond_destroy(&store->idle);
    pthread_mutex_destroy(&store->mutex);
    free(store->path);
    free(store);
}

static struct timespec deadline_of(unsigned timeout_ms)
{
    struct timespec when;
    clock_gettime(CLOCK_MONOTONIC, &when);
    when.tv_sec += timeout_ms / 1000;
    when.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (when.tv_nsec >= 1000000000) {
        when.tv_sec++;
        when.tv_nsec -= 1000000000;
    }
    return when;
}

/* Not the mutex itself is held while writing, so any thread may end the transaction. */
static enum err writer_take(struct store *store, unsigned timeout_ms)
{
    struct timespec deadline = deadline_of(timeout_ms);
    int waited = 0;
    pthread_mutex_lock(&store->mutex);
    while (store->writing && waited == 0)
        waited =
            pthread_cond_clockwait(&store->idle, &store->mutex, CLOCK_MONOTONIC, &deadline);
    bool taken = !store->writing;
    store->writing = true;
    pthread_mutex_unlock(&store->mutex);
    if (!taken)
        return fail(ERR_DEADLINE, "store: %s: writer still busy after %u ms", store->path,
                    timeout_ms);
    return ERR_OK;
}

static void writer_give(struct store *store)
{
    pthread_mutex_lock(&store->mutex);
    store->writing = false;
    pthread_cond_signal(&store->idle);
    pthread_mutex_unlock(&store->mutex);
}

enum err store_begin(struct store *store, unsigned timeout_ms, struct store_tx **tx_out)
{
    TRY(writer_take(store, timeout_ms));
    enum err begun = store->backend->begin(store->link);
    if (begun != ERR_OK) {
        writer_give(store);
        return begun;
    }
    store->tx = (struct store_tx){ .store = store };
    *tx_out = &store->tx;
    return ERR_OK;
}

static void tx_end(struct store_tx *tx, bool committed)
{
    for (size_t i = 0; i < tx->watcher_count; i++)
        tx->watchers[i].ended(tx->watchers[i].context, committed);
    writer_give(tx->store);
}

enum err store_commit(struct store_tx **tx_ptr)
{
    struct store_tx *tx = TAKE(*tx_ptr);
    const struct store *store = tx->store;
    enum err result = tx->doomed ? fail(ERR_ABORTED, "store: commit after a failed statement")
                                 : store->backend->commit(store->link);
    if (result != ERR_OK)
        store->backend->rollback(store->link);
    tx_end(tx, result == ERR_OK);
    return result;
}

void store_rollback(struct store_tx **tx_ptr)
{
    struct store_tx *tx = TAKE(*tx_ptr);
    if (tx == NULL)
        return;
    tx->store->backend->rollback(tx->store->link);
    tx_end(tx, false);
}

enum err store_tx_watch(struct store_tx *tx, store_ended *ended, void *context)
{
    if (tx->watcher_count == STORE_WATCHERS_MAX)
        return fail(ERR_LIMIT, "store: %d watchers of one transaction", STORE_WATCHERS_MAX);
    tx->watchers[tx->watcher_count].ended = ended;
    tx->watchers[tx->watcher_count].context = context;
    tx->watcher_count++;
    return ERR_OK;
}

void store_tx_doom(struct store_tx *tx)
{
    tx->doomed = true;
}
