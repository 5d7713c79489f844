/*
 * Where DevAuth begins: its vector table, which describes the image (common/core/mailbox.h),
 * and what runs before main(). The loader sets MSP, PC and VTOR from the table.
 */
#include "common/core/mailbox.h"
#include "target-fw/port/m2354/reg.h"
#include "target-fw/port/nuvoton/sys.h"

extern uint32_t stack_top[], stack_limit[], bss_start[], bss_end[], image_size[];
extern char load_address[];
extern struct mailbox mailbox;

int main(void);
_Noreturn void reset_handler(void);
_Noreturn void fault_handler(void);

enum { AHB_SRAM1 = 1 << 21 };

#define WORD(symbol) ((uint32_t)(uintptr_t)(symbol))

__attribute__((section(".vectors"), used)) const struct devauth_image image = {
    .initial_sp = WORD(stack_top),
    .reset_handler = WORD(reset_handler),
    .nmi_handler = WORD(fault_handler),
    .hard_fault_handler = WORD(fault_handler),
    .magic = DEVAUTH_IMAGE_MAGIC,
    .load_address = WORD(load_address),
    .mailbox_address = WORD(&mailbox),
    .image_size = WORD(image_size),
};

/* Without its clock a bank drops what is written (M2354BSP's SystemInit() sets all three). */
static bool bank1_holds(void)
{
    enum err e = sys_open();
    reg_set(CLK_AHBCLK, AHB_SRAM1);
    sys_close();
    REG(bss_start) = DEVAUTH_IMAGE_MAGIC;
    return e == ERR_OK && REG(bss_start) == DEVAUTH_IMAGE_MAGIC;
}

/* No interrupt is ever taken; a stack that runs over faults instead of eating the data. */
_Noreturn void reset_handler(void)
{
    __asm__ volatile("cpsid i\n\tmsr msplim, %0" ::"r"(stack_limit) : "memory");
    REG(SCB_VTOR) = WORD(load_address);
    if (!bank1_holds())
        fault_handler();
    for (uint32_t *word = bss_start; word < bss_end; word++)
        *word = 0;
    main();
    fault_handler();
}

/* The agent sees it: the mailbox is gone. */
_Noreturn void fault_handler(void)
{
    mailbox.magic = 0;
    for (;;)
        __asm__ volatile("wfi");
}
