/* SPDX-License-Identifier: MIT */
#include "station-agent/site/images.h"

#include <errno.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"

struct images {
    pthread_mutex_t lock;
    struct image *items[IMAGES_MAX];
    size_t count;
};

struct images *images_new(void)
{
    struct images *images = calloc(1, sizeof(*images));
    if (images != NULL)
        pthread_mutex_init(&images->lock, NULL);
    return images;
}

void images_free(struct images *images)
{
    if (images == NULL)
        return;
    for (size_t i = 0; i < images->count; i++) {
        buf_free(&images->items[i]->bytes);
        free(images->items[i]);
    }
    pthread_mutex_destroy(&images->lock);
    free(images);
}

/* Under the lock. */
static const struct image *find(const struct images *images, const uint8_t *sha256)
{
    for (size_t i = 0; i < images->count; i++)
        if (memcmp(images->items[i]->sha256, sha256, SHA256_SIZE) == 0)
            return images->items[i];
    return NULL;
}

const struct image *images_find(struct images *images, const uint8_t *sha256)
{
    pthread_mutex_lock(&images->lock);
    const struct image *image = find(images, sha256);
    pthread_mutex_unlock(&images->lock);
    return image;
}

/* Under the lock. */
static enum err add(struct images *images, const uint8_t *sha256, struct buf *bytes,
                    const struct image **image_out)
{
    struct image *image = images->count < IMAGES_MAX ? calloc(1, sizeof(*image)) : NULL;
    if (image == NULL)
        return fail_quiet(ERR_EXHAUSTED, "no room for one more image; at most %d are kept",
                          IMAGES_MAX);
    memcpy(image->sha256, sha256, SHA256_SIZE);
    image->bytes = buf_take(bytes);
    images->items[images->count++] = image;
    *image_out = image;
    return ERR_OK;
}

enum err images_put(struct images *images, const char *what, const uint8_t *sha256,
                    struct buf *bytes, const struct image **image_out)
{
    uint8_t digest[SHA256_SIZE];
    SHA256(bytes->ptr, bytes->len, digest);
    if (memcmp(digest, sha256, SHA256_SIZE) != 0)
        return fail_quiet(ERR_MISMATCH,
                          "%s: the bytes have digest %02x%02x%02x%02x, not %02x%02x%02x%02x",
                          what, digest[0], digest[1], digest[2], digest[3], sha256[0],
                          sha256[1], sha256[2], sha256[3]);
    enum err e = ERR_OK;
    pthread_mutex_lock(&images->lock);
    const struct image *image = find(images, sha256);
    if (image == NULL)
        e = add(images, sha256, bytes, &image);
    pthread_mutex_unlock(&images->lock);
    if (e == ERR_OK)
        *image_out = image;
    return e;
}

static void file_drop(FILE **file)
{
    if (*file != NULL)
        fclose(*file);
}

static enum err read_file(const char *name, struct buf *out)
{
    AUTO(file_drop) FILE *file = fopen(name, "rbe");
    if (file == NULL)
        return fail_quiet(errno == ENOENT ? ERR_NOT_FOUND : ERR_CONFIG, "%s: %s", name,
                          strerror(errno));
    TRY(buf_resize(out, IMAGE_SIZE_MAX + 1));
    size_t len = fread(out->ptr, 1, out->len, file);
    if (ferror(file))
        return fail_quiet(ERR_IO, "%s: %s", name, strerror(errno));
    if (len == 0 || len > IMAGE_SIZE_MAX)
        return fail_quiet(ERR_LIMIT, "%s: an image has 1 to %d bytes", name, IMAGE_SIZE_MAX);
    return buf_resize(out, len);
}

enum err images_load(struct images *images, const char *file, const struct image **image_out)
{
    AUTO(buf_free) struct buf bytes = { 0 };
    uint8_t digest[SHA256_SIZE];
    TRY(read_file(file, &bytes));
    SHA256(bytes.ptr, bytes.len, digest);
    return images_put(images, file, digest, &bytes, image_out);
}
