/* SPDX-License-Identifier: MIT */
/*
 * The bytes of CMSIS-DAP packets. Called by the files of this folder. Nothing in a reply is
 * believed before it was compared with what was asked.
 */
#include "station-agent/probe/dap.h"

#include "common/host/log.h"

void dap_info(struct wr *w, enum dap_info id)
{
    wr_u8(w, DAP_INFO);
    wr_u8(w, (uint8_t)id);
}

void dap_connect(struct wr *w)
{
    wr_u8(w, DAP_CONNECT);
    wr_u8(w, DAP_PORT_SWD);
}

void dap_disconnect(struct wr *w)
{
    wr_u8(w, DAP_DISCONNECT);
}

void dap_host_status(struct wr *w, bool connected)
{
    wr_u8(w, DAP_HOST_STATUS);
    wr_u8(w, 0); /* the "connected" light */
    wr_u8(w, connected ? 1 : 0);
}

void dap_transfer_configure(struct wr *w, uint8_t idle, uint16_t wait_retry,
                            uint16_t match_retry)
{
    wr_u8(w, DAP_TRANSFER_CONFIGURE);
    wr_u8(w, idle);
    wr_u16le(w, wait_retry);
    wr_u16le(w, match_retry);
}

void dap_write_abort(struct wr *w, uint32_t value)
{
    wr_u8(w, DAP_WRITE_ABORT);
    wr_u8(w, 0);
    wr_u32le(w, value);
}

void dap_pins(struct wr *w, uint8_t value, uint8_t select, uint32_t wait_us)
{
    wr_u8(w, DAP_SWJ_PINS);
    wr_u8(w, value);
    wr_u8(w, select);
    wr_u32le(w, wait_us);
}

void dap_clock(struct wr *w, uint32_t hz)
{
    wr_u8(w, DAP_SWJ_CLOCK);
    wr_u32le(w, hz);
}

void dap_sequence(struct wr *w, struct span bits)
{
    wr_u8(w, DAP_SWJ_SEQUENCE);
    wr_u8(w, (uint8_t)(bits.len * 8)); /* 256 bits are written as 0 */
    wr_span(w, bits);
}

void dap_swd_configure(struct wr *w, uint8_t configuration)
{
    wr_u8(w, DAP_SWD_CONFIGURE);
    wr_u8(w, configuration);
}

void dap_execute(struct wr *w, uint8_t commands)
{
    wr_u8(w, DAP_EXECUTE);
    wr_u8(w, commands);
}

void dap_transfer(struct wr *w, uint8_t transfers)
{
    wr_u8(w, DAP_TRANSFER);
    wr_u8(w, 0);
    wr_u8(w, transfers);
}

void dap_transfer_one(struct wr *w, uint8_t request, uint32_t operand)
{
    wr_u8(w, request);
    if (dap_has_operand(request))
        wr_u32le(w, operand);
}

void dap_block(struct wr *w, uint8_t request, uint16_t words)
{
    wr_u8(w, DAP_TRANSFER_BLOCK);
    wr_u8(w, 0);
    wr_u16le(w, words);
    wr_u8(w, request);
}

bool dap_has_operand(uint8_t request)
{
    return (request & DAP_READ) == 0 || (request & DAP_MATCH) != 0;
}

bool dap_has_data(uint8_t request)
{
    return !dap_has_operand(request);
}

static enum err expect(struct rd *r, enum dap_command command)
{
    uint8_t got = rd_u8(r);
    if (r->err != ERR_OK)
        return fail_quiet(ERR_TRUNC, "empty reply to command 0x%02x", (unsigned)command);
    if (got == DAP_UNKNOWN && command != DAP_UNKNOWN)
        return fail_quiet(ERR_UNIMPLEMENTED, "the probe does not know command 0x%02x",
                          (unsigned)command);
    if (got != (uint8_t)command)
        return fail_quiet(ERR_PROTO, "reply to command 0x%02x when 0x%02x was asked", got,
                          (unsigned)command);
    return ERR_OK;
}

enum err dap_end(const struct rd *r, bool padded)
{
    enum err e = rd_end(r);
    return e == ERR_EXCESS && padded ? ERR_OK : e;
}

