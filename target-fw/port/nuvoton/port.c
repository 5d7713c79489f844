/* SPDX-License-Identifier: MIT */
/*
 * port_start(): the order of the start-up. Called once, by DevAuth, before anything else of the
 * port.
 */

#include "target-fw/port/port.h"

#include "target-fw/port/nuvoton/fmc.h"
#include "target-fw/port/nuvoton/keystore.h"
#include "target-fw/port/nuvoton/sys.h"

enum err port_start(void)
{
    enum err e = sys_open();
    if (e == ERR_OK)
        e = sys_engines();
    sys_close();
    TRY(e);
    TRY(keystore_open());
    return fmc_open();
}
