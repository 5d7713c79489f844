/* SPDX-License-Identifier: MIT */
#include "tests/unit/test_probe_fake.h"

#include <string.h>

#include "common/core/wr.h"
#include "common/host/log.h"
#include "station-agent/probe/dap.h"

enum { SRAM = 0x20000000, WINDOW = 1024 };
#define PRIVATE_BUS 0xE0000000u

uint32_t fake_get(const struct fake *fake, uint32_t address)
{
    if (address >= SRAM && address - SRAM < FAKE_SRAM_SIZE) {
        struct rd r = rd_of(span_of(fake->sram + (address - SRAM), 4));
        return rd_u32le(&r);
    }
    if (address >= FAKE_FLASH && address - FAKE_FLASH < FAKE_FLASH_SIZE) {
        struct rd r = rd_of(span_of(fake->flash + (address - FAKE_FLASH), 4));
        return rd_u32le(&r);
    }
    for (size_t i = 0; i < FAKE_REGISTERS; i++)
        if (fake->registers[i].address == address)
            return fake->registers[i].value;
    return 0;
}

void fake_set(struct fake *fake, uint32_t address, uint32_t value)
{
    if (address >= SRAM && address - SRAM < FAKE_SRAM_SIZE) {
        struct wr w = wr_of(fake->sram + (address - SRAM), 4);
        wr_u32le(&w, value);
        return;
    }
    for (size_t i = 0; i < FAKE_REGISTERS; i++)
        if (fake->registers[i].address == address || fake->registers[i].address == 0) {
            fake->registers[i].address = address;
            fake->registers[i].value = value;
            return;
        }
}

static bool refuses(struct fake *fake, uint32_t address)
{
    if (fake->reset_low && !(fake->pins_shut && address >= PRIVATE_BUS))
        return true;
    if (fake->lie == FAKE_FAULT_ONCE && fake->refused_once != address) {
        fake->refused_once = address;
        return true;
    }
    return (address >= fake->fault_from && address < fake->fault_to) ||
           (fake->refuses != NULL && fake->refuses(address));
}

static bool memory(struct fake *fake, bool read, uint32_t *value)
{
    uint32_t address = fake->tar;
    if (refuses(fake, address)) {
        fake->sticky = fake->lie != FAKE_BARE_FAULT;
        return false;
    }
    if (read && fake->on_read != NULL)
        fake->on_read(fake, address);
    if (read)
        *value = fake_get(fake, address);
    else
        fake_set(fake, address, *value);
    if (read && fake->clock_max != 0 && fake->clock > fake->clock_max && address == SRAM + 64)
        *value ^= 0x400;
    if (!read && fake->on_write != NULL)
        fake->on_write(fake, address, *value);
    if ((fake->csw & 0x30) == 0x10)
        fake->tar = (address & ~(WINDOW - 1u)) | ((address + 4) & (WINDOW - 1u));
    return true;
}

static bool access_port(struct fake *fake, uint8_t request, uint32_t *value)
{
    bool read = (request & DAP_READ) != 0;
    uint32_t reg = (fake->select & 0xF0) | (request & DAP_ADDRESS);
    if (fake->sticky || fake->data_error)
        return false;
    if (reg == 0x0C)
        return memory(fake, read, value);
    uint32_t *word = reg == 0x00 ? &fake->csw : reg == 0x04 ? &fake->tar : NULL;
    if (read)
        *value = word != NULL ? *word : reg == 0xFC ? 0x84770001 : 0;
    else if (word != NULL && fake->lie != FAKE_DEAF)
        *word = *value;
    return true;
}

static bool debug_port(struct fake *fake, uint8_t request, uint32_t *value)
{
    bool read = (request & DAP_READ) != 0;
    uint8_t reg = request & DAP_ADDRESS;
    uint32_t stat =
        fake->ctrl_stat | (fake->sticky ? 1u << 5 : 0) | (fake->data_error ? 1u << 7 : 0);
    if (read)
        *value = reg == 0 ? fake->dpidr : reg == 4 ? stat : 0;
    else if (reg == 0)
        fake->sticky = fake->data_error = false;
    else if (reg == 4)
        fake->ctrl_stat = *value | (*value & 0x50000000) << 1;
    else if (reg == 8)
        fake->select = *value;
    return true;
}

/* True: the next transfer is one that the wire spoils. */
static bool spoiled(struct fake *fake)
{
    fake->transfers++;
    if (fake->glitch_at == 0 || --fake->glitch_at > 0)
        return false;
    fake->glitch_at = fake->glitch_every;
    return true;
}

