/* SPDX-License-Identifier: MIT */
/*
 * wr: writes a message front to back into a buffer of the caller's, and never past its end
 * (test_rd).
 *
 * The counterpart of rd: the first write that does not fit sticks, later ones do nothing, and
 * wr_end() reports it. wr_done() is what was written so far. A wr borrows its buffer. One
 * thread at a time. Freestanding.
 */
#pragma once

#include "common/core/rd.h"

struct wr {
    uint8_t *ptr;
    size_t len; /* written */
    size_t cap;
    enum err err;
};

/* wr_of() borrows the buffer. Each writer appends; what does not fit is not written, and w->err
 * is ERR_LIMIT from then on. */
struct wr wr_of(void *buffer, size_t cap);
void wr_u8(struct wr *w, uint8_t value);
void wr_u16le(struct wr *w, uint16_t value);
void wr_u32le(struct wr *w, uint32_t value);
void wr_u16be(struct wr *w, uint16_t value);
void wr_u32be(struct wr *w, uint32_t value);
void wr_u64be(struct wr *w, uint64_t value);
void wr_span(struct wr *w, struct span bytes);
void wr_text(struct wr *w, const char *text); /* without its NUL */
struct span wr_done(const struct wr *w);      /* empty if a write failed */
enum err wr_end(const struct wr *w);          /* ERR_LIMIT or ERR_OK */
