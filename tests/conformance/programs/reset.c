/* SPDX-License-Identifier: MIT */
/* SYS: what each kind of reset tells, keeps and loses (sys_reg.h, RSTSTS and IPRST0). */
#include "tests/conformance/programs/board.h"

PROGRAM("SYS", 0);

#define MARK (*(volatile uint32_t *)0x20007900u) /* above what the loader writes */

enum { ALL_CAUSES = 0x1bf, GATES = AHBCLK_ISP | AHBCLK_CRPT, MARK_VALUE = 0x4d41524b };

static void prepare(enum program_then next)
{
    board_unlock();
    CLK_AHBCLK |= GATES;
    SYS_RSTSTS = ALL_CAUSES;
    check("RSTSTS is cleared by ones", SYS_RSTSTS & ALL_CAUSES, 0);
    MARK = MARK_VALUE;
    then(next);
}

static void system_reset(void)
{
    check("after SYSRESETREQ: SYSRF alone", SYS_RSTSTS & ALL_CAUSES, RSTSTS_SYSRF);
    check("after SYSRESETREQ: SRAM is kept", MARK, MARK_VALUE);
    check("after SYSRESETREQ: clock gates are closed again", CLK_AHBCLK & GATES, 0);
    check("after SYSRESETREQ: the register lock is closed", SYS_REGLCTL & 1, 0);
}

static void cpu_reset(void)
{
    check("after CPURST: CPURF alone", SYS_RSTSTS & ALL_CAUSES, RSTSTS_CPURF);
    check("after CPURST: SRAM is kept", MARK, MARK_VALUE);
    check("after CPURST: the blocks are not reset", CLK_AHBCLK & GATES, GATES);
}

static void pin_reset(void)
{
    check("after nRESET: PINRF", SYS_RSTSTS & RSTSTS_PINRF, RSTSTS_PINRF);
    check("after nRESET: no PORF", SYS_RSTSTS & RSTSTS_PORF, 0);
    checku("after nRESET: SRAM is kept", MARK, MARK_VALUE);
    check("after nRESET: clock gates are closed again", CLK_AHBCLK & GATES, 0);
}

static void chip_reset(void)
{
    check("after CHIPRST: PORF, as after power-on", SYS_RSTSTS & RSTSTS_PORF, RSTSTS_PORF);
    checku("after CHIPRST: SRAM is kept", MARK, MARK_VALUE);
    check("after CHIPRST: clock gates are closed again", CLK_AHBCLK & GATES, 0);
    check("after CHIPRST: IPRST0 reads zero again", SYS_IPRST0 & 3, 0);
}

static void power_on(void)
{
    check("after power-on: PORF", SYS_RSTSTS & RSTSTS_PORF, RSTSTS_PORF);
    check("after power-on: no SYSRF, no CPURF", SYS_RSTSTS & (RSTSTS_SYSRF | RSTSTS_CPURF), 0);
    check("after power-on: SRAM is lost", MARK == MARK_VALUE, 0);
}

void phase(uint32_t number)
{
    static void (*const found[])(void) = { NULL,      system_reset, cpu_reset,
                                           pin_reset, chip_reset,   power_on };
    static const uint8_t next[] = { THEN_RESET_SYSTEM, THEN_RESET_CPU, THEN_RESET_PIN,
                                    THEN_RESET_CHIP, THEN_POWER };
    if (number > 0)
        found[number]();
    if (number < COUNT(next))
        prepare((enum program_then)next[number]);
}
