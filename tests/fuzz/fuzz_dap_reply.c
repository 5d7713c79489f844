/* SPDX-License-Identifier: MIT */
/* CMSIS-DAP replies: what a probe, or what claims to be one, answers. The first byte chooses
 * the parser and whether the reply is padded, the second what was asked. */
#include "station-agent/probe/dap.h"
#include "tests/fuzz/fuzz.h"

static void info(struct span reply, bool padded, uint8_t asked)
{
    (void)asked;
    struct span data = { 0 };
    if (dap_info_reply(reply, padded, &data) == ERR_OK)
        FUZZ_CHECK(data.len + 2 <= reply.len && (data.len + 2 == reply.len || padded));
}

static void status(struct span reply, bool padded, uint8_t asked)
{
    if (dap_status_reply(reply, padded, (enum dap_command)asked) == ERR_OK)
        FUZZ_CHECK(reply.len >= 2 && reply.ptr[0] == asked && reply.ptr[1] == 0);
}

static void connect(struct span reply, bool padded, uint8_t asked)
{
    (void)asked;
    if (dap_connect_reply(reply, padded) == ERR_OK)
        FUZZ_CHECK(reply.ptr[1] == DAP_PORT_SWD);
}

static void pins(struct span reply, bool padded, uint8_t asked)
{
    (void)asked;
    uint8_t value;
    if (dap_pins_reply(reply, padded, &value) == ERR_OK)
        FUZZ_CHECK(reply.ptr[1] == value);
}

static void execute(struct span reply, bool padded, uint8_t asked)
{
    struct rd r = rd_of(reply);
    uint8_t response;
    if (dap_execute_reply(&r, asked) == ERR_OK &&
        dap_transfer_reply(&r, asked, &response) == ERR_OK)
        FUZZ_CHECK(response == DAP_ACK_OK && reply.ptr[1] == asked);
    (void)dap_end(&r, padded);
}

static void block(struct span reply, bool padded, uint8_t asked)
{
    struct rd r = rd_of(reply);
    uint8_t response;
    uint16_t words = (uint16_t)(asked * 3u);
    if (dap_block_reply(&r, words, &response) == ERR_OK)
        FUZZ_CHECK(response == DAP_ACK_OK && r.rest.len + DAP_BLOCK_REPLY_HEAD == reply.len);
    (void)dap_end(&r, padded);
}

static void (*const parsers[])(struct span reply, bool padded, uint8_t asked) = {
    info, status, connect, pins, execute, block,
};

void fuzz_one(struct span input)
{
    struct rd r = rd_of(input);
    uint8_t choice = rd_u8(&r), asked = rd_u8(&r);
    if (r.err == ERR_OK)
        parsers[(choice & 0x7f) % COUNT(parsers)](r.rest, (choice & 0x80) != 0, asked);
}

#define SEED(name, ...)                                                                        \
    put(context, name, span_of((uint8_t[]){ __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ })))

void fuzz_seeds(fuzz_put *put, void *context)
{
    SEED("info", 0, 0, DAP_INFO, 3, 'a', 'b', 0);
    SEED("info-padded", 0x80, 0, DAP_INFO, 1, 8, 0, 0, 0, 0);
    SEED("status", 1, DAP_SWJ_CLOCK, DAP_SWJ_CLOCK, 0);
    SEED("connect", 2, 0, DAP_CONNECT, 1);
    SEED("pins", 3, 0, DAP_SWJ_PINS, 0x82);
    SEED("execute", 4, 1, DAP_EXECUTE, 1, DAP_TRANSFER, 1, 1, 0x77, 0x14, 0xf1, 0x0b);
    SEED("block", 5, 1, DAP_TRANSFER_BLOCK, 3, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
    SEED("block-fault", 5, 1, DAP_TRANSFER_BLOCK, 1, 0, 4);
    SEED("unknown-command", 1, DAP_SWJ_CLOCK, 0xff);
}
