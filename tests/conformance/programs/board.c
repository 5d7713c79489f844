/* SPDX-License-Identifier: MIT */
#include "tests/conformance/programs/board.h"

/* PC reads four bytes ahead, the access stands two behind. */
__attribute__((noinline)) uint32_t board_store(volatile uint32_t *reg, uint32_t value)
{
    uint32_t pc;
    __asm__ volatile(UNIFIED "mov %0, pc\n\tstr %2, [%1]"
                     : "=&l"(pc)
                     : "l"(reg), "l"(value)
                     : "memory");
    return pc - 2;
}

__attribute__((noinline)) uint32_t board_load(volatile const uint32_t *reg, uint32_t *value_out)
{
    uint32_t pc, value;
    __asm__ volatile(UNIFIED "mov %0, pc\n\tldr %1, [%2]"
                     : "=&l"(pc), "=&l"(value)
                     : "l"(reg)
                     : "memory");
    *value_out = value;
    return pc - 2;
}

void board_unlock(void)
{
    SYS_REGLCTL = 0x59;
    SYS_REGLCTL = 0x16;
    SYS_REGLCTL = 0x88;
}

void board_lock(void)
{
    SYS_REGLCTL = 0;
}

void board_clocks(void)
{
    board_unlock();
    CLK_PWRCTL |= PWRCTL_HIRCEN;
    until(&CLK_STATUS, STATUS_HIRCSTB, STATUS_HIRCSTB);
    CLK_CLKSEL0 = (CLK_CLKSEL0 & ~7u) | 7; /* HIRC, 12 MHz */
    CLK_AHBCLK |= AHBCLK_ISP | AHBCLK_CRPT | AHBCLK_KS | AHBCLK_SRAM1 | AHBCLK_SRAM2;
    CLK_APBCLK0 |= APBCLK0_RTC | APBCLK0_UART0;
    CLK_APBCLK1 |= APBCLK1_TRNG;
    CLK_CLKSEL2 = (CLK_CLKSEL2 & ~(7u << 16)) | 3u << 16;
    CRPT_INTEN = CRPT_INT_ALL;
}

bool board_isp(uint32_t command, uint32_t address, uint32_t data)
{
    FMC_ISPCTL |= ISPCTL_ISPFF; /* write 1 to clear */
    FMC_ISPCMD = command;
    FMC_ISPADDR = address;
    FMC_ISPDAT = data;
    FMC_ISPTRG = 1;
    return until(&FMC_ISPTRG, 1, 0) && (FMC_ISPSTS & ISPSTS_ISPFF) == 0;
}

uint32_t board_isp_read(uint32_t address)
{
    return board_isp(0x00, address, 0) ? FMC_ISPDAT : 0xbad0bad0;
}

bool board_ks_open(void)
{
    if ((KS_STS & KS_STS_INITDONE) == 0) {
        until(&KS_STS, KS_STS_BUSY, 0);
        KS_CTL = KS_INIT | KS_START;
    }
    return until(&KS_STS, KS_STS_INITDONE | KS_STS_BUSY, KS_STS_INITDONE);
}

bool board_ks(uint32_t metadata, uint32_t operation)
{
    until(&KS_STS, KS_STS_BUSY, 0);
    KS_METADATA = metadata;
    KS_STS = KS_STS_IF | KS_STS_EIF;
    KS_CTL = operation << 1 | KS_START;
    return until(&KS_STS, KS_STS_BUSY, 0) && (KS_STS & KS_STS_EIF) == 0;
}

bool board_ks_write(uint32_t metadata, const uint32_t key[8])
{
    until(&KS_STS, KS_STS_BUSY, 0);
    KS_METADATA = metadata;
    for (uint32_t i = 0; i < 8; i++)
        KS_KEY[i] = key[i];
    KS_STS = KS_STS_IF | KS_STS_EIF;
    KS_CTL = KS_CREATE << 1 | KS_START;
    return until(&KS_STS, KS_STS_BUSY, 0) && (KS_STS & KS_STS_EIF) == 0;
}

uint32_t board_ks_slot(void)
{
    return KS_METADATA >> 20 & 0x3f;
}

/* M2354BSP rng.c: the seed generator runs on the 32 kHz LIRC of the RTC domain. */
bool board_seed(void)
{
    RTC_LXTCTL |= 1u << 6 | 1u;
    TRNG_ACT |= 1u << 7;
    if (!until(&TRNG_CTL, 1u << 7, 1u << 7))
        return false;
    TRNG_CTL = 0;
    TRNG_CTL |= 1u << 8;
    if (!until(&TRNG_CTL, 1u << 9, 1u << 9) || !until(&PRNG_CTL, 1u << 8, 0))
        return false;
    PRNG_CTL = 1u << 6;
    if (!until(&PRNG_CTL, 1u << 7, 1u << 7))
        return false;
    PRNG_KSCTL = 0;
    PRNG_CTL |= 6u << 2 | 1u << 1 | 1u;
    return until(&PRNG_CTL, 1u << 8, 0);
}
