/* SPDX-License-Identifier: MIT */
#include "tests/conformance/image.h"

#include <stdio.h>
#include <string.h>

#include "common/host/log.h"

enum { HEADER_BYTES = 32 };

static void file_drop(FILE **file)
{
    if (*file != NULL)
        fclose(*file);
}

static enum err slurp(const char *path, struct buf *out)
{
    AUTO(file_drop) FILE *file = fopen(path, "rb");
    if (file == NULL)
        return fail(ERR_NOT_FOUND, "image: %s: not built", path);
    TRY(buf_resize(out, PROGRAM_BYTES));
    size_t n = fread(out->ptr, 1, PROGRAM_BYTES, file);
    if (n < HEADER_BYTES || n % 4 != 0 || n == PROGRAM_BYTES)
        return fail(ERR_LIMIT, "image: %s: %zu bytes", path, n);
    return buf_resize(out, n);
}

const char *image_text(const struct image *image, uint32_t address)
{
    uint32_t at = address - PROGRAM_BASE;
    if (at >= image->bytes.len ||
        memchr(image->bytes.ptr + at, '\0', image->bytes.len - at) == NULL)
        return "?";
    return (const char *)image->bytes.ptr + at;
}

static enum err parse(const char *path, struct image *image)
{
    struct rd r = rd_of(buf_span(&image->bytes));
    image->initial_sp = rd_u32le(&r);
    image->entry = rd_u32le(&r);
    (void)rd_take(&r, 8);
    image->described.magic = rd_u32le(&r);
    image->described.program = rd_u32le(&r);
    image->described.results = rd_u32le(&r);
    image->described.size = rd_u32le(&r);
    uint32_t at = image->described.program - PROGRAM_BASE;
    if (image->described.magic != PROGRAM_MAGIC || at > image->bytes.len)
        return fail(ERR_PROTO, "image: %s: not a conformance program", path);
    r = rd_of(span_of(image->bytes.ptr + at, image->bytes.len - at));
    uint32_t block = rd_u32le(&r), flags = rd_u32le(&r);
    image->block = image_text(image, block);
    image->destructive = (flags & PROGRAM_DESTRUCTIVE) != 0;
    return r.err;
}

enum err image_open(const char *path, struct image *image)
{
    TRY(slurp(path, &image->bytes));
    return parse(path, image);
}

void image_fini(struct image *image)
{
    buf_free(&image->bytes);
}
