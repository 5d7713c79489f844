/* SPDX-License-Identifier: MIT */
/*
 * chip: the M2354's registers, as the conformance programs name them.
 *
 * Written anew from M2354BSP,
 * Library/Device/Nuvoton/M2354/Include/{M2354,sys_reg,clk_reg,fmc_reg,
 * keystore_reg,crpt_reg,trng_reg,rtc_reg,scu_reg,uart_reg}.h, and from the ARMv8-M Architecture
 * Reference Manual (DDI 0553): no address here comes from the firmware's port or from the
 * model, so that three readings check each other. Offsets are those of the vendor's structures.
 */
#pragma once

#include <stdint.h>

#define IO(address)        (*(volatile uint32_t *)(address))
#define IO_AT(base, index) (((volatile uint32_t *)(base))[index])

/* SYS */
#define SYS          0x40000000u
#define SYS_PDID     IO(SYS + 0x000)
#define SYS_RSTSTS   IO(SYS + 0x004)
#define SYS_IPRST0   IO(SYS + 0x008)
#define SYS_BODCTL   IO(SYS + 0x018)
#define SYS_GPA_MFPL IO(SYS + 0x030)
#define SYS_SRAMPC1  IO(SYS + 0x0e0)
#define SYS_REGLCTL  IO(SYS + 0x100)
#define SYS_PLCTL    IO(SYS + 0x1f8)
#define SYS_PLSTS    IO(SYS + 0x1fc)

enum {
    RSTSTS_PORF = 1 << 0,
    RSTSTS_PINRF = 1 << 1,
    RSTSTS_SYSRF = 1 << 5,
    RSTSTS_CPURF = 1 << 7,
    IPRST0_CRPT = 1 << 12,
    IPRST0_KS = 1 << 13,
};

/* CLK */
#define CLK         0x40000200u
#define CLK_PWRCTL  IO(CLK + 0x00)
#define CLK_AHBCLK  IO(CLK + 0x04)
#define CLK_APBCLK0 IO(CLK + 0x08)
#define CLK_APBCLK1 IO(CLK + 0x0c)
#define CLK_CLKSEL0 IO(CLK + 0x10)
#define CLK_CLKSEL2 IO(CLK + 0x18)
#define CLK_CLKDIV0 IO(CLK + 0x20)
#define CLK_PLLCTL  IO(CLK + 0x40)
#define CLK_STATUS  IO(CLK + 0x50)

enum {
    AHBCLK_ISP = 1 << 2,
    AHBCLK_CRPT = 1 << 12,
    AHBCLK_KS = 1 << 13,
    AHBCLK_SRAM0 = 1 << 20,
    AHBCLK_SRAM1 = 1 << 21,
    AHBCLK_SRAM2 = 1 << 22,
    APBCLK0_RTC = 1 << 1,
    APBCLK0_UART0 = 1 << 16,
    APBCLK1_TRNG = 1 << 25,
    PWRCTL_HIRCEN = 1 << 2,
    STATUS_HIRCSTB = 1 << 4,
};

/* FMC */
#define FMC         0x4000c000u
#define FMC_ISPCTL  IO(FMC + 0x00)
#define FMC_ISPADDR IO(FMC + 0x04)
#define FMC_ISPDAT  IO(FMC + 0x08)
#define FMC_ISPCMD  IO(FMC + 0x0c)
#define FMC_ISPTRG  IO(FMC + 0x10)
#define FMC_ICPCTL  IO(FMC + 0x1c)
#define FMC_ISPSTS  IO(FMC + 0x40)
#define FMC_CYCCTL  IO(FMC + 0x4c)
#define FMC_MPDAT0  IO(FMC + 0x80)
#define FMC_MPDAT1  IO(FMC + 0x84)
#define FMC_MPDAT2  IO(FMC + 0x88)
#define FMC_MPDAT3  IO(FMC + 0x8c)
#define FMC_MPSTS   IO(FMC + 0xc0)
#define FMC_MPADDR  IO(FMC + 0xc4)

