/*
 * probe: the seam to a debug probe: send one CMSIS-DAP packet, receive one.
 *
 * Two kinds: tcp.c (OpenOCD's framing of CMSIS-DAP over TCP, "tcp://HOST:PORT") and usb.c
 * (CMSIS-DAP v2 bulk or v1 HID over libusb, "usb:serial=...", "usb:port=1-2.3" or "usb:" if
 * there is only one). A probe is opened by its name, used by one thread, and closed by whoever
 * opened it. Every call ends: a reply that does not come within its time is ERR_DEADLINE.
 * Failures to open are logged here; send and receive only keep their words, for the caller to
 * log. README.md beside this file says what each error means and what to try.
 */
#pragma once

#include "common/host/own.h"

enum {
    PROBE_PACKET_MAX = 4096, /* largest packet taken from or given to a probe */
    PROBE_NAME_MAX = 160,
    PROBE_REPLY_MS = 15000, /* for one reply: a shared USB bus may stall for seconds */
};

struct probe {
    enum err (*send)(struct probe *probe, struct span packet);
    /* The reply is borrowed until the next receive or close. */
    enum err (*receive)(struct probe *probe, struct span *reply_out, unsigned timeout_ms);
    void (*close)(struct probe *probe);
    size_t spare; /* bytes of the packet size to leave unused (bulk: no exact multiples) */
    size_t limit; /* bytes of a packet that it carries whole; 0: PROBE_PACKET_MAX */
    bool padded;  /* its replies are padded to a fixed size (HID) */
    char name[PROBE_NAME_MAX];
};

enum err probe_open(const char *uri, struct probe **probe_out);

void probe_close(struct probe *probe); /* NULL is fine */
void probe_drop(struct probe **probe); /* AUTO(probe_drop) */

/* Read and forget replies until the probe is silent, ask something and do so again: in step if
 * the last reply was the answer. After a lost reply, and when a probe is opened: a program that
 * crashed may have left some. */
enum err probe_drain(struct probe *probe);

/* What can be said of a probe on USB without opening it. */
enum probe_state {
    PROBE_READY,
    PROBE_DENIED,     /* no permission for its node */
    PROBE_BUSY,       /* holder says by whom */
    PROBE_WRONG_MODE, /* no CMSIS-DAP, but it could be switched on */
};

enum { PROBES_MAX = 64, PROBE_TEXT_MAX = 100, PROBE_ADVICE_MAX = 240 };

struct probe_info {
    char name[PROBE_NAME_MAX]; /* "usb:port=1-2.3" */
    char port[PROBE_TEXT_MAX], serial[PROBE_TEXT_MAX], product[PROBE_TEXT_MAX];
    uint16_t vendor_id, product_id;
    int v2, v1; /* its CMSIS-DAP interfaces, bulk and HID; -1: none */
    char node[PROBE_NAME_MAX];
    enum probe_state state;
    int holder_pid; /* 0: not known */
    char holder[PROBE_TEXT_MAX];
    char advice[PROBE_ADVICE_MAX]; /* what to do about its state; "" if it is ready */
};

/* The probes on USB in the order of their ports. Opens none of them. */
enum err probe_list(struct probe_info list[static PROBES_MAX], size_t *count_out);
const char *probe_state_text(enum probe_state state); /* "ready", "busy" */

/* For probe_open, and for tests. */
enum err probe_tcp_open(const char *uri, struct probe **probe_out);
enum err probe_usb_open(const char *uri, struct probe **probe_out);
