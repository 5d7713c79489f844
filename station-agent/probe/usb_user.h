/* SPDX-License-Identifier: MIT */
/*
 * usb_user: does another program use this probe?
 *
 * Not all programs take our lock: OpenOCD or an IDE may hold the same interface, or the other
 * one. The two interfaces of a probe share one engine and must not be used together
 * (`test_probe_usb`). The kernel shows both: an interface claimed through usbfs has that as its
 * driver, and /proc shows which process has its node or its hidraw node open, as far as this
 * user may see. Used by usb.c and usb_list.c.
 */
#pragma once

#include "station-agent/probe/usb_lock.h"

/* True if one of its interfaces is in use; *holder_out names the process, or has pid 0. */
bool usb_user_find(const struct usb_roots *roots, const struct usb_seen *seen,
                   struct usb_holder *holder_out);
