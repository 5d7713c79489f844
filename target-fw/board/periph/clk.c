/* SPDX-License-Identifier: MIT */
/*
 * The CLK block: clock gates, sources and their delay, HCLK's speed. Called by the bus, which
 * asks clk_gate_open() before it calls any other block. A source must not be shown as stable
 * before its polls have passed.
 */

#include "target-fw/board/chip/chip.h"

enum {
    PWRCTL = 0x00,
    AHBCLK = 0x04,
    APBCLK0 = 0x08,
    CLKSEL0 = 0x10,
    CLKSEL2 = 0x18,
    PLLCTL = 0x40,
    STATUS = 0x50,
    PLLCTL_PD = 1 << 16,
    HIRC48EN = 1 << 18,
    HCLKSEL = 7,
    HCLK_FROM_HIRC48 = 5,
    SPEED_HIRC48 = 4 /* times HIRC's 12 MHz; other sources count as HIRC */
};

/* PWRCTL enable bit -> STATUS stable bit. */
static const struct source {
    uint8_t enable;
    uint8_t stable;
} sources[] = { { 0, 0 }, { 1, 1 }, { 2, 4 }, { 3, 3 }, { 18, 6 }, { 21, 5 } };

bool clk_gate_open(const struct chip *chip, unsigned gate)
{
    if (gate == GATE_NONE)
        return true;
    unsigned index = gate - 1;
    return (chip->clk.regs[AHBCLK / 4 + (index >> 5)] >> (index & 31) & 1) != 0;
}

bool clk_sram_bank_on(const struct chip *chip, unsigned bank)
{
    return clk_gate_open(chip, GATE_SRAM0 + bank);
}

bool chip_sram_clocked(const struct chip *chip, uint32_t offset, uint32_t len)
{
    static const uint32_t starts[] = { 0, CHIP_SRAM_BANK1, CHIP_SRAM_BANK2, CHIP_SRAM_BYTES };
    for (unsigned i = 0; i < 3; i++)
        if (offset < starts[i + 1] && offset + len > starts[i] && !clk_sram_bank_on(chip, i))
            return false;
    return true;
}

static uint32_t sources_on(const struct clk *clk)
{
    uint32_t on = 0;
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
        if (clk->regs[PWRCTL / 4] >> sources[i].enable & 1)
            on |= 1U << sources[i].stable;
    if ((clk->regs[PLLCTL / 4] & PLLCTL_PD) == 0)
        on |= 1U << 2;
    return on;
}

static unsigned speed_of(const struct clk *clk)
{
    bool hirc48 = (clk->regs[PWRCTL / 4] & HIRC48EN) != 0 &&
                  (clk->regs[CLKSEL0 / 4] & HCLKSEL) == HCLK_FROM_HIRC48;
    return hirc48 ? SPEED_HIRC48 : 1;
}

static uint32_t clk_read(struct chip *chip, uint32_t offset)
{
    struct clk *clk = &chip->clk;
    if (offset != STATUS)
        return clk->regs[offset / 4];
    if (busy_poll(&clk->settle))
        clk->stable = sources_on(clk);
    return clk->stable;
}

static void clk_write(struct chip *chip, uint32_t offset, uint32_t value)
{
    struct clk *clk = &chip->clk;
    bool guarded = offset == PWRCTL || offset == CLKSEL0 || offset == PLLCTL;
    if (guarded && !chip->sys.unlocked) {
        chip_note(chip, "CLK+0x%02x: write ignored, register lock is closed", offset);
        return;
    }
    if (offset == STATUS)
        return;
    uint32_t banks = clk->regs[AHBCLK / 4];
    clk->regs[offset / 4] = value;
    clk->speed = speed_of(clk);
    if (offset == AHBCLK && ((banks ^ value) >> 20 & 7) != 0)
        cpu_map_changed(chip->cpu);
    if (offset == PWRCTL || offset == PLLCTL) {
        clk->stable &= sources_on(clk);
        busy_start(&clk->settle);
    }
}

/* Reset values as m33mu's M2354 model gives them. */
static void clk_reset(struct chip *chip)
{
    chip->clk = (struct clk){ 0 };
    uint32_t *regs = chip->clk.regs;
    regs[PWRCTL / 4] = 0x00200008;
    regs[AHBCLK / 4] = 0x00108000;
    regs[APBCLK0 / 4] = 0x80000001;
    regs[CLKSEL0 / 4] = 0x00200110;
    regs[CLKSEL2 / 4] = 0x44442bab;
    regs[PLLCTL / 4] = 0x0009440a;
    chip->clk.stable = sources_on(&chip->clk);
    chip->clk.speed = speed_of(&chip->clk);
}

const struct periph periph_clk = {
    .name = "CLK",
    .base = 0x40000200,
    .size = 0x100,
    .read = clk_read,
    .write = clk_write,
    .reset = clk_reset,
};
