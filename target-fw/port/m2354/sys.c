#include "target-fw/port/m2354/sys.h"

enum { TRIES = 16, HIRCEN = 1 << 2, HIRC_STABLE = 1 << 4, HCLK_FROM_HIRC = 7, HCLK_MASK = 7 };

enum err sys_open(void)
{
    for (int i = 0; i < TRIES; i++) {
        if ((REG(SYS_REGLCTL) & 1) != 0)
            return ERR_OK;
        REG(SYS_REGLCTL) = 0x59;
        REG(SYS_REGLCTL) = 0x16;
        REG(SYS_REGLCTL) = 0x88;
    }
    return (REG(SYS_REGLCTL) & 1) != 0 ? ERR_OK : ERR_FAULT;
}

void sys_close(void)
{
    REG(SYS_REGLCTL) = 0;
}

enum err sys_hirc(void)
{
    reg_set(CLK_PWRCTL, HIRCEN);
    TRY(reg_wait(CLK_STATUS, HIRC_STABLE, HIRC_STABLE));
    reg_field(CLK_CLKSEL0, HCLK_MASK, HCLK_FROM_HIRC);
    reg_field(CLK_CLKDIV0, 0xf, 0);
    return ERR_OK;
}
