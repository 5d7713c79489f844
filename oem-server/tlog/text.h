/* SPDX-License-Identifier: MIT */
/*
 * text: the parts of the log's text formats: lines, decimals, base64, UTF-8. Each reader takes
 * exactly one spelling of a value, so that no two texts mean the same (test_tlog_proof). For
 * tlog's files. No state; any thread.
 */
#pragma once

#include "common/host/own.h"

/* A line without its newline. No newline ahead is ERR_TRUNC in r. */
struct span text_line(struct rd *r);
bool text_skip(struct rd *r, const char *prefix); /* true, and skips it, if it comes next */

/* No sign, no leading zero, at most 63 bits; else ERR_PROTO. */
enum err text_decimal(struct span text, uint64_t *value_out);

/* RFC 4648, section 4: padded, no line breaks, the bits left over zero; else ERR_PROTO. More
 * than cap bytes is ERR_LIMIT. */
enum err text_base64(struct span text, uint8_t *out, size_t cap, size_t *len_out);
/* Appends to b. ERR_MEMORY; ERR_LIMIT for more than TEXT_ADD_MAX bytes of a format. */
enum err text_add_base64(struct buf *b, struct span bytes);

enum err text_add(struct buf *b, const char *format, ...)
    __attribute__((format(printf, 2, 3))); /* at most TEXT_ADD_MAX bytes */
enum { TEXT_ADD_MAX = 512 };

/* UTF-8 without control characters below U+0020 except newline (C2SP signed-note, "Format"). */
enum err text_check(struct span text);
/* Non-empty, no Unicode space, no plus, no control character: the name of a key. */
enum err text_check_name(struct span name);
