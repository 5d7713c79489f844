/* SPDX-License-Identifier: MIT */
/* Signed notes, verifier keys and checkpoints, as an auditor gets them from a server that he
 * does not trust. The first byte chooses which. What parses is written again as it was. */
#include <string.h>

#include "oem-server/tlog/proof.h"
#include "tests/fuzz/fuzz.h"

static const char sample_key[] =
    "log.example/factory+fc0f40ee+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs";
static const char sample_text[] = "log.example/factory\n40\n"
                                  "Wzz6bsCzMemyyYTQtkOMyjGRcHq7r/gY4Hs2scCticE=\n";
static const char sample_signature[] =
    "\n\xe2\x80\x94 log.example/factory /A9A7sSRVZxc36k/0gvkhFImd4rdeCpm9/qQtp7YEAkEW/3iHhsH2"
    "Uy2uRcAnzC/QOfZKeGBdQuHctWxFzM5+AQIZAI=\n";

static struct span text_of(const char *text)
{
    return span_of(text, strlen(text));
}

static void take_key(struct span input)
{
    struct note_key key;
    AUTO(buf_free) struct buf again = { 0 };
    if (note_key_parse(input, &key) != ERR_OK)
        return;
    FUZZ_CHECK(note_key_text(&key, &again) == ERR_OK);
    FUZZ_CHECK(span_eq(buf_span(&again), input));
}

static void take_checkpoint(struct span input)
{
    struct checkpoint c = { 0 };
    char origin[NOTE_NAME_SIZE];
    AUTO(buf_free) struct buf again = { 0 };
    if (checkpoint_parse(input, &c) != ERR_OK || c.origin.len >= sizeof(origin) ||
        memchr(c.origin.ptr, '\0', c.origin.len) != NULL)
        return; /* the last two are no names of ours: checkpoint_open refuses them */
    memcpy(origin, c.origin.ptr, c.origin.len);
    origin[c.origin.len] = '\0';
    FUZZ_CHECK(checkpoint_text(origin, c.size, c.root, &again) == ERR_OK);
    FUZZ_CHECK(buf_append(&again, c.extensions) == ERR_OK);
    FUZZ_CHECK(span_eq(buf_span(&again), input));
}

/* Only one text was ever signed with the sample's key. */
static void take_note(struct span input)
{
    struct note note = { 0 };
    struct note_key key;
    struct checkpoint c;
    if (note_parse(input, &note) != ERR_OK)
        return;
    FUZZ_CHECK(note.count <= NOTE_SIGNATURES_MAX && note.text.len <= input.len);
    FUZZ_CHECK(note_key_parse(text_of(sample_key), &key) == ERR_OK);
    bool good = note_verify(&note, &key) == ERR_OK;
    FUZZ_CHECK(!good || span_eq(note.text, text_of(sample_text)));
    FUZZ_CHECK((checkpoint_open(input, &key, &c) == ERR_OK) == good);
}

static void (*const parsers[])(struct span input) = { take_key, take_checkpoint, take_note };

void fuzz_one(struct span input)
{
    struct rd r = rd_of(input);
    uint8_t choice = rd_u8(&r);
    if (r.err == ERR_OK)
        parsers[choice % COUNT(parsers)](r.rest);
}

void fuzz_seeds(fuzz_put *put, void *context)
{
    AUTO(buf_free) struct buf note = { 0 };
    FUZZ_CHECK(buf_append(&note, text_of(sample_text)) == ERR_OK);
    fuzz_put_with(put, context, "checkpoint", 1, buf_span(&note));
    FUZZ_CHECK(buf_append(&note, text_of(sample_signature)) == ERR_OK);
    fuzz_put_with(put, context, "note", 2, buf_span(&note));
    FUZZ_CHECK(buf_append(&note, text_of("\xe2\x80\x94 other.example AAAAAAAA\n")) == ERR_OK);
    fuzz_put_with(put, context, "note-with-a-witness", 2, buf_span(&note));
    fuzz_put_with(put, context, "key", 0, text_of(sample_key));
    fuzz_put_with(put, context, "checkpoint-with-extension", 1,
                  text_of("a\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nmore\n"));
}
