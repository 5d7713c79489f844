/* SPDX-License-Identifier: MIT */
/* Checkpoints, and proofs from them. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/host/log.h"
#include "oem-server/tlog/proof.h"
#include "oem-server/tlog/state.h"

static void unlock(pthread_mutex_t **mutex)
{
    pthread_mutex_unlock(*mutex);
}

/* A signature that does not verify never leaves here: a wrong key in the HSM, or a fault. */
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

static enum err checkpoint_keep(struct tlog *log, uint64_t size, struct span note)
{
    AUTO(store_rollback) struct store_tx *tx = NULL;
    TRY(store_begin(log->store, TLOG_WAIT_MS, &tx));
    TRY(store_checkpoint_put(tx, size, note));
    return store_commit(&tx);
}

/* Entries are durable before their checkpoint is signed, and that before anyone sees it. */
static enum err checkpoint_make(struct tlog *log, const struct tree_edge *edge)
{
    AUTO(buf_free) struct buf text = { 0 };
    AUTO(buf_free) struct buf note = { 0 };
    uint8_t root[SHA256_SIZE];
    TRY(tree_root(edge, root));
    TRY(checkpoint_text(log->key.name, edge->size, root, &text));
    TRY(sign_text(log, buf_span(&text), &note));
    TRY(checkpoint_keep(log, edge->size, buf_span(&note)));
    buf_free(&log->signed_note);
    log->signed_note = buf_take(&note);
    log->signed_size = edge->size;
    return ERR_OK;
}

/* The latest checkpoint if it covers size entries, else a new one over all there are. */
static enum err checkpoint_over(struct tlog *log, uint64_t size, struct buf *note_out,
                                uint64_t *size_out)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += TLOG_WAIT_MS / 1000;
    if (pthread_mutex_clocklock(&log->signing, CLOCK_MONOTONIC, &until) != 0)
        return fail(ERR_UNAVAILABLE, "tlog: the HSM has not come back from a checkpoint");
    AUTO(unlock) pthread_mutex_t *held = &log->signing;
    (void)held;
    if (log->signed_note.len == 0 || log->signed_size < size) {
        struct tree_edge edge;
        tlog_committed(log, &edge);
        TRY(checkpoint_make(log, &edge));
    }
    TRY(buf_copy(note_out, buf_span(&log->signed_note)));
    *size_out = log->signed_size;
    return ERR_OK;
}

enum err tlog_checkpoint(struct tlog *log, struct buf *note_out, uint64_t *size_out)
{
    return checkpoint_over(log, tlog_size(log), note_out, size_out);
}

enum err tlog_consistency(struct tlog *log, uint64_t old_size, uint64_t size,
                          uint8_t (**hashes_out)[SHA256_SIZE], size_t *count_out)
{
    AUTO(store_rollback) struct store_tx *tx = NULL;
    struct tree_proof proof;
    if (size > tlog_size(log))
        return fail_quiet(ERR_RANGE, "tlog: size %ju is beyond the log", (uintmax_t)size);
    TRY(store_begin(log->store, TLOG_WAIT_MS, &tx));
    TRY(tree_prove_consistency(old_size, size, tlog_node_get, tx, &proof));
    uint8_t(*hashes)[SHA256_SIZE] = calloc(proof.count + 1, SHA256_SIZE);
    if (hashes == NULL)
        return fail(ERR_MEMORY, "tlog: out of memory");
    memcpy(hashes, proof.hashes, proof.count * SHA256_SIZE);
    *hashes_out = hashes;
    *count_out = proof.count;
    return ERR_OK;
}

static enum err prove(struct tlog *log, uint64_t index, uint64_t size,
                      struct tree_proof *proof_out)
{
    AUTO(store_rollback) struct store_tx *tx = NULL;
    TRY(store_begin(log->store, TLOG_WAIT_MS, &tx));
    return tree_prove_inclusion(index, size, tlog_node_get, tx, proof_out);
}

enum err tlog_proof(struct tlog *log, uint64_t index, struct buf *proof_out)
{
    AUTO(buf_free) struct buf note = { 0 };
    struct tree_proof path;
    uint64_t size = 0;
    if (index >= tlog_size(log))
        return fail_quiet(ERR_RANGE, "tlog: entry %ju is beyond the log", (uintmax_t)index);
    TRY(checkpoint_over(log, index + 1, &note, &size));
    TRY(prove(log, index, size, &path));
    return proof_build(index, &path, buf_span(&note), proof_out);
}
