/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "oem-server/store/query.h"

enum err store_image_put(struct store_tx *tx, const struct store_image *image)
{
    return query_insert(tx, STATEMENT_IMAGE_PUT,
                        VALUES(value_bytes(image->sha256, SHA256_SIZE),
                               value_number(image->kind), value_text(image->version),
                               value_span(buf_span(&image->bytes))));
}

enum err store_image_get(struct store_tx *tx, const uint8_t sha256[static SHA256_SIZE],
                         struct store_image *image_out)
{
    AUTO(query_close) struct query query = { 0 };
    AUTO(store_image_free) struct store_image image = { 0 };
    TRY(query_open(tx, STATEMENT_IMAGE_GET, VALUES(value_bytes(sha256, SHA256_SIZE)), &query));
    TRY(query_one(&query));
    memcpy(image.sha256, sha256, SHA256_SIZE);
    image.kind = query_u32(&query);
    query_text(&query, &image.version);
    query_buf(&query, &image.bytes);
    TRY(query_end(&query));
    *image_out = image;
    image = (struct store_image){ 0 };
    return ERR_OK;
}

void store_image_free(struct store_image *image)
{
    free(image->version);
    buf_free(&image->bytes);
    *image = (struct store_image){ 0 };
}
