/* SPDX-License-Identifier: MIT */
/*
 * The M2354's start-up (M2354BSP, SystemInit and clk.c). Called once, by port_start(). Each
 * wait ends after its limit; the protected registers are closed again before DevAuth serves its
 * first call.
 */

#include "target-fw/port/m2354/clock.h"
#include "target-fw/port/nuvoton/sys.h"

enum {
    AHB_ISP = 1 << 2,
    AHB_CRPT = 1 << 12,
    AHB_KS = 1 << 13,
    APB0_RTC = 1 << 1,
    APB1_TRNG = 1 << 25,
    PSW_CRPT = 1 << 12,
};

#define SRAMPC1_KS     (3u << 28)
#define SRAMPC1_PCBUSY (1u << 31)

/* The engines' own power switch (M2354BSP, SystemInit), then the KeyStore's SRAM. Either write
 * is ignored while another change is in progress. */
static enum err power(void)
{
    TRY(reg_wait(WAIT_POWER, SYS_SRAMPC1, SRAMPC1_PCBUSY, 0));
    reg_set(SYS_PSWCTL, PSW_CRPT);
    TRY(reg_wait(WAIT_POWER, SYS_SRAMPC1, SRAMPC1_PCBUSY, 0));
    reg_field(SYS_SRAMPC1, SRAMPC1_KS, 0);
    return reg_wait(WAIT_POWER, SYS_SRAMPC1, SRAMPC1_PCBUSY, 0);
}

/* CRPT and KS start from a known state. */
enum err sys_engines(void)
{
    TRY(power());
    reg_set(CLK_AHBCLK, AHB_ISP | AHB_CRPT | AHB_KS); /* ISP: the clock needs CYCCTL */
    reg_set(CLK_APBCLK0, APB0_RTC);
    reg_set(CLK_APBCLK1, APB1_TRNG);
    TRY(clock_48mhz());
    sys_reset_engines();
    sys_tick();
    return ERR_OK;
}
