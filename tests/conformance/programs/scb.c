/* SPDX-License-Identifier: MIT */
/* SCB, SysTick, NVIC: no interrupt is ever taken here (PRIMASK); pending ones end WFI. DDI
 * 0553. */
#include "tests/conformance/programs/board.h"

PROGRAM("SCB, SysTick, NVIC", 0);

enum {
    CSR_ENABLE = 1,
    CSR_TICKINT = 2,
    CSR_CLKSOURCE = 4,
    CSR_COUNTFLAG = 1 << 16,
    TICKS = 2000
};

static void control_block(void)
{
    check("VTOR is where the loader set it", SCB_VTOR, PROGRAM_BASE);
    SCB_VTOR = 0x20000480;
    told("SCB: VTOR 0x20000480 is not a multiple of 1024 [SCB_VTOR]");
    check("VTOR is kept", SCB_VTOR & ~0x3ffu, 0x20000400);
    SCB_VTOR = 0x2000007f;
    check("VTOR: bits 6 to 0 are zero", SCB_VTOR, 0x20000000);
    SCB_VTOR = PROGRAM_BASE;
    check("AIRCR reads the key's complement", SCB_AIRCR >> 16, 0xfa05);
    SCB_AIRCR = 0x00000004;
    check("AIRCR without the key resets nothing", SCB_AIRCR >> 16, 0xfa05);
    check("CCR: UNALIGN_TRP and STKALIGN are fixed at 1", SCB_CCR & 0x208, 0x208);
    SCB_SCR = 1u << 4;
    check("SCR.SEVONPEND is kept", SCB_SCR & 1u << 4, 1u << 4);
    SCB_SCR = 0;
    SCB_SHPR3 = 0xc0000000;
    check("SHPR3: SysTick's priority", SCB_SHPR3 >> 24, 0xc0);
    SCB_SHPR3 = 0;
}

static void tick_registers(void)
{
    SYST_CSR = 0;
    SYST_RVR = 0xff123456;
    check("SYST_RVR has 24 bits", SYST_RVR, 0x123456);
    SYST_RVR = TICKS;
    SYST_CVR = 0x55;
    check("a write clears SYST_CVR", SYST_CVR, 0);
    SYST_CSR = CSR_ENABLE | CSR_CLKSOURCE;
    check("SYST_CSR is kept", SYST_CSR & 7, CSR_ENABLE | CSR_CLKSOURCE);
    uint32_t first = SYST_CVR, second = SYST_CVR;
    check("SYST_CVR is within the reload value", first <= TICKS, 1);
    for (uint32_t i = 0; i < 100 && second == first; i++)
        second = SYST_CVR;
    check("SYST_CVR moves", second != first, 1);
    check("COUNTFLAG rises", until(&SYST_CSR, CSR_COUNTFLAG, CSR_COUNTFLAG), 1);
    check("COUNTFLAG clears when read", SYST_CSR & CSR_COUNTFLAG, 0);
    check("without TICKINT nothing is pending", SCB_ICSR & ICSR_PENDSTSET, 0);
    SYST_CSR = 0;
}

static void tick_wakes(void)
{
    SYST_RVR = TICKS;
    SYST_CVR = 0;
    SYST_CSR = CSR_ENABLE | CSR_TICKINT | CSR_CLKSOURCE;
    __asm__ volatile("wfi" ::: "memory");
    check("SysTick ends WFI under PRIMASK", SCB_ICSR & ICSR_PENDSTSET, ICSR_PENDSTSET);
    SYST_CSR = 0;
    SCB_ICSR = ICSR_PENDSTCLR;
    check("PENDSTCLR", SCB_ICSR & ICSR_PENDSTSET, 0);
    SCB_ICSR = ICSR_PENDSTSET;
    check("PENDSTSET", SCB_ICSR & ICSR_PENDSTSET, ICSR_PENDSTSET);
    __asm__ volatile("wfi" ::: "memory");
    check("a pending SysTick ends WFI at once", SCB_ICSR & ICSR_PENDSTSET, ICSR_PENDSTSET);
    SCB_ICSR = ICSR_PENDSTCLR;
}

/* IRQ 36 is UART0's (M2354.h). */
static void interrupts(void)
{
    NVIC_ICER[1] = 0xffffffff;
    NVIC_ICPR[1] = 0xffffffff;
    NVIC_ISER[1] = 1u << 4;
    check("ISER enables", NVIC_ISER[1], 1u << 4);
    check("ICER reads the same", NVIC_ICER[1], 1u << 4);
    NVIC_ISPR[1] = 1u << 4;
    check("ISPR makes pending", NVIC_ISPR[1] & 1u << 4, 1u << 4);
    check("ICPR reads the same", NVIC_ICPR[1] & 1u << 4, 1u << 4);
    __asm__ volatile("wfi" ::: "memory");
    check("an enabled pending interrupt ends WFI under PRIMASK", NVIC_ISPR[1] & 1u << 4,
          1u << 4);
    NVIC_ICPR[1] = 1u << 4;
    check("ICPR clears", NVIC_ISPR[1] & 1u << 4, 0);
    NVIC_ICER[1] = 1u << 4;
    check("ICER disables", NVIC_ISER[1], 0);
    NVIC_ISER[0] = 0;
    check("writing zero to ISER does nothing", NVIC_ISER[0], 0);
}

void phase(uint32_t number)
{
    (void)number;
    control_block();
    tick_registers();
    tick_wakes();
    interrupts();
}
