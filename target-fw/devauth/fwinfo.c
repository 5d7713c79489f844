/* SPDX-License-Identifier: MIT */
/*
 * Reads a FwInfo and finds it by the marker words in the vector table. Called by firmware.c and
 * hello.c. It only parses; to verify the signature is the caller's part.
 */

#include "target-fw/devauth/fwinfo.h"

enum {
    KEY_SIZE = 64,
    AUTH_ECDSA = 1,
    REGION_TABLE_SIZE = 8,
    EXTENDED_SIZE = 12,
    SIGNED_SIZE = 128,
    MARKER_ADDRESS = 0x10,
    MARKER_SIZE = 16,
};

#define MARKER 0x4c42754eu /* "NuBL" */

enum err fwinfo_read(struct span bytes, struct fwinfo *out)
{
    if (bytes.len != FWINFO_SIZE)
        return ERR_PROTO;
    struct rd r = rd_of(bytes);
    rd_take(&r, KEY_SIZE); /* the ROM takes the key from OTP instead */
    uint32_t auth = rd_u32le(&r);
    uint32_t table_size = rd_u32le(&r);
    struct fwinfo info = { .region_base = rd_u32le(&r) };
    info.region_size = rd_u32le(&r);
    uint32_t extended_size = rd_u32le(&r);
    rd_take(&r, EXTENDED_SIZE);
    info.region_sha256 = rd_take(&r, SHA256_SIZE).ptr;
    info.signed_part = span_of(bytes.ptr, SIGNED_SIZE);
    info.signature = rd_take(&r, P256_SIGNATURE_SIZE).ptr;
    TRY(rd_end(&r));
    if (auth != AUTH_ECDSA || table_size != REGION_TABLE_SIZE || extended_size != EXTENDED_SIZE)
        return ERR_PROTO;
    *out = info;
    return ERR_OK;
}

enum err fwinfo_find(uint32_t *address_out)
{
    struct rd r = rd_of(port_flash(MARKER_ADDRESS, MARKER_SIZE));
    uint32_t marker = rd_u32le(&r), address = rd_u32le(&r);
    uint32_t zero = rd_u32le(&r), check = rd_u32le(&r);
    if (marker != MARKER || zero != 0 || check != address + zero - marker)
        return ERR_NOT_FOUND;
    if (address % 4 != 0 || address > FLASH_FIRMWARE_MAX - FWINFO_SIZE)
        return ERR_NOT_FOUND;
    *address_out = address;
    return ERR_OK;
}
