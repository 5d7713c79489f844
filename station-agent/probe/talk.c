/* SPDX-License-Identifier: MIT */
/*
 * One CMSIS-DAP command and its reply. Called by swd.c, pins.c and queue.c. A command whose
 * reply is lost, or is not one to it, is asked once more after the probe is in step again; none
 * asked here is harmed by being done twice.
 */
#include "station-agent/probe/talk.h"

#include <stdio.h>

#include "common/host/log.h"
#include "station-agent/probe/when.h"

enum { OLDER_MAX = 4 }; /* replies to other commands before the right one */

enum err talk_named(const struct swd *swd, enum err e)
{
    char words[FAIL_WORDS_MAX];
    snprintf(words, sizeof(words), "%s", fail_words());
    return fail_quiet(e, "%s: %s", swd->probe->name, words);
}

/* A reply did not come or makes no sense: it is not known which replies are still due. */
static enum err derail(struct swd *swd, enum err e)
{
    swd->lost = true;
    swd->stale = true;
    swd->under_way = 0;
    return e == ERR_DEADLINE
               ? fail(ERR_IO, "swd: %s: the probe does not answer", swd->probe->name)
               : e;
}

/* A probe that once sent more than was asked may do so again: a reply that is there before the
 * command is sent is not its answer. */
static void drop_older(struct swd *swd)
{
    char words[FAIL_WORDS_MAX];
    struct span reply;
    struct probe *probe = swd->probe;
    snprintf(words, sizeof(words), "%s", fail_words());
    for (unsigned tries = 0; tries < OLDER_MAX; tries++) {
        if (probe->receive(probe, &reply, 0) != ERR_OK)
            break;
        probe->counts.stale_replies++;
    }
    fail_set(words);
}

enum err talk_send(struct swd *swd, struct span packet)
{
    struct probe *probe = swd->probe;
    if (swd->under_way == 0 && probe->counts.stale_replies != 0)
        drop_older(swd);
    enum err e = probe->send(probe, packet);
    if (e != ERR_OK)
        return derail(swd, e);
    probe->counts.packets++;
    probe->counts.bytes_out += packet.len;
    swd->under_way++;
    return ERR_OK;
}

/* How long this probe takes to answer: what a drain waits for. */
static void note_latency(struct probe *probe, uint64_t asked_us)
{
    unsigned ms = (unsigned)((when_us() - asked_us + 999) / 1000);
    if (ms > probe->slowest_ms)
        probe->slowest_ms = ms;
}

static void take(struct swd *swd, const struct span *reply)
{
    struct probe_counts *counts = &swd->probe->counts;
    counts->bytes_in += reply->len;
    swd->under_way -= swd->under_way > 0;
    counts->round_trips += swd->under_way == 0;
}

static bool answers(struct span reply, enum dap_command command)
{
    return reply.len == 0 || reply.ptr[0] == (uint8_t)command || reply.ptr[0] == DAP_UNKNOWN;
}

/* The answer to another command is an older reply, or a duplicate: the right one is due. */
static enum err pass_over(struct swd *swd, enum dap_command command, struct span *reply)
{
    struct probe *probe = swd->probe;
    uint8_t other = reply->ptr[0];
    for (unsigned tries = 0; tries < OLDER_MAX; tries++) {
        enum err e = probe->receive(probe, reply, probe_silence_ms(probe));
        if (e == ERR_DEADLINE)
            break;
        if (e != ERR_OK)
            return derail(swd, e);
        probe->counts.stale_replies++;
        if (answers(*reply, command))
            return ERR_OK;
    }
    swd->lost = swd->stale = true;
    swd->under_way = 0;
    return fail_quiet(ERR_PROTO, "%s: reply to command 0x%02x when 0x%02x was asked",
                      probe->name, other, (unsigned)command);
}

enum err talk_receive(struct swd *swd, enum dap_command command, struct span *reply_out)
{
    struct probe *probe = swd->probe;
    uint64_t asked_us = when_us();
    enum err e = probe->receive(probe, reply_out, probe_reply_ms(probe));
    if (e != ERR_OK)
        return derail(swd, e);
    note_latency(probe, asked_us);
    if (!answers(*reply_out, command))
        TRY(pass_over(swd, command, reply_out));
    take(swd, reply_out);
    return ERR_OK;
}

