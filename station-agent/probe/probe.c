/* SPDX-License-Identifier: MIT */
/*
 * Opens a probe by its URI, closes it, and brings it back in step. Called by the site and, for
 * the drain, by the files of this folder. A reply must not be taken for an answer unless it can
 * be none of an earlier command.
 */

#include "station-agent/probe/probe.h"

#include <string.h>

#include "common/host/log.h"
#include "common/host/own.h"

enum { DRAIN_SILENCE_MS = 50, DRAIN_PACKETS_MAX = 64, ANSWER_MAX_MS = 3000 };

static const struct kind {
    const char *prefix;
    enum err (*open)(const char *uri, unsigned reply_ms, struct probe **probe_out);
} kinds[] = {
    { "tcp://", probe_tcp_open },
    { "usb:", probe_usb_open },
};

enum err probe_open(const char *uri, unsigned reply_ms, struct probe **probe_out)
{
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (strncmp(uri, kinds[i].prefix, strlen(kinds[i].prefix)) == 0)
            return kinds[i].open(uri, reply_ms, probe_out);
    return fail(ERR_USAGE, "probe: '%.100s': neither tcp://HOST:PORT nor usb:...", uri);
}

unsigned probe_reply_ms(const struct probe *probe)
{
    return probe->reply_ms != 0 ? probe->reply_ms : PROBE_REPLY_MS;
}

static void log_counts(const struct probe *probe)
{
    const struct probe_counts *c = &probe->counts;
    log_line(
        LOG_LEVEL_INFO,
        "probe: %s: %llu packets, %llu bytes out, %llu in, %llu round trips; SWD at %u Hz "
        "after %u steps, %u lost links, %u WAIT, %u FAULT, %u redone; %u resyncs, %u stale "
        "replies, %u in flight after %u steps down, %u resets, %u power cycles",
        probe->name, (unsigned long long)c->packets, (unsigned long long)c->bytes_out,
        (unsigned long long)c->bytes_in, (unsigned long long)c->round_trips, c->clock_hz,
        c->clock_steps, c->lost_links, c->waits, c->faults, c->redone, c->resyncs,
        c->stale_replies, c->in_flight, c->stepped_down, c->usb_resets, c->power_cycles);
}

void probe_close(struct probe *probe)
{
    if (probe == NULL)
        return;
    if (probe->counts.packets > 0)
        log_counts(probe);
    probe->close(probe);
}

void probe_drop(struct probe **probe)
{
    probe_close(*probe);
    *probe = NULL;
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
