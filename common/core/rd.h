/* SPDX-License-Identifier: MIT */
/*
 * rd: reads a message front to back and never past its end (test_rd, tests/fuzz).
 *
 * The first short read sticks: later reads yield 0 or an empty span, and rd_end() reports the
 * error. So a parser reads like the layout it parses, and checks once, at the end. An rd
 * borrows its bytes; it owns nothing and needs no release. One thread at a time. Freestanding.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/core/err.h"

/* Borrowed bytes. Its owner outlives it; len 0 goes with any ptr. */
struct span {
    const uint8_t *ptr;
    size_t len;
};

#define SPAN(array) ((struct span){ (array), sizeof(array) }) /* of an array of bytes */

/* Borrows the bytes. */
struct span span_of(const void *ptr, size_t len);
bool span_eq(struct span a, struct span b); /* not constant time: for public bytes only */

struct rd {
    struct span rest;
    enum err err;
};

/* rd_of() borrows the bytes. Each reader takes the next bytes, little- or big-endian; after a
 * failure, or if too few are left, it gives 0 and r->err is ERR_TRUNC. */
struct rd rd_of(struct span bytes);
uint8_t rd_u8(struct rd *r);
uint16_t rd_u16le(struct rd *r);
uint32_t rd_u32le(struct rd *r);
uint64_t rd_u64le(struct rd *r);
uint16_t rd_u16be(struct rd *r);
uint32_t rd_u32be(struct rd *r);
uint64_t rd_u64be(struct rd *r);
struct span rd_take(struct rd *r, size_t len); /* empty span if fewer than len remain */
enum err rd_end(const struct rd *r);           /* ERR_TRUNC, ERR_EXCESS or ERR_OK */
