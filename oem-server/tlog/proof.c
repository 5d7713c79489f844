/* SPDX-License-Identifier: MIT */
/*
 * proof: makes, parses and verifies inclusion proofs. Called by the server's log and by oemctl.
 * It must not need anything but the entry and the log's key (test_tlog_proof).
 */
#include "oem-server/tlog/proof.h"

#include "common/host/log.h"
#include "oem-server/tlog/text.h"

#define FIRST_LINE "c2sp.org/tlog-proof@v1\n"

enum err proof_build(uint64_t index, const struct tree_proof *path, struct span checkpoint,
                     struct buf *text_out)
{
    AUTO(buf_free) struct buf text = { 0 };
    TRY(text_add(&text, FIRST_LINE "index %ju\n", (uintmax_t)index));
    for (size_t i = 0; i < path->count; i++) {
        TRY(text_add_base64(&text, SPAN(path->hashes[i])));
        TRY(text_add(&text, "\n"));
    }
    TRY(text_add(&text, "\n"));
    TRY(buf_append(&text, checkpoint));
    buf_free(text_out);
    *text_out = buf_take(&text);
    return ERR_OK;
}

static enum err extra_parse(struct rd *r, struct span *extra_out)
{
    uint8_t bytes[PROOF_EXTRA_MAX];
    size_t len = 0;
    *extra_out = (struct span){ 0 };
    if (!text_skip(r, "extra "))
        return ERR_OK;
    struct span line = text_line(r);
    TRY(r->err);
    TRY(text_base64(line, bytes, sizeof(bytes), &len));
    *extra_out = line;
    return ERR_OK;
}

static enum err index_parse(struct rd *r, uint64_t *index_out)
{
    if (!text_skip(r, "index "))
        return fail(ERR_PROTO, "proof: no index");
    struct span line = text_line(r);
    TRY(r->err);
    return text_decimal(line, index_out);
}

static enum err hash_parse(struct span line, struct tree_proof *path)
{
    size_t len = 0;
    if (path->count == TREE_PROOF_MAX)
        return fail(ERR_LIMIT, "proof: over %d hashes", TREE_PROOF_MAX);
    TRY(text_base64(line, path->hashes[path->count], SHA256_SIZE, &len));
    if (len != SHA256_SIZE)
        return fail(ERR_PROTO, "proof: hash of %zu bytes", len);
    path->count++;
    return ERR_OK;
}

/* Up to the empty line before the checkpoint. */
static enum err path_parse(struct rd *r, struct tree_proof *path)
{
    path->count = 0;
    struct span line = text_line(r);
    while (r->err == ERR_OK && line.len != 0) {
        TRY(hash_parse(line, path));
        line = text_line(r);
    }
    return r->err == ERR_OK ? ERR_OK : fail(ERR_TRUNC, "proof: ends before its checkpoint");
}

enum err proof_parse(struct span text, struct proof *proof_out)
{
    struct rd r = rd_of(text);
    struct note note;
    if (text.len > PROOF_MAX)
        return fail(ERR_LIMIT, "proof: %zu bytes, limit %d", text.len, PROOF_MAX);
    if (!text_skip(&r, FIRST_LINE))
        return fail(ERR_PROTO, "proof: not a tlog-proof@v1");
    TRY(extra_parse(&r, &proof_out->extra));
    TRY(index_parse(&r, &proof_out->index));
    TRY(path_parse(&r, &proof_out->path));
    proof_out->checkpoint = r.rest;
    return note_parse(r.rest, &note);
}

enum err proof_verify(const struct proof *proof, struct span entry, const struct note_key *key,
                      struct checkpoint *checkpoint_out)
{
    struct checkpoint checkpoint;
    uint8_t leaf[SHA256_SIZE];
    TRY(checkpoint_open(proof->checkpoint, key, &checkpoint));
    TRY(tree_leaf(entry, leaf));
    TRY(tree_verify_inclusion(proof->index, checkpoint.size, leaf, &proof->path,
                              checkpoint.root));
    if (checkpoint_out != NULL)
        *checkpoint_out = checkpoint;
    return ERR_OK;
}
