/* SPDX-License-Identifier: MIT */
/*
 * image: a firmware for the M2354's secure boot, and its FwInfo (format of M2354BSP's
 * SecureBootDemo, NuBL2, P-256: 192 bytes; see README of this folder).
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

/* Refuses what the ROM would not boot: size, marker words, FwInfo inside the region or outside
 * APROM's firmware part or not page-aligned, with words for the operator who releases it. */
enum err image_check(struct span image, struct image_marks *marks_out);

/* DevAuth images: struct devauth_image (common/core/mailbox.h) words present, all within SRAM
 * banks 0 and 1 (the loader clocks bank 1 first). */
enum err image_devauth_check(struct span image);

/* The first 128 bytes of FwInfo for image; sign their SHA-256, then image_fwinfo_finish. */
enum err image_fwinfo_start(struct span image, uint8_t fwinfo_out[static FWINFO_SIZE],
                            uint8_t digest_out[static SHA256_SIZE]);
void image_fwinfo_finish(uint8_t fwinfo[static FWINFO_SIZE],
                         const uint8_t signature[static P256_SIGNATURE_SIZE]);

/* image, 0xFF up to FwInfo's address, FwInfo: the bytes as burnt. */
enum err image_signed(struct span image, const uint8_t fwinfo[static FWINFO_SIZE],
                      struct buf *signed_out);
