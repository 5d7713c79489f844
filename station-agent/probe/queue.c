/* SPDX-License-Identifier: MIT */
/*
 * The queue of transfers: packets out, replies in, and what a failure means. Called by mem.c
 * and look.c through swd.h. A failure of the wire must never be told as a refusal.
 */
#include <stdio.h>

#include "common/host/log.h"
#include "station-agent/probe/pack.h"
#include "station-agent/probe/talk.h"

/* FAULT is a refusal if CTRL/STAT says so: an access failed (STICKYERR), and no data arrived
 * damaged (WDATAERR). A FAULT that CTRL/STAT does not explain counts as a failure of the wire,
 * so that neither bad wires nor a probe that makes up its answers looks like a lock. ARM IHI
 * 0031, "FAULT response": only sticky flags give one. */
static void explain_fault(struct swd *swd, char words[static FAIL_WORDS_MAX])
{
    struct probe_counts *counts = &swd->probe->counts;
    uint32_t status = 0;
    bool known = talk_ctrl_stat(swd, &status) == ERR_OK;
    bool refused =
        known && (status & (SWD_STAT_STICKYERR | SWD_STAT_WDATAERR)) == SWD_STAT_STICKYERR;
    swd->refused = refused;
    counts->faults += refused;
    counts->lost_links += !refused;
    if (!refused)
        swd->response |= DAP_WIRE_ERROR;
    swd->lost = swd->lost || !known;
    if (known)
        snprintf(words, FAIL_WORDS_MAX, "%s (CTRL/STAT 0x%08x)",
                 refused                             ? "FAULT"
                 : (status & SWD_STAT_WDATAERR) != 0 ? "data damaged on the wire"
                                                     : "FAULT without a sticky error",
                 status);
}

/* Clears sticky errors, and the cached registers that may differ now. Keeps the message of e.
 */
static enum err recover(struct swd *swd, enum err e)
{
    char words[FAIL_WORDS_MAX];
    snprintf(words, sizeof(words), "%s", fail_words());
    swd->select_known = false;
    swd->refused = false;
    if (swd_wire_failed(swd)) {
        swd->probe->counts.lost_links++;
        swd->lost = true;
    } else if (e == ERR_BUSY) {
        swd->probe->counts.waits++;
        swd->lost = talk_abort(swd, SWD_ABORT_ALL) != ERR_OK || swd->lost;
    } else {
        explain_fault(swd, words);
        swd->lost = talk_abort(swd, SWD_ABORT_CLEAR) != ERR_OK || swd->lost;
    }
    return fail_quiet(e, "%s: %s", swd->probe->name, words);
}

bool swd_wire_failed(const struct swd *swd)
{
    uint8_t ack = swd->response & DAP_ACK;
    bool heard = ack == DAP_ACK_OK || ack == DAP_ACK_WAIT || ack == DAP_ACK_FAULT;
    return swd->response != 0 && (!heard || (swd->response & DAP_WIRE_ERROR) != 0);
}

static enum err send_next(struct swd *swd, struct swd_cursor *at, struct swd_packet *packet)
{
    struct wr w = wr_of(swd->scratch, swd->packet_size);
    pack_plan(swd, at, packet);
    pack_encode(swd, packet, &w);
    TRY(wr_end(&w));
    return talk_send(swd, wr_done(&w));
}

/* What a flush used of the probe beside transfers. */
struct flight {
    bool several; /* packets at once */
    bool atomic;  /* commands in one packet */
};

/* An ability that the failed flush used is not used again, since it may be the cause. */
static void ask_less(struct swd *swd, const struct flight *flight)
{
    char words[FAIL_WORDS_MAX];
    snprintf(words, sizeof(words), "%s", fail_words());
    if (flight->several)
        swd_step_down(swd, 1, words);
    else if (flight->atomic)
        swd_step_down_commands(swd, words);
}

/* Send and receive, keeping packet_count in flight. After a refusal, *refused_out, nothing more
 * is sent, and replies still due are awaited. Returns the failures of the probe itself. */
static enum err run_queue(struct swd *swd, struct flight *flight, enum err *refused_out)
{
    struct swd_cursor at = { 0, 0 };
    size_t sent = 0, received = 0;
    *refused_out = ERR_OK;
    for (;;) {
        while (*refused_out == ERR_OK && at.op < swd->queued &&
               sent - received < swd->packet_count) {
            struct swd_packet *next = &swd->in_flight[sent++ % SWD_IN_FLIGHT_MAX];
            TRY(send_next(swd, &at, next));
            flight->atomic = flight->atomic || next->count > 1;
            flight->several = flight->several || sent - received > 1;
        }
        if (received == sent)
            return ERR_OK;
        struct span reply;
        const struct swd_packet *packet = &swd->in_flight[received++ % SWD_IN_FLIGHT_MAX];
        TRY(talk_receive(swd, pack_command(packet), &reply));
        if (*refused_out == ERR_OK)
            *refused_out = pack_decode(swd, packet, reply, &swd->response);
    }
}

