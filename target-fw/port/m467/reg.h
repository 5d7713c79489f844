/* SPDX-License-Identifier: MIT */
/* reg: bits of the M467 beside those of port/nuvoton (m460bsp, clk_reg.h and fmc_reg.h). */
#pragma once

#include "target-fw/port/nuvoton/reg.h"

enum {
    PWRCTL_LIRCEN = 1 << 3,
    STATUS_LIRC = 1 << 3,
    CLKSEL2_TRNG_LIRC = 1 << 27,
};

#define LDROM_BASE 0x0f100000u
