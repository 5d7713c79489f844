/* SPDX-License-Identifier: MIT */
/*
 * Parses a CMSIS-DAP request and runs its command; a command is a row of the table. Called by
 * link.c. A request that ends early or is too long must not have an effect beyond what it
 * holds, and a response must not exceed the packet size.
 */

#include "target-fw/board/dap.h"

#include <string.h>

#include "common/host/hex.h"
#include "common/host/own.h"
#include "target-fw/board/chip/chip.h"
#include "target-fw/board/dap_transfer.h"

enum {
    CMD_INFO = 0x00,
    CMD_HOST_STATUS = 0x01,
    CMD_CONNECT = 0x02,
    CMD_DISCONNECT = 0x03,
    CMD_TRANSFER_CONFIGURE = 0x04,
    CMD_TRANSFER = 0x05,
    CMD_TRANSFER_BLOCK = 0x06,
    CMD_WRITE_ABORT = 0x08,
    CMD_DELAY = 0x09,
    CMD_RESET_TARGET = 0x0a,
    CMD_SWJ_PINS = 0x10,
    CMD_SWJ_CLOCK = 0x11,
    CMD_SWJ_SEQUENCE = 0x12,
    CMD_SWD_CONFIGURE = 0x13,
    CMD_SWD_SEQUENCE = 0x1d,
    CMD_EXECUTE = 0x7f,
    PORT_SWD = 1,
    CAPABILITIES = 0x11, /* SWD, atomic commands */
    PIN_NRESET = 1 << 7,
    PIN_SWDIO = 1 << 1,
    PIN_WAIT_MAX_US = 3000000,
    WAIT_RETRY = 100 /* until the host says otherwise */
};

void dap_init(struct dap *dap, struct chip *chip, uint16_t packet_size, uint8_t packet_count)
{
    *dap = (struct dap){ .chip = chip,
                         .packet_size = packet_size,
                         .packet_count = packet_count,
                         .pins = PIN_NRESET | PIN_SWDIO,
                         .clock_hz = 1000000,
                         .wait_retry = WAIT_RETRY };
    const struct store_head *head = &chip->store.image->head;
    hex_of(span_of(head->uid, sizeof(head->uid)), dap->serial);
    swd_init(&dap->swd);
    wire_init(&dap->wire, &dap->swd);
}

/* ---- information ---- */

static void put_text(struct wr *w, const char *text)
{
    wr_u8(w, (uint8_t)(strlen(text) + 1));
    wr_text(w, text);
    wr_u8(w, 0);
}

static void cmd_info(struct dap *dap, struct rd *r, struct wr *w)
{
    static const struct {
        uint8_t id;
        const char *text;
    } strings[] = { { 0x01, "Hallmark" },      { 0x02, "Hallmark virtual-board CMSIS-DAP" },
                    { 0x04, "2.1.0" },         { 0x05, "Nuvoton" },
                    { 0x06, "M2354KJFAE" },    { 0x07, "Hallmark" },
                    { 0x08, "virtual-board" }, { 0x09, HALLMARK_VERSION } };
    uint8_t id = rd_u8(r);
    for (size_t i = 0; i < COUNT(strings); i++)
        if (strings[i].id == id) {
            put_text(w, strings[i].text);
            return;
        }
    switch (id) {
    case 0x03:
        put_text(w, dap->serial);
        break;
    case 0xf0:
        wr_u8(w, 1);
        wr_u8(w, CAPABILITIES);
        break;
    case 0xfe:
        wr_u8(w, 1);
        wr_u8(w, dap->packet_count);
        break;
    case 0xff:
        dap->size_told = true;
        wr_u8(w, 2);
        wr_u16le(w, dap->packet_size);
        break;
    default:
        wr_u8(w, 0);
    }
}

/* ---- line, pins, time ---- */

static void cmd_connect(struct dap *dap, struct rd *r, struct wr *w)
{
    uint8_t port = rd_u8(r);
    dap->connected = port <= PORT_SWD;
    wr_u8(w, dap->connected ? PORT_SWD : 0);
}

static void cmd_sequence(struct dap *dap, struct rd *r, struct wr *w)
{
    size_t bits = rd_u8(r);
    if (bits == 0)
        bits = 256;
    struct span data = rd_take(r, (bits + 7) / 8);
    wire_init(&dap->wire, &dap->swd);
    if (r->err == ERR_OK) {
        swd_sequence(&dap->swd, dap->chip, data.ptr, bits);
        dap_clocks(dap, (uint32_t)bits);
    }
    wr_u8(w, 0);
}

/* Clock by clock, in either direction. */
static void sequence_in(struct dap *dap, size_t clocks, struct wr *w)
{
    for (size_t at = 0; at < clocks; at += 8) {
        unsigned byte = 0;
        for (size_t i = at; i < clocks && i < at + 8; i++) {
            byte |= (unsigned)wire_out(&dap->wire) << (i - at);
            wire_clock(&dap->wire, dap->chip, false, false);
        }
        wr_u8(w, (uint8_t)byte);
    }
}

static void sequence_out(struct dap *dap, size_t clocks, struct span data)
{
    for (size_t i = 0; i < clocks; i++)
        wire_clock(&dap->wire, dap->chip, true, (data.ptr[i / 8] >> (i % 8) & 1) != 0);
}

static void cmd_swd_sequence(struct dap *dap, struct rd *r, struct wr *w)
{
    unsigned count = rd_u8(r);
    wr_u8(w, 0);
    for (unsigned i = 0; i < count && r->err == ERR_OK; i++) {
        uint8_t info = rd_u8(r);
        size_t clocks = info & 63 ? info & 63 : 64;
        bool in = (info & 0x80) != 0;
        struct span data = in ? span_of(NULL, 0) : rd_take(r, (clocks + 7) / 8);
        if (r->err != ERR_OK)
            return;
        if (in)
            sequence_in(dap, clocks, w);
        else
            sequence_out(dap, clocks, data);
    }
}

