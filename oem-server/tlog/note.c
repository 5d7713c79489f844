/* SPDX-License-Identifier: MIT */
/*
 * note: makes, parses and verifies signed notes and verifier keys. Called by checkpoint.c, by
 * the server's log and by oemctl. It must not accept a note in which a signature of the key
 * does not verify, whatever else signed it (test_tlog_note).
 */
#include "oem-server/tlog/note.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "common/core/wr.h"
#include "common/host/log.h"
#include "oem-server/tlog/text.h"

enum { TYPE_ED25519 = 1, TYPE_SIZE = 1, HASH_DIGITS = 8 };

#define DASH "\xE2\x80\x94 " /* U+2014, and a space: begins a signature's line */

/* signed-note, "Signatures": SHA-256(name | 0x0A | type | public key), its first four bytes. */
static enum err derive_id(struct note_key *key)
{
    uint8_t input[NOTE_NAME_SIZE + 2 + NOTE_PUBLIC_KEY_SIZE], digest[SHA256_SIZE];
    struct wr w = wr_of(input, sizeof(input));
    wr_text(&w, key->name);
    wr_u8(&w, '\n');
    wr_u8(&w, TYPE_ED25519);
    wr_span(&w, SPAN(key->public_key));
    TRY(wr_end(&w));
    if (EVP_Digest(input, w.len, digest, NULL, EVP_sha256(), NULL) != 1)
        return fail(ERR_MEMORY, "note: SHA-256 failed");
    memcpy(key->id, digest, NOTE_KEY_ID_SIZE);
    return ERR_OK;
}

static enum err key_make(struct span name, const uint8_t *public_key, struct note_key *key_out)
{
    struct note_key key = { 0 };
    if (name.len >= NOTE_NAME_SIZE)
        return fail(ERR_LIMIT, "note: name of %zu bytes, limit %d", name.len,
                    NOTE_NAME_SIZE - 1);
    TRY(text_check_name(name));
    memcpy(key.name, name.ptr, name.len);
    memcpy(key.public_key, public_key, NOTE_PUBLIC_KEY_SIZE);
    TRY(derive_id(&key));
    *key_out = key;
    return ERR_OK;
}

enum err note_key_make(const char *name, const uint8_t public_key[static NOTE_PUBLIC_KEY_SIZE],
                       struct note_key *key_out)
{
    return key_make(span_of(name, strlen(name)), public_key, key_out);
}

enum err note_key_text(const struct note_key *key, struct buf *text_out)
{
    uint8_t typed[TYPE_SIZE + NOTE_PUBLIC_KEY_SIZE] = { TYPE_ED25519 };
    AUTO(buf_free) struct buf text = { 0 };
    memcpy(typed + TYPE_SIZE, key->public_key, NOTE_PUBLIC_KEY_SIZE);
    TRY(text_add(&text, "%s+%02x%02x%02x%02x+", key->name, key->id[0], key->id[1], key->id[2],
                 key->id[3]));
    TRY(text_add_base64(&text, SPAN(typed)));
    buf_free(text_out);
    *text_out = buf_take(&text);
    return ERR_OK;
}

static struct span until_plus(struct rd *r)
{
    const uint8_t *plus = r->rest.len == 0 ? NULL : memchr(r->rest.ptr, '+', r->rest.len);
    struct span part = rd_take(r, plus == NULL ? SIZE_MAX : (size_t)(plus - r->rest.ptr));
    rd_u8(r);
    return part;
}

/* The hash in the text must be that of the key, so that a mistyped key is found here. */
enum err note_key_parse(struct span text, struct note_key *key_out)
{
    uint8_t typed[TYPE_SIZE + NOTE_PUBLIC_KEY_SIZE];
    char digits[HASH_DIGITS + 1];
    struct note_key key;
    size_t len = 0;
    struct rd r = rd_of(text);
    struct span name = until_plus(&r), hash = until_plus(&r);
    TRY(r.err);
    TRY(text_base64(r.rest, typed, sizeof(typed), &len));
    if (len != sizeof(typed) || typed[0] != TYPE_ED25519)
        return fail(ERR_PROTO, "note: verifier key is not Ed25519");
    TRY(key_make(name, typed + TYPE_SIZE, &key));
    snprintf(digits, sizeof(digits), "%02x%02x%02x%02x", key.id[0], key.id[1], key.id[2],
             key.id[3]);
    if (!span_eq(hash, span_of(digits, HASH_DIGITS)))
        return fail(ERR_PROTO, "note: verifier key's hash is not %s", digits);
    *key_out = key;
    return ERR_OK;
}

/* "— name base64" */
static enum err signature_parse(struct span line, struct note_signature *signature)
{
    uint8_t bytes[NOTE_KEY_ID_SIZE + NOTE_SIGNATURE_MAX];
    size_t len = 0;
    struct rd r = rd_of(line);
    if (!text_skip(&r, DASH))
        return fail(ERR_PROTO, "note: signature line without dash");
    const uint8_t *space = r.rest.len == 0 ? NULL : memchr(r.rest.ptr, ' ', r.rest.len);
    if (space == NULL)
        return fail(ERR_PROTO, "note: signature line without signature");
    signature->name = rd_take(&r, (size_t)(space - r.rest.ptr));
    TRY(text_check_name(signature->name));
    rd_u8(&r);
    signature->base64 = r.rest;
    TRY(text_base64(r.rest, bytes, sizeof(bytes), &len));
    if (len <= NOTE_KEY_ID_SIZE)
        return fail(ERR_PROTO, "note: signature of %zu bytes", len);
    memcpy(signature->id, bytes, NOTE_KEY_ID_SIZE);
    return ERR_OK;
}