enum err swd_flush(struct swd *swd)
{
    enum err refused = ERR_OK;
    struct flight flight = { 0 };
    swd->refused = false;
    if (swd->queued == 0)
        return ERR_OK;
    enum err e = run_queue(swd, &flight, &refused);
    swd->queued = 0;
    if (e != ERR_OK) {
        swd->lost = swd->stale = true;
        ask_less(swd, &flight);
        return e;
    }
    if (refused == ERR_OK)
        return ERR_OK;
    if (refused == ERR_MISMATCH)
        return refused;
    if (refused == ERR_FAULT || refused == ERR_BUSY)
        return recover(swd, refused);
    swd->lost = swd->stale = true; /* the probe and we disagree about the protocol */
    refused = talk_named(swd, refused);
    if (flight.atomic)
        swd_step_down_commands(swd, fail_words());
    return refused;
}

static enum err queue(struct swd *swd, struct swd_op op)
{
    if (swd->queued == SWD_QUEUE_MAX)
        TRY(swd_flush(swd));
    swd->queue[swd->queued++] = op;
    return ERR_OK;
}

enum err swd_queue_dp_read(struct swd *swd, enum swd_register reg, uint32_t *value_out)
{
    return queue(
        swd,
        (struct swd_op){ .request = (uint8_t)(reg | DAP_READ), .count = 1, .word = value_out });
}

enum err swd_queue_dp_write(struct swd *swd, enum swd_register reg, uint32_t value)
{
    return queue(swd, (struct swd_op){ .request = (uint8_t)reg, .count = 1, .operand = value });
}

/* SELECT: APSEL [31:24], APBANKSEL [7:4]; written only when it changes. */
static enum err select_bank(struct swd *swd, uint8_t ap, uint8_t reg)
{
    uint32_t select = (uint32_t)ap << 24 | (reg & 0xF0u);
    if (swd->select_known && swd->select == select)
        return ERR_OK;
    TRY(swd_queue_dp_write(swd, SWD_SELECT, select));
    swd->select = select;
    swd->select_known = true;
    return ERR_OK;
}

static enum err queue_ap(struct swd *swd, uint8_t ap, uint8_t reg, struct swd_op op)
{
    TRY(select_bank(swd, ap, reg));
    op.request = (uint8_t)(op.request | DAP_AP | (reg & DAP_ADDRESS));
    return queue(swd, op);
}

enum err swd_queue_ap_read(struct swd *swd, uint8_t ap, uint8_t reg, uint32_t *value_out)
{
    return queue_ap(swd, ap, reg,
                    (struct swd_op){ .request = DAP_READ, .count = 1, .word = value_out });
}

enum err swd_queue_ap_write(struct swd *swd, uint8_t ap, uint8_t reg, uint32_t value)
{
    return queue_ap(swd, ap, reg, (struct swd_op){ .count = 1, .operand = value });
}

enum err swd_queue_ap_block_write(struct swd *swd, uint8_t ap, uint8_t reg, const uint8_t *in,
                                  uint16_t words)
{
    return queue_ap(swd, ap, reg, (struct swd_op){ .count = words, .in = in });
}

enum err swd_queue_ap_block_read(struct swd *swd, uint8_t ap, uint8_t reg, uint8_t *out,
                                 uint16_t words)
{
    return queue_ap(swd, ap, reg,
                    (struct swd_op){ .request = DAP_READ, .count = words, .out = out });
}

enum err swd_queue_ap_match(struct swd *swd, uint8_t ap, uint8_t reg, uint32_t mask,
                            uint32_t value)
{
    TRY(queue_ap(swd, ap, reg,
                 (struct swd_op){ .request = DAP_MASK, .count = 1, .operand = mask }));
    return queue_ap(
        swd, ap, reg,
        (struct swd_op){ .request = DAP_READ | DAP_MATCH, .count = 1, .operand = value });
}

enum err swd_queue_dp_match(struct swd *swd, enum swd_register reg, uint32_t mask,
                            uint32_t value)
{
    TRY(queue(swd, (struct swd_op){ .request = DAP_MASK, .count = 1, .operand = mask }));
    return queue(swd, (struct swd_op){ .request = (uint8_t)(reg | DAP_READ | DAP_MATCH),
                                       .count = 1,
                                       .operand = value });
}
