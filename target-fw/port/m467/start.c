/* SPDX-License-Identifier: MIT */
/*
 * The reset handler of DevAuth on the M467. A Cortex-M4 has no stack limit, so only the build's
 * stack figure keeps the stack within its place.
 */

#include "target-fw/port/nuvoton/image.h"

/* No interrupt is ever taken. */
_Noreturn void reset_handler(void)
{
    __asm__ volatile("cpsid i" ::: "memory");
    image_run();
}
