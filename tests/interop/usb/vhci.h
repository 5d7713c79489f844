/* SPDX-License-Identifier: MIT */
/*
 * vhci: the far end of a USB/IP device: what the kernel's vhci-hcd asks, and our answers.
 *
 * vhci-hcd takes a connected socket and believes that a USB device of another machine is behind
 * it. Here it is one end of a socket pair. Layouts: Linux,
 * Documentation/usb/usbip_protocol.rst; all numbers are big-endian, but for the setup packet.
 */
#pragma once

#include "common/core/rd.h"

enum {
    VHCI_DATA_MAX = 16384, /* bytes of one transfer to the device */
    VHCI_SETUP = 8,
    VHCI_STALL = -32, /* -EPIPE */
};

struct vhci_request {
    bool unlink; /* forget the transfer victim; else all that follows holds */
    uint32_t seq;
    uint32_t victim;
    uint8_t endpoint; /* with 0x80 if it goes to the host */
    uint32_t len;     /* bytes that come, or may go */
    uint8_t setup[VHCI_SETUP];
    uint8_t data[VHCI_DATA_MAX];
};

/* Plug a high-speed device into a port, 0 to 7; the socket that stands for it. */
enum err vhci_attach(unsigned port, int *fd_out);

enum err vhci_read(int fd, struct vhci_request *out); /* ERR_CLOSED: unplugged */

/* status 0 or a negative errno; data goes to the host, done is what came from it. */
enum err vhci_answer(int fd, uint32_t seq, int status, struct span data, uint32_t done);
enum err vhci_unlinked(int fd, uint32_t seq, bool was_waiting);
