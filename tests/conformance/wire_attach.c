/* SPDX-License-Identifier: MIT */
/* Attaching with nRESET held low: the way to a board whose firmware shuts its SWD pins. Run by
 * wire.c; the pin is high again when a check ends, whatever it found. */
#include "common/core/wr.h"
#include "common/host/own.h"
#include "tests/conformance/wire_inside.h"

enum { PINS = 0x10, PIN_NRESET = 1 << 7, REPLY_MS = 5000, SETTLE_US = 20000 };
#define DHCSR_DEBUGEN 0xa05f0001u
#define VC_CORERESET  1u
#define GPF_MFPL      0x40000058u

/* DAP_SWJ_Pins on nRESET alone; waits until it reads as it was set. */
static enum err set_reset(struct bench *bench, bool low)
{
    uint8_t packet[8];
    struct span reply;
    struct wr w = wr_of(packet, sizeof(packet));
    wr_u8(&w, PINS);
    wr_u8(&w, low ? 0 : PIN_NRESET);
    wr_u8(&w, PIN_NRESET);
    wr_u32le(&w, SETTLE_US);
    TRY(bench->probe->send(bench->probe, wr_done(&w)));
    return bench->probe->receive(bench->probe, &reply, REPLY_MS);
}

/* Makes GPIO of PF.0 and PF.1: what follows is not answered, so its own failure is the row. */
static enum err shut_pins(struct bench *bench, struct rows *rows)
{
    TRY(wire_look(bench, rows, ROW_U, "PF.0 and PF.1 are the debug port's after reset",
                  GPF_MFPL, 0xff, 0xee));
    TRY(wire_prepare(bench)); /* the register lock is open */
    bench->mem.quiet = bench->mem.once = true;
    enum err e = wire_poke(bench, GPF_MFPL, 0);
    if (e == ERR_OK)
        e = bench_connect(bench);
    bench->mem.quiet = bench->mem.once = false;
    row_of(rows, e != ERR_OK && swd_wire_failed(&bench->swd), ROW_U,
           "as GPIO they shut the debug port", "it answers");
    return ERR_OK;
}

static enum err caught(struct bench *bench, struct rows *rows)
{
    bench->swd.lost = true;
    TRY(bench_connect(bench));
    TRY(wire_poke(bench, WIRE_DHCSR, DHCSR_DEBUGEN));
    TRY(wire_poke(bench, WIRE_DEMCR, VC_CORERESET));
    TRY(wire_look(bench, rows, ROW_U, "in reset: DEMCR is read and written", WIRE_DEMCR, 1, 1));
    row_of(rows, wire_refused(bench, WIRE_SRAM), ROW_U, "in reset: SRAM is refused", "read");
    TRY(set_reset(bench, false));
    TRY(bench_connect(bench));
    TRY(wire_look(bench, rows, ROW_U, "released, the core is caught before its code",
                  WIRE_DHCSR, CORE_S_HALT, CORE_S_HALT));
    TRY(wire_look(bench, rows, ROW_SURE, "RSTSTS tells of the pin", 0x40000004, 2, 2));
    TRY(wire_look(bench, rows, ROW_U, "the pins are the debug port's again", GPF_MFPL, 0xff,
                  0xee));
    return wire_poke(bench, WIRE_DEMCR, 0);
}

enum err wire_attach(struct bench *bench, struct rows *rows)
{
    TRY(shut_pins(bench, rows));
    TRY(set_reset(bench, true));
    enum err e = caught(bench, rows);
    TRY(set_reset(bench, false));
    return e;
}
