/* SPDX-License-Identifier: MIT */
/*
 * The table of register names. Called by chip_note() for each line about an access. A register
 * that is missing here is written as its block and offset.
 */

#include "target-fw/board/names.h"

#include <stdio.h>

#include "common/host/own.h"
#include "target-fw/board/chip/life.h"
#include "target-fw/board/chip/periph.h"

/* A register, or several of a kind: then their number follows the name. */
static const struct name {
    uint32_t address;
    uint8_t count;
    const char *text;
} names[] = {
    { 0x40000000, 1, "SYS_PDID" },         { 0x40000004, 1, "SYS_RSTSTS" },
    { 0x40000008, 1, "SYS_IPRST0" },       { 0x40000018, 1, "SYS_BODCTL" },
    { 0x40000030, 1, "SYS_GPA_MFPL" },     { 0x40000058, 1, "SYS_GPF_MFPL" },
    { 0x400000e0, 1, "SYS_SRAMPC1" },      { 0x40000100, 1, "SYS_REGLCTL" },
    { 0x400001f8, 1, "SYS_PLCTL" },        { 0x400001fc, 1, "SYS_PLSTS" },
    { 0x40000200, 1, "CLK_PWRCTL" },       { 0x40000204, 1, "CLK_AHBCLK" },
    { 0x40000208, 2, "CLK_APBCLK" },       { 0x40000210, 4, "CLK_CLKSEL" },
    { 0x40000220, 1, "CLK_CLKDIV0" },      { 0x40000240, 1, "CLK_PLLCTL" },
    { 0x40000250, 1, "CLK_STATUS" },       { 0x4000c000, 1, "FMC_ISPCTL" },
    { 0x4000c004, 1, "FMC_ISPADDR" },      { 0x4000c008, 1, "FMC_ISPDAT" },
    { 0x4000c00c, 1, "FMC_ISPCMD" },       { 0x4000c010, 1, "FMC_ISPTRG" },
    { 0x4000c01c, 1, "FMC_ICPCTL" },       { 0x4000c040, 1, "FMC_ISPSTS" },
    { 0x4000c04c, 1, "FMC_CYCCTL" },       { 0x4000c080, 4, "FMC_MPDAT" },
    { 0x4000c0c0, 1, "FMC_MPSTS" },        { 0x4000c0c4, 1, "FMC_MPADDR" },
    { 0x4000c100, 1, "FMC_DFCTL" },        { 0x4000c108, 1, "FMC_DFSTS" },
    { 0x4000c10c, 1, "FMC_SCRKEY" },       { 0x4002f024, 1, "SCU_SRAMNSSET" },
    { 0x4002f028, 1, "SCU_FNSADDR" },      { 0x4002f500, 1, "FVC_CTL" },
    { 0x4002f504, 1, "FVC_STS" },          { 0x4002f510, 8, "FVC_NVC" },
    { 0x4002f600, 1, "DPM_CTL" },          { 0x4002f604, 1, "DPM_STS" },
    { 0x4002f610, 4, "DPM_SPW" },          { 0x4002f650, 1, "DPM_NSCTL" },
    { 0x4002f654, 1, "DPM_NSSTS" },        { 0x4002f660, 4, "DPM_NSPW" },
    { 0x4002f700, 1, "PLM_CTL" },          { 0x4002f704, 1, "PLM_STS" },
    { 0x40032000, 1, "CRPT_INTEN" },       { 0x40032004, 1, "CRPT_INTSTS" },
    { 0x40032008, 1, "CRPT_PRNG_CTL" },    { 0x4003200c, 1, "CRPT_PRNG_SEED" },
    { 0x40032010, 8, "CRPT_PRNG_KEY" },    { 0x40032030, 1, "CRPT_PRNG_STS" },
    { 0x40032100, 1, "CRPT_AES_CTL" },     { 0x40032104, 1, "CRPT_AES_STS" },
    { 0x40032108, 1, "CRPT_AES_DATIN" },   { 0x4003210c, 1, "CRPT_AES_DATOUT" },
    { 0x40032110, 8, "CRPT_AES_KEY" },     { 0x40032130, 4, "CRPT_AES_IV" },
    { 0x40032140, 1, "CRPT_AES_SADDR" },   { 0x40032144, 1, "CRPT_AES_DADDR" },
    { 0x40032148, 1, "CRPT_AES_CNT" },     { 0x40032300, 1, "CRPT_HMAC_CTL" },
    { 0x40032304, 1, "CRPT_HMAC_STS" },    { 0x40032308, 16, "CRPT_HMAC_DGST" },
    { 0x40032348, 1, "CRPT_HMAC_KEYCNT" }, { 0x4003234c, 1, "CRPT_HMAC_SADDR" },
    { 0x40032350, 1, "CRPT_HMAC_DMACNT" }, { 0x40032354, 1, "CRPT_HMAC_DATIN" },
    { 0x40032358, 54, "CRPT_HMAC_FDBCK" }, { 0x40032800, 1, "CRPT_ECC_CTL" },
    { 0x40032804, 1, "CRPT_ECC_STS" },     { 0x40032808, 18, "CRPT_ECC_X1_" },
    { 0x40032850, 18, "CRPT_ECC_Y1_" },    { 0x40032898, 18, "CRPT_ECC_X2_" },
    { 0x400328e0, 18, "CRPT_ECC_Y2_" },    { 0x40032928, 18, "CRPT_ECC_A_" },
    { 0x40032970, 18, "CRPT_ECC_B_" },     { 0x400329b8, 18, "CRPT_ECC_N_" },
    { 0x40032a00, 18, "CRPT_ECC_K_" },     { 0x40032f00, 1, "CRPT_PRNG_KSCTL" },
    { 0x40032f04, 1, "CRPT_PRNG_KSSTS" },  { 0x40032f10, 1, "CRPT_AES_KSCTL" },
    { 0x40032f30, 1, "CRPT_HMAC_KSCTL" },  { 0x40032f40, 1, "CRPT_ECC_KSCTL" },
    { 0x40032f44, 1, "CRPT_ECC_KSSTS" },   { 0x40032f48, 1, "CRPT_ECC_KSXY" },
    { 0x40035000, 1, "KS_CTL" },           { 0x40035004, 1, "KS_METADATA" },
    { 0x40035008, 1, "KS_STS" },           { 0x4003500c, 1, "KS_REMAIN" },
    { 0x40035010, 4, "KS_SCMBKEY" },       { 0x40035020, 8, "KS_KEY" },
    { 0x40035040, 1, "KS_OTPSTS" },        { 0x40035044, 1, "KS_REMKCNT" },
    { 0x40041100, 1, "RTC_LXTCTL" },       { 0x40070000, 1, "UART0_DAT" },
    { 0x40070004, 1, "UART0_INTEN" },      { 0x40070008, 1, "UART0_FIFO" },
    { 0x4007000c, 1, "UART0_LINE" },       { 0x40070018, 1, "UART0_FIFOSTS" },
    { 0x4007001c, 1, "UART0_INTSTS" },     { 0x40070020, 1, "UART0_TOUT" },
    { 0x40070024, 1, "UART0_BAUD" },       { 0x40070030, 1, "UART0_FUNCSEL" },
    { 0x400b9000, 1, "TRNG_CTL" },         { 0x400b9004, 1, "TRNG_DATA" },
    { 0x400b900c, 1, "TRNG_ACT" },         { 0xe000ed08, 1, "SCB_VTOR" },
    { DPM_WINDOW, 1, "DPM_PCTL" },         { DPM_WINDOW + 0x04, 1, "DPM_PSTS" },
    { DPM_WINDOW + 0x10, 4, "DPM_PSPW" },  { DPM_WINDOW + 0xf0, 1, "DPM_MISCEXT" },
};

const char *names_of(const struct chip *chip, uint32_t address, char words[static NAMES_MAX])
{
    address &= ~3U;
    for (size_t i = 0; i < COUNT(names); i++) {
        uint32_t n = (address - names[i].address) / 4;
        if (address < names[i].address || n >= names[i].count)
            continue;
        if (names[i].count == 1)
            snprintf(words, NAMES_MAX, "%s", names[i].text);
        else
            snprintf(words, NAMES_MAX, "%s%u", names[i].text, n);
        return words;
    }
    const struct periph *p = periph_find(chip, address);
    if (p == NULL)
        snprintf(words, NAMES_MAX, "0x%08x", address);
    else
        snprintf(words, NAMES_MAX, "%s+0x%03x", p->name, address - p->base);
    return words;
}
