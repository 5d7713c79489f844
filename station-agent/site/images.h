/* SPDX-License-Identifier: MIT */
/*
 * images: DevAuth and firmware, in memory, by digest, shared by all sites of this process.
 *
 * An image is checked against its digest before it is added; it never changes afterwards and
 * stays until images_free(). Each image is fetched once: the first site that misses it claims
 * it, and the others wait until it is there or the claim is given back (test_site_images). So a
 * claim is held only while its site calls the server, never while it waits for its board.
 * Every function may be called on any thread.
 */
#pragma once

#include "station-agent/api/api.h"

enum { IMAGES_MAX = 16, IMAGE_SIZE_MAX = FLASH_FIRMWARE_MAX };

struct images;

struct images *images_new(void); /* NULL: no memory */
void images_free(struct images *images);

const struct image *images_find(struct images *images, const uint8_t *sha256); /* or NULL */

/* Find an image, or claim it. *image_out NULL: it is not there, and the caller has to add it
 * (images_put) or to give the claim back (images_release). Blocks while another site has the
 * claim. ERR_EXHAUSTED: no room; ERR_MEMORY. */
enum err images_claim(struct images *images, const uint8_t *sha256,
                      const struct image **image_out);
/* Give a claim back. Does nothing if the image is there. */
void images_release(struct images *images, const uint8_t *sha256);

/* May the caller ask for this image before it is needed? True once for each digest, and only
 * while the image is neither there nor claimed. */
bool images_may_ask_ahead(struct images *images, const uint8_t *sha256);

/* Add an image: takes the bytes, whose digest must be sha256 (ERR_MISMATCH). "what" names them
 * in messages. Ends a claim of the same digest. */
enum err images_put(struct images *images, const char *what, const uint8_t *sha256,
                    struct buf *bytes, const struct image **image_out);
/* Add a file that the operator named, under the digest that it has. */
enum err images_load(struct images *images, const char *file, const struct image **image_out);
