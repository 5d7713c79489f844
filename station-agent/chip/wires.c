#include <stdio.h>

#include "common/core/wr.h"
#include "common/host/log.h"
#include "station-agent/chip/inside.h"

enum {
    PATTERN_SIZE = 1024,
    CLOCK_MIN_HZ = 100000,
};

/* Runs of ones and zeros, single bits, and noise: what long wires get wrong first. */
static void fill_pattern(uint8_t out[static PATTERN_SIZE])
{
    static const uint32_t plain[] = { 0, UINT32_MAX, 0xAAAAAAAA, 0x55555555, 1, 0x80000000 };
    uint32_t noise = 0x2354;
    struct wr w = wr_of(out, PATTERN_SIZE);
    for (size_t i = 0; i < PATTERN_SIZE / 4; i++) {
        noise = noise * 1664525 + 1013904223;
        wr_u32le(&w, i < sizeof(plain) / sizeof(plain[0]) ? plain[i] : noise);
    }
}

static enum err try_pattern(struct mem *mem)
{
    uint8_t wrote[PATTERN_SIZE], got[PATTERN_SIZE];
    fill_pattern(wrote);
    TRY(mem_write(mem, SRAM_BASE, SPAN(wrote)));
    TRY(mem_read(mem, SRAM_BASE, got, sizeof(got)));
    if (!span_eq(SPAN(got), SPAN(wrote)))
        return fail_quiet(ERR_VERIFY, "a pattern in SRAM reads back differently");
    return ERR_OK;
}

/* Slower until SRAM holds what is written to it: a clock too fast for the wires corrupts
 * silently. What is neither FAULT nor a difference is another matter. */
enum err wires_settle(struct chip *chip)
{
    char words[FAIL_WORDS_MAX];
    for (;;) {
        chip->mem.quiet = true;
        enum err e = try_pattern(&chip->mem);
        chip->mem.quiet = false;
        if (e == ERR_OK)
            return ERR_OK;
        snprintf(words, sizeof(words), "%s", fail_words());
        bool slower = chip->swd.clock_hz / 2 >= CLOCK_MIN_HZ;
        if (!slower || (e != ERR_VERIFY && e != ERR_FAULT))
            return fail(e, "chip: %s: SWD at %u Hz: %s", chip->probe->name, chip->swd.clock_hz,
                        words);
        chip->swd.clock_hz /= 2;
        chip->swd.lost = true;
        log_line(LOG_LEVEL_WARN, "chip: %s: SWD slowed down to %u Hz: %s", chip->probe->name,
                 chip->swd.clock_hz, words);
    }
}
