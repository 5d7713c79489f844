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
