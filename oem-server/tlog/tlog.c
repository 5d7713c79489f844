/* SPDX-License-Identifier: MIT */
/* Opens the log against the store's rows and holds, in memory, the edge of what is committed.
 * Called at the server's start and end, and by threads that wait for new entries. It must never
 * sign. */
#include "oem-server/tlog/tlog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/host/clock.h"
#include "common/host/log.h"
#include "oem-server/tlog/state.h"
#include "oem-server/tlog/text.h"

static void tlog_drop(struct tlog **log)
{
    tlog_free(*log);
}

enum err tlog_checkpoint_check(const struct tlog *log, uint64_t size, struct span note,
                               struct checkpoint *checkpoint_out)
{
    char why[FAIL_WORDS_MAX];
    enum err opened = checkpoint_open(note, &log->key, checkpoint_out);
    if (opened == ERR_MEMORY)
        return opened;
    snprintf(why, sizeof(why), "%s", opened == ERR_OK ? "states another size" : fail_words());
    if (opened != ERR_OK || checkpoint_out->size != size)
        return fail(ERR_DATA_LOSS, "tlog: stored checkpoint of size %ju: %.200s",
                    (uintmax_t)size, why);
    return ERR_OK;
}

enum err tlog_root_check(const struct tree_edge *edge, const struct checkpoint *checkpoint)
{
    uint8_t root[SHA256_SIZE];
    TRY(tree_root(edge, root));
    if (memcmp(root, checkpoint->root, SHA256_SIZE) != 0)
        return fail(ERR_DATA_LOSS, "tlog: the tree's root at size %ju is not its checkpoint's",
                    (uintmax_t)edge->size);
    return ERR_OK;
}

struct replay {
    struct store_tx *tx;
    struct tree_edge *edge;
};

static enum err replay_entry(void *context, uint64_t index, struct span entry)
{
    const struct replay *replay = context;
    uint8_t leaf[SHA256_SIZE];
    (void)index;
    TRY(tree_leaf(entry, leaf));
    return tree_add(replay->edge, leaf, tlog_node_compare, replay->tx);
}

/* Entries up to size: each against its leaf's node, and each node that they complete. */
static enum err replay_to(struct tlog *log, struct store_tx *tx, uint64_t size)
{
    struct replay replay = { tx, &log->committed };
    uint64_t from = log->committed.size;
    TRY(store_log_read(tx, from, size - from, replay_entry, &replay));
    return log->committed.size == size ? ERR_OK
                                       : fail(ERR_DATA_LOSS, "tlog: entry %ju is missing",
                                              (uintmax_t)log->committed.size);
}

/* From begin, or from the latest checkpoint if that is before it, to the checkpoint's root. */
static enum err load_signed(struct tlog *log, struct store_tx *tx, uint64_t begin,
                            uint64_t log_size)
{
    struct checkpoint checkpoint;
    uint64_t size = 0;
    enum err found = store_checkpoint_latest(tx, &size, &log->signed_note);
    if (found == ERR_NOT_FOUND)
        return ERR_OK; /* all of it is replayed, from the empty tree */
    TRY(found);
    TRY(tlog_checkpoint_check(log, size, buf_span(&log->signed_note), &checkpoint));
    if (size > log_size)
        return fail(ERR_DATA_LOSS, "tlog: %ju entries, but a checkpoint of %ju was signed",
                    (uintmax_t)log_size, (uintmax_t)size);
    TRY(tree_load(begin < size ? begin : size, tlog_node_get, tx, &log->committed));
    TRY(replay_to(log, tx, size));
    TRY(tlog_root_check(&log->committed, &checkpoint));
    log->signed_size = size;
    return ERR_OK;
}

/* What the server's start believes of the log (tlog_verify_state() of the newest entries) is
 * hashed here up to the signed root first. Older entries are tlog_verify_all()'s. */
static enum err load(struct store_tx *tx, void *context)
{
    struct tlog *log = context;
    struct tree_edge head;
    uint64_t size = 0;
    TRY(store_log_size(tx, &size));
    TRY(load_signed(log, tx, size > TLOG_NEWEST ? size - TLOG_NEWEST : 0, size));
    TRY(replay_to(log, tx, size));
    TRY(tlog_head_get(tx, &head));
    TRY(tlog_clock_open(log, tx));
    return tlog_edge_same(&head, &log->committed)
               ? ERR_OK
               : fail(ERR_DATA_LOSS, "tlog: the log's head is of %ju entries, not of these %ju",
                      (uintmax_t)head.size, (uintmax_t)log->committed.size);
}

enum err tlog_open(struct store *store, const char *origin, const uint8_t public_key[static 32],
                   tlog_sign *sign, void *sign_context, struct tlog **log_out)
{
    AUTO(tlog_drop) struct tlog *log = calloc(1, sizeof(*log));
    if (log == NULL)
        return fail(ERR_MEMORY, "tlog: out of memory");
    log->store = store;
    log->sign = sign;
    log->sign_context = sign_context;
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&log->grown, &clock);
    pthread_cond_init(&log->idle, &clock);
    pthread_condattr_destroy(&clock);
    pthread_mutex_init(&log->mutex, NULL);
    TRY(note_key_make(origin, public_key, &log->key));
    TRY(store_read(store, load, log, tlog_deadline()));
    tlog_follow(log);
    *log_out = TAKE(log);
    return ERR_OK;
}

void tlog_free(struct tlog *log)
{
    if (log == NULL)
        return;
    if (log->following)
        store_follow(log->store, NULL);
    buf_free(&log->signed_note);
    anchor_close(log->anchor);
    pthread_cond_destroy(&log->idle);
    pthread_mutex_destroy(&log->mutex);
    pthread_cond_destroy(&log->grown);
    free(log);
}

uint64_t tlog_size(struct tlog *log)
{
    pthread_mutex_lock(&log->mutex);
    uint64_t size = log->committed.size;
    pthread_mutex_unlock(&log->mutex);
    return size;
}

uint64_t tlog_wait(struct tlog *log, uint64_t size, const atomic_int *over, unsigned timeout_ms)
{
    struct timespec until = clock_after_ms(timeout_ms);
    pthread_mutex_lock(&log->mutex);
    int late = 0;
    while (log->committed.size <= size && late == 0 && (over == NULL || atomic_load(over) == 0))
        late = pthread_cond_timedwait(&log->grown, &log->mutex, &until);
    size = log->committed.size;
    pthread_mutex_unlock(&log->mutex);
    return size;
}

/* Takes the mutex, so that a waiting thread has either seen what was set before, or is woken.
 */
void tlog_wake(struct tlog *log)
{
    pthread_mutex_lock(&log->mutex);
    pthread_cond_broadcast(&log->grown);
    pthread_mutex_unlock(&log->mutex);
}

char *tlog_verifier_key(const char *origin, const uint8_t public_key[static 32])
{
    AUTO(buf_free) struct buf text = { 0 };
    struct note_key key;
    if (note_key_make(origin, public_key, &key) != ERR_OK ||
        note_key_text(&key, &text) != ERR_OK)
        return NULL;
    return strndup((const char *)text.ptr, text.len);
}
