/* SPDX-License-Identifier: MIT */
/* state: the inside of the log, for tlog's own files that use the store. */
#pragma once

#include <pthread.h>

#include "oem-server/tlog/checkpoint.h"
#include "oem-server/tlog/tlog.h"
#include "oem-server/tlog/tree.h"

enum { TLOG_WAIT_MS = 10000 }; /* for the store's writer */

struct tlog {
    struct store *store;
    struct note_key key; /* its name is the origin */
    tlog_sign *sign;
    void *sign_context;

    pthread_mutex_t mutex; /* guards committed */
    pthread_cond_t grown;  /* on CLOCK_MONOTONIC */
    struct tree_edge committed;

    /* Of the transaction that appends; guarded by the store's writer. */
    bool appending;
    struct tree_edge pending;

    pthread_mutex_t signing; /* guards what follows; one checkpoint is made at a time */
    uint64_t signed_size;
    struct buf signed_note; /* empty if none was ever signed */
};

/* tree_get over the store's rows; context is the transaction. A missing row is damage. */
enum err tlog_node_get(void *tx, unsigned level, uint64_t n,
                       uint8_t hash_out[static SHA256_SIZE]);
/* tree_put that compares instead of writing. */
enum err tlog_node_compare(void *tx, unsigned level, uint64_t n,
                           const uint8_t hash[static SHA256_SIZE]);

/* A checkpoint from the store: its row's size, the log's own signature. ERR_DATA_LOSS. */
enum err tlog_checkpoint_check(const struct tlog *log, uint64_t size, struct span note,
                               struct checkpoint *checkpoint_out);
/* edge, of checkpoint's size, must have its root. ERR_DATA_LOSS. */
enum err tlog_root_check(const struct tree_edge *edge, const struct checkpoint *checkpoint);

void tlog_committed(struct tlog *log, struct tree_edge *edge_out); /* a copy */
