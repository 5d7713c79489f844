/* SPDX-License-Identifier: MIT */
/*
 * checkpoint: C2SP tlog-checkpoint: the text of a note that states a log's size and root.
 *
 * A parsed checkpoint borrows its bytes. Used by the server's log and by oemctl's verifier.
 */
#pragma once

#include "oem-server/tlog/note.h"

struct checkpoint {
    struct span origin;
    uint64_t size;
    uint8_t root[SHA256_SIZE];
    struct span extensions; /* whole lines; ours have none */
};

enum err checkpoint_text(const char *origin, uint64_t size,
                         const uint8_t root[static SHA256_SIZE], struct buf *text_out);
enum err checkpoint_parse(struct span text, struct checkpoint *checkpoint_out);

/* A signed note: parses it, verifies it with key, whose name must be the origin too. */
enum err checkpoint_open(struct span note, const struct note_key *key,
                         struct checkpoint *checkpoint_out);
