/* SPDX-License-Identifier: MIT */
/* inside: shared by the files of chip/. All on the site's thread; errors as in chip.h. */
#pragma once

#include "station-agent/chip/chip.h"
#include "station-agent/chip/m2354.h"
#include "station-agent/probe/core.h"

enum { RESET_LOW_MS = 20, RESET_SETTLE_MS = 50 };

struct chip {
    struct probe *probe; /* borrowed */
    struct swd swd;
    struct mem mem;
    const struct m2354_part *part;
    bool held;           /* nRESET reads low, whatever holds it */
    uint32_t settled_hz; /* SRAM read as written at this clock; 0: not tried */
};

/* boot.c: connect with nRESET low, where no firmware runs that could shut the pins, and catch
 * the core at its first instruction. */
enum err attach_in_reset(struct chip *chip);

/* wires.c: both slow SWD down. ERR_UNAVAILABLE: no answer at any clock; ERR_VERIFY: SRAM. */
enum err wires_connect(struct chip *chip); /* find a clock at which the board answers */
enum err wires_settle(struct chip *chip);  /* find a clock at which SRAM reads as written */
