/* SPDX-License-Identifier: MIT */
/*
 * hex: called where UIDs, run ids and digests are read or printed. It must not be used for
 * secrets, because its time depends on the data.
 */
#include "common/host/hex.h"

#include <string.h>

char *hex_of(struct span bytes, char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.len; i++) {
        text[2 * i] = digits[bytes.ptr[i] >> 4];
        text[2 * i + 1] = digits[bytes.ptr[i] & 15];
    }
    text[2 * bytes.len] = '\0';
    return text;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

enum err hex_read(const char *text, uint8_t *out, size_t len)
{
    if (strlen(text) != 2 * len)
        return ERR_INVALID;
    for (size_t i = 0; i < len; i++) {
        int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return ERR_INVALID;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return ERR_OK;
}
