/* SPDX-License-Identifier: MIT */
/*
 * boot_image: a signed image for the boot ROM, and images that must not start.
 *
 * The image is a vector table with NuBL2's marker words and four instructions that leave a mark
 * in SRAM; FwInfo is the P-256 form of SecureBootDemo (M2354BSP, NuBL2/FwInfo). The key is that
 * of RFC 6979 A.2.5. Used by wire_boot.c.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/core/err.h"

enum {
    BOOT_IMAGE_WORDS = 20,
    BOOT_INFO_WORDS = 48,
    BOOT_INFO_AT = 0x1000,
};
#define BOOT_MARK 0x424f4f54u

struct boot_recipe {
    uint32_t base;         /* where in flash the image lies */
    uint32_t marker;       /* 0: NuBL */
    uint32_t info_address; /* 0: BOOT_INFO_AT */
    uint32_t sum_error;    /* added to the marker words' sum */
    uint32_t auth;         /* AuthCFGs, 0: ECDSA */
    uint32_t auth_none;    /* 1: AuthCFGs is 0 */
    uint32_t table;        /* region table's length, 0: 8 */
    uint32_t region_base;
    uint32_t region_size; /* 0: the image's */
    uint32_t other_key;   /* 1: signed by another key */
};

struct boot_image {
    uint32_t words[BOOT_IMAGE_WORDS];
    uint32_t info[BOOT_INFO_WORDS];
};

extern const uint32_t boot_key_x[8], boot_key_y[8]; /* ROTPK, least significant word first */

enum err boot_image_make(const struct boot_recipe *recipe, struct boot_image *image);
