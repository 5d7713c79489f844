/* SPDX-License-Identifier: MIT */
/*
 * test_devauth_emulated: the DevAuth image as built for the M2354, on the emulated chip, with
 * the peer that drives the host port too. One chip and one peer per process.
 */
#pragma once

#include "target-fw/board/chip/chip.h"
#include "tests/unit/test_devauth_peer.h"

enum {
    EMULATED_SLICE = 2000,       /* blocks */
    EMULATED_STACK_SIZE = 0x800, /* of link.ld */
};

#define EMULATED_STACK_PAINT 0x5aa5c33cu

extern struct chip emulated_chip;
extern struct peer emulated_peer;
extern uint32_t emulated_mailbox;     /* its address */
extern uint32_t emulated_stack_limit; /* its lowest address */
extern void (*emulated_turn)(void);   /* called before each turn of the board, once; NULL: no */

int emulated_open(void **state);        /* a blank chip that runs DevAuth; *state: the peer */
int emulated_close_noted(void **state); /* whatever the chip noted */
int emulated_close(void **state);       /* it noted nothing that silicon would pass over */
void emulated_reboot(void);             /* DevAuth loaded again, on the chip as it is */

uint32_t emulated_word(uint32_t address); /* as a debugger reads it */
size_t emulated_load_file(const char *path, uint8_t *out, size_t cap);
