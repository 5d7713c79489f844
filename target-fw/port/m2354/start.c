/* SPDX-License-Identifier: MIT */
/*
 * The reset handler of DevAuth on the M2354. It runs from bank 0, whatever state the loader
 * left bank 1 in, and must not touch mailbox or state before bank 1 holds a word.
 */

#include "target-fw/port/m2354/reg.h"
#include "target-fw/port/nuvoton/image.h"
#include "target-fw/port/nuvoton/sys.h"

enum { AHB_SRAM1 = 1 << 21 };

/* Without its clock a bank drops what is written (M2354BSP's SystemInit() sets all three). */
static bool bank1_holds(void)
{
    enum err e = sys_open();
    reg_set(CLK_AHBCLK, AHB_SRAM1);
    sys_close();
    REG(bss_start) = DEVAUTH_IMAGE_MAGIC;
    return e == ERR_OK && REG(bss_start) == DEVAUTH_IMAGE_MAGIC;
}

/* No interrupt is taken; a stack overflow faults instead of overwriting data. */
_Noreturn void reset_handler(void)
{
    __asm__ volatile("cpsid i\n\tmsr msplim, %0" ::"r"(stack_limit) : "memory");
    if (!bank1_holds())
        fault_handler();
    image_run();
}
