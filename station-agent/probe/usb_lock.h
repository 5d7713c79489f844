/* SPDX-License-Identifier: MIT */
/*
 * usb_lock: one program per probe, even if they would use different interfaces of it.
 *
 * A file per USB port, locked by flock(2) as long as the probe is open; it names the holder.
 * The kernel frees the lock of a program that dies. The file stays: if it were removed, two
 * programs could lock two files of one name. Used by usb.c and usb_list.c.
 */
#pragma once

#include "station-agent/probe/usb_scan.h"

enum { USB_PROGRAM_MAX = 32, USB_HOLDER_MAX = 120 };

/* A process that uses a probe; pid 0 if it is not visible to this user, its name then "". */
struct usb_holder {
    int pid;
    char program[USB_PROGRAM_MAX];
};

/* The caller closes the descriptor when the probe is closed. ERR_BUSY names the holder. */
enum err usb_lock_take(const struct usb_roots *roots, const char *port, int *fd_out);
void usb_lock_release(int *fd); /* clears the holder's name, closes; -1 is fine */

/* The holder, found without taking the lock; false: none. */
bool usb_lock_holder(const struct usb_roots *roots, const char *port,
                     struct usb_holder *holder_out);

/* "station-agent (pid 1234)", or "another program" with the command that names it. */
void usb_holder_words(const struct usb_holder *holder, char *out, size_t size);
