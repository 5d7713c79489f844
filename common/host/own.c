/* SPDX-License-Identifier: MIT */
/*
 * own: buffers that wipe themselves, and releases for AUTO. Called everywhere on the host.
 * Bytes of a buf must not stay in memory after it is freed or has moved to larger storage.
 */
#include "common/host/own.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUF_MIN = 64 };

static enum err reserve(struct buf *b, size_t want)
{
    if (want <= b->cap)
        return ERR_OK;
    size_t cap = b->cap < BUF_MIN ? BUF_MIN : b->cap;
    while (cap < want) {
        if (cap > SIZE_MAX / 2)
            return ERR_MEMORY;
        cap *= 2;
    }
    uint8_t *grown = malloc(cap);
    if (grown == NULL)
        return ERR_MEMORY;
    if (b->len != 0)
        memcpy(grown, b->ptr, b->len);
    struct buf old = { b->ptr, b->len, b->cap };
    *b = (struct buf){ grown, old.len, cap };
    buf_free(&old);
    return ERR_OK;
}

enum err buf_append(struct buf *b, struct span bytes)
{
    if (bytes.len > SIZE_MAX - b->len)
        return ERR_MEMORY;
    TRY(reserve(b, b->len + bytes.len));
    if (bytes.len != 0)
        memcpy(b->ptr + b->len, bytes.ptr, bytes.len);
    b->len += bytes.len;
    return ERR_OK;
}

enum err buf_resize(struct buf *b, size_t len)
{
    TRY(reserve(b, len));
    if (len > b->len)
        memset(b->ptr + b->len, 0, len - b->len);
    b->len = len;
    return ERR_OK;
}

enum err buf_copy(struct buf *out, struct span bytes)
{
    struct buf fresh = { 0 };
    TRY(buf_append(&fresh, bytes));
    buf_free(out);
    *out = fresh;
    return ERR_OK;
}

struct span buf_span(const struct buf *b)
{
    return span_of(b->ptr, b->len);
}

struct buf buf_take(struct buf *b)
{
    struct buf taken = *b;
    *b = (struct buf){ 0 };
    return taken;
}

void buf_free(struct buf *b)
{
    if (b->ptr != NULL)
        wipe(b->ptr, b->cap);
    free(b->ptr);
    *b = (struct buf){ 0 };
}

void free_drop(void *pointer_to_pointer)
{
    void *ptr;
    memcpy(&ptr, pointer_to_pointer, sizeof(ptr));
    free(ptr);
}

void fd_drop(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void wipe(void *ptr, size_t len)
{
    explicit_bzero(ptr, len);
}

bool ct_eq(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0);
}
