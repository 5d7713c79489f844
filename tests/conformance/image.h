/* SPDX-License-Identifier: MIT */
/*
 * image: a conformance program as it was linked, and the texts in it.
 */
#pragma once

#include "common/host/own.h"
#include "tests/conformance/programs/results.h"

struct image {
    struct buf bytes;
    uint32_t initial_sp, entry;
    struct described described;
    const char *block;
    bool destructive;
};

enum err image_open(const char *path, struct image *image);
void image_fini(struct image *image); /* AUTO(image_fini); all zero is fine */
const char *image_text(const struct image *image, uint32_t address); /* "?": none there */
