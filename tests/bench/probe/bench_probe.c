/* SPDX-License-Identifier: MIT */
/*
 * bench_probe: the agent's way to a board's memory and mailbox, measured in simulated time.
 *
 * The board (virtual-board --swclk --usb-latency) reckons what a real probe would have taken;
 * its control socket tells. Prints NAME=VALUE, a figure a line; run makes the table. Asserts
 * nothing. usage: bench_probe PROBE CONTROL HZ DEVAUTH
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/wr.h"
#include "common/host/log.h"
#include "common/host/own.h"
#include "station-agent/chip/chip.h"
#include "station-agent/link/link.h"
#include "station-agent/probe/mem.h"
#include "station-agent/probe/probe.h"
#include "tests/bench/probe/clock.h"

enum {
    SRAM_BYTES = 128 * 1024,
    CALLS = 300,
    CALL_MS = 2000,
    PAYLOAD = 32,
    FRAME_MAX = 128,
    IMAGE_MAX = 64 * 1024,
    FIELD_REQUEST = 2 << 3 | 2, /* of Frame; then those of FrameRequest (frame.proto) */
    FIELD_STREAM = 1 << 3,
    FIELD_METHOD = 2 << 3 | 2,
    FIELD_PAYLOAD = 6 << 3 | 2,
    FIELD_END = 7 << 3
};

struct bench {
    struct clock clock;
    struct probe *probe;
    struct chip *chip;
    uint8_t image[IMAGE_MAX];
    size_t image_len;
};

static enum err read_image(struct bench *b, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return fail(ERR_IO, "bench: %s: cannot be read", path);
    b->image_len = fread(b->image, 1, sizeof(b->image), file);
    fclose(file);
    return ERR_OK;
}

/* ---- memory ---- */

static enum err sram(struct bench *b)
{
    static uint8_t bytes[SRAM_BYTES], back[SRAM_BYTES];
    struct mem *mem = chip_mem(b->chip);
    struct lap lap;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 31 + (i >> 8));
    TRY(clock_start(&b->clock, &lap));
    TRY(mem_write(mem, SRAM_BASE, SPAN(bytes)));
    TRY(clock_stop(&b->clock, &lap));
    clock_print(&lap, "write", SRAM_BYTES);
    TRY(clock_start(&b->clock, &lap));
    TRY(mem_read(mem, SRAM_BASE, back, sizeof(back)));
    TRY(clock_stop(&b->clock, &lap));
    clock_print(&lap, "read", SRAM_BYTES);
    return span_eq(SPAN(bytes), SPAN(back)) ? ERR_OK : fail(ERR_VERIFY, "bench: SRAM differs");
}

/* ---- calls ---- */

/* A call that DevAuth refuses at once: no such method. What it costs is the mailbox. */
static struct span request(struct wr *w, unsigned number)
{
    static const char method[] = "hallmark.v1.Target/None";
    static const uint8_t payload[PAYLOAD] = { 0 };
    uint8_t body[FRAME_MAX];
    struct wr r = wr_of(body, sizeof(body));
    unsigned stream = 2 * number + 1;
    wr_u8(&r, FIELD_STREAM);
    wr_u8(&r, (uint8_t)(stream | 0x80));
    wr_u8(&r, (uint8_t)(stream >> 7));
    wr_u8(&r, FIELD_METHOD);
    wr_u8(&r, sizeof(method) - 1);
    wr_text(&r, method);
    wr_u8(&r, FIELD_PAYLOAD);
    wr_u8(&r, PAYLOAD);
    wr_span(&r, SPAN(payload));
    wr_u8(&r, FIELD_END);
    wr_u8(&r, 1);
    wr_u8(w, FIELD_REQUEST);
    wr_u8(w, (uint8_t)r.len);
    wr_span(w, wr_done(&r));
    return wr_done(w);
}

static enum err call(struct link *link, unsigned number)
{
    AUTO(buf_free) struct buf reply = { 0 };
    uint8_t bytes[FRAME_MAX];
    struct wr w = wr_of(bytes, sizeof(bytes));
    TRY(link_exchange(link, request(&w, number), &reply, CALL_MS));
    return reply.len > 0 ? ERR_OK : fail(ERR_PROTO, "bench: an empty answer");
}

static enum err many_calls(struct bench *b, struct link *link, const char *name, unsigned from)
{
    struct lap lap;
    TRY(clock_start(&b->clock, &lap));
    for (unsigned i = from; i < from + CALLS; i++)
        TRY(call(link, i));
    TRY(clock_stop(&b->clock, &lap));
    clock_print(&lap, name, CALLS);
    return ERR_OK;
}

static enum err calls(struct bench *b)
{
    AUTO(link_drop) struct link *link = NULL;
    AUTO(buf_free) struct buf hello = { 0 };
    struct devauth_image header;
    struct lap lap;
    TRY(clock_start(&b->clock, &lap));
    TRY(chip_image_load(b->chip, span_of(b->image, b->image_len), &header));
    TRY(clock_stop(&b->clock, &lap));
    clock_print(&lap, "load", b->image_len);
    TRY(chip_image_start(b->chip, &header));
    TRY(link_open(chip_mem(b->chip), header.mailbox_address, CALL_MS, &link));
    TRY(link_receive(link, &hello, CALL_MS));
    TRY(call(link, 0));
    TRY(many_calls(b, link, "call", 1));
    chip_mem(b->chip)->swd->can_match = false; /* as with a probe that cannot wait */
    return many_calls(b, link, "look", 1 + CALLS);
}

static enum err run(struct bench *b, char **argv)
{
    TRY(read_image(b, argv[4]));
    TRY(clock_open(&b->clock, argv[2]));
    TRY(probe_open(argv[1], 0, &b->probe));
    TRY(chip_open(b->probe, (uint32_t)strtoul(argv[3], NULL, 10), &b->chip));
    TRY(chip_prepare(b->chip));
    TRY(sram(b));
    return calls(b);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    if (argc != 5) {
        fputs("usage: bench_probe PROBE CONTROL HZ DEVAUTH\n", stderr);
        return 64;
    }
    enum err e = run(&bench, argv);
    chip_close(bench.chip);
    probe_close(bench.probe);
    clock_close(&bench.clock);
    return e == ERR_OK ? 0 : 1;
}
