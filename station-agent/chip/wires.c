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

static bool slow_down(struct chip *chip)
{
    if (chip->swd.clock_hz / 2 < CLOCK_MIN_HZ)
        return false;
    chip->swd.clock_hz /= 2;
    chip->swd.lost = true;
    return true;
}

static void say_slower(const struct chip *chip, const char *why)
{
    log_line(LOG_LEVEL_WARN, "chip: %s: SWD slowed down to %u Hz: %s", chip->probe->name,
             chip->swd.clock_hz, why);
}

/* Slower until the board answers at all. One that never does is absent rather than slow. */
enum err wires_connect(struct chip *chip)
{
    uint32_t asked_hz = chip->swd.clock_hz;
    for (;;) {
        enum err e = mem_init(&chip->mem, &chip->swd, 0);
        bool unheard = e == ERR_UNAVAILABLE || (e == ERR_FAULT && swd_wire_failed(&chip->swd));
        if (unheard && slow_down(chip))
            continue;
        if (unheard)
            chip->swd.clock_hz = asked_hz;
        else if (chip->swd.clock_hz != asked_hz)
            say_slower(chip, "no answer at a faster clock");
        return e;
    }
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
        bool slower = e == ERR_VERIFY || e == ERR_FAULT;
        if (!slower || !slow_down(chip))
            return fail(e, "chip: %s: SWD at %u Hz: %s", chip->probe->name, chip->swd.clock_hz,
                        words);
        say_slower(chip, words);
    }
}
