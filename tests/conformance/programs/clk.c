/* SPDX-License-Identifier: MIT */
/* CLK: gates, oscillators, reset values (clk_reg.h; reset values as m33mu gives them, hence
 * [U]). */
#include "tests/conformance/programs/board.h"

PROGRAM("CLK", 0);

static void reset_values(void)
{
    checku("PWRCTL after reset: LIRC and MIRC", CLK_PWRCTL, 0x00200008);
    checku("AHBCLK after reset: SRAM bank 0, FMC idle clock", CLK_AHBCLK, 0x00108000);
    checku("APBCLK0 after reset", CLK_APBCLK0, 0x80000001);
    checku("APBCLK1 after reset: TRNG has no clock", CLK_APBCLK1 & APBCLK1_TRNG, 0);
    checku("CLKSEL0 after reset", CLK_CLKSEL0, 0x00200110);
    checku("CLKSEL2 after reset", CLK_CLKSEL2, 0x44442bab);
    checku("PLLCTL after reset", CLK_PLLCTL, 0x0009440a);
    check("HIRC is off after reset", CLK_STATUS & STATUS_HIRCSTB, 0);
    check("LIRC and MIRC are stable after reset", CLK_STATUS & (1u << 3 | 1u << 5),
          1u << 3 | 1u << 5);
}

static void protection(void)
{
    uint32_t power = CLK_PWRCTL, select = CLK_CLKSEL0, pll = CLK_PLLCTL;
    board_lock();
    CLK_PWRCTL = power | PWRCTL_HIRCEN;
    check("PWRCTL ignores a write while the lock is closed", CLK_PWRCTL, power);
    told("CLK+0x00: write ignored, register lock is closed [CLK_PWRCTL]");
    CLK_CLKSEL0 = select ^ 7;
    check("so does CLKSEL0", CLK_CLKSEL0, select);
    told("CLK+0x10: write ignored, register lock is closed [CLK_CLKSEL0]");
    CLK_PLLCTL = pll | 1u << 16;
    check("so does PLLCTL", CLK_PLLCTL, pll);
    told("CLK+0x40: write ignored, register lock is closed [CLK_PLLCTL]");
}

static void oscillators(void)
{
    board_unlock();
    CLK_PWRCTL |= PWRCTL_HIRCEN;
    checku("HIRC is not stable at once", CLK_STATUS & STATUS_HIRCSTB, 0);
    check("HIRC becomes stable", until(&CLK_STATUS, STATUS_HIRCSTB, STATUS_HIRCSTB), 1);
    CLK_PWRCTL |= 1u << 18;
    check("so does HIRC48", until(&CLK_STATUS, 1u << 6, 1u << 6), 1);
    CLK_STATUS = 0;
    check("STATUS is read-only", CLK_STATUS & STATUS_HIRCSTB, STATUS_HIRCSTB);
    CLK_CLKSEL0 = (CLK_CLKSEL0 & ~7u) | 7;
    check("HCLKSEL takes HIRC", CLK_CLKSEL0 & 7, 7);
    CLK_PWRCTL &= ~(1u << 18);
    check("HIRC48 goes again", until(&CLK_STATUS, 1u << 6, 0), 1);
}

/* Fidelity rule: a block without its clock reads zero and takes nothing, and it is told. */
struct gate {
    volatile uint32_t *clock;
    uint32_t bit;
    volatile uint32_t *reg; /* kept when clocked */
    uint32_t value;
    const char *reads, *keeps, *said;
};

static void gate(const struct gate *g)
{
    board_unlock();
    *g->clock |= g->bit;
    *g->reg = g->value;
    check(g->keeps, *g->reg & g->value, g->value);
    *g->clock &= ~g->bit;
    uint32_t value, pc = board_load(g->reg, &value);
    check(g->reads, value, 0);
    told_at(g->said, pc);
    *g->reg = 0;
    *g->clock |= g->bit;
    check(g->keeps, *g->reg & g->value, g->value);
    *g->reg = 0;
}

static void gates(void)
{
    static const struct gate all[] = {
        { &CLK_AHBCLK, AHBCLK_ISP, &FMC_ISPADDR, 0x123000, "ISP without a clock reads zero",
          "ISPADDR is kept", "FMC+0x004: access without a clock [FMC_ISPADDR]" },
        { &CLK_AHBCLK, AHBCLK_CRPT, &CRPT_INTEN, 1, "CRPT without a clock reads zero",
          "CRPT_INTEN is kept", "CRPT+0x000: access without a clock [CRPT_INTEN]" },
        { &CLK_AHBCLK, AHBCLK_KS, &KS_METADATA, META_256 | META_ECC,
          "KS without a clock reads zero", "KS_METADATA is kept",
          "KS+0x004: access without a clock [KS_METADATA]" },
        { &CLK_APBCLK0, APBCLK0_UART0, &UART0_BAUD, 0x30000066,
          "UART0 without a clock reads zero", "UART0_BAUD is kept",
          "UART0+0x024: access without a clock [UART0_BAUD]" },
        { &CLK_APBCLK0, APBCLK0_RTC, &RTC_LXTCTL, 1u << 6, "RTC without a clock reads zero",
          "RTC_LXTCTL is kept", "RTC+0x100: access without a clock [RTC_LXTCTL]" },
        { &CLK_APBCLK1, APBCLK1_TRNG, &TRNG_ACT, 1u << 7, "TRNG without a clock reads zero",
          "TRNG_ACT is kept", "TRNG+0x00c: access without a clock [TRNG_ACT]" },
    };
    for (uint32_t i = 0; i < COUNT(all); i++)
        gate(&all[i]);
}

void phase(uint32_t number)
{
    (void)number;
    reset_values();
    protection();
    oscillators();
    gates();
}
