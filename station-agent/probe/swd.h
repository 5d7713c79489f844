/* SPDX-License-Identifier: MIT */
/*
 * swd: a serial wire debug port behind a probe, and a queue of transfers to it.
 *
 * Transfers are queued, then flushed: they are packed into as few packets as the probe allows
 * (TransferBlock, several commands in one ExecuteCommands), and as many packets are in flight
 * as it has buffers. Values arrive with the flush; queued pointers are borrowed until then.
 * After a failed flush the queue is empty, sticky errors are cleared and SELECT is set again
 * before its next use; which of the queued writes took place is unknown.
 *
 * A refused transfer may be an answer (a locked board) and not a failure, so flush and connect
 * are quiet: their messages are kept (fail_words()) and their callers log them. ability.c
 * learns what the probe can do, swd.c connects, queue.c queues and flushes, pack.c lays out
 * packets. ARM IHI 0031 (ADIv5); ARM CMSIS-DAP 2.1. Used by mem.c and chip/.
 */
#pragma once

#include "station-agent/probe/dap.h"
#include "station-agent/probe/probe.h"

enum {
    SWD_QUEUE_MAX = 160,    /* queued transfers and blocks; the next one flushes */
    SWD_IN_FLIGHT_MAX = 8,  /* packets */
    SWD_COMMANDS_MAX = 12,  /* in one packet */
    SWD_MATCH_BLOCK_MS = 8, /* about how long the probe itself waits for one match */
};

/* Registers as the A[3:2] and APnDP bits of a request. AP registers of bank 0 or F. */
enum swd_register {
    SWD_DPIDR = 0x0,
    SWD_ABORT = 0x0,
    SWD_CTRL_STAT = 0x4,
    SWD_SELECT = 0x8,
    SWD_RDBUFF = 0xC,
};

enum {
    SWD_ABORT_CLEAR = 0x1E, /* STKCMP, STKERR, WDERR, ORUNERR */
    SWD_ABORT_ALL = 0x1F,   /* and DAPABORT: of a transfer that gets no answer but WAIT */
};

/* Bits of CTRL/STAT. */
enum { SWD_STAT_STICKYERR = 1 << 5, SWD_STAT_WDATAERR = 1 << 7 };
#define SWD_STAT_POWERED 0xA0000000u /* debug and system power are acknowledged */

struct swd_op {
    uint8_t request;
    uint16_t count;    /* transfers of this register */
    uint32_t operand;  /* of a single write, mask or match */
    const uint8_t *in; /* words of a block write, little-endian, or NULL: operand */
    uint8_t *out;      /* words of a read, little-endian */
    uint32_t *word;    /* or a single read's value */
};

struct swd_cursor {
    size_t op;
    uint16_t word; /* of that op */
};

struct swd_command {
    bool block;
    uint16_t count; /* transfers */
    struct swd_cursor from;
};

struct swd_packet {
    struct swd_command commands[SWD_COMMANDS_MAX];
    uint8_t count;
};

struct swd {
    struct probe *probe; /* borrowed */
    uint32_t clock_hz;
    uint32_t dpidr;
    size_t stated_size;  /* of a packet, as the probe says; 0: not known yet */
    size_t packet_size;  /* usable bytes of a packet, each way */
    size_t packet_count; /* packets in flight */
    bool can_execute;    /* the probe takes several commands in a packet */
    bool can_match;      /* its value match passed the self-test */
    bool match_tested;
    unsigned match_tests; /* started: the wire may fail in the middle of one */
    unsigned drops;       /* lost links at this clock */
    size_t under_way;     /* packets whose reply is due */
    bool lost;            /* the line needs swd_connect before anything else */
    unsigned epoch;       /* connections so far: what was set up before one is gone */
    bool stale;           /* a reply was lost: drain before the next command */
    bool given_up;        /* a command failed twice, with the probe in step in between */
    bool light;           /* the probe was told to show that it is connected */
    bool no_light;        /* it does not answer HostStatus */
    bool select_known;
    uint32_t select;
    uint8_t response; /* of the transfer that failed last */
    bool refused;     /* the latest flush ended in a FAULT that CTRL/STAT explains */
    size_t queued;
    struct swd_op queue[SWD_QUEUE_MAX];
    struct swd_packet in_flight[SWD_IN_FLIGHT_MAX];
    uint8_t scratch[PROBE_PACKET_MAX];
};

