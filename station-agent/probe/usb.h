/* SPDX-License-Identifier: MIT */
/*
 * usb: a probe on USB, opened below the given roots of sysfs, /dev and /proc. For tests; other
 * code uses probe.h, which has the contracts.
 */
#pragma once

#include "station-agent/probe/probe.h"
#include "station-agent/probe/usb_scan.h"

/*
 * probe_open() and probe_list() of probe.h, with these roots, which are borrowed while the
 * probe is open.
 */
enum err usb_open(const struct usb_roots *roots, const char *uri, unsigned reply_ms,
                  struct probe **probe_out);
enum err usb_list(const struct usb_roots *roots, struct probe_info list[static PROBES_MAX],
                  size_t *count_out);

/* "install ..., add the user to ...": for a node that this user may not open. */
extern const char usb_denied_advice[];
