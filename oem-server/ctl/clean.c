/* SPDX-License-Identifier: MIT */
#include "oem-server/ctl/clean.h"

#include <stdlib.h>
#include <string.h>

/* Bytes of the well-formed character at text (RFC 3629 4), 0 if it is none; its code point. */
static size_t character(const unsigned char *text, uint32_t *code_out)
{
    static const struct {
        uint8_t mask, lead;
        uint32_t least;
    } forms[] = {
        { 0x80, 0x00, 0 }, { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 }
    };
    for (size_t len = 1; len <= COUNT(forms); len++) {
        if ((text[0] & forms[len - 1].mask) != forms[len - 1].lead)
            continue;
        uint32_t code = text[0] & (uint8_t)~forms[len - 1].mask;
        for (size_t i = 1; i < len; i++) {
            if ((text[i] & 0xc0) != 0x80) /* also the text's end */
                return 0;
            code = code << 6 | (text[i] & 0x3f);
        }
        *code_out = code;
        bool surrogate = code >= 0xd800 && code <= 0xdfff;
        return code < forms[len - 1].least || code > 0x10ffff || surrogate ? 0 : len;
    }
    return 0;
}

static bool steers(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) ||
           (code >= 0x202a && code <= 0x202e) || /* bidirectional overrides */
           (code >= 0x2066 && code <= 0x2069);
}

char *clean_copy(const char *text)
{
    char *clean = malloc(strlen(text) + 1);
    if (clean == NULL)
        return NULL;
    char *out = clean;
    while (*text != '\0') {
        uint32_t code;
        size_t len = character((const unsigned char *)text, &code);
        if (len == 0 || steers(code)) {
            *out++ = '?';
            text += len == 0 ? 1 : len;
            continue;
        }
        memcpy(out, text, len);
        out += len;
        text += len;
    }
    *out = '\0';
    return clean;
}
