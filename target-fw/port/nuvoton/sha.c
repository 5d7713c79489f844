/* SPDX-License-Identifier: MIT */
/*
 * SHA-256, fed word by word: DMA reaches word-aligned SRAM only, and most of what is hashed
 * here lies in flash (M2354BSP, SecureBootDemo/NuBL2, VerifyNuBL3x.c). Called by devauth
 * through port.h.
 */

#include "target-fw/port/nuvoton/reg.h"
#include "target-fw/port/port.h"

enum {
    HMAC_START = 1,
    HMAC_DMALAST = 1 << 5,
    HMAC_SHA256 = 4 << 8,
    HMAC_SWAP = 3 << 22,
    STS_BUSY = 1 << 0,
    STS_DATINREQ = 1 << 16,
    BLOCK = 64,
    WORD = 4,
};

/* The engine gives no result for it. */
static const uint8_t of_nothing[SHA256_SIZE] = {
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4,
    0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b,
    0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
};

static uint32_t word_at(const uint8_t *bytes, size_t len)
{
    uint32_t word = 0;
    for (size_t i = 0; i < WORD && i < len; i++)
        word |= (uint32_t)bytes[i] << (8 * i);
    return word;
}

/* All of flash goes through here: a whole word where it lies on one, and one look at the
 * status, which is nearly always enough. */
__attribute__((always_inline)) static inline enum err feed(uint32_t word)
{
    if ((REG(CRPT_HMAC_STS) & STS_DATINREQ) == 0)
        TRY(reg_wait(WAIT_SHA, CRPT_HMAC_STS, STS_DATINREQ, STS_DATINREQ));
    REG(CRPT_HMAC_DATIN) = word;
    return ERR_OK;
}

static enum err feed_aligned(const uint8_t *at, const uint8_t *end)
{
    for (; at < end; at += WORD)
        TRY(feed(*(const uint32_t *)__builtin_assume_aligned(at, WORD)));
    return ERR_OK;
}

static enum err feed_bytes(const uint8_t *at, const uint8_t *end)
{
    for (; at < end; at += WORD)
        TRY(feed(word_at(at, WORD)));
    return ERR_OK;
}

/* All but the last word, then that one: it may have fewer than four bytes, and ends it. */
static enum err feed_all(struct span message)
{
    size_t last = (message.len - 1) & ~(size_t)(WORD - 1);
    const uint8_t *end = message.ptr + last;
    bool aligned = (uintptr_t)message.ptr % WORD == 0;
    TRY(aligned ? feed_aligned(message.ptr, end) : feed_bytes(message.ptr, end));
    TRY(reg_wait(WAIT_SHA, CRPT_HMAC_STS, STS_DATINREQ, STS_DATINREQ));
    REG(CRPT_HMAC_DMACNT) = (uint32_t)(message.len - last);
    reg_set(CRPT_HMAC_CTL, HMAC_START | HMAC_DMALAST);
    REG(CRPT_HMAC_DATIN) = word_at(end, message.len - last);
    return reg_wait(WAIT_SHA, CRPT_HMAC_STS, STS_BUSY, 0);
}

enum err port_sha256(struct span message, uint8_t digest[SHA256_SIZE])
{
    if (message.len == 0) {
        for (size_t i = 0; i < SHA256_SIZE; i++)
            digest[i] = of_nothing[i];
        return ERR_OK;
    }
    REG(CRPT_HMAC_CTL) = HMAC_SHA256 | HMAC_SWAP;
    REG(CRPT_HMAC_KEYCNT) = 0;
    REG(CRPT_HMAC_DMACNT) = BLOCK;
    reg_set(CRPT_HMAC_CTL, HMAC_START);
    TRY(feed_all(message));
    for (uint32_t i = 0; i < SHA256_SIZE; i++)
        digest[i] = (uint8_t)(REG(CRPT_HMAC_DGST0 + (i & ~3u)) >> (8 * (i & 3)));
    return ERR_OK;
}
