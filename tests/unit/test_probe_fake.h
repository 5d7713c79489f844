/* SPDX-License-Identifier: MIT */
/*
 * A CMSIS-DAP probe and a target in memory, behind the seam of station-agent/probe/probe.h.
 *
 * It follows ARM's reference firmware where a host can tell: TAR wraps at 1 KiB, a FAULT sticks
 * until ABORT, a failed transfer ends its command but not the packet, a mismatch ends its
 * command only. The target is 64 KiB of SRAM, two pages of flash (which only hooks change) and
 * a few registers; hooks make it do things.
 */
#pragma once

#include "station-agent/probe/probe.h"

enum {
    FAKE_SRAM_SIZE = 0x10000,
    FAKE_FLASH = 0xF8000,
    FAKE_FLASH_SIZE = 0x1000,
    FAKE_REGISTERS = 48,
    FAKE_REPLIES = 16,
};

/* What the wire does to one transfer. */
enum fake_glitch {
    FAKE_NO_GLITCH,
    FAKE_DROP,    /* the line is lost: no answer until it is reset */
    FAKE_PARITY,  /* what a read gave arrives damaged */
    FAKE_WAIT,    /* an access that never ends: WAIT from then on, until it is aborted */
    FAKE_DAMAGED, /* what a write brings arrives damaged: WDATAERR, and FAULT from then on */
    FAKE_GLITCHES
};

/* How the probe lies, about transfers to access ports if nothing else is said. */
enum fake_lie {
    FAKE_HONEST,
    FAKE_NO_CONNECT,   /* Connect is answered by port 0 */
    FAKE_NO_CLOCK,     /* SWJ_Clock is refused */
    FAKE_NOTHING_DONE, /* 05 00 00: none of the transfers was made, and no reason is given */
    FAKE_ONE_LESS,     /* one transfer less than was asked, yet no error */
    FAKE_BARE_FAULT,   /* FAULT, while CTRL/STAT shows no error */
    FAKE_FAULT_ONCE,   /* a read is refused the first time only */
    FAKE_STICKY_STAYS, /* ABORT does not clear STICKYERR */
    FAKE_WAIT_ALWAYS,  /* WAIT, also after ABORT */
    FAKE_DEAF,         /* the access port forgets what is written to it */
    FAKE_LIES
};

struct fake_reply {
    uint8_t bytes[PROBE_PACKET_MAX];
    size_t len;
};

struct fake {
    struct probe probe;
    /* what the probe is */
    uint16_t packet_size;
    uint8_t packet_count;
    bool atomic;
    unsigned holds;            /* so many packets at once, whatever it says; 0: as it says */
    uint32_t clock_top;        /* SWJ_Clock above it is refused; 0: none is */
    bool execute_half;         /* of ExecuteCommands it does the first only */
    bool no_match;             /* match bits are ignored: an old firmware */
    bool no_answer;            /* nothing on the wire */
    bool dormant;              /* until it is woken from that */
    bool mute;                 /* the probe itself does not answer */
    unsigned late;             /* so many receives are in vain, though the reply is there */
    unsigned late_at;          /* the so-manieth from now on is; 0: none */
    bool no_reset_pin;         /* nRESET is not wired, and reads low */
    bool reset_stuck;          /* somebody holds it: letting go does not help */
    uint32_t noise;            /* not 0: replies are damaged at random from this seed */
    uint32_t clock, clock_max; /* above it reads of SRAM go wrong; 0: never */
    uint32_t wire_max;         /* above that clock each transfer ends with wire_response */
    uint8_t wire_response;
    bool ap_only; /* those of access ports only */
    enum fake_glitch glitch;
    unsigned glitch_at;    /* to that transfer from now on, 1 the next; 0: none */
    unsigned glitch_every; /* then to each so-manieth; 0: once */
    unsigned match_tries;
    /* the target */
    uint8_t sram[FAKE_SRAM_SIZE];
    uint8_t flash[FAKE_FLASH_SIZE];
    struct {
        uint32_t address, value;
    } registers[FAKE_REGISTERS];
    uint32_t fault_from, fault_to;     /* accesses in between are refused, and those that */
    bool (*refuses)(uint32_t address); /* says so; NULL: none */
    enum fake_lie lie;
    uint32_t refused_once; /* by FAKE_FAULT_ONCE */
    bool pins_shut; /* firmware runs that answers nothing on SWD, unless it is in reset */
    bool reset_low; /* the board is in reset: all are */
    void (*on_write)(struct fake *fake, uint32_t address, uint32_t value);
    void (*on_read)(struct fake *fake, uint32_t address);
    void (*on_reset)(struct fake *fake, bool low); /* nRESET */
    void *user;
    /* its debug port */
    bool sticky, data_error, line_lost, stuck;
    uint32_t dpidr, select, ctrl_stat, csw, tar, mask;
    /* on the way to the host, and what a test may look at */
    struct fake_reply replies[FAKE_REPLIES];
    size_t sent, received, deepest;
    unsigned packets, aborts, resets, largest, transfers;
};

void fake_init(struct fake *fake);
uint32_t fake_get(const struct fake *fake, uint32_t address);
void fake_set(struct fake *fake, uint32_t address, uint32_t value);
