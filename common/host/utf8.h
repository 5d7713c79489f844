/* SPDX-License-Identifier: MIT */
/*
 * utf8: the only decoder of UTF-8 (RFC 3629, 4), for text that a peer sent or a file holds.
 *
 * Overlong forms, surrogates, code points over U+10FFFF and characters that are cut short are
 * no UTF-8 (test_utf8). What else a text may hold (controls, spaces) its reader decides. Used
 * by common/rpc, common/host/clean and tlog. No state; any thread.
 */
#pragma once

#include "common/core/rd.h"

enum { UTF8_REPLACEMENT = 0xfffd }; /* U+FFFD, neither a control nor a space */

/* Takes the next character from r and returns its code point. What is no UTF-8 is ERR_PROTO in
 * r, and a character that is cut short ERR_TRUNC; then it returns UTF8_REPLACEMENT. */
uint32_t utf8_next(struct rd *r);

/* true if all bytes are UTF-8. U+0000 is a character like any other: in C a string ends there.
 */
bool utf8_is(struct span bytes);
