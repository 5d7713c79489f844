/* SPDX-License-Identifier: MIT */
/*
 * device: what a probe says of itself on endpoint 0 (USB 2.0, chapter 9; HID 1.11).
 *
 * One with everything a real one confuses a host with: CMSIS-DAP v1 and v2 side by side, and a
 * vendor interface of its own whose endpoints come in the wrong order.
 */
#pragma once

#include "common/core/rd.h"

enum {
    DEVICE_REPORT = 64, /* bytes of a HID report: of v1's packets, too */
    DEVICE_BULK = 512,
    DEVICE_HID_OUT = 0x04,
    DEVICE_HID_IN = 0x83,
    DEVICE_BULK_OUT = 0x02,
    DEVICE_BULK_IN = 0x81,
};

struct device {
    const char *serial; /* "": it has none */
    bool v1, v2;        /* its interfaces */
    bool nu_link;       /* it says it is a Nu-Link2 */
    bool configured;    /* the host is done with looking */
};

/* A control request: false to stall. reply_out borrows storage of this module. */
bool device_control(struct device *device, const uint8_t setup[static 8],
                    struct span *reply_out);