/* The response byte of a spoiled transfer; 0: this glitch is not one of such a transfer's. */
static uint8_t spoil(struct fake *fake, uint8_t request, uint32_t *value)
{
    bool read = (request & DAP_READ) != 0;
    switch (fake->glitch) {
    case FAKE_DROP:
        fake->line_lost = true;
        return DAP_ACK_NONE;
    case FAKE_WAIT:
        fake->stuck = (request & DAP_AP) != 0;
        return 0;
    case FAKE_PARITY:
        if (!read)
            return 0;
        if ((request & DAP_AP) != 0)
            access_port(fake, request, value);
        return DAP_WIRE_ERROR;
    case FAKE_DAMAGED:
        if (read || (request & DAP_AP) == 0 || fake->data_error || fake->sticky)
            return 0;
        fake->data_error = true;
        return DAP_ACK_OK;
    default:
        return 0;
    }
}

/* One transfer; its response byte. */
static uint8_t transfer(struct fake *fake, uint8_t request, uint32_t *value)
{
    uint8_t bad = spoiled(fake) && !fake->line_lost ? spoil(fake, request, value) : 0;
    if (bad != 0)
        return bad;
    if (fake->no_answer || fake->dormant || fake->line_lost ||
        (fake->pins_shut && !fake->reset_low))
        return DAP_ACK_NONE;
    if ((fake->stuck || fake->lie == FAKE_WAIT_ALWAYS) && (request & DAP_AP) != 0)
        return DAP_ACK_WAIT;
    if (fake->wire_response != 0 && fake->clock > fake->wire_max &&
        (!fake->ap_only || (request & DAP_AP) != 0))
        return fake->wire_response;
    bool ok = (request & DAP_AP) != 0 ? access_port(fake, request, value)
                                      : debug_port(fake, request, value);
    return ok ? DAP_ACK_OK : DAP_ACK_FAULT;
}

static uint8_t match(struct fake *fake, uint8_t request, uint32_t want)
{
    uint32_t value = 0;
    for (unsigned i = 0; i <= fake->match_tries; i++) {
        uint8_t response = transfer(fake, request, &value);
        if (response != DAP_ACK_OK)
            return response;
        if (fake->no_match || (value & fake->mask) == want)
            return DAP_ACK_OK;
    }
    return DAP_ACK_OK | DAP_MISMATCH;
}

static uint8_t one(struct fake *fake, uint8_t request, uint32_t operand, struct wr *data)
{
    uint32_t value = operand;
    if ((request & DAP_MASK) != 0) {
        fake->mask = operand;
        return DAP_ACK_OK;
    }
    if ((request & DAP_MATCH) != 0)
        return match(fake, request, operand);
    uint8_t response = transfer(fake, request, &value);
    if (response == DAP_ACK_OK && (request & DAP_READ) != 0)
        wr_u32le(data, value);
    return response;
}

/* The probe reads RDBUFF after the last write of a command: its ACK covers that write. */
static uint8_t closing(const struct fake *fake, uint8_t request, uint8_t response)
{
    bool late = (request & (DAP_READ | DAP_MASK)) == 0 && fake->data_error;
    return response == DAP_ACK_OK && late ? DAP_ACK_FAULT : response;
}

/* What the probe says of its transfers, by what it says instead. */
static void lie_about(const struct fake *fake, bool access_port, uint16_t *done,
                      uint8_t *response, struct wr *data)
{
    if (!access_port || (fake->lie != FAKE_NOTHING_DONE && fake->lie != FAKE_ONE_LESS))
        return;
    *done = fake->lie == FAKE_ONE_LESS && *done > 0 ? (uint16_t)(*done - 1) : 0;
    *response = fake->lie == FAKE_NOTHING_DONE ? 0 : *response;
    data->len = fake->lie == FAKE_NOTHING_DONE ? 0 : data->len;
}

static void do_transfer(struct fake *fake, struct rd *r, struct wr *w)
{
    uint8_t bytes[4 * DAP_TRANSFER_MAX], response = DAP_ACK_OK, request = 0;
    uint16_t done = 0;
    bool access_port = false;
    struct wr data = wr_of(bytes, sizeof(bytes));
    rd_u8(r);
    uint8_t count = rd_u8(r);
    for (uint8_t i = 0; i < count; i++) {
        request = rd_u8(r);
        access_port = access_port || (request & DAP_AP) != 0;
        uint32_t operand = dap_has_operand(request) ? rd_u32le(r) : 0;
        if (response != DAP_ACK_OK)
            continue;
        response = one(fake, request, operand, &data);
        done = (uint16_t)(done + (response == DAP_ACK_OK));
    }
    lie_about(fake, access_port, &done, &response, &data);
    wr_u8(w, DAP_TRANSFER);
    wr_u8(w, (uint8_t)done);
    wr_u8(w, closing(fake, request, response));
    wr_span(w, wr_done(&data));
}

