/* SPDX-License-Identifier: MIT */
/*
 * verify: checks a log against its signed checkpoint, from its entries alone.
 *
 * The root is computed from all entries (RFC 6962), so only the key is trusted
 * (test_ctl_verify). A checkpoint kept from an earlier verification must be a prefix of this
 * log: the root at its size is computed too, which is stronger than a consistency proof.
 *
 * A log that its key signed and that differs from the kept checkpoint is a fork. Who made it,
 * says the log itself, if an operator adopted a restored store: adopted names that entry.
 *
 * Use: key, perhaps verify_keep, verify_start, verify_entry for each entry, verify_end. Spans
 * given are borrowed for as long as the struct verify. All zero at the start. ERR_SIG: the key
 * did not sign the checkpoint; ERR_DATA_LOSS: the entries are not those of a checkpoint.
 */
#pragma once

#include "oem-server/tlog/checkpoint.h"
#include "oem-server/tlog/tree.h"

/* An entry "adopt": the log goes on from there, and lacks what was published after it. */
struct verify_adopted {
    uint64_t index;
    uint64_t time_us;
    uint64_t published; /* entries that its checkpoint states, by this key; 0: none */
    char reason[257];   /* not cleaned */
};

struct verify {
    struct note_key key;
    bool kept; /* old is set */
    struct checkpoint old;
    bool claimed; /* claim is set: its signature holds */
    struct checkpoint claim;
    struct tree_edge edge;
    bool differs; /* from the kept checkpoint; found before the end */
    uint64_t adoptions;
    struct verify_adopted adopted; /* the one that parts this log from the kept checkpoint, or
                                      the newest */
};

/* A verifier key's file: its text, perhaps with a newline. */
enum err verify_key_parse(struct span file, struct note_key *key_out);

/* In this order, see above. verify_entry() is an entries_take. */
enum err verify_keep(struct verify *v, struct span note);
enum err verify_start(struct verify *v, struct span note);
enum err verify_entry(void *verify, uint64_t index, struct span entry);
enum err verify_end(struct verify *v); /* ERR_DATA_LOSS with a message */
/* After verify_end(): the entries are as signed, but not those of the kept checkpoint
 * (test_ctl_verify: forks_are_told). */
bool verify_forked(const struct verify *v);
/* Does the entry adopted explain it? */
bool verify_fork_told(const struct verify *v);
