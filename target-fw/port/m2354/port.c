#include "target-fw/port/port.h"

#include "target-fw/port/m2354/fmc.h"
#include "target-fw/port/m2354/keystore.h"
#include "target-fw/port/m2354/sys.h"

enum {
    AHB_ISP = 1 << 2,
    AHB_CRPT = 1 << 12,
    AHB_KS = 1 << 13,
    APB0_RTC = 1 << 1,
    APB1_TRNG = 1 << 25,
    RST_CRPT = 1 << 12,
    RST_KS = 1 << 13,
    SYST_RUN = 7, /* processor clock, interrupt, on */
};

#define PENDSTCLR (1u << 25)

/* CRPT and KS start from a known state, whatever ran before. */
static enum err engines(void)
{
    TRY(sys_open());
    TRY(sys_hirc());
    reg_set(CLK_AHBCLK, AHB_ISP | AHB_CRPT | AHB_KS);
    reg_set(CLK_APBCLK0, APB0_RTC);
    reg_set(CLK_APBCLK1, APB1_TRNG);
    reg_set(SYS_IPRST0, RST_CRPT | RST_KS);
    reg_field(SYS_IPRST0, RST_CRPT | RST_KS, 0);
    reg_field(SYS_SRAMPC1, 3u << 28, 0); /* KeyStore SRAM powered */
    return reg_wait(SYS_SRAMPC1, 1u << 31, 0);
}

enum err port_start(void)
{
    enum err e = engines();
    sys_close();
    TRY(e);
    REG(SYST_RVR) = HIRC_HZ / 1000 * PORT_WAIT_MS - 1;
    REG(SYST_CVR) = 0;
    REG(SYST_CSR) = SYST_RUN;
    TRY(keystore_open());
    return fmc_open();
}

/* PRIMASK is set since start.c: a pending SysTick ends the WFI and is never taken. */
void port_wait(void)
{
    __asm__ volatile("dsb\n\twfi" ::: "memory");
    REG(SCB_ICSR) = PENDSTCLR;
}

void port_barrier(void)
{
    __asm__ volatile("dmb" ::: "memory");
}
