/* SPDX-License-Identifier: MIT */
/* image: what the linker places, and how a core begins. Each chip has its own reset_handler().
 */
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
