/* SPDX-License-Identifier: MIT */
/*
 * What was written to SRAM, hashed by the chip's own SHA-256 engine, which reaches SRAM by
 * itself: 32 bytes come back over the wire instead of all. Called by image.c. It proves what
 * a probe and its wires wrote, and nothing about the board; where the engine does not answer,
 * or the digest differs, it decides nothing, and every byte is read back.
 *
 * One part is hashed while the next is on its way.
 */
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "station-agent/chip/inside.h"

#define HMAC_CTL    0x40032300u
#define HMAC_STS    0x40032304u
#define HMAC_DGST   0x40032308u
#define HMAC_KEYCNT 0x40032348u
#define HMAC_SADDR  0x4003234Cu
#define HMAC_DMACNT 0x40032350u

enum {
    MODE = 4 << 8 | 3 << 22, /* SHA-256; words as bytes lie in memory, in and out */
    START = 1 << 0,
    DMA = 1 << 5 | 1 << 7, /* enabled, and the last part of the message */
    BUSY = 1 << 0 | 1 << 1,
    PART = 4096, /* its hash takes the engine less time than the wire needs for the next */
    HASH_MS = 100,
};

/* Bytes of SRAM that are under way or there. */
struct part {
    uint32_t address;
    struct span bytes;
};

/* Starts the hash of one part, writes the next meanwhile, and fetches the digest. */
static enum err hash_and_write(struct mem *mem, const struct part *part,
                               const struct part *next, uint8_t digest_out[static SHA256_SIZE])
{
    const struct mem_word start[] = {
        { HMAC_CTL, MODE },
        { HMAC_KEYCNT, 0 },
        { HMAC_SADDR, part->address },
        { HMAC_DMACNT, (uint32_t)part->bytes.len },
        { HMAC_CTL, MODE | DMA | START },
    };
    return mem_exchange(mem, &(struct mem_exchange){
                                 .words = start,
                                 .word_count = COUNT(start),
                                 .write_address = next->address,
                                 .write = next->bytes,
                                 .poll = { HMAC_STS, BUSY, 0, HASH_MS },
                                 .read_address = HMAC_DGST,
                                 .read = digest_out,
                                 .read_len = SHA256_SIZE,
                             });
}

static bool is_digest_of(const uint8_t digest[static SHA256_SIZE], struct span bytes)
{
    uint8_t own[SHA256_SIZE];
    SHA256(bytes.ptr, bytes.len, own);
    return memcmp(own, digest, sizeof(own)) == 0;
}

static struct part part_after(const struct part *part, const struct part *all)
{
    size_t done = part->address - all->address + part->bytes.len;
    size_t left = all->bytes.len - done;
    return (struct part){ all->address + (uint32_t)done,
                          span_of(all->bytes.ptr + done, left < PART ? left : PART) };
}

static enum err write_hashed(struct mem *mem, const struct part *all, bool *proven_out)
{
    struct part part = part_after(&(struct part){ all->address, { all->bytes.ptr, 0 } }, all);
    bool proven = true;
    TRY(mem_write(mem, part.address, part.bytes));
    while (part.bytes.len > 0) {
        uint8_t digest[SHA256_SIZE] = { 0 };
        struct part next = part_after(&part, all);
        TRY(hash_and_write(mem, &part, &next, digest));
        proven = proven && is_digest_of(digest, part.bytes);
        part = next;
    }
    *proven_out = proven;
    return ERR_OK;
}

/* An engine that stays busy takes nothing from what was written, but the rest was not. */
enum err hash_write(struct mem *mem, uint32_t address, struct span bytes, bool *proven_out)
{
    AUTO(buf_free) struct buf salted = { 0 };
    uint8_t salt[HASH_SALT_SIZE];
    if (RAND_bytes(salt, sizeof(salt)) != 1)
        return fail(ERR_INTERNAL, "chip: no random bytes");
    TRY(buf_copy(&salted, bytes));
    TRY(buf_append(&salted, SPAN(salt)));
    enum err e = write_hashed(mem, &(struct part){ address, buf_span(&salted) }, proven_out);
    if (e != ERR_DEADLINE)
        return e;
    log_line(LOG_LEVEL_WARN, "chip: %s: the SHA-256 engine does not answer, SRAM is read back",
             mem->swd->probe->name);
    *proven_out = false;
    return mem_write(mem, address, bytes);
}
