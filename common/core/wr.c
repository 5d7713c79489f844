/* SPDX-License-Identifier: MIT */
/*
 * wr: bounded writing. Called by all code that makes messages or statements, on both CPUs. It
 * must never write beyond the capacity that it was made with (test_rd).
 */
#include "common/core/wr.h"

#include <string.h>

struct wr wr_of(void *buffer, size_t cap)
{
    return (struct wr){ buffer, 0, cap, ERR_OK };
}

void wr_span(struct wr *w, struct span bytes)
{
    if (w->err != ERR_OK || bytes.len > w->cap - w->len) {
        w->err = ERR_LIMIT;
        return;
    }
    if (bytes.len != 0)
        memcpy(w->ptr + w->len, bytes.ptr, bytes.len);
    w->len += bytes.len;
}

void wr_u8(struct wr *w, uint8_t value)
{
    wr_span(w, span_of(&value, 1));
}

static void put_le(struct wr *w, uint32_t value, size_t len)
{
    for (size_t i = 0; i < len; i++)
        wr_u8(w, (uint8_t)(value >> (8 * i)));
}

void wr_u16le(struct wr *w, uint16_t value)
{
    put_le(w, value, 2);
}

void wr_u32le(struct wr *w, uint32_t value)
{
    put_le(w, value, 4);
}

static void put_be(struct wr *w, uint64_t value, size_t len)
{
    for (size_t i = len; i > 0; i--)
        wr_u8(w, (uint8_t)(value >> (8 * (i - 1))));
}

void wr_u16be(struct wr *w, uint16_t value)
{
    put_be(w, value, 2);
}

void wr_u32be(struct wr *w, uint32_t value)
{
    put_be(w, value, 4);
}

void wr_u64be(struct wr *w, uint64_t value)
{
    put_be(w, value, 8);
}

void wr_text(struct wr *w, const char *text)
{
    wr_span(w, span_of(text, strlen(text)));
}

struct span wr_done(const struct wr *w)
{
    return span_of(w->ptr, w->err == ERR_OK ? w->len : 0);
}

enum err wr_end(const struct wr *w)
{
    return w->err;
}
