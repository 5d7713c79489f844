/* SPDX-License-Identifier: MIT */
/*
 * The M467's start-up (m460bsp, clk.c, rng.c and keystore.c); HCLK is HIRC, 12 MHz. Called
 * once, by port_start(). Each wait ends after its limit.
 */

#include "target-fw/port/m467/reg.h"
#include "target-fw/port/nuvoton/sys.h"

enum {
    AHB_ISP = 1 << 2,
    AHB_CRPT = 1 << 12,
    AHB_KS = 1 << 13,
    APB1_TRNG = 1 << 25,
};

static enum err lirc(void)
{
    reg_set(CLK_PWRCTL, PWRCTL_LIRCEN);
    TRY(reg_wait(WAIT_CLOCK, CLK_STATUS, STATUS_LIRC, STATUS_LIRC));
    reg_set(CLK_CLKSEL2, CLKSEL2_TRNG_LIRC);
    return ERR_OK;
}

/* CRPT and KS start from a known state. */
enum err sys_engines(void)
{
    reg_set(CLK_AHBCLK, AHB_ISP | AHB_CRPT | AHB_KS);
    reg_set(CLK_APBCLK1, APB1_TRNG);
    TRY(sys_hirc());
    TRY(lirc());
    sys_reset_engines();
    sys_tick();
    return ERR_OK;
}
