/* SPDX-License-Identifier: MIT */
/*
 * Lays queued transfers out in packets and takes replies apart. Called by queue.c. A reply's
 * counts must be compared with the packet's before a value is stored; a packet must not exceed
 * the size that the probe was found to take.
 */

#include "station-agent/probe/pack.h"

#include "common/host/log.h"
#include "station-agent/probe/talk.h"

enum { BLOCK_MIN = 5 }; /* words from which on a block is shorter than transfers */

/* Bytes still free in the packet being planned, each way. */
struct room {
    size_t out, in;
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static const struct swd_op *op_at(const struct swd *swd, struct swd_cursor at)
{
    return &swd->queue[at.op];
}

static uint16_t left_of(const struct swd *swd, struct swd_cursor at)
{
    return (uint16_t)(op_at(swd, at)->count - at.word);
}

static struct swd_cursor step(const struct swd *swd, struct swd_cursor at, uint16_t transfers)
{
    at.word = (uint16_t)(at.word + transfers);
    if (at.word >= op_at(swd, at)->count)
        at = (struct swd_cursor){ at.op + 1, 0 };
    return at;
}

static bool take_room(struct room *room, size_t out, size_t in)
{
    if (out > room->out || in > room->in)
        return false;
    room->out -= out;
    room->in -= in;
    return true;
}

/* As much of one block as fits; 0 if nothing does. */
static uint16_t plan_block(const struct swd *swd, struct swd_cursor at, struct room *room)
{
    bool read = dap_has_data(op_at(swd, at)->request);
    if (room->out < DAP_BLOCK_HEAD + 4 || room->in < DAP_BLOCK_REPLY_HEAD + 4)
        return 0;
    size_t fit =
        read ? (room->in - DAP_BLOCK_REPLY_HEAD) / 4 : (room->out - DAP_BLOCK_HEAD) / 4;
    uint16_t words = (uint16_t)least(left_of(swd, at), fit);
    size_t data = (size_t)words * 4;
    take_room(room, DAP_BLOCK_HEAD + (read ? 0 : data),
              DAP_BLOCK_REPLY_HEAD + (read ? data : 0));
    return words;
}

static size_t transfer_out(const struct swd_op *op)
{
    return dap_has_operand(op->request) ? 5 : 1;
}

static size_t transfer_in(const struct swd_op *op)
{
    return dap_has_data(op->request) ? 4 : 0;
}

/* May the rest of this op go into the Transfer being planned, transfer by transfer? A block
 * worth its own command only if the probe takes one command a packet and all of it fits. */
static bool absorbs(const struct swd *swd, struct swd_cursor at, const struct room *room,
                    uint16_t taken)
{
    size_t left = left_of(swd, at);
    if (left < BLOCK_MIN)
        return true;
    return !swd->can_execute && taken > 0 && taken + left <= DAP_TRANSFER_MAX &&
           left * transfer_out(op_at(swd, at)) <= room->out &&
           left * transfer_in(op_at(swd, at)) <= room->in;
}

static uint16_t plan_transfers(const struct swd *swd, struct swd_cursor at, struct room *room)
{
    uint16_t taken = 0;
    if (!take_room(room, DAP_TRANSFER_HEAD, DAP_TRANSFER_REPLY_HEAD))
        return 0;
    while (at.op < swd->queued && taken < DAP_TRANSFER_MAX) {
        const struct swd_op *op = op_at(swd, at);
        if (at.word == 0 && !absorbs(swd, at, room, taken))
            break;
        if (!take_room(room, transfer_out(op), transfer_in(op)))
            break;
        at = step(swd, at, 1);
        taken++;
    }
    return taken;
}

void pack_plan(const struct swd *swd, struct swd_cursor *cursor, struct swd_packet *packet_out)
{
    size_t head = swd->can_execute ? DAP_EXECUTE_HEAD : 0;
    struct room room = { swd->packet_size - head, swd->packet_size - head };
    size_t limit = swd->can_execute ? SWD_COMMANDS_MAX : 1;
    packet_out->count = 0;
    while (cursor->op < swd->queued && packet_out->count < limit) {
        bool block = left_of(swd, *cursor) >= BLOCK_MIN;
        uint16_t n =
            block ? plan_block(swd, *cursor, &room) : plan_transfers(swd, *cursor, &room);
        if (n == 0)
            return;
        packet_out->commands[packet_out->count++] = (struct swd_command){ block, n, *cursor };
        if (block)
            *cursor = step(swd, *cursor, n);
        else
            for (uint16_t i = 0; i < n; i++)
                *cursor = step(swd, *cursor, 1);
    }
}

enum dap_command pack_command(const struct swd_packet *packet)
{
    return packet->count > 1           ? DAP_EXECUTE
           : packet->commands[0].block ? DAP_TRANSFER_BLOCK
                                       : DAP_TRANSFER;
}

static uint32_t operand_at(const struct swd_op *op, uint16_t word)
{
    if (op->in == NULL)
        return op->operand;
    struct rd r = rd_of(span_of(op->in + (size_t)word * 4, 4));
    return rd_u32le(&r);
}

static void encode_command(const struct swd *swd, const struct swd_command *c, struct wr *w)
{
    struct swd_cursor at = c->from;
    const struct swd_op *op = op_at(swd, at);
    if (c->block) {
        dap_block(w, op->request, c->count);
        if (dap_has_operand(op->request))
            wr_span(w, span_of(op->in + (size_t)at.word * 4, (size_t)c->count * 4));
        return;
    }
    dap_transfer(w, (uint8_t)c->count);
    for (uint16_t i = 0; i < c->count; i++, at = step(swd, at, 1))
        dap_transfer_one(w, op_at(swd, at)->request, operand_at(op_at(swd, at), at.word));
}

void pack_encode(const struct swd *swd, const struct swd_packet *packet, struct wr *w)
{
    if (packet->count > 1)
        dap_execute(w, packet->count);
    for (uint8_t i = 0; i < packet->count; i++)
        encode_command(swd, &packet->commands[i], w);
}

static void store_word(const struct swd_op *op, uint16_t word, uint32_t value)
{
    if (op->word != NULL) {
        *op->word = value;
        return;
    }
    struct wr w = wr_of(op->out + (size_t)word * 4, 4);
    wr_u32le(&w, value);
}

static enum err decode_command(const struct swd *swd, const struct swd_command *c, struct rd *r,
                               uint8_t *response_out)
{
    if (c->block)
        TRY(dap_block_reply(r, c->count, response_out));
    else
        TRY(dap_transfer_reply(r, (uint8_t)c->count, response_out));
    struct swd_cursor at = c->from;
    for (uint16_t i = 0; i < c->count && r->err == ERR_OK; i++, at = step(swd, at, 1))
        if (dap_has_data(op_at(swd, at)->request))
            store_word(op_at(swd, at), at.word, rd_u32le(r));
    if (r->err != ERR_OK)
        return fail_quiet(r->err, "transfer reply: %s", err_text(r->err));
    return ERR_OK;
}

enum err pack_decode(const struct swd *swd, const struct swd_packet *packet, struct span reply,
                     uint8_t *response_out)
{
    struct rd r = rd_of(reply);
    if (packet->count > 1)
        TRY(dap_execute_reply(&r, packet->count));
    for (uint8_t i = 0; i < packet->count; i++)
        TRY(decode_command(swd, &packet->commands[i], &r, response_out));
    enum err e = dap_end(&r, talk_padded(swd, reply));
    if (e != ERR_OK)
        return fail_quiet(e, "transfer reply: %s", err_text(e));
    return ERR_OK;
}
