/* SPDX-License-Identifier: MIT */
/*
 * Arrow 24, and the proof that the firmware in flash is one that the boot key signed. Called
 * through commands.c, and again before the receipt is signed and before the lock. It must not
 * erase an image that boots for one that does not.
 */
#include "target-fw/devauth/bytes.h"
#include "target-fw/devauth/flash.h"
#include "target-fw/devauth/fwinfo.h"
#include "target-fw/devauth/handlers.h"
#include "target-fw/devauth/p256.h"

enum {
    CHUNK_WAIT_MS = 10000, /* the call fails after that long without a chunk */
    CHUNK_POLLS = 2000,    /* so many without a sleep in between */
    VECTORS_SIZE = 32,     /* the marker words are in the image */
};

/* The FwInfo names this image at address 0, and the boot key signed it. */
static enum err check_fwinfo(const struct fwinfo *info, const uint8_t rotpk[P256_POINT_SIZE],
                             const uint8_t sha256[SHA256_SIZE], struct proof *proof)
{
    uint8_t digest[SHA256_SIZE];
    if (info->region_base != 0)
        return ERR_MISMATCH;
    TRY(proof_equal(proof, info->region_sha256, sha256, SHA256_SIZE));
    TRY(port_sha256(info->signed_part, digest));
    return p256_verify(rotpk, digest, info->signature, proof);
}

static enum err check_place(uint32_t size, uint32_t fwinfo_address)
{
    if (size < VECTORS_SIZE || size > FLASH_FIRMWARE_MAX)
        return ERR_RANGE;
    if (fwinfo_address % FLASH_PAGE_SIZE != 0 || fwinfo_address < size ||
        fwinfo_address > FLASH_FIRMWARE_MAX - FLASH_PAGE_SIZE)
        return ERR_RANGE;
    return ERR_OK;
}

static enum err wait_chunk(const struct link *l, struct link_chunk *out)
{
    for (uint32_t polls = 0; polls < CHUNK_POLLS + CHUNK_WAIT_MS / PORT_WAIT_MS; polls++) {
        enum err e = link_chunk(l, out);
        if (e != ERR_BUSY)
            return e;
        if (polls >= CHUNK_POLLS)
            port_wait();
    }
    return ERR_DEADLINE;
}

static enum err burn_page(struct devauth *d, uint32_t at, uint32_t len)
{
    struct link_chunk chunk;
    bool burnt;
    TRY(wait_chunk(&d->link, &chunk));
    if (chunk.offset != at || chunk.bytes.len != len)
        return ERR_PROTO;
    const struct flash_page page = { at, { chunk.bytes } };
    TRY(flash_put_on(d->run.blank_board, &page, &burnt));
    link_chunk_done(&d->link);
    d->out.burn_firmware.pages_burnt += burnt;
    return ERR_OK;
}

/* All of it is there from an earlier run: then no chunk is awaited. This is no verification:
 * firmware_verify() is. */
static bool is_there(const struct devauth *d)
{
    uint8_t found[SHA256_SIZE];
    return d->run.blank_board != RUN_BLANK_BOARD &&
           port_sha256(port_flash(0, d->in.burn_firmware.size), found) == ERR_OK &&
           bytes_equal(found, d->run.firmware_sha256, SHA256_SIZE);
}

static enum err burn_image(struct devauth *d)
{
    uint32_t size = d->in.burn_firmware.size;
    if (is_there(d)) {
        link_chunks_drop(&d->link);
        return ERR_OK;
    }
    for (uint32_t at = 0; at < size; at += FLASH_PAGE_SIZE) {
        uint32_t left = size - at;
        TRY(burn_page(d, at, left < FLASH_PAGE_SIZE ? left : FLASH_PAGE_SIZE));
    }
    return ERR_OK;
}

static enum err burn_fwinfo(struct devauth *d)
{
    const BurnFirmwareRequest *in = &d->in.burn_firmware;
    struct flash_page page = { in->firmware_information_address,
                               { SPAN(in->firmware_information) } };
    bool burnt;
    TRY(flash_put_on(d->run.blank_board, &page, &burnt));
    d->out.burn_firmware.pages_burnt += burnt;
    return ERR_OK;
}

/* Arrow 24. Nothing is erased for an image that could not boot afterwards. */
enum err firmware_burn(struct devauth *d)
{
    const BurnFirmwareRequest *in = &d->in.burn_firmware;
    struct run *r = &d->run;
    struct proof proof = { PROOF_OF_FIRMWARE };
    TRY(check_place(in->size, in->firmware_information_address));
    bytes_copy(r->firmware_sha256, in->sha256, SHA256_SIZE);
    struct fwinfo info;
    TRY(fwinfo_read(SPAN(in->firmware_information), &info));
    if (info.region_size != in->size)
        return ERR_MISMATCH;
    TRY(check_fwinfo(&info, r->rotpk, r->firmware_sha256, &proof));
    TRY(proof_holds(&proof, PROOF_FWINFO(PROOF_OF_FIRMWARE)));
    enum err e = burn_image(d);
    if (e != ERR_OK) {
        link_chunks_drop(&d->link);
        return e;
    }
    TRY(burn_fwinfo(d));
    TRY(firmware_verify(r->rotpk, r->firmware_sha256, &proof));
    TRY(proof_holds(&proof, PROOF_FIRMWARE(PROOF_FWINFO(PROOF_OF_FIRMWARE))));
    bytes_copy(d->out.burn_firmware.sha256, r->firmware_sha256, SHA256_SIZE);
    return ERR_OK;
}

/* As it is in flash: at the place in the marker words, and of the size in the FwInfo. */
enum err firmware_verify(const uint8_t rotpk[P256_POINT_SIZE],
                         const uint8_t sha256[SHA256_SIZE], struct proof *proof)
{
    uint32_t address;
    struct fwinfo info;
    uint8_t found[SHA256_SIZE];
    TRY(fwinfo_find(&address));
    TRY(fwinfo_read(port_flash(address, FWINFO_SIZE), &info));
    TRY(check_place(info.region_size, address));
    TRY(check_fwinfo(&info, rotpk, sha256, proof));
    TRY(port_sha256(port_flash(0, info.region_size), found));
    return proof_equal(proof, found, sha256, SHA256_SIZE) == ERR_OK ? ERR_OK : ERR_VERIFY;
}
