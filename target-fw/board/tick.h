/* SPDX-License-Identifier: MIT */
/*
 * tick: SysTick's registers. It counts board time (chip.cycles). Used by core.c, which declares
 * core_tick() and core_tick_left() for chip.
 */
#pragma once

#include <stdint.h>

enum { TICK_CSR = 0xe010, TICK_RVR = 0xe014, TICK_CVR = 0xe018 }; /* from 0xE0000000 */

struct chip;

/* Registers; offset is one of the above, 0 is read from any other. */
uint32_t tick_read(struct chip *chip, uint32_t offset);
void tick_write(struct chip *chip, uint32_t offset, uint32_t value);