/* Finds out what the probe can do, and tests what it reports. Caller's storage; probe is
 * borrowed, nothing else is to be released. */
enum err swd_init(struct swd *swd, struct probe *probe, uint32_t clock_hz);

/* Connects, also repeatedly: line reset, DPIDR, debug power. Repeated here if the wire fails in
 * between. ERR_UNAVAILABLE: nothing answers on the wire; ERR_FAULT: debug power does not come
 * up, or the answers are damaged. */
enum err swd_connect(struct swd *swd);
enum err swd_disconnect(struct swd *swd);

/* Did the transfer that failed last get no answer, or a damaged one? Then it was not refused:
 * the board may not have received it. */
bool swd_wire_failed(const struct swd *swd);

/* May the flush that ended in e have failed by wire or probe, instead of being refused? Then it
 * is not known which of its transfers took place. */
bool swd_is_unsure(const struct swd *swd, enum err e);

/* May such a failure be retried, after `tries` of them? Counts it; slows SWD down if the wire
 * has failed too often at this clock. */
bool swd_again(struct swd *swd, enum err e, unsigned tries);

/* Fewer packets in flight, or one command in a packet, from the next flush on, for a probe that
 * may not do what it reported. Counted and logged. */
void swd_step_down(struct swd *swd, size_t packets, const char *why);
void swd_step_down_commands(struct swd *swd, const char *why);

/* Half the clock, from the next connection on. False: it is at the least. */
bool swd_slow_down(struct swd *swd);
void swd_say_slower(const struct swd *swd, const char *why);

/* Holds nRESET low for low_ms, releases it and waits settle_ms. The line is then lost. */
enum err swd_reset_pin(struct swd *swd, unsigned low_ms, unsigned settle_ms);
/* Pulls nRESET low, or releases it, and waits. The line is then lost: connect again. */
enum err swd_hold_reset(struct swd *swd, bool low, unsigned wait_ms);

/* The queue. reg of an AP: its address 0x00-0xFC; SELECT is written when its bank changes. A
 * full queue is flushed first, so these may fail as swd_flush() does. */
enum err swd_queue_dp_read(struct swd *swd, enum swd_register reg, uint32_t *value_out);
enum err swd_queue_dp_write(struct swd *swd, enum swd_register reg, uint32_t value);
enum err swd_queue_ap_read(struct swd *swd, uint8_t ap, uint8_t reg, uint32_t *value_out);
enum err swd_queue_ap_write(struct swd *swd, uint8_t ap, uint8_t reg, uint32_t value);
enum err swd_queue_ap_block_write(struct swd *swd, uint8_t ap, uint8_t reg, const uint8_t *in,
                                  uint16_t words);
enum err swd_queue_ap_block_read(struct swd *swd, uint8_t ap, uint8_t reg, uint8_t *out,
                                 uint16_t words);
enum err swd_queue_dp_match(struct swd *swd, enum swd_register reg, uint32_t mask,
                            uint32_t value);
/* Only if can_match; a flush that ends in ERR_MISMATCH did not see the value in time. */
enum err swd_queue_ap_match(struct swd *swd, uint8_t ap, uint8_t reg, uint32_t mask,
                            uint32_t value);

/* ERR_FAULT with swd->refused: the target refused a transfer; without: see swd_wire_failed().
 * ERR_BUSY: WAIT without end; ERR_MISMATCH: a match; others: the probe's. */
enum err swd_flush(struct swd *swd);

/* Releases nRESET if it is low, as a killed program or a power failure may have left it, and
 * gives the board settle_ms for its start (`test_chip_m2354`). low_out: the pin still reads
 * low, since something else holds it or the probe does not read it. */
enum err swd_let_go(struct swd *swd, unsigned settle_ms, bool *low_out);
