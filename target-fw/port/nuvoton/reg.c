/* SPDX-License-Identifier: MIT */
/*
 * The limit of each wait, and the loop that waits. Called by all files of the port. A wait must
 * not have a limit of its own: it is a row of this table.
 */

#include "target-fw/port/nuvoton/reg.h"

/*
 * The longest that each block may take, in milliseconds: what the BSP allows where it says so
 * (clocks 300, flash 250 for an erase), twice that for flash, and generous guesses elsewhere.
 * The fault switches of virtual-board try one of each (tests/unit/test_devauth_board.c).
 */
const uint16_t wait_limit_ms[WAITS] = {
    [WAIT_CLOCK] = 300, [WAIT_POWER] = 100, [WAIT_KEYSTORE] = 300, [WAIT_TRNG] = 200,
    [WAIT_PRNG] = 100,  [WAIT_ECC] = 300,   [WAIT_SHA] = 100,      [WAIT_AES] = 100,
    [WAIT_FLASH] = 500, [WAIT_DPM] = 300,   [WAIT_UART] = 100,
};

/* A poll is a read over the bus, a comparison and two branches; neither core is faster. */
enum { HCLK_KHZ_MAX = 48000, POLL_CYCLES_MIN = 8 };

uint32_t reg_polls(enum wait what)
{
    return (uint32_t)wait_limit_ms[what] * (HCLK_KHZ_MAX / POLL_CYCLES_MIN);
}

enum err reg_wait(enum wait what, uint32_t address, uint32_t mask, uint32_t want)
{
    for (uint32_t left = reg_polls(what); left > 0; left--)
        if ((REG(address) & mask) == want)
            return ERR_OK;
    return ERR_FAULT;
}
