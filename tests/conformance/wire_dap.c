/* SPDX-License-Identifier: MIT */
/* CMSIS-DAP as the probe speaks it (ARM CMSIS-DAP 2.1), packet by packet; and the line below
 * it. */
#include <string.h>

#include "common/core/wr.h"
#include "common/host/log.h"
#include "common/host/own.h"
#include "tests/conformance/wire_inside.h"

enum {
    INFO = 0x00,
    TRANSFER = 0x05,
    BLOCK = 0x06,
    WRITE_ABORT = 0x08,
    DELAY = 0x09,
    PINS = 0x10,
    CLOCK = 0x11,
    SEQUENCE = 0x12,
    EXECUTE = 0x7f,
    UNKNOWN = 0x70, /* no command has this number */
    ACK_NONE = 7,
    MISMATCH = 1 << 4,
    REPLY_MS = 5000,
    DPIDR = 0x0bf11477,
};
#define SCRATCH 0x20007b00u

static enum err talk(struct bench *bench, struct span packet, struct rd *reply_out)
{
    struct span reply;
    TRY(bench->probe->send(bench->probe, packet));
    TRY(bench->probe->receive(bench->probe, &reply, REPLY_MS));
    *reply_out = rd_of(reply);
    return ERR_OK;
}

/* The first words of the reply to these bytes, as one row. */
static enum err answers(struct bench *bench, struct rows *rows, const char *name,
                        struct span packet, uint32_t bytes, uint32_t want)
{
    struct rd r;
    uint32_t got = 0;
    TRY(talk(bench, packet, &r));
    for (uint32_t i = 0; i < bytes; i++)
        got = got << 8 | rd_u8(&r);
    if (r.err != ERR_OK)
        return fail(ERR_PROTO, "wire: %s: the reply is short", name);
    row_value(rows, ROW_SURE, name, got, want);
    return ERR_OK;
}

#define PACKET(...)                                                                            \
    span_of((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static enum err information(struct bench *bench, struct rows *rows)
{
    struct rd r;
    TRY(talk(bench, PACKET(INFO, 0xf0), &r));
    (void)rd_u8(&r);
    (void)rd_u8(&r);
    uint32_t capabilities = rd_u8(&r);
    row_value(rows, ROW_SURE, "capabilities: SWD", capabilities & 1, 1);
    TRY(talk(bench, PACKET(INFO, 0xff), &r));
    (void)rd_u8(&r);
    row_value(rows, ROW_SURE, "the packet size has two bytes", rd_u8(&r), 2);
    uint32_t low = rd_u8(&r), size = low | (uint32_t)rd_u8(&r) << 8;
    row_value(rows, ROW_SURE, "and is 64 at least", size >= 64, 1);
    TRY(answers(bench, rows, "what there is not has no length", PACKET(INFO, 0x7e), 2, 0));
    TRY(answers(bench, rows, "an unknown command is answered by FF", PACKET(UNKNOWN), 1, 0xff));
    if ((capabilities & 1u << 4) != 0)
        TRY(answers(bench, rows, "two commands in one packet",
                    PACKET(EXECUTE, 2, DELAY, 1, 0, WRITE_ABORT, 0, 0x1e, 0, 0, 0), 6,
                    0x09000800));
    return r.err;
}

static enum err small_ones(struct bench *bench, struct rows *rows)
{
    TRY(answers(bench, rows, "WriteABORT", PACKET(WRITE_ABORT, 0, 0x1e, 0, 0, 0), 2, 0x0800));
    TRY(answers(bench, rows, "Delay", PACKET(DELAY, 10, 0), 2, 0x0900));
    TRY(answers(bench, rows, "a clock of 0 Hz is refused", PACKET(CLOCK, 0, 0, 0, 0), 2,
                0x11ff));
    struct rd r;
    TRY(talk(bench, PACKET(PINS, 0, 0, 0, 0, 0, 0), &r));
    (void)rd_u8(&r);
    row_value(rows, ROW_SURE, "SWJ_Pins: nRESET is high", rd_u8(&r) >> 7, 1);
    return r.err;
}

static enum err matches(struct bench *bench, struct rows *rows)
{
    TRY(answers(
        bench, rows, "Transfer: DPIDR's value is awaited, and there",
        PACKET(TRANSFER, 0, 2, 0x20, 0xff, 0xff, 0xff, 0xff, 0x12, 0x77, 0x14, 0xf1, 0x0b), 3,
        0x050201));
    TRY(answers(
        bench, rows, "another value is not: the match failed",
        PACKET(TRANSFER, 0, 2, 0x20, 0xff, 0xff, 0xff, 0xff, 0x12, 0x78, 0x14, 0xf1, 0x0b), 3,
        0x050101 | MISMATCH));
    return answers(bench, rows, "the mask counts",
                   PACKET(TRANSFER, 0, 2, 0x20, 0xff, 0xff, 0x00, 0x00, 0x12, 0x77, 0x14, 0, 0),
                   3, 0x050201);
}

/* CSW a word, TAR; then the data. */
static enum err blocks(struct bench *bench, struct rows *rows)
{
    struct rd r;
    for (uint32_t i = 0; i < 4; i++)
        TRY(wire_poke(bench, SCRATCH + 4 * i, 0xd0 + i));
    TRY(talk(bench,
             PACKET(TRANSFER, 0, 2, 0x01, 0x12, 0, 0, 0x23, 0x05, 0x00, 0x7b, 0x00, 0x20), &r));
    TRY(talk(bench, PACKET(BLOCK, 0, 4, 0, 0x0f), &r));
    (void)rd_u8(&r);
    uint32_t count = rd_u8(&r) | (uint32_t)rd_u8(&r) << 8;
    row_value(rows, ROW_SURE, "TransferBlock: four words", count << 8 | rd_u8(&r), 0x401);
    for (uint32_t i = 0; i < 4; i++)
        row_value(rows, ROW_SURE, "a word of the block", rd_u32le(&r), 0xd0 + i);
    bench->mem.csw_epoch = 0; /* CSW is not what mem left there */
    return r.err;
}

/* Line reset, then anything but DPIDR: the port answers nothing until the next line reset. */
static enum err first_is_dpidr(struct bench *bench, struct rows *rows)
{
    struct rd r;
    TRY(talk(bench, PACKET(SEQUENCE, 64, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00), &r));
    TRY(talk(bench, PACKET(TRANSFER, 0, 1, 0x06), &r));
    (void)rd_u8(&r);
    (void)rd_u8(&r);
    row_value(rows, ROW_SURE, "after a line reset only DPIDR is answered", rd_u8(&r) & 7,
              ACK_NONE);
    TRY(talk(bench, PACKET(TRANSFER, 0, 1, 0x02), &r));
    (void)rd_u8(&r);
    (void)rd_u8(&r);
    row_value(rows, ROW_SURE, "and no more after that", rd_u8(&r) & 7, ACK_NONE);
    TRY(talk(bench, PACKET(SEQUENCE, 64, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00), &r));
    return answers(bench, rows, "a line reset and DPIDR bring it back",
                   PACKET(TRANSFER, 0, 1, 2), 3, 0x050101);
}

enum err wire_dap(struct bench *bench, struct rows *rows)
{
    TRY(information(bench, rows));
    TRY(small_ones(bench, rows));
    TRY(matches(bench, rows));
    TRY(blocks(bench, rows));
    TRY(first_is_dpidr(bench, rows));
    return bench_connect(bench);
}
