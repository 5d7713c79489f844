/* SPDX-License-Identifier: MIT */
/*
 * Vector table of the demo application, read by the core and the mask ROM. Words 4-7, reserved
 * exceptions on v8-M baseline, tell the mask ROM where the FwInfo is; they must not be used
 * otherwise.
 */
#include "target-fw/port/m2354/reg.h"

extern char stack_top[], nubl_marker[], fwinfo_address[], fwinfo_check[];

int main(void);
_Noreturn void reset_handler(void);
_Noreturn void fault_handler(void);

#define WORD(symbol) ((uint32_t)(uintptr_t)(symbol))

struct vectors {
    uint32_t initial_sp;
    uint32_t handlers[3]; /* reset, NMI, HardFault */
    uint32_t nubl[4];
    uint32_t rest[8];
};

__attribute__((section(".vectors"), used)) const struct vectors vectors = {
    .initial_sp = WORD(stack_top),
    .handlers = { WORD(reset_handler), WORD(fault_handler), WORD(fault_handler) },
    .nubl = { WORD(nubl_marker), WORD(fwinfo_address), 0, WORD(fwinfo_check) },
};

_Noreturn void reset_handler(void)
{
    __asm__ volatile("cpsid i" ::: "memory");
    main();
    fault_handler();
}

_Noreturn void fault_handler(void)
{
    for (;;)
        __asm__ volatile("wfi");
}
