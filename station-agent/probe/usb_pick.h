/*
 * usb_pick: which of the probes on USB is meant, decided from what sysfs shows of them.
 *
 * Nothing is opened to look at it: opening a probe to read its strings disturbs whoever uses
 * it. A probe is named by its serial number or by its port path ("1-2.3", as the kernel names
 * it); many have no serial or the same one, so the port path always works. Among several
 * nothing is guessed. The part of usb.c that needs no libusb. README.md says what each error
 * asks for.
 */
#pragma once

#include "common/host/own.h"

enum {
    USB_PORT_MAX = 40,
    USB_TEXT_MAX = 100,
    USB_SEEN_MAX = 64, /* probes considered; a station has a handful */
};

/* What a device turned out to be. */
enum usb_mode {
    USB_OTHER,    /* no debug probe */
    USB_BULK,     /* CMSIS-DAP v2: what we speak */
    USB_HID_ONLY, /* CMSIS-DAP v1 */
    USB_NU_LINK,  /* a Nu-Link whose CMSIS-DAP is switched off */
};

/* One interface as its descriptors tell; name is read from sysfs. */
struct usb_interface {
    uint8_t number, class, subclass, protocol, endpoints;
    bool out_then_in; /* endpoint 0 is bulk OUT and endpoint 1 bulk IN */
    uint8_t out, in;  /* their addresses */
};

struct usb_seen {
    size_t index; /* of the caller's: which device */
    char port[USB_PORT_MAX];
    char serial[USB_TEXT_MAX];
    char product[USB_TEXT_MAX];
    uint16_t vendor_id, product_id;
    enum usb_mode mode;
    uint8_t interface, out, in; /* of USB_BULK */
};

struct usb_list {
    struct usb_seen seen[USB_SEEN_MAX];
    size_t count;
};

/* Read a device's strings; port, ids and index are set. Missing ones are empty. */
void usb_seen_read(struct usb_seen *seen, const char *sysfs);

/* Look at one of its interfaces; the best mode found stays. */
void usb_seen_consider(struct usb_seen *seen, const char *sysfs, uint8_t configuration,
                       const struct usb_interface *interface);

/* The one the URI names ("usb:", "usb:serial=S", "usb:port=P"). */
enum err usb_pick(const struct usb_list *list, const char *uri, const struct usb_seen **out);

/* One line each, for people. */
enum err usb_list_words(const struct usb_list *list, struct buf *text_out);

/* "usb:port=1-2 (Nu-Link2 CMSIS-DAP, serial 1301)" */
void usb_seen_words(const struct usb_seen *seen, char *out, size_t size);
