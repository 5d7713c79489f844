/* SPDX-License-Identifier: MIT */
/* SCU, BTF, GPIO: registers that keep what is written (scu_reg.h, gpio_reg.h). */
#include "tests/conformance/programs/board.h"

PROGRAM("SCU, BTF, GPIO", 0);

void phase(uint32_t number)
{
    (void)number;
    board_clocks();
    FMC_ISPCTL |= ISPCTL_ISPEN;
    check("all SRAM is secure after reset", SCU_SRAMNSSET, 0);
    SCU_SRAMNSSET = 0xf000;
    check("SRAMNSSET is kept", SCU_SRAMNSSET, 0xf000);
    SCU_SRAMNSSET = 0;
    uint32_t split = SCU_FNSADDR;
    checku("FNSADDR shows NSCBA", split, board_isp_read(0x00210800));
    SCU_FNSADDR = ~split;
    check("FNSADDR is read-only", SCU_FNSADDR, split);
    check("BTF: not at BL2, nothing was verified", BTF & 1, 0);
    BTF = 1;
    check("BTF is read-only", BTF & 1, 0);
    IO(GPIO) = 0x5555aaaa;
    check("GPIOA_MODE is kept", IO(GPIO), 0x5555aaaa);
    IO(GPIO) = 0xffffffff;
}
