/* SPDX-License-Identifier: MIT */
/* virtual-board's CMSIS-DAP front end: packets from any program that can reach it. Each input
 * is a session of them with a chip of its own: a length byte, then that many bytes. */
#include "target-fw/board/chip/chip.h"
#include "target-fw/board/dap.h"
#include "tests/fuzz/fuzz.h"

enum { PACKETS_MAX = 32, PACKET_SIZE = 512 };

static void session(struct dap *dap, struct rd *r)
{
    uint8_t out[PACKET_SIZE];
    for (int i = 0; i < PACKETS_MAX && r->rest.len != 0; i++) {
        struct span request = rd_take(r, rd_u8(r));
        struct wr w = wr_of(out, sizeof(out));
        dap_execute(dap, request, &w);
        FUZZ_CHECK(w.err == ERR_OK && w.len <= sizeof(out));
    }
}

void fuzz_one(struct span input)
{
    static struct chip chip;
    static struct dap dap;
    struct rd r = rd_of(input);
    FUZZ_CHECK(chip_open(&chip, 0, NULL, false) == ERR_OK);
    dap_init(&dap, &chip, PACKET_SIZE, 8);
    session(&dap, &r);
    chip_close(&chip);
}

#define SEED(name, ...)                                                                        \
    put(context, name, span_of((uint8_t[]){ __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ })))

#define CONNECT 2, 2, 1
#define LINE_UP                                                                                \
    19, 0x12, 136, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x9e, 0xe7, 0xff, 0xff, 0xff,     \
        0xff, 0xff, 0xff, 0xff, 0
#define READ_ID 4, 5, 0, 1, 2
#define POWER                                                                                  \
    23, 5, 0, 4, 0, 0x1e, 0, 0, 0, 8, 0, 0, 0, 0, 4, 0, 0, 0, 0x50, 1, 0x52, 0, 0, 0x23

void fuzz_seeds(fuzz_put *put, void *context)
{
    SEED("info", 2, 0, 1, 2, 0, 2, 2, 0, 3, 2, 0, 0xf0, 2, 0, 0xfe, 2, 0, 0xff);
    SEED("connect", CONNECT, LINE_UP, READ_ID, POWER);
    SEED("block", CONNECT, LINE_UP, READ_ID, POWER, 8, 5, 0, 1, 5, 0, 0, 0, 0x20, 5, 6, 0, 4, 0,
         0x0f);
    SEED("match", CONNECT, LINE_UP, READ_ID, POWER, 6, 4, 0, 0, 1, 0, 1, 13, 5, 0, 2, 0x20, 1,
         0, 0, 0, 0x1f, 2, 0, 0, 0);
    SEED("swd-sequence", CONNECT, 7, 0x1d, 2, 8, 0xa5, 0x84, 0, 0);
    SEED("execute", CONNECT, 8, 0x7f, 2, 0, 0xff, 5, 0, 1, 2);
    SEED("pins", CONNECT, 7, 0x10, 0, 0x80, 1, 0, 0, 0, 7, 0x10, 0x80, 0x80, 1, 0, 0, 0);
    SEED("cut-short", 1, 5, 3, 5, 0, 9, 2, 6, 0);
    SEED("unknown", 1, 0x42);
}
