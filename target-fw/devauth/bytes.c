/* SPDX-License-Identifier: MIT */
/*
 * Comparing, wiping and copying bytes without a C library. Called by all of devauth. Comparison
 * must take the time of the length, whatever the bytes are, and a wipe must not be optimised
 * away.
 */

#include "target-fw/devauth/bytes.h"

#include <string.h>

bool bytes_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
    volatile uint8_t difference = 0;
    for (size_t i = 0; i < len; i++)
        difference = difference | (uint8_t)(a[i] ^ b[i]);
    return difference == 0;
}

void bytes_wipe(void *ptr, size_t len)
{
    volatile uint8_t *byte = ptr;
    for (size_t i = 0; i < len; i++)
        byte[i] = 0;
}

void bytes_copy(uint8_t *to, const uint8_t *from, size_t len)
{
    memcpy(to, from, len);
}

static uint8_t hex_digit(unsigned value)
{
    return (uint8_t)(value < 10 ? '0' + value : 'a' + value - 10);
}

bool bytes_are_hex_of(struct span text, struct span bytes)
{
    if (text.len != 2 * bytes.len)
        return false;
    bool same = true;
    for (size_t i = 0; i < bytes.len; i++) {
        same = same && text.ptr[2 * i] == hex_digit(bytes.ptr[i] >> 4);
        same = same && text.ptr[2 * i + 1] == hex_digit(bytes.ptr[i] & 15);
    }
    return same;
}
