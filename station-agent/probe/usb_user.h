/* SPDX-License-Identifier: MIT */
/*
 * usb_user: does a program of somebody else's use this probe?
 *
 * Not all keep our lock: OpenOCD or an IDE may hold the very interface, or the other one, and
 * the two interfaces of a probe share one engine and must never be used together. The kernel
 * shows both: an interface claimed through usbfs has that as its driver, and /proc tells who
 * has its node or its hidraw node open, as far as this user may see. Used by usb.c, usb_list.c.
 */
#pragma once

#include "station-agent/probe/usb_lock.h"

/* True if an interface of it is in use; holder_out says by whom, or has pid 0. */
bool usb_user_find(const struct usb_roots *roots, const struct usb_seen *seen,
                   struct usb_holder *holder_out);
