/* SPDX-License-Identifier: MIT */
/*
 * SHA-1, SHA-2 and HMAC, by DMA or word by word. Called by crpt.c. State save and restore is
 * not modelled. An HMAC key from the KeyStore must not become part of a readable register.
 */

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "target-fw/board/chip/chip.h"

enum {
    CTL = 0x300,
    STS = 0x304,
    DGST = 0x308,
    KEYCNT = 0x348,
    SADDR = 0x34c,
    DMACNT = 0x350,
    DATIN = 0x354,
    KSCTL = 0xf30,
    CTL_START = 1 << 0,
    CTL_STOP = 1 << 1,
    CTL_DMAFIRST = 1 << 4,
    CTL_DMALAST = 1 << 5,
    CTL_DMACSCAD = 1 << 6,
    CTL_DMAEN = 1 << 7,
    CTL_HMACEN = 1 << 11,
    CTL_OUTSWAP = 1 << 22,
    CTL_INSWAP = 1 << 23,
    STS_BUSY = 1 << 0,
    STS_DMAERR = 1 << 8,
    STS_KSERR = 1 << 9,
    STS_DATINREQ = 1 << 16,
    KSCTL_RSRC = 1 << 5,
    KEY_BYTES_MAX = 512
};

static bool failed(struct chip *chip, const char *why)
{
    chip_note(chip, "HMAC: error: %s", why);
    chip->crpt.sha.failed = true;
    return false;
}

static const EVP_MD *digest_of(uint32_t ctl)
{
    static const EVP_MD *(*const by_mode[8])(void) = {
        [0] = EVP_sha1, [4] = EVP_sha256, [5] = EVP_sha224, [6] = EVP_sha512, [7] = EVP_sha384,
    };
    const EVP_MD *(*make)(void) = by_mode[ctl >> 8 & 7];
    return (ctl & 3U << 12) != 0 || make == NULL ? NULL : make();
}

static uint32_t swapped(uint32_t word, bool swap)
{
    return swap ? __builtin_bswap32(word) : word;
}

/* A word is a big-endian number unless INSWAP says it was loaded from bytes. */
static void collect_word(struct sha *sha, uint32_t word, size_t valid)
{
    uint32_t natural = swapped(word, (sha->ctl & CTL_INSWAP) == 0);
    if (sha->message.len + valid > SHA_MESSAGE_MAX ||
        buf_append(&sha->message, span_of(&natural, valid)) != ERR_OK)
        sha->failed = true;
}

static void collect_dma(struct chip *chip)
{
    struct sha *sha = &chip->crpt.sha;
    if (sha->dmacnt > CRPT_DMA_MAX) {
        failed(chip, "DMACNT");
        return;
    }
    const uint8_t *from = crpt_dma(chip, "HMAC", sha->saddr, (sha->dmacnt + 3) & ~3U);
    if (from == NULL) {
        sha->failed = true;
        return;
    }
    for (uint32_t at = 0; at < sha->dmacnt; at += 4) {
        uint32_t word;
        memcpy(&word, from + at, 4);
        collect_word(sha, word, sha->dmacnt - at < 4 ? sha->dmacnt - at : 4);
    }
}

/* HMAC: the key is the start of the message, or a key of the KeyStore. */
static bool hmac_key(struct chip *chip, struct buf *key, struct span *message)
{
    struct sha *sha = &chip->crpt.sha;
    *message = buf_span(&sha->message);
    if ((sha->ksctl & KSCTL_RSRC) == 0) {
        struct rd r = rd_of(*message);
        struct span bytes = rd_take(&r, sha->keycnt);
        (void)rd_take(&r, -sha->keycnt & 3); /* the message begins with the next word */
        *message = r.rest;
        if (sha->keycnt > KEY_BYTES_MAX || r.err != ERR_OK)
            return failed(chip, "KEYCNT");
        return buf_append(key, bytes) == ERR_OK;
    }
    uint32_t words[STORE_KEY_WORDS];
    unsigned bits;
    struct ks_ask ask = { .mem = (enum ks_mem)(sha->ksctl >> 6 & 3),
                          .slot = sha->ksctl & 31,
                          .owner = KS_OWNER_HMAC,
                          .who = "HMAC" };
    sha->ks_error = !ks_engine_read(chip, &ask, words, &bits);
    uint8_t bytes[sizeof(words)];
    size_t len = (bits + 7) / 8;
    for (size_t i = 0; i < len; i++)
        bytes[i] = ((const uint8_t *)words)[len - 1 - i];
    bool ok = !sha->ks_error && buf_append(key, span_of(bytes, len)) == ERR_OK;
    wipe(words, sizeof(words));
    wipe(bytes, sizeof(bytes));
    return ok;
}

static bool digest(struct chip *chip, const EVP_MD *md, uint8_t *out)
{
    struct sha *sha = &chip->crpt.sha;
    unsigned len;
    if ((sha->ctl & CTL_HMACEN) == 0)
        return EVP_Digest(sha->message.ptr, sha->message.len, out, &len, md, NULL) == 1;
    AUTO(buf_free) struct buf key = { 0 };
    struct span message;
    return hmac_key(chip, &key, &message) &&
           HMAC(md, key.ptr, (int)key.len, message.ptr, message.len, out, &len) != NULL;
}