static enum err signatures_parse(struct span lines, struct note *note)
{
    struct rd r = rd_of(lines);
    while (r.err == ERR_OK && r.rest.len != 0) {
        if (note->count == NOTE_SIGNATURES_MAX)
            return fail(ERR_LIMIT, "note: over %d signatures", NOTE_SIGNATURES_MAX);
        struct span line = text_line(&r);
        TRY(r.err);
        TRY(signature_parse(line, &note->signatures[note->count]));
        note->count++;
    }
    if (note->count == 0)
        return fail(ERR_PROTO, "note: no signature");
    return ERR_OK;
}

/* The last newline that is followed by an empty line: the end of the text. */
static const uint8_t *text_end(struct span bytes)
{
    for (size_t i = bytes.len; i >= 2; i--)
        if (bytes.ptr[i - 2] == '\n' && bytes.ptr[i - 1] == '\n')
            return bytes.ptr + i - 2;
    return NULL;
}

/* The last empty line separates text and signatures. */
enum err note_parse(struct span bytes, struct note *note_out)
{
    if (bytes.len > NOTE_MAX)
        return fail(ERR_LIMIT, "note: %zu bytes, limit %d", bytes.len, NOTE_MAX);
    TRY(text_check(bytes));
    const uint8_t *blank = text_end(bytes);
    if (blank == NULL)
        return fail(ERR_PROTO, "note: no empty line before signatures");
    size_t text_len = (size_t)(blank - bytes.ptr) + 1;
    note_out->text = span_of(bytes.ptr, text_len);
    note_out->count = 0;
    return signatures_parse(span_of(bytes.ptr + text_len + 1, bytes.len - text_len - 1),
                            note_out);
}

static void pkey_drop(EVP_PKEY **pkey)
{
    EVP_PKEY_free(*pkey);
}

static void md_drop(EVP_MD_CTX **md)
{
    EVP_MD_CTX_free(*md);
}

static enum err ed25519_verify(const struct note_key *key, struct span message,
                               const uint8_t *signature)
{
    AUTO(md_drop) EVP_MD_CTX *md = EVP_MD_CTX_new();
    AUTO(pkey_drop)
    EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key->public_key,
                                                 NOTE_PUBLIC_KEY_SIZE);
    if (md == NULL || pkey == NULL || EVP_DigestVerifyInit(md, NULL, NULL, NULL, pkey) != 1)
        return fail(ERR_MEMORY, "note: Ed25519 failed");
    if (EVP_DigestVerify(md, signature, NOTE_ED25519_SIZE, message.ptr, message.len) != 1)
        return fail(ERR_SIG, "note: signature of %s does not verify", key->name);
    return ERR_OK;
}

static bool is_by(const struct note_signature *signature, const struct note_key *key)
{
    return span_eq(signature->name, span_of(key->name, strlen(key->name))) &&
           span_eq(SPAN(signature->id), SPAN(key->id));
}

static enum err signature_verify(struct span text, const struct note_signature *signature,
                                 const struct note_key *key)
{
    uint8_t bytes[NOTE_KEY_ID_SIZE + NOTE_ED25519_SIZE];
    size_t len = 0;
    if (text_base64(signature->base64, bytes, sizeof(bytes), &len) != ERR_OK ||
        len != sizeof(bytes))
        return fail(ERR_SIG, "note: signature of %s has a wrong size", key->name);
    return ed25519_verify(key, text, bytes + NOTE_KEY_ID_SIZE);
}

enum err note_verify(const struct note *note, const struct note_key *key)
{
    bool signed_by = false;
    for (size_t i = 0; i < note->count; i++) {
        if (!is_by(&note->signatures[i], key))
            continue;
        TRY(signature_verify(note->text, &note->signatures[i], key));
        signed_by = true;
    }
    return signed_by ? ERR_OK : fail(ERR_SIG, "note: not signed by %s", key->name);
}

enum err note_build(struct span text, const struct note_key *key,
                    const uint8_t signature[static NOTE_ED25519_SIZE], struct buf *note_out)
{
    uint8_t bytes[NOTE_KEY_ID_SIZE + NOTE_ED25519_SIZE];
    AUTO(buf_free) struct buf note = { 0 };
    memcpy(bytes, key->id, NOTE_KEY_ID_SIZE);
    memcpy(bytes + NOTE_KEY_ID_SIZE, signature, NOTE_ED25519_SIZE);
    TRY(buf_append(&note, text));
    TRY(text_add(&note, "\n" DASH "%s ", key->name));
    TRY(text_add_base64(&note, SPAN(bytes)));
    TRY(text_add(&note, "\n"));
    buf_free(note_out);
    *note_out = buf_take(&note);
    return ERR_OK;
}
