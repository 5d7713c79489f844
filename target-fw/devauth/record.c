/* SPDX-License-Identifier: MIT */
/*
 * The record pages, for the handlers that burn and lock, and for hello. A damaged record must
 * count as none. Whether a page may be written is the caller's decision.
 */
#include "target-fw/devauth/record.h"

#include "common/core/crc32.h"
#include "common/core/wr.h"
#include "target-fw/devauth/bytes.h"
#include "target-fw/devauth/flash.h"

enum { VERSION = 1, HEAD_SIZE = 8, CRC_SIZE = 4, MARK_AT = 128, MARK_SIZE = 8 };

static const struct kind {
    uint32_t address;
    uint32_t magic;
    uint32_t body_size;
} kinds[] = {
    [RECORD_ROTPK] = { FLASH_RECORD, 0x43524d48u /* "HMRC" */, RECORD_ROTPK_SIZE },
    [RECORD_CONFIG] = { FLASH_CONFIG_RECORD, 0x46434d48u /* "HMCF" */, RECORD_CONFIG_SIZE },
    [RECORD_AUTHKEY] = { FLASH_AUTHKEY_RECORD, 0x4b414d48u /* "HMAK" */, RECORD_AUTHKEY_SIZE },
};

static const uint8_t mark[MARK_SIZE] = { 'b', 'o', 't', 'h', ' ', 'o', 'n', 'e' };

enum err record_read(enum record which, uint8_t *body)
{
    const struct kind *k = &kinds[which];
    struct span all = port_flash(k->address, HEAD_SIZE + k->body_size + CRC_SIZE);
    struct rd r = rd_of(all);
    uint32_t magic = rd_u32le(&r), version = rd_u32le(&r);
    struct span found = rd_take(&r, k->body_size);
    uint32_t crc = rd_u32le(&r);
    if (rd_end(&r) != ERR_OK || magic != k->magic || version != VERSION ||
        crc != crc32_of(span_of(all.ptr, HEAD_SIZE + k->body_size)))
        return ERR_NOT_FOUND;
    bytes_copy(body, found.ptr, k->body_size);
    return ERR_OK;
}

bool record_is(enum record which, const uint8_t *body)
{
    uint8_t found[RECORD_BODY_MAX];
    return record_read(which, found) == ERR_OK &&
           bytes_equal(found, body, kinds[which].body_size);
}

static struct span encode(enum record which, const uint8_t *body, struct wr *w)
{
    wr_u32le(w, kinds[which].magic);
    wr_u32le(w, VERSION);
    wr_span(w, span_of(body, kinds[which].body_size));
    wr_u32le(w, crc32_of(wr_done(w)));
    return wr_done(w);
}

enum { RECORD_MAX = HEAD_SIZE + RECORD_BODY_MAX + CRC_SIZE };

enum err record_write(enum record which, const uint8_t *body)
{
    uint8_t bytes[RECORD_MAX];
    struct wr w = wr_of(bytes, sizeof(bytes));
    bool burnt;
    return flash_put(&(struct flash_page){ kinds[which].address, { encode(which, body, &w) } },
                     &burnt);
}

enum err record_add(enum record which, const uint8_t *body)
{
    uint8_t bytes[RECORD_MAX];
    struct wr w = wr_of(bytes, sizeof(bytes));
    return flash_add(kinds[which].address, encode(which, body, &w));
}

bool record_marked(void)
{
    return span_eq(port_flash(FLASH_RECORD + MARK_AT, MARK_SIZE), SPAN(mark));
}

enum err record_mark(void)
{
    return flash_add(FLASH_RECORD + MARK_AT, SPAN(mark));
}
