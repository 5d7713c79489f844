/* SPDX-License-Identifier: MIT */
/*
 * jtag: a JTAG-DP in front of the same access port, clock by clock, for OpenOCD's
 * remote_bitbang.
 *
 * The chip's pins do not offer it: it is there so that debuggers of other authors can drive the
 * core in tests. TAP: IEEE 1149.1; four-bit IR with ABORT 8, DPACC A, APACC B, IDCODE E
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

/* jtag_init: Test-Logic-Reset. jtag_pins: the pins as the host drives them now; an access is
 * made on the rising edge of tck that updates the register. jtag_tdo: the pin until the next.
 */
void jtag_init(struct jtag *jtag);
void jtag_pins(struct jtag *jtag, struct chip *chip, bool tck, bool tms, bool tdi);
bool jtag_tdo(const struct jtag *jtag);
