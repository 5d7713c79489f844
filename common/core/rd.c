/* SPDX-License-Identifier: MIT */
/*
 * rd: the only code that moves through received bytes. Called by all parsers, on both CPUs. It
 * must never give out a byte beyond the span that it was made of (test_rd).
 */
#include "common/core/rd.h"

#include <string.h>

struct span span_of(const void *ptr, size_t len)
{
    return (struct span){ ptr, len };
}

bool span_eq(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

struct rd rd_of(struct span bytes)
{
    return (struct rd){ bytes, ERR_OK };
}

struct span rd_take(struct rd *r, size_t len)
{
    if (r->err == ERR_OK && len > r->rest.len)
        r->err = ERR_TRUNC;
    if (r->err != ERR_OK) /* the first failure stays */
        return (struct span){ r->rest.ptr, 0 };
    struct span taken = { r->rest.ptr, len };
    r->rest.ptr += len;
    r->rest.len -= len;
    return taken;
}

static uint64_t take_le(struct rd *r, size_t len)
{
    struct span s = rd_take(r, len);
    uint64_t value = 0;
    for (size_t i = s.len; i > 0; i--)
        value = value << 8 | s.ptr[i - 1];
    return value;
}

static uint64_t take_be(struct rd *r, size_t len)
{
    struct span s = rd_take(r, len);
    uint64_t value = 0;
    for (size_t i = 0; i < s.len; i++)
        value = value << 8 | s.ptr[i];
    return value;
}

uint8_t rd_u8(struct rd *r)
{
    return (uint8_t)take_le(r, 1);
}

uint16_t rd_u16le(struct rd *r)
{
    return (uint16_t)take_le(r, 2);
}

uint32_t rd_u32le(struct rd *r)
{
    return (uint32_t)take_le(r, 4);
}

uint64_t rd_u64le(struct rd *r)
{
    return take_le(r, 8);
}

uint16_t rd_u16be(struct rd *r)
{
    return (uint16_t)take_be(r, 2);
}

uint32_t rd_u32be(struct rd *r)
{
    return (uint32_t)take_be(r, 4);
}

uint64_t rd_u64be(struct rd *r)
{
    return take_be(r, 8);
}

enum err rd_end(const struct rd *r)
{
    if (r->err != ERR_OK)
        return r->err;
    return r->rest.len != 0 ? ERR_EXCESS : ERR_OK;
}
