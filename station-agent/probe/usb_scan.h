/* SPDX-License-Identifier: MIT */
/*
 * usb_scan: which debug probes are plugged in, from sysfs.
 *
 * No device is opened for it: to open a probe disturbs the program that uses it. The kernel
 * keeps the descriptors, which come from the device and may be hostile, and the strings. An
 * interface is a probe's if it is called CMSIS-DAP and its descriptors are right
 * (CMSIS-DAP 2.1, "USB interface"): v2 is vendor class with bulk OUT first, then bulk IN; v1 is
 * HID with an interrupt endpoint each way, or IN alone: then packets go out by SET_REPORT. Used
 * by usb.c, usb_pick.c, usb_user.c and usb_list.c.
 */
#pragma once

#include "common/host/own.h"

enum {
    USB_PORT_MAX = 40,
    USB_TEXT_MAX = 384, /* a string of 126 characters, each up to 3 bytes of UTF-8 */
    USB_PATH_MAX = 320,
    USB_SEEN_MAX = 64, /* probes considered; a station has a handful */
};

/* The kernel's file systems; tests have folders of their own. */
struct usb_roots {
    const char *sysfs; /* /sys/bus/usb/devices */
    const char *dev;   /* /dev */
    const char *proc;  /* /proc */
    const char *lock;  /* NULL: /run/lock, else XDG_RUNTIME_DIR */
};
extern const struct usb_roots usb_roots;

enum usb_version { USB_V2, USB_V1, USB_VERSIONS }; /* of CMSIS-DAP: bulk, HID. Better first. */

/* An interface that carries CMSIS-DAP. */
struct usb_pipe {
    bool found;
    bool named; /* its own name says CMSIS-DAP, not only the product's */
    uint8_t number;
    uint8_t out, in;            /* addresses of its endpoints; out 0: by control transfers */
    uint16_t out_size, in_size; /* bytes of a packet */
};

/* A device that is a debug probe, or can be configured as one. */
struct usb_seen {
    char port[USB_PORT_MAX]; /* "1-2.3" */
    char serial[USB_TEXT_MAX];
    char product[USB_TEXT_MAX];
    uint16_t vendor_id, product_id;
    unsigned bus, device; /* its node is bus/usb/BUS/DEVICE, three digits each */
    uint8_t configuration;
    const char
        *flaw;    /* why an interface that is called CMSIS-DAP is none; NULL: there is none */
    bool nu_link; /* a Nu-Link, by its ids: may have CMSIS-DAP switched off */
    struct usb_pipe pipes[USB_VERSIONS];
};

struct usb_list {
    struct usb_seen seen[USB_SEEN_MAX]; /* ordered by port */
    size_t count;
    size_t left_out; /* devices that had no place */
};

/* Ordered by port. ERR_IO: sysfs is not readable; no probe at all is success. */
enum err usb_scan(const struct usb_roots *roots, struct usb_list *list_out);

/* The device's node and an interface's folder in sysfs. */
void usb_node_path(const struct usb_roots *roots, const struct usb_seen *seen,
                   char out[static USB_PATH_MAX]);
void usb_interface_path(const struct usb_roots *roots, const struct usb_seen *seen,
                        uint8_t number, char out[static USB_PATH_MAX]);

/* The first line of a small file; "" if there is none. Bytes that are not printable become '?'
 * (`test_probe_usb_scan`). */
void usb_read_line(const char *path, char *out, size_t size);
