/* SPDX-License-Identifier: MIT */
/*
 * wire: the SWD line clock by clock, for remote_bitbang and CMSIS-DAP's SWD_Sequence.
 *
 * Sits on swd: finds requests among the bits, answers with acknowledge and data, checks parity
 * both ways. A write with a parity error changes nothing and sets WDATAERR; 50 ones reset the
 * line from any state (IHI 0031, B4; `test_board_link`). Used by bitbang and dap.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "target-fw/board/swd.h"

enum wire_state { WIRE_LISTEN, WIRE_REQUEST, WIRE_ACK, WIRE_READ, WIRE_WRITE };

struct wire {
    struct swd *swd;
    enum wire_state state;
    unsigned clocks; /* in this state */
    uint8_t request; /* as it comes in */
    enum swd_ack ack;
    uint32_t data;
    unsigned ones; /* in a row, driven by either side */
};

void wire_init(struct wire *wire, struct swd *swd); /* swd is borrowed */
bool wire_out(const struct wire *wire); /* what the host reads before the next clock */

/* A rising edge of SWCLK: bit is SWDIO if the host drives it; an undriven line reads as one. */
void wire_clock(struct wire *wire, struct chip *chip, bool driven, bool bit);
