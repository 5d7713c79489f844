/* SPDX-License-Identifier: MIT */
/*
 * harden: see harden.h. Called by oem-server, oemctl and station-agent before they read
 * anything.
 */
#include "common/host/harden.h"

#include <sys/prctl.h>
#include <sys/resource.h>

bool harden_process(void)
{
    const struct rlimit none = { 0, 0 };
    bool limited = setrlimit(RLIMIT_CORE, &none) == 0;
    return prctl(PR_SET_DUMPABLE, 0) == 0 && limited;
}
