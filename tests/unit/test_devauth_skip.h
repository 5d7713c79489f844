/* SPDX-License-Identifier: MIT */
/*
 * test_devauth_skip: DevAuth refuses a request on the emulated chip again and again, each time
 * with a glitch. Used by test_devauth_glitch.c.
 *
 * Each instruction of the refusal is reached by stepping; there the chip's whole state is kept,
 * the glitch is made, and the rest runs as it will; then the state is put back and the
 * instruction done. Three kinds of glitch:
 *
 * - one instruction left out: each at its first execution and at its last;
 * - two left out, drawn from a seed: the second one up to PAIR_APART steps after the first, or
 *   the same instruction again when it is executed next;
 * - one bit of one core register flipped, drawn from the same seed.
 *
 * HALLMARK_GLITCH=all leaves out each instruction at every execution, and draws many more pairs
 * and flips; HALLMARK_GLITCH=share takes one instruction in 96, and few of them (a build with
 * sanitizers is slow). HALLMARK_GLITCH_SEED names another seed. What was tried and what did
 * harm is printed.
 */
#pragma once

#include "tests/unit/test_devauth_emulated.h"

enum { SKIP_REGISTERS = 19 };

struct skip_moment {
    struct chip chip;
    struct buf message; /* what the SHA engine has collected */
    uint8_t sram[CHIP_SRAM_BYTES];
    struct store_image store;
    uint32_t registers[SKIP_REGISTERS];
};

struct skip_scene {
    const char *name;
    unsigned after;                      /* arrow */
    void (*prepare)(struct peer *p);     /* NULL: nothing */
    uint32_t (*request)(struct peer *p); /* that must be refused */
    uint32_t want;
    bool (*harmed)(const struct skip_moment *before); /* what must not be */
    uint32_t share; /* of the instructions one in so many is left out, but with =all */
};

void skip_play(const struct skip_scene *scene); /* fails if any skip did harm */
