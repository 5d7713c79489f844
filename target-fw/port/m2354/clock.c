/* SPDX-License-Identifier: MIT */
/*
 * HCLK at 48 MHz from the internal oscillator. Called by port.c at start-up, with the protected
 * registers open. At no step may HCLK be faster than the power level and the flash's wait
 * states allow.
 */

#include "target-fw/port/m2354/clock.h"

#include "target-fw/port/nuvoton/sys.h"

enum {
    PL_SELECT = 3,
    PL_WRITING = 1 << 7,
    PL_CHANGING = 1 << 0,
    CYCLE_MASK = 0xf,
    CYCLE_ANY = 4,   /* enough up to 96 MHz */
    CYCLE_48MHZ = 2, /* from 25 to 50 MHz */
    HIRC48EN = 1 << 18,
    HIRC48_STABLE = 1 << 6,
    HCLK_MASK = 7,
    HCLK_FROM_HIRC48 = 5,
};

/* Level 0 allows clocks up to 96 MHz; an application may have left level 3, which allows 4. */
static enum err power_level_0(void)
{
    TRY(reg_wait(WAIT_POWER, SYS_PLCTL, PL_WRITING, 0));
    reg_field(SYS_PLCTL, PL_SELECT, 0);
    TRY(reg_wait(WAIT_POWER, SYS_PLCTL, PL_WRITING, 0));
    return reg_wait(WAIT_POWER, SYS_PLSTS, PL_CHANGING, 0);
}

/*
 * In the order of M2354BSP's CLK_SetHCLK(): 12 MHz first, then voltage and flash cycles for
 * any clock, then the source, then the cycles for it. HIRC48 is what Nuvoton's own flash
 * loader runs on (OpenOCD-Nuvoton, M2354).
 */
enum err clock_48mhz(void)
{
    TRY(sys_hirc());
    TRY(power_level_0());
    reg_field(FMC_CYCCTL, CYCLE_MASK, CYCLE_ANY);
    reg_set(CLK_PWRCTL, HIRC48EN);
    TRY(reg_wait(WAIT_CLOCK, CLK_STATUS, HIRC48_STABLE, HIRC48_STABLE));
    reg_field(CLK_CLKSEL0, HCLK_MASK, HCLK_FROM_HIRC48);
    reg_field(FMC_CYCCTL, CYCLE_MASK, CYCLE_48MHZ);
    return ERR_OK;
}
