/* SPDX-License-Identifier: MIT */
/*
 * image: checks a released image against the rules of the boot ROM and of the SRAM loader, and
 * makes FwInfo. Called when an image is released and when a unit's firmware is signed. The
 * bytes are a peer's, so they must be read through rd only.
 */
#include "oem-server/image/image.h"

#include <openssl/sha.h>
#include <string.h>

#include "common/core/mailbox.h"
#include "common/core/wr.h"
#include "common/host/log.h"

enum {
    VECTORS_SIZE = 0x40,   /* 16 system vectors: the least an image can be */
    VECTORS_ALIGN = 0x400, /* 132 exceptions: what VTOR takes */
    SRAM_SIZE = 0x40000,   /* 256 KiB (M2354BSP) */
    FWINFO_KEY_SIZE = 64,  /* the ROM takes the key from OTP: all 0xFF here */
    FWINFO_SIGNED_SIZE = 128,
    FWINFO_ECDSA = 1,        /* AuthCFGs: ECDSA, bound to no PID, UID or UCID */
    FWINFO_REGIONS_SIZE = 8, /* one region: base and size */
    FWINFO_EXTRA_SIZE = 12,
    FWINFO_EXTRA = 0x20191201, /* as the vendor's sample has it */
};

#define NUBL_MARK 0x4C42754Eu /* "NuBL", little-endian */

/* The words of a vector table that are checked. */
struct vectors {
    uint32_t initial_sp, reset, words[6]; /* words: 0x08 to 0x1C */
};

static struct vectors read_vectors(struct span image)
{
    struct rd r = rd_of(image);
    struct vectors v = { .initial_sp = rd_u32le(&r), .reset = rd_u32le(&r) };
    for (size_t i = 0; i < COUNT(v.words); i++)
        v.words[i] = rd_u32le(&r);
    return v;
}

static enum err check_size(const char *what, struct span image, size_t max)
{
    if (image.len < VECTORS_SIZE)
        return fail(ERR_TRUNC, "image: %s: %zu bytes, a vector table takes %d", what, image.len,
                    VECTORS_SIZE);
    if (image.len > max)
        return fail(ERR_LIMIT, "image: %s: %zu bytes, limit %zu", what, image.len, max);
    if (image.len % 4 != 0)
        return fail(ERR_INVALID,
                    "image: %s: %zu bytes: flash takes words: pad with 0xFF to a multiple of 4",
                    what, image.len);
    return ERR_OK;
}

/* base: where byte 0 of the image will be. */
static enum err check_start(const char *what, const struct vectors *v, size_t image_len,
                            uint32_t base, uint32_t sram_size)
{
    if (v->initial_sp <= SRAM_BASE || v->initial_sp > (uint32_t)SRAM_BASE + sram_size ||
        v->initial_sp % 8 != 0)
        return fail(ERR_INVALID, "image: %s: initial stack pointer 0x%08x is not in SRAM", what,
                    v->initial_sp);
    uint32_t reset = v->reset & ~1u;
    if ((v->reset & 1) == 0 || reset < base || reset - base < VECTORS_SIZE ||
        reset - base >= image_len)
        return fail(ERR_INVALID, "image: %s: reset handler 0x%08x is not Thumb code of it",
                    what, v->reset);
    return ERR_OK;
}

static enum err check_marks(struct span image, const struct vectors *v)
{
    uint32_t mark = v->words[2], address = v->words[3], zero = v->words[4], sum = v->words[5];
    if (mark != NUBL_MARK)
        return fail(ERR_INVALID,
                    "image: word 0x10 is 0x%08x, want 0x%08x (NuBL): not linked "
                    "for the ROM's secure boot",
                    mark, NUBL_MARK);
    if (zero != 0)
        return fail(ERR_INVALID, "image: word 0x18 is 0x%08x, want 0", zero);
    if (sum != address + zero - mark)
        return fail(ERR_INVALID, "image: word 0x1C is 0x%08x, want 0x%08x (0x14 + 0x18 - 0x10)",
                    sum, address + zero - mark);
    if (address % FLASH_PAGE_SIZE != 0)
        return fail(ERR_INVALID, "image: FwInfo at 0x%08x: not at a page of 0x%x bytes",
                    address, FLASH_PAGE_SIZE);
    if (address < image.len)
        return fail(ERR_INVALID, "image: FwInfo at 0x%08x: inside the image of 0x%zx bytes",
                    address, image.len);
    if (address > FLASH_FIRMWARE_MAX - FWINFO_SIZE)
        return fail(ERR_INVALID, "image: FwInfo at 0x%08x: firmware and FwInfo end by 0x%x",
                    address, FLASH_FIRMWARE_MAX);
    return ERR_OK;
}

