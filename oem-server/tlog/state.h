/* SPDX-License-Identifier: MIT */
/* state: the internals of the log, for those of tlog's own files that use the store. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "oem-server/tlog/anchor.h"
#include "oem-server/tlog/checkpoint.h"
#include "oem-server/tlog/tlog.h"
#include "oem-server/tlog/tree.h"

enum { TLOG_WAIT_MS = 10000 }; /* for the store */
/* As UNIT_CLOCK_STEP_US: by how much a clock is adjusted at most. */
#define TLOG_CLOCK_STEP_US (INT64_C(60) * 1000000)

enum { TLOG_CLOCK_WORDS_MAX = 200 };

/* What time.c knows of the clock; microseconds. */
struct tlog_clock {
    int64_t latest_us; /* time of entries since the clock was set, or of the last one before */
    int64_t floor_us; /* when it was set, by itself: no later entry is earlier; 0: it was not */
    int64_t distance_us; /* from CLOCK_BOOTTIME to the clock, since then or since the start */
    int64_t ahead_us;    /* the latest time before it was set back; 0: it was not */
    int64_t set_us;      /* when it was set, by CLOCK_BOOTTIME; 0: it was not */
};

struct tlog {
    struct store *store;
    struct note_key key; /* its name is the origin */
    tlog_sign *sign;
    void *sign_context;
    struct uses *uses; /* of tlog_account(), with */
    char server[65];
    bool following; /* the store's commits: tlog_follow() was called */

    pthread_mutex_t mutex; /* protects committed, known and signing */
    pthread_cond_t grown;  /* on CLOCK_MONOTONIC */
    struct tree_edge committed;
    struct tlog_clock known; /* as of committed */
    atomic_bool stopped; /* the log contradicts itself: nothing more is appended or signed */

    /* Used by the store's writer thread only. loaded: pending holds this group's edge, from
     * log_head. */
    bool loaded, saved_loaded;
    struct tlog_clock clock, saved_clock;
    char clock_words[TLOG_CLOCK_WORDS_MAX]; /* of the latest time that it was set */
    struct tree_edge pending, saved;
    uint8_t leaf[SHA256_SIZE], saved_leaf[SHA256_SIZE]; /* of the group's last entry */

    bool signing; /* a checkpoint is being made, one at a time; its maker owns what follows */
    pthread_cond_t idle;
    uint64_t signed_size;
    struct buf signed_note; /* that may be given away; empty: none was ever signed, or none of
                               the anchor's */
    struct anchor *anchor;  /* NULL: there is none */

    atomic_ullong anchored;               /* entries that the anchor covers */
    char anchor_words[TLOG_ANCHOR_WORDS]; /* why it is not written; under mutex */
};

/* Bytes that tlog_account_put() adds, at most. */
enum { TLOG_ACCOUNT_MAX = 2 * USES_MAX * (USES_KEY_MAX + 16) + 80 };
/* Memory for what an entry says of the keys. */
struct account {
    Hallmark__V1__KeyUse made[USES_MAX], left[USES_MAX];
    Hallmark__V1__KeyUse *made_pointers[USES_MAX], *left_pointers[USES_MAX];
};
/* Adds them to event, which borrows from account and log. Inside a change. */
void tlog_account_put(struct tlog *log, struct account *account, Hallmark__V1__Event *event);

/* time.c, in a transaction: at the log's opening; and on the writer's thread.
 * tlog_clock_take(): true: the clock was set since the entry before, which words say; the entry
 * of that is the caller's. tlog_clock_stamp(): the time of an entry that was made at time_us.
 */
enum err tlog_clock_open(struct tlog *log, struct store_tx *tx);
bool tlog_clock_take(struct tlog *log, int64_t now_us, char words[static TLOG_CLOCK_WORDS_MAX]);
uint64_t tlog_clock_stamp(struct tlog *log, int64_t now_us, uint64_t time_us);
void tlog_clock_ended(struct tlog *log, bool committed);

uint64_t tlog_deadline(void); /* TLOG_WAIT_MS from now, for store_do() and store_read() */

/* The edge as log_head holds it: the empty tree if there is none. ERR_DATA_LOSS. */
enum err tlog_head_get(struct store_tx *tx, struct tree_edge *edge_out);
enum err tlog_head_put(struct store_tx *tx, const struct tree_edge *edge);
bool tlog_edge_same(const struct tree_edge *a, const struct tree_edge *b);
/* Logs why, and stops the log, because it contradicts itself. Returns ERR_DATA_LOSS. Any
 * thread. */
enum err tlog_stop(struct tlog *log, const char *why);

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

/* Puts a checkpoint into the anchor, if there is one. By signing's owner. ERR_UNAVAILABLE. */
enum err tlog_anchor_put(struct tlog *log, uint64_t size, struct span note);

void tlog_follow(struct tlog *log); /* the store's commits, from now on */
void tlog_committed(struct tlog *log, struct tree_edge *edge_out); /* a copy */
