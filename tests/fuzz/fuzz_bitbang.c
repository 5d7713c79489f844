/* SPDX-License-Identifier: MIT */
/* virtual-board's remote_bitbang front end: pins moved one character at a time, over JTAG and
 * over SWD, by any program that can reach it. */
#include "target-fw/board/bitbang.h"
#include "target-fw/board/chip/chip.h"
#include "tests/fuzz/fuzz.h"

enum { PINS_MAX = 4096 };

/* The first byte of a run says how often what follows is repeated: a shift register is long. */
static bool play(struct bitbang *bang, struct chip *chip, struct rd *r)
{
    unsigned times = rd_u8(r) % 64 + 1;
    struct span pins = rd_take(r, rd_u8(r) % 16);
    for (unsigned i = 0; i < times; i++) {
        for (size_t at = 0; at < pins.len; at++) {
            char reply = 0;
            if (!bitbang_char(bang, chip, (char)pins.ptr[at], &reply))
                return false;
            FUZZ_CHECK(reply == 0 || reply == '0' || reply == '1');
        }
    }
    return true;
}

void fuzz_one(struct span input)
{
    static struct chip chip;
    static struct bitbang bang;
    struct rd r = rd_of(input);
    FUZZ_CHECK(chip_open(&chip, 0, NULL, false) == ERR_OK);
    bitbang_init(&bang);
    for (int i = 0; i < PINS_MAX / 16 && r.rest.len != 0; i++)
        if (!play(&bang, &chip, &r))
            break;
    chip_close(&chip);
}

#define SEED(name, ...)                                                                        \
    put(context, name, span_of((uint8_t[]){ __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ })))

#define RESET_TAP 5, 2, '2', '6'
#define IDLE      0, 2, '0', '4'
#define TO_SHIFT  0, 6, '2', '6', '0', '4', '0', '4'
#define ONES      50, 2, 'e', 'g'
#define ZEROS     8, 2, 'd', 'f'

void fuzz_seeds(fuzz_put *put, void *context)
{
    SEED("idcode", RESET_TAP, IDLE, TO_SHIFT, 31, 3, '0', 'R', '4', 0, 4, '3', '7', '2', '6');
    SEED("line-reset", 0, 1, 'O', ONES, ZEROS);
    SEED("dpidr", 0, 1, 'O', ONES, ZEROS, 0, 16, 'e', 'g', 'd', 'f', 'e', 'g', 'd', 'f', 'd',
         'f', 'e', 'g', 'd', 'f', 'e', 'g', 0, 1, 'o', 32, 3, 'd', 'c', 'f');
    SEED("resets", 0, 4, 'r', 's', 't', 'u');
    SEED("quit", 0, 3, 'B', 'b', 'Q');
    SEED("unknown", 0, 3, 0xff, 'z', 'Z');
}
