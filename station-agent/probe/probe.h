/* SPDX-License-Identifier: MIT */
/*
 * probe: the seam to a debug probe: send one CMSIS-DAP packet, receive one.
 *
 * Two kinds: tcp.c (OpenOCD's framing of CMSIS-DAP over TCP, "tcp://HOST:PORT") and usb.c
 * (CMSIS-DAP v2 bulk or v1 HID over libusb, "usb:serial=...", "usb:port=1-2.3" or "usb:" if
 * there is only one). A probe is opened by its name, used by one thread, and closed by its
 * opener. Each call ends within its time: a reply that does not come is ERR_DEADLINE
 * (`test_probe_usb`, `test_probe_tcp`). Failures to open are logged here; send and receive only
 * keep their message, for the caller to log. README.md beside this file says what each error
 * means and what to try.
 */
#pragma once

#include "common/host/own.h"

enum {
    PROBE_PACKET_MAX = 4096, /* largest packet taken from or given to a probe */
    PROBE_PACKET_UNIT = 64,  /* packets' sizes are multiples: a full-speed endpoint's */
    PROBE_NAME_MAX = 160,
    PROBE_REPLY_MS = 15000, /* for one reply: a shared USB bus may stall for seconds */
    PROBE_REPLY_MIN_MS = 1000,
    PROBE_REPLY_MAX_MS = 600000,
    PROBE_CLOCK_DEFAULT_HZ = 10000000, /* of SWD; slower if the wires are too long for it */
    PROBE_CLOCK_MIN_HZ = 100000,
    PROBE_CLOCK_MAX_HZ = 50000000,
};

/* What happened at a probe since it was opened. */
struct probe_counts {
    uint64_t packets, bytes_out, bytes_in;
    uint64_t round_trips;   /* waits for a reply with nothing else on its way */
    uint32_t lost_links;    /* no answer on SWD, or a damaged one */
    uint32_t waits;         /* WAIT answered until the probe gave up */
    uint32_t faults;        /* accesses that the target refused */
    uint32_t redone;        /* accesses done again after one of these, or a lost reply */
    uint32_t resyncs;       /* times that replies were lost or made no sense */
    uint32_t stale_replies; /* read and dropped */
    uint32_t clock_steps;   /* times that SWD was slowed down */
    uint32_t usb_resets;    /* of a probe that did not answer */
    uint32_t power_cycles;  /* of its USB port */
    uint32_t clock_hz;      /* of SWD, as last asked for; 0: not yet */
    uint32_t in_flight;     /* packets, at most; 0: not yet known */
    uint32_t stepped_down;  /* times that it held fewer packets than it reported */
    bool polled;            /* it does not wait for a value: the host reads repeatedly */
};

struct probe {
    enum err (*send)(struct probe *probe, struct span packet);
    /* The reply is borrowed until the next receive or close. */
    enum err (*receive)(struct probe *probe, struct span *reply_out, unsigned timeout_ms);
    void (*close)(struct probe *probe);
    size_t spare;      /* bytes of the packet size to leave unused (bulk: no exact multiples) */
    size_t limit;      /* bytes of a packet that it carries whole; 0: PROBE_PACKET_MAX */
    bool padded;       /* its replies are padded to a fixed size (HID) */
    unsigned reply_ms; /* for one reply; 0: PROBE_REPLY_MS */
    unsigned slowest_ms; /* that a reply took so far */
    struct probe_counts counts;
    char name[PROBE_NAME_MAX];
};

/*
 * Opens the probe and checks that it answers in step. reply_ms: for one reply, at least
 * PROBE_REPLY_MIN_MS but in tests; 0: PROBE_REPLY_MS. *probe_out is the caller's. ERR_USAGE: no
 * such URI; ERR_CONFIG: more than one fits; ERR_NOT_FOUND, ERR_DENIED, ERR_BUSY,
 * ERR_UNAVAILABLE, ERR_IO: see README.md.
 */
enum err probe_open(const char *uri, unsigned reply_ms, struct probe **probe_out);
unsigned probe_reply_ms(const struct probe *probe);
unsigned probe_silence_ms(const struct probe *probe); /* longer than its slowest reply took */

void probe_close(struct probe *probe); /* NULL is fine */
void probe_drop(struct probe **probe); /* AUTO(probe_drop) */

/* Drops replies until the probe is silent for longer than its slowest reply took, then sends
 * two commands that have different answers: it is in step if each was answered, else ERR_PROTO.
 * For use after a lost reply, and when a probe is opened, since a program that crashed may have
 * left replies. */
enum err probe_drain(struct probe *probe);

/* The state of a probe on USB, as far as it is known without opening it. */
enum probe_state {
    PROBE_READY,
    PROBE_DENIED,     /* no permission for its node */
    PROBE_BUSY,       /* holder says by whom */
    PROBE_WRONG_MODE, /* no CMSIS-DAP that can be used; advice says why */
};

enum { PROBES_MAX = 64, PROBE_TEXT_MAX = 384, PROBE_ADVICE_MAX = 240 };

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
enum err probe_tcp_open(const char *uri, unsigned reply_ms, struct probe **probe_out);
enum err probe_usb_open(const char *uri, unsigned reply_ms, struct probe **probe_out);
