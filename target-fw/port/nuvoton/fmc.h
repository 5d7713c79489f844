/* SPDX-License-Identifier: MIT */
/*
 * fmc: the flash controller (M2354BSP and m460bsp, fmc_reg.h and fmc.c).
 *
 * Update enables are set for the time of one operation only. ISPFF and PGFF are checked after
 * each one (`test_devauth_board`): upstream tools check neither, and report success for flash
 * that was not programmed. Used by each chip's flash.c and lock.c.
 */
#pragma once

#include "target-fw/port/nuvoton/reg.h"
#include "target-fw/port/port.h"

extern const uint32_t fmc_config_address; /* CONFIG0: each chip's own */

/*
 * fmc_open: enables ISP and resets VECMAP, once at start-up. All answer ERR_CHIP for ISPFF or
 * PGFF, and ERR_FAULT if the controller stays busy.
 */
enum err fmc_open(void);
enum err fmc_erase(uint32_t page);                       /* of the size that the chip has */
enum err fmc_read(uint32_t address, uint32_t *word_out); /* any region */

/*
 * The CONFIG words, in force after a chip reset: erased, then words 3, 2 and 1, each read back,
 * then word 0. A page whose words 3, 2 and 1 are there and whose word 0 is blank is not erased
 * again. A mask of 0 starts no operation (permit.h); word_0 is what the mask has left of
 * words[0].
 */
enum err fmc_config_write(const uint32_t words[PORT_CONFIG_WORDS], uint32_t word_0,
                          uint32_t mask);
