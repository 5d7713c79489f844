/* SPDX-License-Identifier: MIT */
/*
 * reg: registers that lie at the same address on M2354 and M467, and bounded waiting.
 *
 * Names, offsets and bits are those of M2354BSP, Library/Device/Nuvoton/M2354/Include
 * ({sys,clk,fmc,keystore,crpt,trng}_reg.h), of m460bsp, Library/Device/Nuvoton/m460/Include,
 * and of the ARMv8-M and ARMv7-M Architecture Reference Manuals for the core's own. What only
 * one of the two parts has is in that port's reg.h.
 */
#pragma once

#include "common/core/err.h"

#include <stddef.h>

#define REG(address) (*(volatile uint32_t *)(address))

#define SYS_PDID    0x40000000u
#define SYS_IPRST0  0x40000008u /* CRPTRST 12, KSRST 13 */
#define SYS_REGLCTL 0x40000100u

#define CLK_PWRCTL  0x40000200u /* HIRCEN 2 */
#define CLK_AHBCLK  0x40000204u /* AHBCLK0 of M467: ISP 2, CRPT 12, KS 13 */
#define CLK_APBCLK0 0x40000208u
#define CLK_APBCLK1 0x4000020cu /* TRNG 25 */
#define CLK_CLKSEL0 0x40000210u /* HCLKSEL [2:0]: 7 HIRC; STCLKSEL [5:3] */
#define CLK_CLKSEL2 0x40000218u
#define CLK_CLKDIV0 0x40000220u /* HCLKDIV [3:0] */
#define CLK_STATUS  0x40000250u /* HIRC 4 */

#define FMC_ISPCTL  0x4000c000u
#define FMC_ISPADDR 0x4000c004u
#define FMC_ISPDAT  0x4000c008u
#define FMC_ISPCMD  0x4000c00cu
#define FMC_ISPTRG  0x4000c010u
#define FMC_ISPSTS  0x4000c040u
#define FMC_CYCCTL  0x4000c04cu /* CYCLE [3:0] */
#define FMC_MPDAT0  0x4000c080u
#define FMC_MPDAT1  0x4000c084u
#define FMC_MPSTS   0x4000c0c0u /* MPBUSY 0, ISPFF 2, D0 to D3 at 4 to 7 */
#define FMC_MPADDR  0x4000c0c4u

#define CRPT_INTEN       0x40032000u
#define CRPT_INTSTS      0x40032004u
#define CRPT_PRNG_CTL    0x40032008u
#define CRPT_PRNG_KEY0   0x40032010u
#define CRPT_AES_CTL     0x40032100u
#define CRPT_AES_STS     0x40032104u
#define CRPT_AES_SADDR   0x40032140u
#define CRPT_AES_DADDR   0x40032144u
#define CRPT_AES_CNT     0x40032148u
#define CRPT_HMAC_CTL    0x40032300u
#define CRPT_HMAC_STS    0x40032304u
#define CRPT_HMAC_DGST0  0x40032308u
#define CRPT_HMAC_KEYCNT 0x40032348u
#define CRPT_HMAC_DMACNT 0x40032350u
#define CRPT_HMAC_DATIN  0x40032354u
#define CRPT_ECC_CTL     0x40032800u
#define CRPT_ECC_STS     0x40032804u
#define CRPT_ECC_X1      0x40032808u
#define CRPT_ECC_Y1      0x40032850u
#define CRPT_ECC_X2      0x40032898u
#define CRPT_ECC_Y2      0x400328e0u
#define CRPT_ECC_A       0x40032928u
#define CRPT_ECC_B       0x40032970u
#define CRPT_ECC_N       0x400329b8u
#define CRPT_ECC_K       0x40032a00u
#define CRPT_PRNG_KSCTL  0x40032f00u
#define CRPT_PRNG_KSSTS  0x40032f04u
#define CRPT_AES_KSCTL   0x40032f10u
#define CRPT_ECC_KSCTL   0x40032f40u
#define CRPT_ECC_KSSTS   0x40032f44u
#define CRPT_ECC_KSXY    0x40032f48u

#define KS_CTL      0x40035000u
#define KS_METADATA 0x40035004u
#define KS_STS      0x40035008u
#define KS_KEY0     0x40035020u
#define KS_OTPSTS   0x40035040u

#define TRNG_CTL 0x400b9000u /* READY 7 */
#define TRNG_ACT 0x400b900cu /* ACT 7 */

#define SYST_CSR 0xe000e010u
#define SYST_RVR 0xe000e014u
#define SYST_CVR 0xe000e018u
#define SCB_ICSR 0xe000ed04u
#define SCB_VTOR 0xe000ed08u

enum { HIRC_HZ = 12000000 };

/* All that is waited for; the limit of each is a row of the table in reg.c. */
enum wait {
    WAIT_CLOCK,
    WAIT_POWER,
    WAIT_KEYSTORE,
    WAIT_TRNG,
    WAIT_PRNG,
    WAIT_ECC,
    WAIT_SHA,
    WAIT_AES,
    WAIT_FLASH,
    WAIT_DPM, /* M2354 only */
    WAIT_UART,
    WAITS
};

extern const uint16_t wait_limit_ms[WAITS];

/* Polls until (register & mask) == want; ERR_FAULT after the limit (`test_devauth_board`). */
enum err reg_wait(enum wait what, uint32_t address, uint32_t mask, uint32_t want);
uint32_t reg_polls(enum wait what); /* for loops of their own: polls that last that long */

/*
 * Set bits, or one field, by a read and a write: not for registers whose bits clear when
 * written.
 */
static inline void reg_set(uint32_t address, uint32_t bits)
{
    REG(address) = REG(address) | bits;
}

static inline void reg_field(uint32_t address, uint32_t mask, uint32_t value)
{
    REG(address) = (REG(address) & ~mask) | value;
}
