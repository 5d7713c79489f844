/* SPDX-License-Identifier: MIT */
/*
 * usb_pick: which of the probes on USB is meant, and over which of its interfaces.
 *
 * A probe is named by its serial number or by its port path ("1-2.3", as the kernel names it);
 * many have no serial or the same one, so the port path always works. Among several nothing is
 * guessed. CMSIS-DAP v2 (bulk) is preferred to v1 (HID); a URI may ask for one. README.md says
 * what each error asks for. Used by usb.c.
 */
#pragma once

#include "station-agent/probe/usb_scan.h"

/* "usb:[v1|v2][,][serial=S|port=P]"; serial comes last, so it may hold commas. */
struct usb_wish {
    bool any_version;
    enum usb_version version;
    const char *serial, *port; /* borrowed from the URI; NULL: any */
};
enum err usb_wish_parse(const char *uri, struct usb_wish *wish_out);

struct usb_choice {
    const struct usb_seen *seen;
    enum usb_version version;
};

/* The one the URI names. */
enum err usb_pick(const struct usb_list *list, const char *uri, struct usb_choice *out);

/* What keeps a probe without a usable interface from being used; NULL: nothing. */
const char *usb_mode_advice(const struct usb_seen *seen);

/* "usb:port=1-2 (0416:2005 Nu-Link2 CMSIS-DAP, serial 1301)" */
void usb_seen_words(const struct usb_seen *seen, char *out, size_t size);
