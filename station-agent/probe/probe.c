/* SPDX-License-Identifier: MIT */
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
        "replies, %u resets, %u power cycles",
        probe->name, (unsigned long long)c->packets, (unsigned long long)c->bytes_out,
        (unsigned long long)c->bytes_in, (unsigned long long)c->round_trips, c->clock_hz,
        c->clock_steps, c->lost_links, c->waits, c->faults, c->redone, c->resyncs,
        c->stale_replies, c->usb_resets, c->power_cycles);
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

/* Everything that comes until a silence; the last reply stays borrowed. */
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
        wait_ms = DRAIN_SILENCE_MS;
        *last_out = reply;
    }
    return fail(ERR_PROTO, "probe: %s: does not stop sending", probe->name);
}

/* Info, packet count: harmless, known to every probe, and nothing else answers like it. */
static enum err ask_something(struct probe *probe, size_t *stale)
{
    static const uint8_t question[] = { 0x00, 0xFE };
    struct span last = { NULL, 0 };
    size_t count = 0;
    unsigned reply_ms = probe_reply_ms(probe);
    TRY(probe->send(probe, SPAN(question)));
    TRY(read_all(probe, reply_ms < ANSWER_MAX_MS ? reply_ms : ANSWER_MAX_MS, &count, &last));
    if (count == 0)
        return fail_quiet(ERR_IO, "probe: %s: does not answer", probe->name);
    *stale += count - 1;
    if (last.len < 2 || last.ptr[0] != 0x00 || last.ptr[1] > 2)
        return fail(ERR_PROTO,
                    "probe: %s: out of step: its last reply does not answer Info; does another "
                    "program use it? (root sees all: sudo station-agent probes)",
                    probe->name);
    return ERR_OK;
}

enum err probe_drain(struct probe *probe)
{
    struct span last = { NULL, 0 };
    size_t stale = 0;
    TRY(read_all(probe, DRAIN_SILENCE_MS, &stale, &last));
    enum err e = ask_something(probe, &stale);
    probe->counts.stale_replies += (uint32_t)stale;
    TRY(e);
    if (stale > 0)
        log_line(LOG_LEVEL_WARN, "probe: %s: dropped %zu stale replies", probe->name, stale);
    return ERR_OK;
}