static void cmd_pins(struct dap *dap, struct rd *r, struct wr *w)
{
    uint8_t value = rd_u8(r), select = rd_u8(r);
    uint32_t wait_us = rd_u32le(r);
    if (r->err != ERR_OK)
        return;
    dap->pins = (uint8_t)((dap->pins & ~select) | (value & select));
    if (select & PIN_NRESET)
        chip_pin_reset(dap->chip, (value & PIN_NRESET) == 0);
    dap_let_run_us(dap, wait_us < PIN_WAIT_MAX_US ? wait_us : PIN_WAIT_MAX_US);
    wr_u8(w, (uint8_t)((dap->pins & ~PIN_NRESET) | (dap->chip->reset_held ? 0 : PIN_NRESET)));
}

static void cmd_clock(struct dap *dap, struct rd *r, struct wr *w)
{
    uint32_t hz = rd_u32le(r);
    if (hz != 0)
        dap->clock_hz = pace_clock_of(&dap->chip->pace, hz);
    wr_u8(w, hz == 0 ? DAP_ERROR : 0);
}

static void cmd_delay(struct dap *dap, struct rd *r, struct wr *w)
{
    uint16_t us = rd_u16le(r);
    if (r->err == ERR_OK)
        dap_let_run_us(dap, us);
    wr_u8(w, 0);
}

static void cmd_transfer_configure(struct dap *dap, struct rd *r, struct wr *w)
{
    uint8_t idle = rd_u8(r);
    uint16_t wait = rd_u16le(r), match = rd_u16le(r);
    if (r->err == ERR_OK) {
        dap->wait_retry = wait;
        dap->match_retry = match;
        dap->idle = idle;
    }
    wr_u8(w, 0);
}

static void cmd_write_abort(struct dap *dap, struct rd *r, struct wr *w)
{
    (void)rd_u8(r);
    uint32_t value = rd_u32le(r);
    bool ok = r->err == ERR_OK && dap->connected &&
              swd_transfer(&dap->swd, dap->chip, 0, &value) == SWD_OK;
    wr_u8(w, ok ? 0 : DAP_ERROR);
}

static void cmd_status_only(struct dap *dap, struct rd *r, struct wr *w)
{
    (void)dap;
    (void)rd_u16le(r);
    wr_u8(w, 0);
}

static void cmd_disconnect(struct dap *dap, struct rd *r, struct wr *w)
{
    (void)r;
    dap->connected = false;
    wr_u8(w, 0);
}

static void cmd_reset_target(struct dap *dap, struct rd *r, struct wr *w)
{
    (void)dap, (void)r;
    wr_u8(w, 0);
    wr_u8(w, 0); /* no device-specific reset sequence */
}

static void cmd_swd_configure(struct dap *dap, struct rd *r, struct wr *w)
{
    (void)dap;
    uint8_t config = rd_u8(r);
    wr_u8(w, (config & 3) == 0 ? 0 : DAP_ERROR); /* one turnaround clock only */
}

static const struct command {
    uint8_t code;
    void (*run)(struct dap *, struct rd *, struct wr *);
} commands[] = {
    { CMD_INFO, cmd_info },
    { CMD_HOST_STATUS, cmd_status_only },
    { CMD_CONNECT, cmd_connect },
    { CMD_DISCONNECT, cmd_disconnect },
    { CMD_TRANSFER_CONFIGURE, cmd_transfer_configure },
    { CMD_TRANSFER, dap_transfer },
    { CMD_TRANSFER_BLOCK, dap_transfer_block },
    { CMD_WRITE_ABORT, cmd_write_abort },
    { CMD_DELAY, cmd_delay },
    { CMD_RESET_TARGET, cmd_reset_target },
    { CMD_SWJ_PINS, cmd_pins },
    { CMD_SWJ_CLOCK, cmd_clock },
    { CMD_SWJ_SEQUENCE, cmd_sequence },
    { CMD_SWD_CONFIGURE, cmd_swd_configure },
    { CMD_SWD_SEQUENCE, cmd_swd_sequence },
};

/* false: no such command, or it ended early. */
static bool run_one(struct dap *dap, struct rd *r, struct wr *w)
{
    uint8_t code = rd_u8(r);
    for (size_t i = 0; i < COUNT(commands) && r->err == ERR_OK; i++)
        if (commands[i].code == code) {
            wr_u8(w, code);
            commands[i].run(dap, r, w);
            return r->err == ERR_OK && w->err == ERR_OK;
        }
    return false;
}

/* A failed inner command does not stop the rest; one that cannot be parsed does. */
static bool run_many(struct dap *dap, struct rd *r, struct wr *w)
{
    (void)rd_u8(r);
    uint8_t count = rd_u8(r);
    wr_u8(w, CMD_EXECUTE);
    wr_u8(w, count);
    for (unsigned i = 0; i < count; i++)
        if (!run_one(dap, r, w))
            return false;
    return r->err == ERR_OK;
}

void dap_execute(struct dap *dap, struct span request, struct wr *response)
{
    struct rd r = rd_of(request);
    uint8_t code = request.len == 0 ? DAP_ERROR : request.ptr[0];
    struct wr start = *response;
    if (code == DAP_TRANSFER_ABORT)
        return;
    bool many = code == DAP_QUEUE || code == CMD_EXECUTE;
    bool ok = many ? run_many(dap, &r, response) : run_one(dap, &r, response);
    if (ok)
        return;
    *response = start;
    wr_u8(response, DAP_ERROR);
}