/* A full packet, by the size that the probe stated, holds the reply and bytes without meaning;
 * so does one of whole 64 bytes while no size is known. */
bool talk_padded(const struct swd *swd, struct span reply)
{
    if (swd->probe->padded)
        return true;
    if (swd->stated_size == 0)
        return reply.len != 0 && reply.len % PROBE_PACKET_UNIT == 0;
    return reply.len == swd->stated_size;
}

static enum err resync(struct swd *swd)
{
    swd->under_way = 0;
    swd->probe->counts.resyncs++;
    TRY(probe_drain(swd->probe));
    swd->stale = false;
    return ERR_OK;
}

/* Not the answer to the command: another command's, or a part of it. */
static bool is_garbled(enum err e)
{
    return e == ERR_PROTO || e == ERR_TRUNC || e == ERR_EXCESS || e == ERR_LIMIT;
}

enum err talk_judge(struct swd *swd, enum err e)
{
    swd->stale = swd->stale || is_garbled(e);
    return e;
}

static enum err ask_once(struct swd *swd, struct span packet, talk_read *read, void *out)
{
    struct span reply;
    enum dap_command command = (enum dap_command)packet.ptr[0];
    TRY(talk_send(swd, packet));
    TRY(talk_receive(swd, command, &reply));
    enum err e = read(reply, talk_padded(swd, reply), command, out);
    return e == ERR_OK ? ERR_OK : talk_judge(swd, talk_named(swd, e));
}

enum err talk_ask(struct swd *swd, const struct wr *w, talk_read *read, void *out)
{
    bool lost = swd->lost; /* the line, before this */
    TRY(wr_end(w));
    enum err e = ask_once(swd, wr_done(w), read, out);
    if (e == ERR_OK || e == ERR_CLOSED)
        return e;
    if (swd->stale)
        TRY(resync(swd));
    swd->probe->counts.redone++;
    e = ask_once(swd, wr_done(w), read, out);
    swd->given_up = swd->given_up || talk_lost_reply(swd, e);
    swd->lost = e == ERR_OK ? lost : swd->lost;
    return e;
}

static enum err status_read(struct span reply, bool padded, enum dap_command command, void *out)
{
    (void)out;
    return dap_status_reply(reply, padded, command);
}

enum err talk_status(struct swd *swd, const struct wr *w)
{
    return talk_ask(swd, w, status_read, NULL);
}

struct wr talk_packet(struct swd *swd)
{
    return wr_of(swd->scratch, sizeof(swd->scratch));
}

enum err talk_abort(struct swd *swd, uint32_t what)
{
    struct wr w = talk_packet(swd);
    dap_write_abort(&w, what);
    return talk_status(swd, &w);
}

static enum err ctrl_stat_read(struct span reply, bool padded, enum dap_command command,
                               void *out)
{
    (void)command;
    uint8_t response;
    uint32_t *value = out;
    struct rd r = rd_of(reply);
    TRY(dap_transfer_reply(&r, 1, &response));
    *value = rd_u32le(&r);
    return dap_end(&r, padded);
}

enum err talk_ctrl_stat(struct swd *swd, uint32_t *value_out)
{
    struct wr w = talk_packet(swd);
    dap_transfer(&w, 1);
    dap_transfer_one(&w, (uint8_t)SWD_CTRL_STAT | DAP_READ, 0);
    return talk_ask(swd, &w, ctrl_stat_read, value_out);
}

bool talk_lost_reply(const struct swd *swd, enum err e)
{
    return swd->stale && e != ERR_OK && e != ERR_CLOSED;
}

enum err talk_forget(struct swd *swd)
{
    swd->queued = 0;
    swd->select_known = false;
    swd->under_way = 0;
    return swd->stale ? resync(swd) : ERR_OK;
}

enum err talk_let_pass(struct swd *swd, enum err e)
{
    if (e == ERR_OK || e == ERR_CLOSED)
        return e;
    log_line(LOG_LEVEL_DEBUG, "swd: %s; that is let pass", fail_words());
    return talk_forget(swd);
}
