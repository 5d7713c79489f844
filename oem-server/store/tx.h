/* SPDX-License-Identifier: MIT */
/* tx: the inside of store and transaction, for the store's own files. One writer at a time, so
 * the transaction lives in the store. */
#pragma once

#include <pthread.h>

#include "oem-server/store/backend.h"
#include "oem-server/store/store.h"

enum { STORE_WATCHERS_MAX = 4 };

struct store_tx {
    struct store *store;
    bool doomed; /* a statement failed: commit is refused */
    size_t watcher_count;
    struct {
        store_ended *ended;
        void *context;
    } watchers[STORE_WATCHERS_MAX];
};

struct store {
    const struct store_backend *backend;
    struct store_link *link;
    char *path;
    int lock_fd;
    pthread_mutex_t mutex; /* guards writing */
    pthread_cond_t idle;
    bool writing;
    struct store_tx tx;
};
