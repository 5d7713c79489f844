/* SPDX-License-Identifier: MIT */
/* Where DevAuth begins on the M467. A Cortex-M4 has no stack limit: the build's figure must do.
 */
#include "target-fw/port/nuvoton/image.h"

/* No interrupt is ever taken. */
_Noreturn void reset_handler(void)
{
    __asm__ volatile("cpsid i" ::: "memory");
    image_run();
}