static void do_block(struct fake *fake, struct rd *r, struct wr *w)
{
    uint8_t bytes[PROBE_PACKET_MAX], response = DAP_ACK_OK;
    struct wr data = wr_of(bytes, sizeof(bytes));
    uint16_t done = 0;
    rd_u8(r);
    uint16_t count = rd_u16le(r);
    uint8_t request = rd_u8(r);
    for (uint16_t i = 0; i < count; i++) {
        uint32_t operand = dap_has_operand(request) ? rd_u32le(r) : 0;
        if (response != DAP_ACK_OK)
            continue;
        response = one(fake, request, operand, &data);
        done = (uint16_t)(done + (response == DAP_ACK_OK));
    }
    lie_about(fake, (request & DAP_AP) != 0, &done, &response, &data);
    wr_u8(w, DAP_TRANSFER_BLOCK);
    wr_u16le(w, done);
    wr_u8(w, closing(fake, request, response));
    wr_span(w, wr_done(&data));
}

static void do_info(const struct fake *fake, struct rd *r, struct wr *w)
{
    uint8_t id = rd_u8(r);
    wr_u8(w, DAP_INFO);
    wr_u8(w, id == DAP_INFO_PACKET_SIZE ? 2 : 1);
    if (id == DAP_INFO_PACKET_SIZE)
        wr_u16le(w, fake->packet_size);
    else
        wr_u8(w, id == DAP_INFO_PACKET_COUNT ? fake->packet_count
                 : fake->atomic              ? DAP_CAPABILITY_SWD | DAP_CAPABILITY_ATOMIC
                                             : DAP_CAPABILITY_SWD);
}

static void do_pins(struct fake *fake, struct rd *r, struct wr *w)
{
    uint8_t value = rd_u8(r), select = rd_u8(r);
    rd_u32le(r);
    if ((select & ~value & DAP_PIN_NRESET) != 0)
        fake->resets++;
    if ((select & DAP_PIN_NRESET) != 0)
        fake->reset_low = (value & DAP_PIN_NRESET) == 0 || fake->reset_stuck;
    if ((select & DAP_PIN_NRESET) != 0 && fake->on_reset != NULL)
        fake->on_reset(fake, fake->reset_low);
    wr_u8(w, DAP_SWJ_PINS);
    wr_u8(w, fake->reset_low || fake->no_reset_pin ? 0 : DAP_PIN_NRESET);
}

/* Commands that only take a few bytes and answer a status. */
static void do_plain(struct fake *fake, uint8_t command, struct rd *r, struct wr *w)
{
    static const uint8_t lengths[256] = {
        [DAP_HOST_STATUS] = 2, [DAP_TRANSFER_CONFIGURE] = 5, [DAP_WRITE_ABORT] = 5,
        [DAP_SWJ_CLOCK] = 4,   [DAP_SWD_CONFIGURE] = 1,
    };
    size_t len = lengths[command];
    if (command == DAP_SWJ_SEQUENCE)
        len = (size_t)(rd_u8(r) + 7) / 8;
    if (command == DAP_SWJ_SEQUENCE && len == 28)
        fake->dormant = false;
    if (command == DAP_SWJ_SEQUENCE) {
        fake->line_lost = fake->sticky = fake->data_error = false;
        fake->select = fake->ctrl_stat = 0;
    }
    struct span operand = rd_take(r, len);
    struct rd number = rd_of(operand);
    if (command == DAP_SWJ_CLOCK)
        fake->clock = rd_u32le(&number);
    if (command == DAP_WRITE_ABORT && (operand.ptr[1] & 1) != 0)
        fake->stuck = false;
    fake->sticky =
        fake->sticky && (command != DAP_WRITE_ABORT || fake->lie == FAKE_STICKY_STAYS);
    fake->data_error = fake->data_error && command != DAP_WRITE_ABORT;
    fake->aborts += command == DAP_WRITE_ABORT;
    wr_u8(w, command);
    uint8_t answer = command == DAP_CONNECT ? rd_u8(r) : 0;
    if (command == DAP_CONNECT && fake->lie == FAKE_NO_CONNECT)
        answer = 0;
    bool too_fast = fake->clock_top != 0 && fake->clock > fake->clock_top;
    wr_u8(w,
          command == DAP_SWJ_CLOCK && (too_fast || fake->lie == FAKE_NO_CLOCK) ? 0xFF : answer);
}

