/* SPDX-License-Identifier: MIT */
/* Receipts (C2SP tlog-proof): what parses is written again as it was, but for the extra line
 * that proves nothing; and none of them proves an entry under a key that never signed. */
#include <string.h>

#include "oem-server/tlog/proof.h"
#include "tests/fuzz/fuzz.h"

static const char title[] = "c2sp.org/tlog-proof@v1\n";

static void write_again(const struct proof *proof, struct span input)
{
    AUTO(buf_free) struct buf again = { 0 };
    FUZZ_CHECK(proof_build(proof->index, &proof->path, proof->checkpoint, &again) == ERR_OK);
    FUZZ_CHECK(again.len <= input.len);
    size_t head = sizeof(title) - 1;
    struct span tail = span_of(again.ptr + head, again.len - head);
    FUZZ_CHECK(span_eq(tail, span_of(input.ptr + input.len - tail.len, tail.len)));
    FUZZ_CHECK(proof->extra.len != 0 || again.len == input.len ||
               again.len + sizeof("extra \n") - 1 == input.len);
}

void fuzz_one(struct span input)
{
    static const uint8_t public_key[NOTE_PUBLIC_KEY_SIZE] = { 0xd7, 0x5a, 0x98, 0x01 };
    struct proof proof = { 0 };
    struct note_key key;
    if (proof_parse(input, &proof) != ERR_OK)
        return;
    FUZZ_CHECK(proof.path.count <= TREE_PROOF_MAX);
    write_again(&proof, input);
    FUZZ_CHECK(note_key_make("a.test/log", public_key, &key) == ERR_OK);
    FUZZ_CHECK(proof_verify(&proof, span_of("entry", 5), &key, NULL) != ERR_OK);
}

#define HASH "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
#define NOTE                                                                                   \
    "\na.test/log\n2\n" HASH "\n\xe2\x80\x94 a.test/log "                                      \
    "/A9A7sSRVZxc36k/0gvkhFImd4rdeCpm9/qQtp7YEAkEW/3iHhsH2"                                    \
    "Uy2uRcAnzC/QOfZKeGBdQuHctWxFzM5+AQIZAI=\n"
#define TITLE "c2sp.org/tlog-proof@v1\n"

#define SEED(name, text) put(context, name, span_of(text, sizeof(text) - 1))

void fuzz_seeds(fuzz_put *put, void *context)
{
    SEED("one-hash", TITLE "index 1\n" HASH NOTE);
    SEED("no-hash", TITLE "index 0\n" NOTE);
    SEED("extra", TITLE "extra AAAA\nindex 12\n" HASH HASH HASH NOTE);
    SEED("index-of-64-bits", TITLE "index 18446744073709551615\n" NOTE);
    SEED("no-checkpoint", TITLE "index 1\n" HASH "\n");
}
