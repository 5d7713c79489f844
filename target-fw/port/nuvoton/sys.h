/* SPDX-License-Identifier: MIT */
/* sys: the write-protection lock of the system registers, the common clock, waiting. Used by
 * each chip's port.c. ERR_FAULT: a lock or clock does not react in time. */
#pragma once

#include "target-fw/port/nuvoton/reg.h"

enum err sys_open(void); /* protected registers may be written until sys_close() */
void sys_close(void);

/* With the registers open: */
enum err sys_hirc(void);      /* HCLK from the internal 12 MHz oscillator */
void sys_reset_engines(void); /* CRPT and KS */
void sys_tick(void);          /* SysTick for port_wait(), whatever HCLK is */

enum err sys_engines(void); /* each chip's own: power, clocks, engines, tick */
