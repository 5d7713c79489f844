/* SPDX-License-Identifier: MIT */
/*
 * image: a firmware for the M2354's secure boot, and its FwInfo (format of M2354BSP's
 * SecureBootDemo, NuBL2, P-256: 192 bytes; see README of this folder). No state; any thread;
 * spans are borrowed.
 *
 * An image is opaque bytes for APROM address 0 whose vector table carries the NuBL marker
 * words: 0x10 "NuBL", 0x14 FwInfo's address, 0x18 zero, 0x1C their sum. Its FwInfo lies outside
 * it.
 */
#pragma once

#include "common/core/layout.h"
#include "common/host/own.h"

enum { IMAGE_MAX = FLASH_FIRMWARE_MAX };

struct image_marks {
    uint32_t fwinfo_address;
};

/* Refuses images that the ROM would not boot: wrong size or marker words, FwInfo inside the
 * region, outside APROM's firmware part or not page-aligned. ERR_INVALID, ERR_TRUNC, ERR_LIMIT,
 * with a message for the operator who releases the image (test_image). */
enum err image_check(struct span image, struct image_marks *marks_out);

/* The same for DevAuth images: they must have the words of struct devauth_image
 * (common/core/mailbox.h) and lie within SRAM banks 0 and 1 (the loader clocks bank 1 first).
 */
enum err image_devauth_check(struct span image);

/* The first 128 bytes of FwInfo for image; sign their SHA-256, then image_fwinfo_finish. */
enum err image_fwinfo_start(struct span image, uint8_t fwinfo_out[static FWINFO_SIZE],
                            uint8_t digest_out[static SHA256_SIZE]);
void image_fwinfo_finish(uint8_t fwinfo[static FWINFO_SIZE],
                         const uint8_t signature[static P256_SIGNATURE_SIZE]);

/* The bytes as burnt: image, 0xFF up to FwInfo's address, FwInfo. signed_out is the caller's.
 */
enum err image_signed(struct span image, const uint8_t fwinfo[static FWINFO_SIZE],
                      struct buf *signed_out);
