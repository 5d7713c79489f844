/* SPDX-License-Identifier: MIT */
/*
 * Released images: firmware and DevAuth. Called by the service Firmware, by FetchImage and by
 * arrow 22. Bytes are hashed whenever they are read, so that edited bytes are not signed and
 * not loaded (test_order).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "oem-server/unit/inside.h"

void image_free(struct image *image)
{
    buf_free(&image->sbom_sha256);
    buf_free(&image->bytes);
    *image = (struct image){ 0 };
}

static bool is_digest_of(const uint8_t sha256[static SHA256_SIZE], struct span bytes)
{
    uint8_t digest[SHA256_SIZE];
    SHA256(bytes.ptr, bytes.len, digest);
    return memcmp(digest, sha256, SHA256_SIZE) == 0;
}

enum err image_release(struct store_tx *tx, const struct image *image)
{
    if (!is_digest_of(image->sha256, buf_span(&image->bytes)))
        return fail(ERR_INVALID, "image: the bytes are not those of the digest");
    return row_add(tx, ROW_IMAGE,
                   VALUES(value_bytes(image->sha256, SHA256_SIZE), value_number(image->kind),
                          value_name(image->version), value_number(image->version_number),
                          value_number(image->security_counter),
                          value_optional(&image->sbom_sha256), value_u64(image->bytes.len),
                          value_number(store_now_us(tx)), value_number(0), value_text(""),
                          value_span(buf_span(&image->bytes))));
}

static void image_read(struct query *query, struct image *image)
{
    image->kind = query_u32(query);
    query_name(query, image->version);
    image->version_number = query_u32(query);
    image->security_counter = query_u32(query);
    query_optional(query, &image->sbom_sha256);
    image->size = query_u32(query);
    image->released_us = query_i64(query);
    image->withdrawn = query_bool(query);
    query_chars(query, image->withdrawn_reason, sizeof(image->withdrawn_reason));
}

enum err image_info(struct store_tx *tx, const uint8_t sha256[static SHA256_SIZE],
                    struct image *image_out)
{
    AUTO(query_close) struct query query = { 0 };
    AUTO(image_free) struct image image = { 0 };
    TRY(query_open(tx, STATEMENT_IMAGE_INFO, VALUES(value_bytes(sha256, SHA256_SIZE)), &query));
    TRY(query_one(&query));
    memcpy(image.sha256, sha256, SHA256_SIZE);
    image_read(&query, &image);
    TRY(query_end(&query));
    *image_out = image;
    image = (struct image){ 0 };
    return ERR_OK;
}

enum err image_get(struct store_tx *tx, const uint8_t sha256[static SHA256_SIZE],
                   struct image *image_out)
{
    AUTO(query_close) struct query query = { 0 };
    AUTO(image_free) struct image image = { 0 };
    TRY(query_open(tx, STATEMENT_IMAGE_GET, VALUES(value_bytes(sha256, SHA256_SIZE)), &query));
    TRY(query_one(&query));
    memcpy(image.sha256, sha256, SHA256_SIZE);
    image_read(&query, &image);
    query_buf(&query, &image.bytes);
    TRY(query_end(&query));
    if (!is_digest_of(sha256, buf_span(&image.bytes)))
        return fail(ERR_DATA_LOSS, "image: the stored bytes of %s are not those of its digest",
                    image.version);
    *image_out = image;
    image = (struct image){ 0 };
    return ERR_OK;
}

static enum err digests_get(struct store_tx *tx, const struct image *after, uint64_t limit,
                            struct buf *digests)
{
    AUTO(query_close) struct query query = { 0 };
    uint8_t sha256[SHA256_SIZE];
    bool row = false;
    TRY(query_open(tx, STATEMENT_IMAGE_PAGE,
                   VALUES(value_number(after->released_us),
                          value_bytes(after->sha256, SHA256_SIZE), value_u64(limit)),
                   &query));
    TRY(query_next(&query, &row));
    while (row) {
        query_bytes(&query, sha256, sizeof(sha256));
        TRY(query_end(&query));
        TRY(buf_append(digests, SPAN(sha256)));
        TRY(query_next(&query, &row));
    }
    return ERR_OK;
}

void image_list_free(struct image *images, size_t count)
{
    for (size_t i = 0; i < count; i++)
        image_free(&images[i]);
    free(images);
}

static enum err infos_get(struct store_tx *tx, const uint8_t *digests, size_t count,
                          struct image **images_out)
{
    struct image *images = calloc(count + 1, sizeof(*images));
    enum err e = images == NULL ? fail(ERR_MEMORY, "image: out of memory") : ERR_OK;
    for (size_t i = 0; e == ERR_OK && i < count; i++)
        e = image_info(tx, digests + i * SHA256_SIZE, &images[i]);
    if (e != ERR_OK) {
        image_list_free(images, images == NULL ? 0 : count);
        return e;
    }
    *images_out = images;
    return ERR_OK;
}

enum err image_list(struct store_tx *tx, const uint8_t *after, uint32_t limit,
                    struct image **images_out, size_t *count_out, bool *more_out)
{
    AUTO(buf_free) struct buf digests = { 0 };
    AUTO(image_free) struct image last = { .released_us = INT64_MIN };
    if (after != NULL)
        TRY(image_info(tx, after, &last));
    TRY(digests_get(tx, &last, (uint64_t)limit + 1, &digests));
    size_t count = digests.len / SHA256_SIZE;
    *more_out = count > limit;
    *count_out = *more_out ? limit : count;
    return infos_get(tx, digests.ptr, *count_out, images_out);
}
