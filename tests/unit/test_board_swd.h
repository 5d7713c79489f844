/* SPDX-License-Identifier: MIT */
/* A chip and the debugger's end of its SWD line, transfer by transfer. */
#pragma once

#include "target-fw/board/swd.h"
#include "tests/unit/test_board_bench.h"

static struct chip chip;
static struct swd swd;

static inline enum swd_ack transfer(uint8_t request, uint32_t data, uint32_t *out)
{
    uint32_t value = data;
    enum swd_ack ack = swd_transfer(&swd, &chip, request, &value);
    if (out != NULL)
        *out = value;
    return ack;
}

static inline enum swd_ack connect_swd(void)
{
    static const uint8_t bits[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x9e, 0xe7,
                                    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0 };
    swd_sequence(&swd, &chip, bits, sizeof(bits) * 8);
    uint32_t idr;
    if (transfer(SWD_READ, 0, &idr) != SWD_OK)
        return SWD_NONE;
    assert_int_equal(idr, 0x0bf11477);
    transfer(0, 0x1e, NULL);
    transfer(4, 0x50000000, NULL);
    transfer(8, 0, NULL);
    return transfer(SWD_AP, 0x23000052, NULL);
}

/* What the wire says to a word read of address, or to one written. */
static inline enum swd_ack get(uint32_t address, uint32_t *value)
{
    transfer(SWD_AP | 4, address, NULL);
    transfer(SWD_AP | SWD_READ | 12, 0, value);
    enum swd_ack ack = transfer(SWD_READ | 12, 0, value);
    transfer(0, 0x1e, NULL);
    return ack;
}

static inline enum swd_ack put(uint32_t address, uint32_t value)
{
    transfer(SWD_AP | 4, address, NULL);
    transfer(SWD_AP | 12, value, NULL);
    enum swd_ack ack = transfer(SWD_READ | 12, 0, &value);
    transfer(0, 0x1e, NULL);
    return ack;
}

static inline enum swd_ack probe(uint32_t address)
{
    uint32_t value;
    return get(address, &value);
}
