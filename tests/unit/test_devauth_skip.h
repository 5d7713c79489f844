/* SPDX-License-Identifier: MIT */
/*
 * test_devauth_skip: DevAuth refuses a request on the emulated chip again and again, each time
 * with one instruction left out. Used by test_devauth_glitch.c.
 *
 * Each instruction of the refusal is reached by stepping; there the chip's whole state is kept,
 * the instruction is left out, and the rest runs as it will; then the state is put back and
 * the instruction done. An instruction that is executed often is left out at its first
 * execution and at its last; with HALLMARK_GLITCH=all at every one, with HALLMARK_GLITCH=third
 * only every third instruction is (a build with sanitizers is slow).
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
};

void skip_play(const struct skip_scene *scene); /* fails if any skip did harm */
