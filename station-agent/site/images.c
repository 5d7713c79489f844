/* SPDX-License-Identifier: MIT */
/*
 * The images of this process, and their fetchers. Called by all sites, each on its own
 * thread. An image must never be given out before its digest was checked.
 */
#include "station-agent/site/images.h"

#include <errno.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"

/* An image, or the place of one that a site is fetching. */
struct item {
    struct image image;
    bool there; /* its bytes */
};

struct images {
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct item *items[IMAGES_MAX];
    size_t count;
    uint8_t ahead[IMAGES_MAX][SHA256_SIZE]; /* asked for before they were needed */
    size_t ahead_count;
};

struct images *images_new(void)
{
    struct images *images = calloc(1, sizeof(*images));
    if (images == NULL)
        return NULL;
    pthread_mutex_init(&images->lock, NULL);
    pthread_cond_init(&images->changed, NULL);
    return images;
}

void images_free(struct images *images)
{
    if (images == NULL)
        return;
    for (size_t i = 0; i < images->count; i++) {
        buf_free(&images->items[i]->image.bytes);
        free(images->items[i]);
    }
    pthread_cond_destroy(&images->changed);
    pthread_mutex_destroy(&images->lock);
    free(images);
}

/* Under the lock. */
static struct item *find(const struct images *images, const uint8_t *sha256)
{
    for (size_t i = 0; i < images->count; i++)
        if (memcmp(images->items[i]->image.sha256, sha256, SHA256_SIZE) == 0)
            return images->items[i];
    return NULL;
}

const struct image *images_find(struct images *images, const uint8_t *sha256)
{
    pthread_mutex_lock(&images->lock);
    const struct item *item = find(images, sha256);
    const struct image *image = item != NULL && item->there ? &item->image : NULL;
    pthread_mutex_unlock(&images->lock);
    return image;
}

/* Under the lock. A place, without its bytes so far. */
static enum err add(struct images *images, const uint8_t *sha256, struct item **item_out)
{
    if (images->count == IMAGES_MAX)
        return fail_quiet(ERR_EXHAUSTED, "no room for one more image; at most %d are kept",
                          IMAGES_MAX);
    struct item *item = calloc(1, sizeof(*item));
    if (item == NULL)
        return fail_quiet(ERR_MEMORY, "no memory for an image");
    memcpy(item->image.sha256, sha256, SHA256_SIZE);
    images->items[images->count++] = item;
    *item_out = item;
    return ERR_OK;
}

enum err images_claim(struct images *images, const uint8_t *sha256,
                      const struct image **image_out)
{
    enum err e = ERR_OK;
    struct item *item;
    pthread_mutex_lock(&images->lock);
    while ((item = find(images, sha256)) != NULL && !item->there)
        pthread_cond_wait(&images->changed, &images->lock);
    *image_out = item != NULL ? &item->image : NULL;
    if (item == NULL)
        e = add(images, sha256, &item);
    pthread_mutex_unlock(&images->lock);
    return e;
}

/* Under the lock. */
static void remove_item(struct images *images, const struct item *item)
{
    for (size_t i = 0; i < images->count; i++)
        if (images->items[i] == item) {
            free(images->items[i]);
            images->items[i] = images->items[--images->count];
            return;
        }
}

void images_release(struct images *images, const uint8_t *sha256)
{
    pthread_mutex_lock(&images->lock);
    const struct item *item = find(images, sha256);
    if (item != NULL && !item->there)
        remove_item(images, item);
    pthread_cond_broadcast(&images->changed);
    pthread_mutex_unlock(&images->lock);
}

/* Under the lock. */
static bool was_asked_ahead(const struct images *images, const uint8_t *sha256)
{
    for (size_t i = 0; i < images->ahead_count; i++)
        if (memcmp(images->ahead[i], sha256, SHA256_SIZE) == 0)
            return true;
    return false;
}

bool images_may_ask_ahead(struct images *images, const uint8_t *sha256)
{
    pthread_mutex_lock(&images->lock);
    bool may = images->ahead_count < IMAGES_MAX && find(images, sha256) == NULL &&
               !was_asked_ahead(images, sha256);
    if (may)
        memcpy(images->ahead[images->ahead_count++], sha256, SHA256_SIZE);
    pthread_mutex_unlock(&images->lock);
    return may;
}

/* Under the lock. */
static enum err fill(struct images *images, const uint8_t *sha256, struct buf *bytes,
                     const struct image **image_out)
{
    struct item *item = find(images, sha256);
    if (item == NULL)
        TRY(add(images, sha256, &item));
    if (!item->there)
        item->image.bytes = buf_take(bytes);
    item->there = true;
    *image_out = &item->image;
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
    pthread_mutex_lock(&images->lock);
    enum err e = fill(images, sha256, bytes, image_out);
    pthread_cond_broadcast(&images->changed);
    pthread_mutex_unlock(&images->lock);
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
