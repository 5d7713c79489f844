/* SPDX-License-Identifier: MIT */
/*
 * usb_inside: a probe on USB: usb.c opens it, usb_pump.c moves its packets. For these two
 * alone; with usb_hub.c they are the only files that use libusb.
 */
#pragma once

#include <libusb-1.0/libusb.h>

#include "station-agent/probe/probe.h"
#include "station-agent/probe/usb_scan.h"

enum { USB_SLOTS = 8 }; /* packets on their way, each direction: SWD_IN_FLIGHT_MAX */

/* One transfer and its bytes; busy from submission until libusb is done with it. */
struct slot {
    struct libusb_transfer *transfer;
    bool busy;
    uint8_t bytes[PROBE_PACKET_MAX];
};

/* Transfers of one endpoint end in the order they were submitted. */
struct ring {
    uint8_t endpoint;
    size_t first, count;
    struct slot slots[USB_SLOTS];
};

struct usb {
    struct probe probe; /* first: a struct probe * is a struct usb * */
    const struct usb_roots *roots;
    char port[USB_PORT_MAX];
    libusb_context *context;
    libusb_device_handle *handle;
    int lock, node;
    bool claimed;
    enum usb_version version;
    struct usb_pipe pipe;
    size_t owed; /* replies to what was sent */
    struct ring out, in;
    uint8_t reply[PROBE_PACKET_MAX];
};

/* usb_pump.c: send and receive of struct probe, and the transfers' beginning and end. */
enum err usb_send(struct probe *probe, struct span packet);
enum err usb_receive(struct probe *probe, struct span *reply_out, unsigned timeout_ms);
enum err usb_pump_start(struct usb *usb); /* with its handle and pipe */
bool usb_pump_stop(struct usb *usb); /* false: libusb keeps a transfer, and so its memory */

enum err usb_error(const struct usb *usb, int code, const char *what); /* in words, quietly */
