/* SPDX-License-Identifier: MIT */
/*
 * The SWD line protocol clock by clock: request, acknowledge, data, parity. Called by bitbang.c
 * and by dap.c for SWD_Sequence. A write must reach swd only after its parity was checked.
 */

#include "target-fw/board/wire.h"

#include "target-fw/board/chip/chip.h"

enum {
    REQUEST_BITS = 8,
    REQUEST_START = 1 << 0,
    REQUEST_PARITY = 1 << 5,
    REQUEST_STOP = 1 << 6,
    REQUEST_PARK = 1 << 7,
    RESET_ONES = 50,
    TURN = 1,
    ACK_BITS = 3,
    DATA_BITS = 32
};

void wire_init(struct wire *wire, struct swd *swd)
{
    *wire = (struct wire){ .swd = swd };
}

static void enter(struct wire *wire, enum wire_state state)
{
    wire->state = state;
    wire->clocks = 0;
}

bool wire_out(const struct wire *wire)
{
    if (wire->state == WIRE_ACK && wire->clocks >= TURN && wire->clocks < TURN + ACK_BITS)
        return (wire->ack >> (wire->clocks - TURN) & 1) != 0;
    if (wire->state == WIRE_READ && wire->clocks < DATA_BITS)
        return (wire->data >> wire->clocks & 1) != 0;
    if (wire->state == WIRE_READ && wire->clocks == DATA_BITS)
        return __builtin_parity(wire->data) != 0;
    return true;
}

static uint8_t header(const struct wire *wire)
{
    return wire->request >> 1 & 15;
}

static bool header_valid(uint8_t request)
{
    bool parity = __builtin_parity(request & 0x1eU) != 0;
    return (request & REQUEST_START) != 0 && (request & REQUEST_STOP) == 0 &&
           (request & REQUEST_PARK) != 0 && ((request & REQUEST_PARITY) != 0) == parity;
}

/* A read is done before its acknowledge; of a write only the acknowledge is known then. */
static void request_done(struct wire *wire, struct chip *chip)
{
    if (!header_valid(wire->request)) {
        swd_sequence(wire->swd, chip, &wire->request, REQUEST_BITS);
        enter(wire, WIRE_LISTEN);
        return;
    }
    uint8_t request = header(wire);
    wire->ack = request & SWD_READ ? swd_transfer(wire->swd, chip, request, &wire->data)
                                   : swd_promise(wire->swd, chip, request);
    enter(wire, wire->ack == SWD_NONE ? WIRE_LISTEN : WIRE_ACK);
}

static void ack_clock(struct wire *wire)
{
    bool read = (header(wire) & SWD_READ) != 0;
    bool straight_on = read && wire->ack == SWD_OK;
    unsigned last = straight_on ? TURN + ACK_BITS : TURN + ACK_BITS + TURN;
    if (wire->clocks < last)
        return;
    enter(wire, wire->ack != SWD_OK ? WIRE_LISTEN : read ? WIRE_READ : WIRE_WRITE);
    if (wire->state == WIRE_WRITE)
        wire->data = 0;
}

static void write_clock(struct wire *wire, struct chip *chip, bool bit)
{
    if (wire->clocks <= DATA_BITS) {
        wire->data |= (uint32_t)bit << (wire->clocks - 1);
        return;
    }
    if (bit == (__builtin_parity(wire->data) != 0))
        swd_transfer(wire->swd, chip, header(wire), &wire->data);
    else
        swd_data_error(wire->swd);
    enter(wire, WIRE_LISTEN);
}

static void listen_clock(struct wire *wire, struct chip *chip, bool bit)
{
    uint8_t one = bit;
    if (wire->swd->line < SWD_LINE_FRESH || !bit) {
        swd_sequence(wire->swd, chip, &one, 1);
        return;
    }
    wire->request = 1;
    enter(wire, WIRE_REQUEST);
    wire->clocks = 1;
}

/* 50 ones, in any state. */
static void line_reset(struct wire *wire, struct chip *chip)
{
    static const uint8_t ones[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    swd_sequence(wire->swd, chip, ones, RESET_ONES);
    enter(wire, WIRE_LISTEN);
}

void wire_clock(struct wire *wire, struct chip *chip, bool driven, bool bit)
{
    bool high = driven ? bit : true;
    wire->ones = driven && bit ? wire->ones + 1 : 0;
    if (wire->ones >= RESET_ONES && wire->swd->ones < RESET_ONES) {
        line_reset(wire, chip);
        return;
    }
    wire->clocks++;
    switch (wire->state) {
    case WIRE_LISTEN:
        listen_clock(wire, chip, high && driven);
        break;
    case WIRE_REQUEST:
        wire->request = (uint8_t)(wire->request | high << (wire->clocks - 1));
        if (wire->clocks == REQUEST_BITS)
            request_done(wire, chip);
        break;
    case WIRE_ACK:
        ack_clock(wire);
        break;
    case WIRE_READ:
        if (wire->clocks == DATA_BITS + 1 + TURN)
            enter(wire, WIRE_LISTEN);
        break;
    case WIRE_WRITE:
        write_clock(wire, chip, high);
        break;
    }
}
