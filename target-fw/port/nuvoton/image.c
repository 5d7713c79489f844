/* SPDX-License-Identifier: MIT */
/*
 * The vector table, which describes the image (common/core/mailbox.h), and the fault handler.
 * The loader and the core read it; nothing calls it. A fault must clear the mailbox's magic, so
 * that the agent sees that DevAuth has stopped.
 *
 * The loader sets MSP, PC and VTOR from the table. Words 4-7 are reserved on v8-M baseline; on
 * v7-M 4-6 are handlers of faults that go to HardFault as long as SHCSR does not enable them
 * (ARMv7-M Architecture Reference Manual, B1.5.2 and B3.2.13).
 */

#include "target-fw/port/nuvoton/image.h"

extern uint32_t image_size[];

__attribute__((section(".vectors"), used)) const struct devauth_image image = {
    .initial_sp = IMAGE_WORD(stack_top),
    .reset_handler = IMAGE_WORD(reset_handler),
    .nmi_handler = IMAGE_WORD(fault_handler),
    .hard_fault_handler = IMAGE_WORD(fault_handler),
    .magic = DEVAUTH_IMAGE_MAGIC,
    .load_address = IMAGE_WORD(load_address),
    .mailbox_address = IMAGE_WORD(&mailbox),
    .image_size = IMAGE_WORD(image_size),
};

_Noreturn void image_run(void)
{
    REG(SCB_VTOR) = IMAGE_WORD(load_address);
    for (uint32_t *word = bss_start; word < bss_end; word++)
        *word = 0;
    main();
    fault_handler();
}

/* The agent sees it by the magic word that is gone. */
_Noreturn void fault_handler(void)
{
    mailbox.magic = 0;
    for (;;)
        __asm__ volatile("wfi");
}
