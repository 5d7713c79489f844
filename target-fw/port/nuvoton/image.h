/* SPDX-License-Identifier: MIT */
/* image: the linker's symbols and the core's first functions. Each chip has its own
 * reset_handler(), in start.c; image.c's vector table names it. */
#pragma once

#include "common/core/mailbox.h"
#include "target-fw/port/nuvoton/reg.h"

extern uint32_t stack_top[], stack_limit[], bss_start[], bss_end[];
extern char load_address[];
extern struct mailbox mailbox;

#define IMAGE_WORD(symbol) ((uint32_t)(uintptr_t)(symbol))

int main(void);
_Noreturn void reset_handler(void);
_Noreturn void fault_handler(void);
_Noreturn void image_run(void); /* empty state, then main() */