static enum err end(const struct rd *r, bool padded, enum dap_command command)
{
    enum err e = dap_end(r, padded);
    if (e != ERR_OK)
        return fail_quiet(e, "reply to command 0x%02x: %s", (unsigned)command, err_text(e));
    return ERR_OK;
}

enum err dap_info_reply(struct span reply, bool padded, struct span *data_out)
{
    struct rd r = rd_of(reply);
    TRY(expect(&r, DAP_INFO));
    uint8_t len = rd_u8(&r);
    struct span data = rd_take(&r, len);
    TRY(end(&r, padded, DAP_INFO));
    *data_out = data;
    return ERR_OK;
}

enum err dap_status_reply(struct span reply, bool padded, enum dap_command command)
{
    struct rd r = rd_of(reply);
    TRY(expect(&r, command));
    uint8_t status = rd_u8(&r);
    TRY(end(&r, padded, command));
    if (status != 0)
        return fail_quiet(ERR_FAULT, "the probe refuses command 0x%02x (status 0x%02x)",
                          (unsigned)command, status);
    return ERR_OK;
}

enum err dap_connect_reply(struct span reply, bool padded)
{
    struct rd r = rd_of(reply);
    TRY(expect(&r, DAP_CONNECT));
    uint8_t port = rd_u8(&r);
    TRY(end(&r, padded, DAP_CONNECT));
    if (port != DAP_PORT_SWD)
        return fail_quiet(ERR_FAULT, "the probe cannot do SWD (port %u)", port);
    return ERR_OK;
}

enum err dap_pins_reply(struct span reply, bool padded, uint8_t *pins_out)
{
    struct rd r = rd_of(reply);
    TRY(expect(&r, DAP_SWJ_PINS));
    uint8_t pins = rd_u8(&r);
    TRY(end(&r, padded, DAP_SWJ_PINS));
    *pins_out = pins;
    return ERR_OK;
}

enum err dap_execute_reply(struct rd *r, uint8_t commands)
{
    TRY(expect(r, DAP_EXECUTE));
    uint8_t done = rd_u8(r);
    if (r->err != ERR_OK || done != commands)
        return fail_quiet(ERR_PROTO, "%u of %u commands answered", done, commands);
    return ERR_OK;
}

static enum err response_error(uint8_t response)
{
    uint8_t ack = response & DAP_ACK;
    if (response == 0)
        return fail_quiet(ERR_PROTO, "the probe did not make the transfer (response 0x00)");
    if (ack == DAP_ACK_FAULT)
        return fail_quiet(ERR_FAULT, "FAULT");
    if (ack == DAP_ACK_WAIT)
        return fail_quiet(ERR_BUSY, "WAIT without end");
    if ((response & DAP_WIRE_ERROR) != 0)
        return fail_quiet(ERR_FAULT, "SWD parity or protocol error: a bad wire or clock");
    if (ack != DAP_ACK_OK)
        return fail_quiet(ERR_FAULT, "no answer on SWD");
    if ((response & DAP_MISMATCH) != 0)
        return fail_quiet(ERR_MISMATCH, "the awaited value did not come");
    return fail_quiet(ERR_PROTO, "response 0x%02x", response);
}

static enum err check_response(const struct rd *r, unsigned done, unsigned want,
                               uint8_t response)
{
    if (r->err != ERR_OK)
        return fail_quiet(ERR_TRUNC, "transfer reply ends early");
    if (done > want)
        return fail_quiet(ERR_PROTO, "%u transfers done of %u asked", done, want);
    if (response != DAP_ACK_OK)
        return response_error(response);
    if (done != want)
        return fail_quiet(ERR_PROTO, "%u of %u transfers done, yet no error", done, want);
    return ERR_OK;
}

enum err dap_transfer_reply(struct rd *r, uint8_t transfers, uint8_t *response_out)
{
    *response_out = 0;
    TRY(expect(r, DAP_TRANSFER));
    uint8_t done = rd_u8(r);
    *response_out = rd_u8(r);
    return check_response(r, done, transfers, *response_out);
}

enum err dap_block_reply(struct rd *r, uint16_t words, uint8_t *response_out)
{
    *response_out = 0;
    TRY(expect(r, DAP_TRANSFER_BLOCK));
    uint16_t done = rd_u16le(r);
    *response_out = rd_u8(r);
    return check_response(r, done, words, *response_out);
}
