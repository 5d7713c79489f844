/* SPDX-License-Identifier: MIT */
/*
 * note: C2SP signed-note: a text and the signatures below it. Only Ed25519 (type 0x01) is made
 * and checked; other signatures, such as a witness's, are parsed and ignored.
 *
 * A parsed note borrows its bytes. Used by the server's log and by oemctl's verifier. No state;
 * any thread. Parsers give ERR_LIMIT for too many bytes or signatures and ERR_PROTO for another
 * format. A buf that is given out is the caller's, for buf_free().
 */
#pragma once

#include "common/core/layout.h"
#include "common/host/own.h"

enum {
    NOTE_MAX = 128 * 1024,
    NOTE_SIGNATURES_MAX = 32,  /* signed-note asks for 16 at least */
    NOTE_SIGNATURE_MAX = 5000, /* bytes; "post-quantum signatures can be up to nearly 5kB" */
    NOTE_NAME_SIZE = 256,      /* of a key's name, NUL included */
    NOTE_KEY_ID_SIZE = 4,
    NOTE_PUBLIC_KEY_SIZE = 32,
    NOTE_ED25519_SIZE = 64,
};

/* A key that notes are verified with. Its ID is derived from name and key. */
struct note_key {
    char name[NOTE_NAME_SIZE];
    uint8_t id[NOTE_KEY_ID_SIZE];
    uint8_t public_key[NOTE_PUBLIC_KEY_SIZE];
};
enum err note_key_make(const char *name, const uint8_t public_key[static NOTE_PUBLIC_KEY_SIZE],
                       struct note_key *key_out);
/* The verifier key text, "name+hash+key", without a newline. */
enum err note_key_parse(struct span text, struct note_key *key_out);
enum err note_key_text(const struct note_key *key, struct buf *text_out);

struct note_signature {
    struct span name;
    uint8_t id[NOTE_KEY_ID_SIZE];
    struct span base64; /* of id and signature */
};
struct note {
    struct span text; /* with its last newline */
    struct note_signature signatures[NOTE_SIGNATURES_MAX];
    size_t count;
};
/* ERR_LIMIT, ERR_PROTO. *note_out borrows bytes. */
enum err note_parse(struct span bytes, struct note *note_out);

/* ERR_SIG unless the key signed it, and each signature with the key's name and ID verifies
 * (test_tlog_note). */
enum err note_verify(const struct note *note, const struct note_key *key);

/* text with one signature over it. Nothing is verified here. */
enum err note_build(struct span text, const struct note_key *key,
                    const uint8_t signature[static NOTE_ED25519_SIZE], struct buf *note_out);
