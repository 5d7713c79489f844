/* SPDX-License-Identifier: MIT */
/* Makes checkpoints, and proofs from them. Called by the log's service for auditors, and for
 * inclusion proofs of finished units. It must not be called inside a change, because it waits
 * for the HSM and for the store's writer. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/host/clock.h"
#include "common/host/log.h"
#include "oem-server/tlog/proof.h"
#include "oem-server/tlog/state.h"

/* A flag and not a mutex, because the wait has a time-out: the HSM may be unresponsive. */
static enum err signing_take(struct tlog *log)
{
    struct timespec until = clock_after_ms(TLOG_WAIT_MS);
    int late = 0;
    pthread_mutex_lock(&log->mutex);
    while (log->signing && late == 0)
        late = pthread_cond_timedwait(&log->idle, &log->mutex, &until);
    bool taken = !log->signing;
    log->signing = true;
    pthread_mutex_unlock(&log->mutex);
    return taken ? ERR_OK
                 : fail(ERR_UNAVAILABLE,
                        "tlog: the HSM has not returned from signing a checkpoint");
}

static void signing_give(struct tlog **log)
{
    pthread_mutex_lock(&(*log)->mutex);
    (*log)->signing = false;
    pthread_cond_signal(&(*log)->idle);
    pthread_mutex_unlock(&(*log)->mutex);
}

/* A signature that does not verify (a wrong key in the HSM, or a fault) must not be given away.
 */
static enum err sign_text(struct tlog *log, struct span text, struct buf *note_out)
{
    uint8_t signature[NOTE_ED25519_SIZE];
    struct note note;
    TRY(log->sign(log->sign_context, text, signature));
    TRY(note_build(text, &log->key, signature, note_out));
    TRY(note_parse(buf_span(note_out), &note));
    if (note_verify(&note, &log->key) != ERR_OK)
        return fail(ERR_HSM, "tlog: the HSM signed with another key than %s's", log->key.name);
    return ERR_OK;
}

static enum err head_read(struct store_tx *tx, void *context)
{
    return tlog_head_get(tx, context);
}

struct keep {
    struct tlog *log;
    uint64_t size;
    struct span note;
};

/* Whether two notes state the same: their texts; signatures may differ. */
static bool texts_same(struct span a, struct span b)
{
    struct note first, second;
    return note_parse(a, &first) == ERR_OK && note_parse(b, &second) == ERR_OK &&
           span_eq(first.text, second.text);
}

/* If there is one of that size already, that one counts, and both must say the same. */
static enum err checkpoint_keep(struct store_tx *tx, void *context)
{
    const struct keep *keep = context;
    AUTO(buf_free) struct buf stored = { 0 };
    uint64_t size = 0;
    enum err put = store_checkpoint_put(tx, keep->size, keep->note);
    if (put != ERR_EXISTS)
        return put;
    TRY(store_checkpoint_from(tx, keep->size, &size, &stored));
    return texts_same(buf_span(&stored), keep->note)
               ? ERR_OK
               : tlog_stop(keep->log, "two checkpoints of one size differ");
}

/* Entries are durable before their checkpoint is signed; the checkpoint is durable before it is
 * put into the anchor, and there before it is given away. */
static enum err checkpoint_make(struct tlog *log)
{
    AUTO(buf_free) struct buf text = { 0 };
    AUTO(buf_free) struct buf note = { 0 };
    uint8_t root[SHA256_SIZE];
    struct tree_edge edge;
    TRY(store_read(log->store, head_read, &edge, tlog_deadline()));
    if (edge.size < log->signed_size)
        return tlog_stop(log, "the log is shorter than its checkpoint");
    TRY(tree_root(&edge, root));
    TRY(checkpoint_text(log->key.name, edge.size, root, &text));
    TRY(sign_text(log, buf_span(&text), &note));
    struct keep keep = { log, edge.size, buf_span(&note) };
    TRY(store_do(log->store, checkpoint_keep, &keep, tlog_deadline()));
    TRY(tlog_anchor_put(log, edge.size, buf_span(&note)));
    buf_free(&log->signed_note);
    log->signed_note = buf_take(&note);
    log->signed_size = edge.size;
    return ERR_OK;
}

/* The latest checkpoint if it covers size entries, else a new one over all there are. */
static enum err checkpoint_over(struct tlog *log, uint64_t size, struct buf *note_out,
                                uint64_t *size_out)
{
    TRY(signing_take(log));
    AUTO(signing_give) struct tlog *held = log;
    (void)held;
    if (tlog_stopped(log))
        return fail(ERR_DATA_LOSS, "tlog: stopped");
    if (log->signed_note.len == 0 || log->signed_size < size)
        TRY(checkpoint_make(log));
    TRY(buf_copy(note_out, buf_span(&log->signed_note)));
    *size_out = log->signed_size;
    return ERR_OK;
}

enum err tlog_checkpoint(struct tlog *log, struct buf *note_out, uint64_t *size_out)
{
    return checkpoint_over(log, tlog_size(log), note_out, size_out);
}

struct prove {
    uint64_t from, size; /* an old size, or an index */
    struct tree_proof *proof;
};

static enum err prove_consistency(struct store_tx *tx, void *context)
{
    const struct prove *prove = context;
    return tree_prove_consistency(prove->from, prove->size, tlog_node_get, tx, prove->proof);
}

static enum err prove_inclusion(struct store_tx *tx, void *context)
{
    const struct prove *prove = context;
    return tree_prove_inclusion(prove->from, prove->size, tlog_node_get, tx, prove->proof);
}

enum err tlog_consistency(struct tlog *log, uint64_t old_size, uint64_t size,
                          uint8_t (**hashes_out)[SHA256_SIZE], size_t *count_out)
{
    struct tree_proof proof;
    struct prove prove = { old_size, size, &proof };
    if (size > tlog_size(log))
        return fail_quiet(ERR_RANGE, "tlog: size %ju is beyond the log", (uintmax_t)size);
    TRY(store_read(log->store, prove_consistency, &prove, tlog_deadline()));
    uint8_t(*hashes)[SHA256_SIZE] = calloc(proof.count + 1, SHA256_SIZE);
    if (hashes == NULL)
        return fail(ERR_MEMORY, "tlog: out of memory");
    memcpy(hashes, proof.hashes, proof.count * SHA256_SIZE);
    *hashes_out = hashes;
    *count_out = proof.count;
    return ERR_OK;
}

enum err tlog_proof(struct tlog *log, uint64_t index, struct buf *proof_out)
{
    AUTO(buf_free) struct buf note = { 0 };
    struct tree_proof path;
    uint64_t size = 0;
    if (index >= tlog_size(log))
        return fail_quiet(ERR_RANGE, "tlog: entry %ju is beyond the log", (uintmax_t)index);
    TRY(checkpoint_over(log, index + 1, &note, &size));
    struct prove prove = { index, size, &path };
    TRY(store_read(log->store, prove_inclusion, &prove, tlog_deadline()));
    return proof_build(index, &path, buf_span(&note), proof_out);
}
