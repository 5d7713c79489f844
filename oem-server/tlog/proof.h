/* SPDX-License-Identifier: MIT */
/*
 * proof: C2SP tlog-proof: an inclusion proof, checked offline with the entry and the log's key
 * alone.
 *
 * A parsed proof borrows its bytes. Used by the server's log and by oemctl's verifier. No
 * state; any thread.
 */
#pragma once

#include "oem-server/tlog/checkpoint.h"
#include "oem-server/tlog/tree.h"

enum { PROOF_MAX = NOTE_MAX + 16 * 1024, PROOF_EXTRA_MAX = 8 * 1024 };

struct proof {
    struct span extra; /* base64, opaque, not authenticated; ours have none */
    uint64_t index;
    struct tree_proof path;
    struct span checkpoint; /* a signed note */
};

/* The text of a proof, in a buf that is the caller's; and its parser: ERR_LIMIT, ERR_PROTO,
 * ERR_TRUNC. */
enum err proof_build(uint64_t index, const struct tree_proof *path, struct span checkpoint,
                     struct buf *text_out);
enum err proof_parse(struct span text, struct proof *proof_out);

/* ERR_SIG if key did not sign the checkpoint, ERR_VERIFY if entry is not in its tree at the
 * proof's index. checkpoint_out may be NULL. */
enum err proof_verify(const struct proof *proof, struct span entry, const struct note_key *key,
                      struct checkpoint *checkpoint_out);
