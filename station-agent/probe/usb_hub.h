/* SPDX-License-Identifier: MIT */
/*
 * usb_hub: power off and on the USB port that a probe hangs on.
 *
 * The last means for a probe that a reset does not wake. Its hub must be able to switch that
 * port alone, and this user must be allowed to open the hub's node, which by default only root
 * is. The kernel's hub driver stays attached and sees the device disconnect and connect. USB
 * 2.0, 11.24 ("Requests"). Used by usb.c.
 */
#pragma once

#include "station-agent/probe/usb_scan.h"

/* "1-2.3" is port 3 of "1-2", "1-2" port 2 of "usb1". False: no such port. */
bool usb_hub_of(const char *port, char hub_out[static USB_PORT_MAX], uint8_t *number_out);

/* Why a hub of that descriptor does not switch that port alone, as fixed text; NULL: it does.
 */
const char *usb_hub_flaw(struct span descriptor, uint8_t port);

/* Off, until the device is gone, and on again. Quiet: ERR_DENIED, no permission for the hub;
 * ERR_UNIMPLEMENTED, it does not switch that port alone; ERR_IO, a request failed. */
enum err usb_hub_cycle(const struct usb_roots *roots, const char *port);
