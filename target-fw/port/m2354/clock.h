/* SPDX-License-Identifier: MIT */
/* clock: HCLK of the M2354 at 48 MHz. */
#pragma once

#include "target-fw/port/m2354/reg.h"

enum err clock_48mhz(void); /* from the internal oscillator; protected registers open */
