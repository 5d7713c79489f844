/* SPDX-License-Identifier: MIT */
#include "target-fw/devauth/record.h"

#include "common/core/crc32.h"
#include "common/core/wr.h"
#include "target-fw/devauth/bytes.h"
#include "target-fw/devauth/flash.h"

enum { VERSION = 1, BODY_SIZE = 4 + 4 + SHA256_SIZE, SIZE = BODY_SIZE + 4 };

#define MAGIC 0x43524d48u /* "HMRC" */

enum err record_read(uint8_t rotpk_sha256[SHA256_SIZE])
{
    struct span all = port_flash(FLASH_RECORD, SIZE);
    struct rd r = rd_of(all);
    uint32_t magic = rd_u32le(&r), version = rd_u32le(&r);
    struct span hash = rd_take(&r, SHA256_SIZE);
    uint32_t crc = rd_u32le(&r);
    if (rd_end(&r) != ERR_OK || magic != MAGIC || version != VERSION ||
        crc != crc32_of(span_of(all.ptr, BODY_SIZE)))
        return ERR_NOT_FOUND;
    bytes_copy(rotpk_sha256, hash.ptr, SHA256_SIZE);
    return ERR_OK;
}

enum err record_write(const uint8_t rotpk_sha256[SHA256_SIZE])
{
    uint8_t bytes[SIZE];
    struct wr w = wr_of(bytes, sizeof(bytes));
    wr_u32le(&w, MAGIC);
    wr_u32le(&w, VERSION);
    wr_span(&w, span_of(rotpk_sha256, SHA256_SIZE));
    wr_u32le(&w, crc32_of(wr_done(&w)));
    TRY(wr_end(&w));
    bool burnt;
    return flash_put(&(struct flash_page){ FLASH_RECORD, { wr_done(&w) } }, &burnt);
}
