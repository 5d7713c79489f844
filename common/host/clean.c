/* SPDX-License-Identifier: MIT */
/*
 * Makes text safe to print and to store. Called by oemctl for what it prints for people
 * (report.c, entry.c, csv.c, list.c, ctl.c), and for each text of an entry of the event log
 * (oem-server/event). It must never let a control character through.
 */
#include "common/host/clean.h"

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
            if ((text[i] & 0xc0) != 0x80) /* also at the text's end */
                return 0;
            code = code << 6 | (text[i] & 0x3f);
        }
        *code_out = code;
        bool surrogate = code >= 0xd800 && code <= 0xdfff;
        return code < forms[len - 1].least || code > 0x10ffff || surrogate ? 0 : len;
    }
    return 0;
}

/* Ranges of code points, both ends included. */
static const struct {
    uint32_t first, last;
} steering[] = {
    { 0x00, 0x1f },       { 0x7f, 0x9f },     { 0x061c, 0x061c }, /* Arabic letter mark */
    { 0x200e, 0x200f },                       /* left-to-right and right-to-left marks */
    { 0x2028, 0x202e },                       /* separators; bidirectional embeddings */
    { 0x2060, 0x206f },                       /* invisible operators; bidirectional isolates */
    { 0xfeff, 0xfeff },   { 0xfff9, 0xfffb }, /* byte order mark; interlinear annotation */
    { 0xe0000, 0xe007f },                     /* tags */
};

static bool steers(uint32_t code)
{
    for (size_t i = 0; i < COUNT(steering); i++)
        if (code >= steering[i].first && code <= steering[i].last)
            return true;
    return false;
}

/* Bytes of the harmless character at text; 0: *skip_out bytes are to be replaced. */
static size_t harmless(const char *text, size_t *skip_out)
{
    uint32_t code;
    size_t len = character((const unsigned char *)text, &code);
    *skip_out = len == 0 ? 1 : len;
    return len == 0 || steers(code) ? 0 : len;
}

bool clean_is(const char *text)
{
    size_t len = 1, skip;
    for (; *text != '\0' && len != 0; text += skip)
        len = harmless(text, &skip);
    return len != 0;
}

bool clean_put(char *out, size_t size, const char *text)
{
    bool same = true;
    size_t used = 0;
    while (*text != '\0') {
        size_t skip, len = harmless(text, &skip), wanted = len == 0 ? 1 : len;
        if (used + wanted >= size) {
            same = false;
            break;
        }
        same = same && len != 0;
        memcpy(out + used, len == 0 ? "?" : text, wanted);
        used += wanted;
        text += skip;
    }
    out[used] = '\0';
    return same;
}

char *clean_copy(const char *text)
{
    char *clean = malloc(strlen(text) + 1);
    if (clean == NULL)
        return NULL;
    char *out = clean;
    while (*text != '\0') {
        size_t skip, len = harmless(text, &skip);
        if (len == 0)
            *out++ = '?';
        memcpy(out, text, len);
        out += len;
        text += skip;
    }
    *out = '\0';
    return clean;
}
