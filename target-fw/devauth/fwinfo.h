/* SPDX-License-Identifier: MIT */
/*
 * fwinfo: the signed information by which the M2354's mask ROM checks an image (M2354BSP,
 * SampleCode/SecureApplication/SecureBootDemo, FwInfo.c and FwSign.ini): P-256 form, one
 * region, no binding to PID, UID or UCID. Used by firmware and hello.
 */
#pragma once

#include "target-fw/port/port.h"

struct fwinfo {
    uint32_t region_base;
    uint32_t region_size;
    const uint8_t *region_sha256; /* borrowed from the bytes read */
    struct span signed_part;
    const uint8_t *signature;
};

/* FWINFO_SIZE bytes, borrowed by *out. ERR_PROTO: not of this form. The signature
 * is not checked here. */
enum err fwinfo_read(struct span bytes, struct fwinfo *out);

/* The address in the marker words of the vector table at address 0. ERR_NOT_FOUND: none there.
 */
enum err fwinfo_find(uint32_t *address_out);