enum {
    ISPCTL_ISPEN = 1 << 0,
    ISPCTL_APUEN = 1 << 3,
    ISPCTL_CFGUEN = 1 << 4,
    ISPCTL_LDUEN = 1 << 5,
    ISPCTL_ISPFF = 1 << 6,
    ISPSTS_PGFF = 1 << 5,
    ISPSTS_ISPFF = 1 << 6,
    ISPSTS_ALLONE = 1 << 7,
};

/* Key Store */
#define KS          0x40035000u
#define KS_CTL      IO(KS + 0x00)
#define KS_METADATA IO(KS + 0x04)
#define KS_STS      IO(KS + 0x08)
#define KS_REMAIN   IO(KS + 0x0c)
#define KS_KEY      ((volatile uint32_t *)(KS + 0x20))
#define KS_OTPSTS   IO(KS + 0x40)
#define KS_REMKCNT  IO(KS + 0x44)

enum {
    KS_STS_IF = 1 << 0,
    KS_STS_EIF = 1 << 1,
    KS_STS_BUSY = 1 << 2,
    KS_STS_INITDONE = 1 << 7,
    KS_STS_RAMINV = 1 << 8,
};

/* CRPT: PRNG, AES, HMAC, ECC */
#define CRPT        0x40032000u
#define CRPT_INTEN  IO(CRPT + 0x000)
#define CRPT_INTSTS IO(CRPT + 0x004)
#define PRNG_CTL    IO(CRPT + 0x008)
#define PRNG_SEED   IO(CRPT + 0x00c)
#define PRNG_KEY    ((volatile uint32_t *)(CRPT + 0x010))
#define PRNG_STS    IO(CRPT + 0x030)
#define AES_CTL     IO(CRPT + 0x100)
#define AES_STS     IO(CRPT + 0x104)
#define AES_DATIN   IO(CRPT + 0x108)
#define AES_DATOUT  IO(CRPT + 0x10c)
#define AES_KEY     ((volatile uint32_t *)(CRPT + 0x110))
#define AES_IV      ((volatile uint32_t *)(CRPT + 0x130))
#define AES_SADDR   IO(CRPT + 0x140)
#define AES_DADDR   IO(CRPT + 0x144)
#define AES_CNT     IO(CRPT + 0x148)
#define HMAC_CTL    IO(CRPT + 0x300)
#define HMAC_STS    IO(CRPT + 0x304)
#define HMAC_DGST   ((volatile uint32_t *)(CRPT + 0x308))
#define HMAC_KEYCNT IO(CRPT + 0x348)
#define HMAC_SADDR  IO(CRPT + 0x34c)
#define HMAC_DMACNT IO(CRPT + 0x350)
#define HMAC_DATIN  IO(CRPT + 0x354)
#define ECC_CTL     IO(CRPT + 0x800)
#define ECC_STS     IO(CRPT + 0x804)
#define ECC_X1      ((volatile uint32_t *)(CRPT + 0x808))
#define ECC_Y1      ((volatile uint32_t *)(CRPT + 0x850))
#define ECC_X2      ((volatile uint32_t *)(CRPT + 0x898))
#define ECC_Y2      ((volatile uint32_t *)(CRPT + 0x8e0))
#define ECC_A       ((volatile uint32_t *)(CRPT + 0x928))
#define ECC_B       ((volatile uint32_t *)(CRPT + 0x970))
#define ECC_N       ((volatile uint32_t *)(CRPT + 0x9b8))
#define ECC_K       ((volatile uint32_t *)(CRPT + 0xa00))
#define PRNG_KSCTL  IO(CRPT + 0xf00)
#define PRNG_KSSTS  IO(CRPT + 0xf04)
#define AES_KSCTL   IO(CRPT + 0xf10)
#define HMAC_KSCTL  IO(CRPT + 0xf30)
#define ECC_KSCTL   IO(CRPT + 0xf40)
#define ECC_KSSTS   IO(CRPT + 0xf44)
#define ECC_KSXY    IO(CRPT + 0xf48)