static void do_command(struct fake *fake, struct rd *r, struct wr *w)
{
    uint8_t command = rd_u8(r);
    if (command == DAP_TRANSFER)
        do_transfer(fake, r, w);
    else if (command == DAP_TRANSFER_BLOCK)
        do_block(fake, r, w);
    else if (command == DAP_INFO)
        do_info(fake, r, w);
    else if (command == DAP_SWJ_PINS)
        do_pins(fake, r, w);
    else if (command == DAP_EXECUTE && !fake->atomic)
        wr_u8(w, DAP_UNKNOWN);
    else
        do_plain(fake, command, r, w);
}

static void do_packet(struct fake *fake, struct span packet, struct wr *w)
{
    struct rd r = rd_of(packet);
    uint8_t count = 1;
    if (packet.ptr[0] == DAP_EXECUTE && fake->atomic) {
        rd_u8(&r);
        count = rd_u8(&r);
        wr_u8(w, DAP_EXECUTE);
        wr_u8(w, count);
    }
    for (uint8_t i = 0; i < (fake->execute_half ? 1 : count); i++)
        do_command(fake, &r, w);
}

static enum err fake_send(struct probe *probe, struct span packet)
{
    struct fake *fake = (struct fake *)probe;
    struct fake_reply *reply = &fake->replies[fake->sent % FAKE_REPLIES];
    struct wr w = wr_of(reply->bytes, fake->packet_size);
    if (packet.len > fake->packet_size || fake->sent - fake->received >= fake->packet_count)
        return ERR_LIMIT;
    fake->packets++;
    if (packet.len > fake->largest)
        fake->largest = (unsigned)packet.len;
    if (fake->mute || (fake->holds != 0 && fake->sent - fake->received >= fake->holds))
        return ERR_OK;
    do_packet(fake, packet, &w);
    TRY(wr_end(&w));
    reply->len = w.len;
    fake->sent++;
    if (fake->sent - fake->received > fake->deepest)
        fake->deepest = fake->sent - fake->received;
    return ERR_OK;
}

static uint32_t dice(struct fake *fake, uint32_t sides)
{
    fake->noise = fake->noise * 1664525 + 1013904223;
    return (fake->noise >> 8) % sides;
}

/* One reply in four: a byte changed, or cut, or grown. */
static void damage(struct fake *fake, struct fake_reply *reply)
{
    if (dice(fake, 4) != 0 || reply->len == 0)
        return;
    switch (dice(fake, 3)) {
    case 0:
        reply->bytes[dice(fake, (uint32_t)reply->len)] = (uint8_t)dice(fake, 256);
        break;
    case 1:
        reply->len = dice(fake, (uint32_t)reply->len + 1);
        break;
    default:
        reply->len += dice(fake, (uint32_t)(sizeof(reply->bytes) - reply->len));
        break;
    }
}

static enum err fake_receive(struct probe *probe, struct span *reply_out, unsigned timeout_ms)
{
    struct fake *fake = (struct fake *)probe;
    if (timeout_ms == 0 && fake->received == fake->sent)
        return fail_quiet(ERR_DEADLINE, "fake: nothing is there"); /* nor is it waited for */
    if (fake->late_at > 0 && --fake->late_at == 0)
        fake->late = 1;
    if (fake->received == fake->sent || fake->late > 0) {
        fake->late -= fake->late > 0;
        return fail_quiet(ERR_DEADLINE, "fake: silent");
    }
    struct fake_reply *reply = &fake->replies[fake->received++ % FAKE_REPLIES];
    if (fake->noise != 0)
        damage(fake, reply);
    *reply_out = span_of(reply->bytes, reply->len);
    return ERR_OK;
}

static void fake_close(struct probe *probe)
{
    (void)probe;
}

void fake_init(struct fake *fake)
{
    memset(fake, 0, sizeof(*fake));
    fake->probe = (struct probe){
        .send = fake_send, .receive = fake_receive, .close = fake_close, .name = "fake"
    };
    memset(fake->flash, 0xFF, sizeof(fake->flash));
    fake->packet_size = 512;
    fake->packet_count = 4;
    fake->atomic = true;
    fake->match_tries = 3;
    fake->dpidr = 0x0BF11477;
}
