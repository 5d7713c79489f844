/* SPDX-License-Identifier: MIT */
/*
 * Erase of a page: pages of the M2354 are pages of the layout, 2 KiB. Called by
 * devauth/flash.c, which keeps the address within the layout.
 */

#include "target-fw/port/nuvoton/fmc.h"
#include "target-fw/port/port.h"

enum err port_flash_erase(uint32_t page)
{
    if (page % FLASH_PAGE_SIZE != 0 || page >= FLASH_APROM_SIZE)
        return ERR_RANGE;
    return fmc_erase(page);
}
