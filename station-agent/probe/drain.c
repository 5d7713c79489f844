/* SPDX-License-Identifier: MIT */
/*
 * How long a probe's reply may take, and how it is brought back in step: what it still sends is
 * dropped, and its next reply must answer the question. Called when a probe is opened, and by
 * talk.c after a reply was lost.
 */
#include "common/host/log.h"
#include "common/host/own.h"
#include "station-agent/probe/probe.h"

enum { DRAIN_SILENCE_MS = 50, DRAIN_PACKETS_MAX = 64, ANSWER_MAX_MS = 3000 };

unsigned probe_reply_ms(const struct probe *probe)
{
    return probe->reply_ms != 0 ? probe->reply_ms : PROBE_REPLY_MS;
}

unsigned probe_silence_ms(const struct probe *probe)
{
    unsigned ms = 2 * probe->slowest_ms, most = probe_reply_ms(probe);
    ms = ms < DRAIN_SILENCE_MS ? DRAIN_SILENCE_MS : ms;
    return ms < most ? ms : most;
}

/* Drops all replies until a silence; the last one stays borrowed. */
static enum err read_all(struct probe *probe, unsigned first_ms, size_t *count_out,
                         struct span *last_out)
{
    unsigned wait_ms = first_ms;
    for (*count_out = 0; *count_out < DRAIN_PACKETS_MAX; ++*count_out) {
        struct span reply;
        enum err e = probe->receive(probe, &reply, wait_ms);
        if (e == ERR_DEADLINE)
            return ERR_OK;
        TRY(e);
        wait_ms = probe_silence_ms(probe);
        *last_out = reply;
    }
    return fail(ERR_PROTO, "probe: %s: does not stop sending", probe->name);
}

/* len: of what that Info gives. */
static bool answers_info(struct span reply, uint8_t len)
{
    return reply.len >= 2 && reply.ptr[0] == 0x00 &&
           (reply.ptr[1] == len || reply.ptr[1] == 0) && reply.len >= 2u + reply.ptr[1];
}

static enum err out_of_step(const struct probe *probe)
{
    return fail(ERR_PROTO,
                "probe: %s: out of step: its last reply does not answer Info; does another "
                "program use it? (root sees all: sudo station-agent probes)",
                probe->name);
}

static unsigned answer_ms(const struct probe *probe)
{
    unsigned reply_ms = probe_reply_ms(probe);
    return reply_ms < ANSWER_MAX_MS ? reply_ms : ANSWER_MAX_MS;
}

/* Info, packet size: harmless, and known to all probes. The last reply must be its answer. */
static enum err ask_size(struct probe *probe, size_t *stale)
{
    static const uint8_t question[] = { 0x00, 0xFF };
    struct span last = { NULL, 0 };
    size_t count = 0;
    TRY(probe->send(probe, SPAN(question)));
    TRY(read_all(probe, answer_ms(probe), &count, &last));
    if (count == 0)
        return fail_quiet(ERR_IO, "probe: %s: does not answer", probe->name);
    *stale += count - 1;
    return answers_info(last, 2) ? ERR_OK : out_of_step(probe);
}

/* Info, packet count: its reply is shorter, so a reply that is late by one is recognised. */
static enum err ask_count(struct probe *probe, size_t *stale)
{
    static const uint8_t question[] = { 0x00, 0xFE };
    TRY(probe->send(probe, SPAN(question)));
    for (unsigned tries = 0; tries < 2; tries++) {
        struct span reply = { NULL, 0 };
        enum err e = probe->receive(probe, &reply, answer_ms(probe));
        if (e == ERR_DEADLINE)
            return out_of_step(probe);
        TRY(e);
        if (answers_info(reply, 1))
            return ERR_OK;
        ++*stale;
    }
    return out_of_step(probe);
}

enum err probe_drain(struct probe *probe)
{
    struct span last = { NULL, 0 };
    size_t stale = 0;
    TRY(read_all(probe, probe_silence_ms(probe), &stale, &last));
    enum err e = ask_size(probe, &stale);
    if (e == ERR_OK)
        e = ask_count(probe, &stale);
    probe->counts.stale_replies += (uint32_t)stale;
    TRY(e);
    if (stale > 0)
        log_line(LOG_LEVEL_WARN, "probe: %s: dropped %zu stale replies", probe->name, stale);
    return ERR_OK;
}
