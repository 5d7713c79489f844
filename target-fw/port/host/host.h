/* SPDX-License-Identifier: MIT */
/*
 * host: a chip in memory under port.h, with OpenSSL for its engines. For tests only.
 *
 * One chip per process: host_chip is what the port works on; a test sets it up, reads it, and
 * sets its faults. host_reset() does what a chip reset does: KeyStore SRAM is lost, all else
 * stays. Not thread safe.
 */
#pragma once

#include "target-fw/port/port.h"

enum { HOST_SLOTS = 8, HOST_KEY_SIZE = 32 };

struct host_slot {
    bool used;
    bool revoked;
    uint8_t value[HOST_KEY_SIZE]; /* big-endian */
};

struct host_chip {
    struct port_identity identity;
    uint8_t flash[FLASH_APROM_SIZE];
    struct host_slot otp[HOST_SLOTS];
    struct host_slot sram[HOST_SLOTS];

    /* The locks, in the order in which port_lock() sets them. */
    bool deployed;
    uint32_t config[PORT_CONFIG_WORDS];
    bool dpm[2]; /* all bits of a side */

    /* Faults. */
    bool sign_with_k_1; /* as reported of the silicon */
    bool start_fails;
    bool otp_ignores_writes;
    bool rehearsal_differs; /* the words that the CPU writes are another key, in SRAM too */
    unsigned otp_tears; /* so many OTP writes more leave another value, and report success */
    uint32_t flash_fails_at;    /* programming this address reports an error; 0: none */
    int power_cut_after_writes; /* flash, OTP and lock writes left before all fail; -1: no cut
                                 */

    unsigned erased, programmed, writes; /* counters: pages, units, all writes there are */
    void (*wait)(void *context);         /* called by port_wait(): the agent's turn */
    void *wait_context;
};

extern struct host_chip host_chip;

void host_blank(void); /* a factory-fresh chip */
void host_reset(void);
