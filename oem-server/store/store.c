/* SPDX-License-Identifier: MIT */
/* Opens and closes a store: the lock of its file, its schema, its writer. Called at the
 * server's start and end, by oemctl init and by tests. It must not open a store that another
 * process has open (test_store_do). */
#include "oem-server/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "common/host/log.h"
#include "oem-server/store/query.h"
#include "oem-server/store/schema.h"
#include "oem-server/store/tx.h"

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
    pthread_cond_init(&store->work, NULL);
    pthread_cond_init(&store->freed, NULL);
    *store_out = store;
    return ERR_OK;
}

/* The lock belongs to the open file, so it ends with this process, however that ends. */
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

static enum err migrate_next(struct store_tx *tx, bool *more_out)
{
    const struct store *store = tx->store;
    unsigned version = 0;
    TRY(store->backend->script(store->link, schema_base));
    TRY(version_read(tx, &version));
    *more_out = version < schema_version;
    if (!*more_out)
        return ERR_OK;
    TRY(store->backend->script(store->link, schema_migrations[version]));
    return query_write(tx, STATEMENT_SCHEMA_VERSION_ADD, VALUES(value_number(version + 1)),
                       NULL);
}

/* Before there is a writer: on its link, by the thread that opens. */
static enum err migrate_one(struct store *store, bool *more_out)
{
    struct store_tx tx = { .store = store, .link = store->link };
    TRY(store->backend->begin(store->link));
    enum err e = migrate_next(&tx, more_out);
    if (e == ERR_OK)
        e = store->backend->commit(store->link);
    if (e != ERR_OK)
        store->backend->rollback(store->link);
    return e;
}

enum err store_open(const char *path, struct store **store_out)
{
    AUTO(store_drop) struct store *store = NULL;
    bool more = true;
    TRY(store_new(path, &store));
    TRY(lock_take(store));
    TRY(store->backend->open(path, false, &store->link));
    while (more)
        TRY(migrate_one(store, &more));
    TRY(store->backend->check(store->link));
    TRY(readers_open(store));
    TRY(writer_start(store));
    *store_out = TAKE(store);
    return ERR_OK;
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    writer_stop(store);
    readers_close(store);
    if (store->link != NULL)
        store->backend->close(store->link);
    fd_drop(&store->lock_fd);
    pthread_cond_destroy(&store->freed);
    pthread_cond_destroy(&store->work);
    pthread_mutex_destroy(&store->mutex);
    free(store->path);
    free(store);
}
