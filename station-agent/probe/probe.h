/*
 * probe: the seam to a debug probe: send one CMSIS-DAP packet, receive one.
 *
 * Two kinds: tcp.c (OpenOCD's framing of CMSIS-DAP over TCP, "tcp://HOST:PORT") and usb.c
 * (CMSIS-DAP v2 bulk over libusb, "usb:serial=...", "usb:port=1-2.3" or "usb:" if there is only
 * one). A probe is opened by its name, used by one thread, and closed by whoever opened it.
 * Every call ends: a reply that does not come within its time is ERR_DEADLINE. Failures to open
 * are logged here; send and receive only keep their words, for the caller to log.
 * README.md beside this file says what each error means and what to try.
 */
#pragma once

#include "common/host/own.h"

enum {
    PROBE_PACKET_MAX = 4096, /* largest packet taken from or given to a probe */
    PROBE_NAME_MAX = 160,
    PROBE_REPLY_MS = 5000, /* for one reply: a shared USB bus may stall for seconds */
};

struct probe {
    enum err (*send)(struct probe *probe, struct span packet);
    /* The reply is borrowed until the next receive or close. */
    enum err (*receive)(struct probe *probe, struct span *reply_out, unsigned timeout_ms);
    void (*close)(struct probe *probe);
    size_t spare; /* bytes of the packet size to leave unused (USB: no exact multiples) */
    char name[PROBE_NAME_MAX];
};

enum err probe_open(const char *uri, struct probe **probe_out);

/* The probes on USB, one a line, those in a wrong mode with what to do; opens none of them. */
enum err probe_list(struct buf *text_out);
void probe_close(struct probe *probe); /* NULL is fine */
void probe_drop(struct probe **probe); /* AUTO(probe_drop) */

/* Read and forget replies until the probe has been silent for a while: after a lost reply. */
enum err probe_drain(struct probe *probe);

/* For probe_open, and for tests. */
enum err probe_tcp_open(const char *uri, struct probe **probe_out);
enum err probe_usb_open(const char *uri, struct probe **probe_out);
enum err probe_usb_open_at(const char *sysfs, const char *uri, struct probe **probe_out);
enum err probe_list_at(const char *sysfs, struct buf *text_out);
