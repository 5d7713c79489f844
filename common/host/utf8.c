/* SPDX-License-Identifier: MIT */
/*
 * utf8: decodes UTF-8. Called for each string of a message (common/rpc/check.c), for text that
 * is printed or stored (clean.c) and for the log's notes (oem-server/tlog/text.c). It must not
 * accept two spellings of one character (test_utf8).
 */
#include "common/host/utf8.h"

/* Bytes that follow the first one of a character (RFC 3629, 3), or -1. */
static int followers(uint8_t first)
{
    if (first < 0x80)
        return 0;
    if (first < 0xc2 || first > 0xf4) /* a follower, an overlong form, over U+10FFFF */
        return -1;
    return first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
}

uint32_t utf8_next(struct rd *r)
{
    static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
    uint8_t first = rd_u8(r);
    int more = followers(first);
    uint32_t value = more <= 0 ? first : first & (0x3fu >> more);
    for (int i = 0; i < more && r->err == ERR_OK; i++) {
        uint8_t next = rd_u8(r);
        if (r->err == ERR_OK && (next & 0xc0) != 0x80)
            r->err = ERR_PROTO;
        value = value << 6 | (next & 0x3f);
    }
    if (r->err == ERR_OK && (more < 0 || value < least[more] || value > 0x10ffff ||
                             (value >= 0xd800 && value < 0xe000)))
        r->err = ERR_PROTO;
    return r->err == ERR_OK ? value : UTF8_REPLACEMENT;
}

bool utf8_is(struct span bytes)
{
    struct rd r = rd_of(bytes);
    while (r.rest.len != 0 && r.err == ERR_OK)
        (void)utf8_next(&r);
    return r.err == ERR_OK;
}
