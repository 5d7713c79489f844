/* SPDX-License-Identifier: MIT */
/*
 * The table of the chip's blocks. Read through chip->blocks; an address must be in one block at
 * most.
 */

#include "target-fw/board/blocks.h"

const struct periph *const chip_blocks[] = {
    &periph_sys,  &periph_clk, &periph_gpio, &periph_fmc,  &periph_scu, &periph_fvc,
    &periph_dpm,  &periph_plm, &periph_btf,  &periph_crpt, &periph_ks,  &periph_uart,
    &periph_trng, &periph_rtc, &periph_core, NULL,
};
