/* SPDX-License-Identifier: MIT */
/*
 * The M2354's parts and clocks, over SWD, the core halted. Called by the files of this
 * folder. Nothing here may write a register that a lock writes.
 */
#include "station-agent/chip/m2354.h"

#include <stdio.h>

#include "common/core/wr.h"
#include "common/host/log.h"
#include "common/host/own.h"

#define SYS_REGLCTL 0x40000100u
#define CLK_PWRCTL  0x40000200u
#define CLK_APBCLK0 0x40000208u
#define CLK_APBCLK1 0x4000020Cu
#define CLK_CLKSEL0 0x40000210u
#define CLK_STATUS  0x40000250u

enum {
    PWRCTL_HIRC = 1 << 2,
    STATUS_HIRC = 1 << 4,
    HCLK_MASK = 7,
    HCLK_HIRC = 7,
    AHB_CRPT = 1 << 12,
    AHB_KS = 1 << 13,
    AHB_SRAM = 7 << 20, /* after reset only the first bank has its clock */
    APB0_RTC = 1 << 1,
    APB0_UART0 = 1 << 16,
    APB1_TRNG = 1 << 25,
    CLOCK_MS = 100,
    TRIES_MAX = 3, /* of what the wire interrupts */
};

/* SYS_PDID, M2354 series. */
static const struct m2354_part parts[] = {
    { 0xA1735400, "M2354LJFAE", 0x40000, 0x100000 },
    { 0xA1735410, "M2354SJFAE", 0x40000, 0x100000 },
    { 0xA1735440, "M2354KJFAE", 0x40000, 0x100000 },
    { 0xB1735440, "M2354KJFBE", 0x40000, 0x100000 },
};

const struct m2354_part *m2354_find(uint32_t pdid)
{
    for (size_t i = 0; i < COUNT(parts); i++)
        if (parts[i].pdid == pdid)
            return &parts[i];
    return NULL;
}

void m2354_names(char *out, size_t size)
{
    struct wr w = wr_of(out, size - 1);
    for (size_t i = 0; i < COUNT(parts); i++) {
        wr_text(&w, i == 0 ? "" : ", ");
        wr_text(&w, parts[i].name);
    }
    out[w.len] = '\0';
}

/* Three writes in a row open the protected registers; any other write closes them, also one
 * of these that was done again for the wire's sake. */
enum err m2354_unlock(struct mem *mem, const struct mem_want *wanted, size_t count)
{
    static const struct mem_word keys[] = { { SYS_REGLCTL, 0x59 },
                                            { SYS_REGLCTL, 0x16 },
                                            { SYS_REGLCTL, 0x88 } };
    struct mem_want reads[1 + M2354_UNLOCK_READS];
    uint32_t open = 0;
    reads[0] = (struct mem_want){ SYS_REGLCTL, &open };
    for (size_t i = 0; i < count; i++)
        reads[1 + i] = wanted[i];
    for (unsigned tries = 0; tries < TRIES_MAX && (open & 1) == 0; tries++)
        TRY(mem_words(mem, keys, COUNT(keys), reads, 1 + count));
    if ((open & 1) == 0)
        return fail(ERR_CHIP, "m2354: SYS_REGLCTL does not open (reads 0x%08x)", open);
    return ERR_OK;
}

static enum err start_hirc(struct mem *mem, uint32_t pwrctl)
{
    const struct mem_word on = { CLK_PWRCTL, pwrctl | PWRCTL_HIRC };
    enum err e = mem_exchange(mem, &(struct mem_exchange){ .words = &on,
                                                           .word_count = 1,
                                                           .poll = { CLK_STATUS, STATUS_HIRC,
                                                                     STATUS_HIRC, CLOCK_MS } });
    if (e == ERR_DEADLINE)
        return fail(ERR_CHIP, "m2354: the 12 MHz oscillator is not stable after %d ms",
                    CLOCK_MS);
    return e;
}

enum err m2354_prepare(struct mem *mem)
{
    uint32_t pwrctl = 0, clksel0 = 0, ahb = 0, apb0 = 0, apb1 = 0;
    const struct mem_want now[] = { { CLK_PWRCTL, &pwrctl },
                                    { CLK_CLKSEL0, &clksel0 },
                                    { M2354_AHBCLK, &ahb },
                                    { CLK_APBCLK0, &apb0 },
                                    { CLK_APBCLK1, &apb1 } };
    TRY(m2354_unlock(mem, now, COUNT(now)));
    TRY(start_hirc(mem, pwrctl));
    const struct mem_word words[] = {
        { CLK_CLKSEL0, (clksel0 & ~(uint32_t)HCLK_MASK) | HCLK_HIRC },
        { M2354_AHBCLK, ahb | M2354_AHB_ISP | AHB_CRPT | AHB_KS | AHB_SRAM },
        { CLK_APBCLK0, apb0 | APB0_RTC | APB0_UART0 },
        { CLK_APBCLK1, apb1 | APB1_TRNG },
    };
    return mem_write_words(mem, words, COUNT(words));
}

enum err m2354_pin_reset_clear(struct mem *mem)
{
    static const struct mem_word clear = { M2354_RSTSTS, M2354_RSTSTS_PIN };
    uint32_t status = 0;
    TRY(m2354_unlock(mem, NULL, 0));
    TRY(mem_words(mem, &clear, 1, &(struct mem_want){ M2354_RSTSTS, &status }, 1));
    if ((status & M2354_RSTSTS_PIN) != 0)
        return fail(ERR_CHIP, "m2354: SYS_RSTSTS keeps its pin bit (reads 0x%08x)", status);
    return ERR_OK;
}
