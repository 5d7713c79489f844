/* SPDX-License-Identifier: MIT */
/*
 * text: readers and writers of lines, decimals and base64, and what may stand in a text. Called
 * by the parsers of this folder. Each must refuse a second spelling of the same value
 * (test_tlog_proof).
 */
#include "oem-server/tlog/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/core/wr.h"
#include "common/host/log.h"
#include "common/host/utf8.h"

struct span text_line(struct rd *r)
{
    const uint8_t *end = r->rest.len == 0 ? NULL : memchr(r->rest.ptr, '\n', r->rest.len);
    if (end == NULL)
        return rd_take(r, SIZE_MAX);
    struct span line = rd_take(r, (size_t)(end - r->rest.ptr));
    rd_u8(r);
    return line;
}

bool text_skip(struct rd *r, const char *prefix)
{
    struct span want = span_of(prefix, strlen(prefix));
    if (r->err != ERR_OK || r->rest.len < want.len ||
        !span_eq(span_of(r->rest.ptr, want.len), want))
        return false;
    rd_take(r, want.len);
    return true;
}

enum err text_decimal(struct span text, uint64_t *value_out)
{
    uint64_t value = 0;
    if (text.len == 0 || text.len > 19 || (text.ptr[0] == '0' && text.len > 1))
        return fail(ERR_PROTO, "text: not a decimal");
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return fail(ERR_PROTO, "text: not a decimal");
        value = value * 10 + (uint64_t)(text.ptr[i] - '0'); /* 19 digits fit */
    }
    if (value > INT64_MAX)
        return fail(ERR_PROTO, "text: decimal over 63 bits");
    *value_out = value;
    return ERR_OK;
}

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The six bits of a character, or more than six for another. */
static uint32_t digit(uint8_t character)
{
    const char *at = character == '\0' ? NULL : strchr(alphabet, character);
    return at == NULL ? UINT32_MAX : (uint32_t)(at - alphabet);
}

static size_t padding(struct span text)
{
    size_t count = 0;
    while (count < 2 && count < text.len && text.ptr[text.len - 1 - count] == '=')
        count++;
    return count;
}

/* Four characters; the last pad of them are '=', and the bits they leave over are zero. */
static enum err quad(const uint8_t *text, size_t pad, uint8_t out[static 3])
{
    uint32_t bits = 0;
    for (size_t i = 0; i < 4; i++) {
        uint32_t six = i < 4 - pad ? digit(text[i]) : 0;
        if (six > 63)
            return fail(ERR_PROTO, "text: not base64");
        bits = bits << 6 | six;
    }
    if ((bits & ((1u << (8 * pad)) - 1)) != 0)
        return fail(ERR_PROTO, "text: base64 with bits left over");
    for (size_t i = 0; i < 3; i++)
        out[i] = (uint8_t)(bits >> (16 - 8 * i));
    return ERR_OK;
}

enum err text_base64(struct span text, uint8_t *out, size_t cap, size_t *len_out)
{
    size_t pad = padding(text);
    if (text.len % 4 != 0)
        return fail(ERR_PROTO, "text: base64 of %zu characters", text.len);
    size_t len = text.len / 4 * 3 - pad;
    if (len > cap)
        return fail(ERR_LIMIT, "text: base64 of %zu bytes, limit %zu", len, cap);
    struct wr w = wr_of(out, cap);
    for (size_t at = 0; at < text.len; at += 4) {
        uint8_t three[3];
        size_t unused = at + 4 == text.len ? pad : 0;
        TRY(quad(text.ptr + at, unused, three));
        wr_span(&w, span_of(three, 3 - unused));
    }
    *len_out = len;
    return wr_end(&w);
}

enum err text_add_base64(struct buf *b, struct span bytes)
{
    for (size_t at = 0; at < bytes.len; at += 3) {
        size_t have = bytes.len - at < 3 ? bytes.len - at : 3;
        uint32_t bits = 0;
        for (size_t i = 0; i < 3; i++)
            bits = bits << 8 | (i < have ? bytes.ptr[at + i] : 0u);
        uint8_t four[4];
        for (size_t i = 0; i < 4; i++)
            four[i] = i <= have ? (uint8_t)alphabet[bits >> (18 - 6 * i) & 63] : '=';
        TRY(buf_append(b, SPAN(four)));
    }
    return ERR_OK;
}

enum err text_add(struct buf *b, const char *format, ...)
{
    char text[TEXT_ADD_MAX];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof(text))
        return fail(ERR_LIMIT, "text: over %d bytes", TEXT_ADD_MAX);
    return buf_append(b, span_of(text, (size_t)len));
}

enum err text_check(struct span text)
{
    struct rd r = rd_of(text);
    while (r.err == ERR_OK && r.rest.len != 0) {
        uint32_t character = utf8_next(&r);
        if (character < 0x20 && character != '\n')
            return fail(ERR_PROTO, "text: control character %u", character);
    }
    return r.err == ERR_OK ? ERR_OK : fail(ERR_PROTO, "text: not UTF-8");
}

/* Unicode's White_Space. */
static bool is_space(uint32_t character)
{
    static const uint32_t spaces[] = { 0x20,   0x85,   0xA0,   0x1680, 0x2028,
                                       0x2029, 0x202F, 0x205F, 0x3000 };
    for (size_t i = 0; i < COUNT(spaces); i++)
        if (character == spaces[i])
            return true;
    return (character >= 0x09 && character <= 0x0D) ||
           (character >= 0x2000 && character <= 0x200A);
}

enum err text_check_name(struct span name)
{
    struct rd r = rd_of(name);
    if (name.len == 0)
        return fail(ERR_PROTO, "text: empty name");
    while (r.err == ERR_OK && r.rest.len != 0) {
        uint32_t character = utf8_next(&r);
        if (is_space(character) || character == '+' || character < 0x20)
            return fail(ERR_PROTO, "text: space, plus or control character in a name");
    }
    return r.err == ERR_OK ? ERR_OK : fail(ERR_PROTO, "text: name is not UTF-8");
}
