/* SPDX-License-Identifier: MIT */
/*
 * images: DevAuth and firmware, in memory, by digest, shared by all sites of this process.
 *
 * An image is checked against its digest before it is added; it stays unchanged until
 * images_free(). Two sites that miss the same image both fetch it: neither waits for the other.
 * Any thread.
 */
#pragma once

#include "station-agent/api/api.h"

enum { IMAGES_MAX = 16, IMAGE_SIZE_MAX = FLASH_FIRMWARE_MAX };

struct images;

struct images *images_new(void); /* NULL: no memory */
void images_free(struct images *images);

const struct image *images_find(struct images *images, const uint8_t *sha256); /* or NULL */
/* Takes the bytes, whose digest must be sha256: ERR_MISMATCH. what names them for people. */
enum err images_put(struct images *images, const char *what, const uint8_t *sha256,
                    struct buf *bytes, const struct image **image_out);
/* A file of the operator's, under whatever digest it has. */
enum err images_load(struct images *images, const char *file, const struct image **image_out);
