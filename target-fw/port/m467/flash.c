/* SPDX-License-Identifier: MIT */
/*
 * Erase of a page. A page of the M467 is two pages of the layout: 4 KiB. To erase one, the
 * other is kept in SRAM and programmed again. Called by devauth/flash.c.
 *
 * Certificate areas and the record have a page of the chip each, so only the two halves of a
 * firmware's page depend on each other; after a power loss in between the next run burns both
 * again.
 */

#include "target-fw/port/nuvoton/fmc.h"
#include "target-fw/port/port.h"

#include <assert.h>
#include <string.h>

enum { CHIP_PAGE_SIZE = 0x1000 };

static_assert(CHIP_PAGE_SIZE == 2 * FLASH_PAGE_SIZE, "two halves");

static enum err put_back(uint32_t half, const uint8_t *kept)
{
    TRY(port_flash_program(half, span_of(kept, FLASH_PAGE_SIZE)));
    return memcmp(port_flash(half, FLASH_PAGE_SIZE).ptr, kept, FLASH_PAGE_SIZE) == 0
               ? ERR_OK
               : ERR_VERIFY;
}

enum err port_flash_erase(uint32_t page)
{
    static uint8_t kept[FLASH_PAGE_SIZE];
    if (page % FLASH_PAGE_SIZE != 0 || page >= FLASH_APROM_SIZE)
        return ERR_RANGE;
    uint32_t half = page ^ FLASH_PAGE_SIZE;
    memcpy(kept, port_flash(half, FLASH_PAGE_SIZE).ptr, FLASH_PAGE_SIZE);
    TRY(fmc_erase(page & ~(uint32_t)(CHIP_PAGE_SIZE - 1)));
    return put_back(half, kept);
}
