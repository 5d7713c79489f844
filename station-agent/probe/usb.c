#include "common/host/log.h"
#include "station-agent/probe/probe.h"

enum err probe_usb_open(const char *uri, struct probe **probe_out)
{
    (void)probe_out;
    return fail(ERR_UNIMPLEMENTED, "probe: %s", uri);
}