#define CRPT_INT_AES      (1u << 0)
#define CRPT_INT_AES_ERR  (1u << 1)
#define CRPT_INT_PRNG     (1u << 16)
#define CRPT_INT_ECC      (1u << 22)
#define CRPT_INT_ECC_ERR  (1u << 23)
#define CRPT_INT_HMAC     (1u << 24)
#define CRPT_INT_HMAC_ERR (1u << 25)
#define CRPT_INT_ALL      0xc3c30003u

/* RTC, TRNG, UART0, GPIO */
#define RTC_LXTCTL    IO(0x40041100u)
#define TRNG          0x400b9000u
#define TRNG_CTL      IO(TRNG + 0x00)
#define TRNG_DATA     IO(TRNG + 0x04)
#define TRNG_ACT      IO(TRNG + 0x0c)
#define UART0         0x40070000u
#define UART0_DAT     IO(UART0 + 0x00)
#define UART0_INTEN   IO(UART0 + 0x04)
#define UART0_FIFO    IO(UART0 + 0x08)
#define UART0_LINE    IO(UART0 + 0x0c)
#define UART0_FIFOSTS IO(UART0 + 0x18)
#define UART0_INTSTS  IO(UART0 + 0x1c)
#define UART0_TOUT    IO(UART0 + 0x20)
#define UART0_BAUD    IO(UART0 + 0x24)
#define UART0_FUNCSEL IO(UART0 + 0x30)
#define GPIO          0x40004000u

/* SCU and what shares its page */
#define SCU           0x4002f000u
#define SCU_FNSADDR   IO(SCU + 0x028)
#define SCU_SRAMNSSET IO(SCU + 0x024)
#define FVC           0x4002f500u
#define FVC_CTL       IO(FVC + 0x00)
#define FVC_STS       IO(FVC + 0x04)
#define FVC_NVC       ((volatile uint32_t *)(FVC + 0x10))
#define DPM           0x4002f600u
#define DPM_CTL       IO(DPM + 0x00)
#define DPM_STS       IO(DPM + 0x04)
#define DPM_SPW       ((volatile uint32_t *)(DPM + 0x10))
#define DPM_NSCTL     IO(DPM + 0x50)
#define DPM_NSSTS     IO(DPM + 0x54)
#define DPM_NSPW      ((volatile uint32_t *)(DPM + 0x60))
#define PLM           0x4002f700u
#define PLM_CTL       IO(PLM + 0x00)
#define PLM_STS       IO(PLM + 0x04)
#define BTF           IO(0x4002f800u)

/* The core's own, DDI 0553 */
#define SYST_CSR       IO(0xe000e010u)
#define SYST_RVR       IO(0xe000e014u)
#define SYST_CVR       IO(0xe000e018u)
#define NVIC_ISER      ((volatile uint32_t *)0xe000e100u)
#define NVIC_ICER      ((volatile uint32_t *)0xe000e180u)
#define NVIC_ISPR      ((volatile uint32_t *)0xe000e200u)
#define NVIC_ICPR      ((volatile uint32_t *)0xe000e280u)
#define SCB_CPUID      IO(0xe000ed00u)
#define SCB_ICSR       IO(0xe000ed04u)
#define SCB_VTOR       IO(0xe000ed08u)
#define SCB_AIRCR      IO(0xe000ed0cu)
#define SCB_SCR        IO(0xe000ed10u)
#define SCB_CCR        IO(0xe000ed14u)
#define SCB_SHPR3      IO(0xe000ed20u)
#define ICSR_PENDSTSET (1u << 26)
#define ICSR_PENDSTCLR (1u << 25)
