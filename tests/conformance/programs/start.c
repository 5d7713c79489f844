/* SPDX-License-Identifier: MIT */
/* The vector table, what runs before phase(), and how a program ends: at BKPT. */
#include "tests/conformance/programs/check.h"

extern uint32_t stack_top[], bss_start[], bss_end[], image_size[];

_Noreturn void reset_handler(void);
_Noreturn void fault_handler(void);

__attribute__((section(".results"))) struct results results;

struct vectors {
    const void *initial_sp;
    void (*reset)(void);
    void (*nmi)(void);
    void (*hard_fault)(void);
    uint32_t magic;
    const void *program;
    const void *results;
    const void *size;
    void (*others[8])(void);
};

__attribute__((section(".vectors"), used)) const struct vectors vectors = {
    .initial_sp = stack_top,
    .reset = reset_handler,
    .nmi = fault_handler,
    .hard_fault = fault_handler,
    .magic = PROGRAM_MAGIC,
    .program = &program,
    .results = &results,
    .size = image_size,
    .others = { [3] = fault_handler, [6] = fault_handler, [7] = fault_handler },
};

static _Noreturn void end(enum program_state state)
{
    results.state = (uint32_t)state;
    for (;;)
        __asm__ volatile("bkpt #0xab" ::: "memory");
}

/* PRIMASK set: an interrupt may wake WFI, none is ever taken. */
_Noreturn void reset_handler(void)
{
    __asm__ volatile("cpsid i" ::: "memory");
    for (uint32_t *word = bss_start; word < bss_end; word++)
        *word = 0;
    phase(results.phase);
    end(PROGRAM_DONE);
}

_Noreturn void fault_handler(void)
{
    end(PROGRAM_FAULTED);
}
