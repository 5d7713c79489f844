/* SPDX-License-Identifier: MIT */
/* inside: shared by the files of chip/. All on the site's thread; errors as in chip.h. */
#pragma once

#include "common/host/log.h"
#include "station-agent/chip/chip.h"
#include "station-agent/chip/m2354.h"
#include "station-agent/probe/core.h"

enum { RESET_LOW_MS = 20, RESET_SETTLE_MS = 50 };

/* An image that is loaded as soon as the flash controller leaves time for it. */
struct ahead {
    struct span image; /* borrowed; NULL: none */
    bool done;         /* loaded and checked, with this result */
    enum err err;
    char words[FAIL_WORDS_MAX];
    struct devauth_image header;
};

struct chip {
    struct probe *probe; /* borrowed */
    struct swd swd;
    struct mem mem;
    const struct m2354_part *part;
    bool held; /* nRESET reads low, whatever holds it */
    struct ahead ahead;
    uint32_t settled_hz; /* SRAM read as written at this clock; 0: not tried */
};

/* boot.c: connect with nRESET low, where no firmware runs that could shut the pins, and catch
 * the core at its first instruction. */
enum err attach_in_reset(struct chip *chip);

/* wires.c: both slow SWD down. ERR_UNAVAILABLE: no answer at any clock; ERR_VERIFY: SRAM. */
enum err wires_connect(struct chip *chip); /* find a clock at which the board answers */
enum err wires_settle(struct chip *chip);  /* find a clock at which SRAM reads as written */

/* image.c: does the work of chip_image_load() now, if an image was named by chip_image_ahead().
 * Whatever comes of it is chip_image_load()'s result. */
void image_load_ahead(struct chip *chip);

/* hash.c: writes whole words to SRAM, and HASH_SALT_SIZE random bytes after them, so that no
 * digest of before fits. *proven_out: the chip's own SHA-256 of all is the one of what was to
 * be written (`test_chip_hash`). False says nothing: read it back. */
enum { HASH_SALT_SIZE = 16 };
enum err hash_write(struct mem *mem, uint32_t address, struct span bytes, bool *proven_out);
