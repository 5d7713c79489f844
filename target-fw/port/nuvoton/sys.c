/* SPDX-License-Identifier: MIT */
/*
 * The register lock, HCLK from HIRC, engine resets, SysTick and waiting. Called by each chip's
 * port.c at start-up, and by devauth through port_wait(). The protected registers must be
 * closed again after each use.
 */

#include "target-fw/port/nuvoton/sys.h"

#include "target-fw/port/port.h"

enum {
    TRIES = 16,
    HIRCEN = 1 << 2,
    HIRC_STABLE = 1 << 4,
    HCLK_MASK = 7,
    HCLK_FROM_HIRC = 7,
    STCLK_MASK = 7 << 3,
    STCLK_FROM_HIRC = 7 << 3, /* half of it */
    SYST_RUN = 3,             /* that clock, interrupt, on */
    AHB_STCLK = 1 << 4,       /* EXSTCKEN of M2354, STCKEN of M467 */
    RST_CRPT = 1 << 12,
    RST_KS = 1 << 13,
};

#define PENDSTCLR (1u << 25)

enum err sys_open(void)
{
    for (int i = 0; i < TRIES; i++) {
        if ((REG(SYS_REGLCTL) & 1) != 0)
            return ERR_OK;
        REG(SYS_REGLCTL) = 0x59;
        REG(SYS_REGLCTL) = 0x16;
        REG(SYS_REGLCTL) = 0x88;
    }
    return (REG(SYS_REGLCTL) & 1) != 0 ? ERR_OK : ERR_FAULT;
}

void sys_close(void)
{
    REG(SYS_REGLCTL) = 0;
}

enum err sys_hirc(void)
{
    reg_set(CLK_PWRCTL, HIRCEN);
    TRY(reg_wait(WAIT_CLOCK, CLK_STATUS, HIRC_STABLE, HIRC_STABLE));
    reg_field(CLK_CLKSEL0, HCLK_MASK, HCLK_FROM_HIRC);
    reg_field(CLK_CLKDIV0, 0xf, 0);
    return ERR_OK;
}

void sys_reset_engines(void)
{
    reg_set(SYS_IPRST0, RST_CRPT | RST_KS);
    reg_field(SYS_IPRST0, RST_CRPT | RST_KS, 0);
}

void sys_tick(void)
{
    reg_set(CLK_AHBCLK, AHB_STCLK);
    reg_field(CLK_CLKSEL0, STCLK_MASK, STCLK_FROM_HIRC);
    REG(SYST_RVR) = HIRC_HZ / 2 / 1000 * PORT_WAIT_MS - 1;
    REG(SYST_CVR) = 0;
    REG(SYST_CSR) = SYST_RUN;
}

/* PRIMASK is set since start.c: a pending SysTick ends the WFI and is not taken. */
void port_wait(void)
{
    __asm__ volatile("dsb\n\twfi" ::: "memory");
    REG(SCB_ICSR) = PENDSTCLR;
}

void port_barrier(void)
{
    __asm__ volatile("dmb" ::: "memory");
}
