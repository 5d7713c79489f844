/*
 * fmc: the flash controller (M2354BSP fmc_reg.h, fmc.c).
 *
 * Update enables are set for the time of one operation only. ISPFF and PGFF are checked after
 * every one: upstream tools check neither, and so burn flash that was never programmed.
 */
#pragma once

#include "target-fw/port/m2354/reg.h"

enum { FMC_CONFIG_WORDS = 4 };

enum err fmc_open(void);
enum err fmc_config_read(uint32_t words[FMC_CONFIG_WORDS]);
enum err fmc_config_write(const uint32_t words[FMC_CONFIG_WORDS]); /* in force after a reset */
