/* SPDX-License-Identifier: MIT */
/*
 * The clock at which this board's wires carry what is sent. Called by chip.c when a board is
 * opened and prepared. A clock is only kept if nothing was done again to make it work.
 */
#include <stdio.h>

#include "common/core/wr.h"
#include "common/host/log.h"
#include "station-agent/chip/inside.h"

enum {
    PATTERN_SIZE = 1024,
    PATTERNS = 4,
    NOISE = 0x2354,
};

/* Runs of ones and zeros, single bits, and noise: what long wires get wrong first. */
static void fill_pattern(uint8_t out[static PATTERN_SIZE], uint32_t noise)
{
    static const uint32_t plain[] = { 0, UINT32_MAX, 0xAAAAAAAA, 0x55555555, 1, 0x80000000 };
    struct wr w = wr_of(out, PATTERN_SIZE);
    for (size_t i = 0; i < PATTERN_SIZE / 4; i++) {
        noise = noise * 1664525 + 1013904223;
        wr_u32le(&w, i < sizeof(plain) / sizeof(plain[0]) ? plain[i] : noise);
    }
}

/* No retry here: it would hide the errors that the patterns are to find. */
static enum err try_patterns(struct mem *mem)
{
    uint8_t wrote[PATTERNS * PATTERN_SIZE], got[sizeof(wrote)];
    for (uint32_t i = 0; i < PATTERNS; i++)
        fill_pattern(wrote + (size_t)i * PATTERN_SIZE, NOISE + i);
    mem->once = mem->quiet = true;
    enum err e = mem_exchange(mem, &(struct mem_exchange){ .write_address = SRAM_BASE,
                                                           .write = SPAN(wrote),
                                                           .read_address = SRAM_BASE,
                                                           .read = got,
                                                           .read_len = sizeof(got) });
    mem->once = mem->quiet = false;
    TRY(e);
    if (!span_eq(SPAN(got), SPAN(wrote)))
        return fail_quiet(ERR_VERIFY, "a pattern in SRAM reads back differently");
    return ERR_OK;
}

/* Slower until the board answers at all. If it does not at any clock, it is absent rather than
 * slow, and the clock stays as asked. */
enum err wires_connect(struct chip *chip)
{
    struct swd *swd = &chip->swd;
    struct probe_counts *counts = &chip->probe->counts;
    uint32_t asked_hz = swd->clock_hz, steps = counts->clock_steps;
    for (;;) {
        enum err e = mem_init(&chip->mem, swd, 0);
        bool unheard = e == ERR_UNAVAILABLE || (e == ERR_FAULT && swd_wire_failed(swd));
        if (unheard && swd_slow_down(swd))
            continue;
        if (unheard) {
            swd->clock_hz = asked_hz;
            counts->clock_steps = steps;
        } else if (swd->clock_hz != asked_hz) {
            swd_say_slower(swd, "no answer at a faster clock");
        }
        return e;
    }
}

/* Slower until SRAM holds what is written to it: a clock too fast for the wires corrupts
 * silently. Other failures than that and those of the wire end it. */
enum err wires_settle(struct chip *chip)
{
    char words[FAIL_WORDS_MAX];
    bool lost = false; /* a reply: no matter of the clock */
    if (chip->settled_hz == chip->swd.clock_hz)
        return ERR_OK; /* the same board, at the same clock */
    for (;;) {
        enum err e = try_patterns(&chip->mem);
        chip->settled_hz = e == ERR_OK ? chip->swd.clock_hz : 0;
        if (e == ERR_OK)
            return ERR_OK;
        if (chip->swd.stale && e != ERR_CLOSED && !lost) {
            lost = true;
            continue;
        }
        snprintf(words, sizeof(words), "%s", fail_words());
        bool slower =
            e == ERR_VERIFY || e == ERR_FAULT || e == ERR_BUSY || e == ERR_UNAVAILABLE;
        if (!slower || !swd_slow_down(&chip->swd))
            return fail(e, "chip: %s: SWD at %u Hz: %s", chip->probe->name, chip->swd.clock_hz,
                        words);
        swd_say_slower(&chip->swd, words);
    }
}
