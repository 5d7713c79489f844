/* SPDX-License-Identifier: MIT */
/*
 * Makes text safe to print and to store. Called by oemctl for what it prints for people
 * (report.c, entry.c, csv.c, list.c, ctl.c), and for each text of an entry of the event log
 * (oem-server/event). It must never let a control character through.
 */
#include "common/host/clean.h"

#include <stdlib.h>
#include <string.h>

#include "common/host/utf8.h"

enum { CHARACTER_MAX = 4 }; /* bytes of UTF-8 */

/* Bytes of the well-formed character at text, 0 if it is none; its code point. */
static size_t character(const char *text, uint32_t *code_out)
{
    struct span ahead = span_of(text, strnlen(text, CHARACTER_MAX));
    struct rd r = rd_of(ahead);
    *code_out = utf8_next(&r);
    return r.err == ERR_OK ? ahead.len - r.rest.len : 0;
}

/* Ranges of code points, both ends included. */
static const struct {
    uint32_t first, last;
} steering[] = {
    { 0x00, 0x1f },       { 0x7f, 0x9f },       { 0x061c, 0x061c }, /* Arabic letter mark */
    { 0x00ad, 0x00ad },   { 0x180e, 0x180e }, /* soft hyphen; Mongolian vowel separator */
    { 0x200b, 0x200f }, /* of no width: space, joiners, left-to-right and right-to-left marks */
    { 0x2028, 0x202e }, /* separators; bidirectional embeddings */
    { 0x2060, 0x206f }, /* invisible operators; bidirectional isolates */
    { 0xfeff, 0xfeff },   { 0xfff9, 0xfffb },   /* byte order mark; interlinear annotation */
    { 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a }, /* shorthand and musical format controls */
    { 0xe0000, 0xe007f },                       /* tags */
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
    size_t len = character(text, &code);
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
