/* SPDX-License-Identifier: MIT */
/*
 * fmc: the flash controller (M2354BSP and m460bsp, fmc_reg.h and fmc.c).
 *
 * Update enables are set for the time of one operation only. ISPFF and PGFF are checked after
 * every one: upstream tools check neither, and so burn flash that was never programmed.
 */
#pragma once

#include "target-fw/port/nuvoton/reg.h"

enum { FMC_CONFIG_WORDS = 4 };

extern const uint32_t fmc_config_address; /* CONFIG0: each chip's own */

enum err fmc_open(void);
enum err fmc_erase(uint32_t page);                       /* of the size that the chip has */
enum err fmc_read(uint32_t address, uint32_t *word_out); /* any region */
enum err fmc_config_read(uint32_t words[FMC_CONFIG_WORDS]);
enum err fmc_config_clear(unsigned word, uint32_t bits); /* in force after a chip reset */