enum err image_check(struct span image, struct image_marks *marks_out)
{
    TRY(check_size("firmware", image, IMAGE_MAX));
    struct vectors v = read_vectors(image);
    TRY(check_marks(image, &v));
    TRY(check_start("firmware", &v, image.len, 0, SRAM_SIZE));
    marks_out->fwinfo_address = v.words[3];
    return ERR_OK;
}

enum err image_devauth_check(struct span image)
{
    TRY(check_size("devauth", image, SRAM_DEVAUTH_SIZE));
    struct vectors v = read_vectors(image);
    uint32_t magic = v.words[2], load = v.words[3], mailbox = v.words[4], size = v.words[5];
    if (magic != DEVAUTH_IMAGE_MAGIC)
        return fail(ERR_INVALID, "image: devauth: word 0x10 is 0x%08x, want 0x%08x (HMDA)",
                    magic, DEVAUTH_IMAGE_MAGIC);
    if (size != image.len)
        return fail(ERR_INVALID, "image: devauth: says it has %u bytes, has %zu", size,
                    image.len);
    if (load < SRAM_BASE || load - SRAM_BASE > SRAM_DEVAUTH_SIZE - image.len ||
        load % VECTORS_ALIGN != 0)
        return fail(ERR_INVALID,
                    "image: devauth: load address 0x%08x: want SRAM banks 0 and 1, "
                    "aligned to 0x%x (VTOR)",
                    load, VECTORS_ALIGN);
    if (mailbox < SRAM_BASE || mailbox % 16 != 0 ||
        mailbox - SRAM_BASE > SRAM_DEVAUTH_SIZE - sizeof(struct mailbox))
        return fail(ERR_INVALID,
                    "image: devauth: mailbox at 0x%08x: want SRAM banks 0 and 1, aligned",
                    mailbox);
    if (mailbox - SRAM_BASE < load - SRAM_BASE + image.len &&
        load - SRAM_BASE < mailbox - SRAM_BASE + sizeof(struct mailbox))
        return fail(ERR_INVALID, "image: devauth: mailbox at 0x%08x: inside the image",
                    mailbox);
    return check_start("devauth", &v, image.len, load, SRAM_DEVAUTH_SIZE);
}

enum err image_fwinfo_start(struct span image, uint8_t fwinfo_out[static FWINFO_SIZE],
                            uint8_t digest_out[static SHA256_SIZE])
{
    struct image_marks marks;
    TRY(image_check(image, &marks));
    uint8_t image_digest[SHA256_SIZE];
    SHA256(image.ptr, image.len, image_digest);
    memset(fwinfo_out, 0xFF, FWINFO_SIZE);
    struct wr w = wr_of(fwinfo_out + FWINFO_KEY_SIZE, FWINFO_SIGNED_SIZE - FWINFO_KEY_SIZE);
    wr_u32le(&w, FWINFO_ECDSA);
    wr_u32le(&w, FWINFO_REGIONS_SIZE);
    wr_u32le(&w, 0); /* base */
    wr_u32le(&w, (uint32_t)image.len);
    wr_u32le(&w, FWINFO_EXTRA_SIZE);
    wr_u32le(&w, FWINFO_EXTRA);
    wr_u32le(&w, 0);
    wr_u32le(&w, 0);
    wr_span(&w, SPAN(image_digest));
    TRY(wr_end(&w));
    SHA256(fwinfo_out, FWINFO_SIGNED_SIZE, digest_out);
    return ERR_OK;
}

void image_fwinfo_finish(uint8_t fwinfo[static FWINFO_SIZE],
                         const uint8_t signature[static P256_SIGNATURE_SIZE])
{
    memcpy(fwinfo + FWINFO_SIGNED_SIZE, signature, P256_SIGNATURE_SIZE);
}

enum err image_signed(struct span image, const uint8_t fwinfo[static FWINFO_SIZE],
                      struct buf *signed_out)
{
    struct image_marks marks;
    TRY(image_check(image, &marks));
    AUTO(buf_free) struct buf burnt = { 0 };
    TRY(buf_append(&burnt, image));
    TRY(buf_resize(&burnt, marks.fwinfo_address));
    memset(burnt.ptr + image.len, 0xFF, marks.fwinfo_address - image.len);
    TRY(buf_append(&burnt, span_of(fwinfo, FWINFO_SIZE)));
    *signed_out = buf_take(&burnt);
    return ERR_OK;
}
