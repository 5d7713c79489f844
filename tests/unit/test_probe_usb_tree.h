/* SPDX-License-Identifier: MIT */
/*
 * A system of a test's own for station-agent/probe/usb_*.c: sysfs, /dev, /proc and a folder for
 * locks, under a temporary folder. Devices are described, their descriptors made from that.
 */
#pragma once

#include "station-agent/probe/usb_scan.h"

enum { TREE_INTERFACES = 4 };

/* What an interface looks like. */
enum tree_kind {
    TREE_NONE,
    TREE_V2,       /* vendor, bulk OUT 02, bulk IN 81 */
    TREE_V2_SWO,   /* and one more bulk IN */
    TREE_V2_ALT,   /* only in its alternate setting */
    TREE_V2_SMALL, /* endpoints of 32 bytes */
    TREE_ICE,      /* vendor, bulk IN first */
    TREE_VENDOR_1, /* vendor, subclass 1 */
    TREE_V1,       /* HID, interrupt IN 83, interrupt OUT 04 */
    TREE_V1_IN,    /* HID without an OUT endpoint */
    TREE_MOUSE,    /* HID boot device */
    TREE_CDC,      /* data interface of a serial port */
};

struct tree_device {
    const char *port;
    uint16_t vendor, product;
    const char *serial, *name;
    struct {
        enum tree_kind kind;
        const char *name;
    } interfaces[TREE_INTERFACES];
};

extern struct usb_roots tree; /* its folders, from tree_up to tree_down */

int tree_up(void **state);
int tree_down(void **state);
void tree_plug(const struct tree_device *list, size_t count); /* in place of what was there */

/* A file's text, or a symbolic link, at a path below the temporary folder. */
void tree_file(const char *path, const void *bytes, size_t len);
void tree_text(const char *path, const char *text);
void tree_link(const char *path, const char *target);
void tree_path(const char *path, char out[static USB_PATH_MAX]); /* the whole path */
