#include "station-agent/probe/probe.h"

#include <string.h>

#include "common/host/log.h"
#include "common/host/own.h"

enum { DRAIN_SILENCE_MS = 50, DRAIN_PACKETS_MAX = 64 };

static const struct kind {
    const char *prefix;
    enum err (*open)(const char *uri, struct probe **probe_out);
} kinds[] = {
    { "tcp://", probe_tcp_open },
    { "usb:", probe_usb_open },
};

enum err probe_open(const char *uri, struct probe **probe_out)
{
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (strncmp(uri, kinds[i].prefix, strlen(kinds[i].prefix)) == 0)
            return kinds[i].open(uri, probe_out);
    return fail(ERR_CONFIG, "probe: '%.100s': neither tcp://HOST:PORT nor usb:...", uri);
}

void probe_close(struct probe *probe)
{
    if (probe != NULL)
        probe->close(probe);
}

void probe_drop(struct probe **probe)
{
    probe_close(*probe);
    *probe = NULL;
}

enum err probe_drain(struct probe *probe)
{
    for (int i = 0; i < DRAIN_PACKETS_MAX; i++) {
        struct span stale;
        enum err e = probe->receive(probe, &stale, DRAIN_SILENCE_MS);
        if (e == ERR_DEADLINE)
            return ERR_OK;
        TRY(e);
        log_line(LOG_LEVEL_WARN, "probe: %s: dropped a stale reply of %zu bytes", probe->name,
                 stale.len);
    }
    return fail(ERR_PROTO, "probe: %s: does not stop sending", probe->name);
}
