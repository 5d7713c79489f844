/* SPDX-License-Identifier: MIT */
/*
 * jtag: a JTAG-DP in front of the same access port, clock by clock, for OpenOCD's
 * remote_bitbang.
 *
 * Not what the chip's pins offer: a test door, so that a debugger which nobody here wrote can
 * drive the core. TAP: IEEE 1149.1; four-bit IR with ABORT 8, DPACC A, APACC B, IDCODE E
 * (ADIv5).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "target-fw/board/swd.h"

struct jtag {
    unsigned state;
    uint32_t ir;
    uint32_t ir_shift;
    uint64_t shift;
    uint32_t result; /* of the access before */
    bool tck;
    struct swd dp;
};

void jtag_init(struct jtag *jtag);
void jtag_pins(struct jtag *jtag, struct chip *chip, bool tck, bool tms, bool tdi);
bool jtag_tdo(const struct jtag *jtag);
