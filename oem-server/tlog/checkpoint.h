/* SPDX-License-Identifier: MIT */
/*
 * checkpoint: C2SP tlog-checkpoint: the text of a note that states a log's size and root.
 *
 * A parsed checkpoint borrows its bytes. Used by the server's log and by oemctl's verifier. No
 * state; any thread.
 */
#pragma once

#include "oem-server/tlog/note.h"

struct checkpoint {
    struct span origin;
    uint64_t size;
    uint8_t root[SHA256_SIZE];
    struct span extensions; /* whole lines; ours have none */
};

/* The text to be signed, in a buf that is the caller's; and its parser: ERR_TRUNC, ERR_PROTO.
 */
enum err checkpoint_text(const char *origin, uint64_t size,
                         const uint8_t root[static SHA256_SIZE], struct buf *text_out);
enum err checkpoint_parse(struct span text, struct checkpoint *checkpoint_out);

/* Parses and verifies a signed note. key's name must be its origin: else ERR_MISMATCH. ERR_SIG
 * as note_verify(). */
enum err checkpoint_open(struct span note, const struct note_key *key,
                         struct checkpoint *checkpoint_out);
