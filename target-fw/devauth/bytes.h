/* SPDX-License-Identifier: MIT */
/* bytes: comparing, wiping and naming bytes, without a C library. Used by all of devauth. */
#pragma once

#include "common/core/rd.h"

bool bytes_equal(const uint8_t *a, const uint8_t *b, size_t len); /* constant time */
void bytes_wipe(void *ptr, size_t len);                           /* the compiler keeps it */
void bytes_copy(uint8_t *to, const uint8_t *from, size_t len);
bool bytes_are_hex_of(struct span text, struct span bytes); /* lower-case hex, nothing else */
