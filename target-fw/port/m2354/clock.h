/* SPDX-License-Identifier: MIT */
/* clock: HCLK of the M2354 at 48 MHz. Used by port.c. ERR_FAULT: a clock is not stable in time.
 */
#pragma once

#include "target-fw/port/m2354/reg.h"

enum err clock_48mhz(void); /* from the internal oscillator; protected registers open */
