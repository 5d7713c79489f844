/* SPDX-License-Identifier: MIT */
/*
 * usb_pick: which of the probes on USB is meant, and over which of its interfaces.
 *
 * A probe is named by its serial number or by its port path ("1-2.3", as the kernel names it);
 * many have no serial or the same one, while a port path names one probe. If several fit, that
 * is an error (`test_probe_usb_scan`). CMSIS-DAP v2 (bulk) is preferred to v1 (HID); a URI may
 * ask for one. README.md says what to do about each error. Used by usb.c.
 */
#pragma once

#include "station-agent/probe/usb_scan.h"

/* "usb:[v1|v2][,][serial=S|port=P]"; serial comes last, so it may hold commas. */
struct usb_wish {
    bool any_version;
    enum usb_version version;
    const char *serial, *port; /* borrowed from the URI; NULL: any */
};

/* ERR_USAGE: not such a URI. */
enum err usb_wish_parse(const char *uri, struct usb_wish *wish_out);

struct usb_choice {
    const struct usb_seen *seen;
    enum usb_version version;
};

/* The probe that the URI names, borrowed from list. ERR_USAGE; ERR_CONFIG: more than one fits;
 * ERR_NOT_FOUND: none does, or it is not usable. */
enum err usb_pick(const struct usb_list *list, const char *uri, struct usb_choice *out);

/* What to do about a probe without a usable interface, as fixed text; NULL: it has one. */
const char *usb_mode_advice(const struct usb_seen *seen);

/* "usb:port=1-2 (0416:2005 Nu-Link2 CMSIS-DAP, serial 1301)" */
void usb_seen_words(const struct usb_seen *seen, char *out, size_t size);