static void finish(struct chip *chip)
{
    struct sha *sha = &chip->crpt.sha;
    uint8_t out[EVP_MAX_MD_SIZE] = { 0 };
    const EVP_MD *md = digest_of(sha->ctl);
    memset(sha->result, 0, sizeof(sha->result));
    if (md == NULL)
        failed(chip, "mode is not modelled");
    else if (!sha->failed && sha->message.len == 0)
        chip_note(chip, "HMAC: an empty message has no result");
    else if (!sha->failed && !digest(chip, md, out))
        sha->failed = true;
    bool swap = (sha->ctl & CTL_OUTSWAP) == 0;
    for (size_t i = 0; i < COUNT(sha->result) && !sha->failed; i++) {
        uint32_t word;
        memcpy(&word, out + 4 * i, 4);
        sha->result[i] = swapped(word, swap);
    }
    buf_free(&sha->message);
    sha->started = false;
}

static void start(struct chip *chip, uint32_t value)
{
    struct sha *sha = &chip->crpt.sha;
    if (sha->busy.active) {
        chip_note(chip, "HMAC: started while BUSY");
        return;
    }
    if (sha->started && (value & CTL_DMAEN) == 0)
        return; /* START again within a run goes on: SecureBootDemo sets it with DMALAST */
    bool chained = (value & CTL_DMACSCAD) != 0 && (value & CTL_DMAFIRST) == 0;
    if (!chained)
        buf_free(&sha->message);
    sha->failed = sha->ks_error = false;
    if ((value & CTL_DMAEN) == 0) {
        sha->started = true;
        return;
    }
    collect_dma(chip);
    if (chip->pace.on)
        sha->until = chip->cycles + pace_sha_cycles(sha->dmacnt) / chip->clk.speed;
    sha->ended = (value & CTL_DMALAST) != 0 || (value & CTL_DMACSCAD) == 0;
    if (sha->ended)
        finish(chip);
    busy_start(&sha->busy);
}

/* The last word: DMACNT counts the bytes of the last block, or of the word itself. */
static void word_in(struct chip *chip, uint32_t value)
{
    struct sha *sha = &chip->crpt.sha;
    if (!sha->started || sha->busy.active) {
        chip_note(chip, "HMAC: DATIN written without DATINREQ");
        return;
    }
    bool last = (sha->ctl & CTL_DMALAST) != 0;
    size_t in_block = sha->message.len % 64, valid = 4;
    if (last && sha->dmacnt > 4)
        valid = sha->dmacnt - in_block;
    else if (last)
        valid = sha->dmacnt;
    if (valid == 0 || valid > 4) {
        failed(chip, "DMACNT does not fit the last word");
        valid = 4;
    }
    collect_word(sha, value, valid);
    sha->ended = last;
    if (!last)
        return;
    finish(chip);
    busy_start(&sha->busy);
}

void sha_poll(struct chip *chip)
{
    struct sha *sha = &chip->crpt.sha;
    if (chip->cycles < sha->until || !busy_poll(&sha->busy))
        return;
    if (sha->ended)
        memcpy(sha->digest, sha->result, sizeof(sha->digest));
    crpt_raise(chip, sha->failed || sha->ks_error ? CRPT_INT_HMAC_ERR : CRPT_INT_HMAC);
}

uint32_t sha_read(struct chip *chip, uint32_t offset)
{
    struct sha *sha = &chip->crpt.sha;
    if (offset >= DGST && offset < DGST + 64 && sha->busy.active)
        chip_note(chip, "HMAC: DGST%u read while BUSY", (offset - DGST) / 4);
    if (offset >= DGST && offset < DGST + 64)
        return sha->busy.active ? 0 : sha->digest[(offset - DGST) / 4];
    switch (offset) {
    case CTL:
        return sha->ctl;
    case STS:
        sha_poll(chip);
        return (sha->busy.active || sha->started ? STS_BUSY : 0U) |
               (sha->failed ? STS_DMAERR : 0U) | (sha->ks_error ? STS_KSERR : 0U) |
               (sha->started && !sha->busy.active ? STS_DATINREQ : 0U);
    case KEYCNT:
        return sha->keycnt;
    case SADDR:
        return sha->saddr;
    case DMACNT:
        return sha->dmacnt;
    case KSCTL:
        return sha->ksctl;
    default:
        return 0;
    }
}

void sha_write(struct chip *chip, uint32_t offset, uint32_t value)
{
    struct sha *sha = &chip->crpt.sha;
    switch (offset) {
    case CTL:
        sha->ctl = value & ~(uint32_t)(CTL_START | CTL_STOP);
        if (value & CTL_STOP)
            sha->started = false;
        if (value & CTL_START)
            start(chip, value);
        break;
    case KEYCNT:
        sha->keycnt = value;
        break;
    case SADDR:
        sha->saddr = value;
        break;
    case DMACNT:
        sha->dmacnt = value;
        break;
    case DATIN:
        word_in(chip, value);
        break;
    case KSCTL:
        sha->ksctl = value;
        break;
    default:
        chip_note(chip, "HMAC+0x%03x: not modelled", offset);
    }
}
