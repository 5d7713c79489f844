/* SPDX-License-Identifier: MIT */
/*
 * exc: exceptions of a v8-M Baseline core: which is due, entry, return, faults, lockup.
 *
 * NMI, HardFault, SVCall, PendSV, SysTick and 116 interrupts, four priorities, nested or one
 * after the other. An interrupt is taken between two blocks of code, so some instructions late
 * at most; a fault, an SVC and a return exactly at their instruction. All is secure state:
 * EXC_RETURN is 0xFFFFFFF1, F9 or FD. A fault at the priority of HardFault or NMI, and one
 * while HardFault is entered, locks up. Source: ARMv8-M Architecture
 * Reference Manual (DDI 0553), "Exception model". Used by chip, core and cpu.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    EXC_NMI = 2,
    EXC_HARDFAULT = 3,
    EXC_SVCALL = 11,
    EXC_PENDSV = 14,
    EXC_SYSTICK = 15,
    EXC_IRQ0 = 16,
    EXC_COUNT = 132, /* of this part */
    EXC_WORDS = 5
};

/* Sets of exceptions, bit n % 32 of word n / 32. */
struct exc {
    uint32_t pending[EXC_WORDS];
    uint32_t active[EXC_WORDS];
    uint32_t enabled[EXC_WORDS]; /* interrupts only */
    uint8_t priority[EXC_COUNT];
};

struct chip;

/* Which: nvic.c. */
unsigned exc_next(struct chip *chip);  /* to be taken now; 0: none */
bool exc_masked(struct chip *chip);    /* one would be, but for PRIMASK */
bool exc_wakes(struct chip *chip);     /* ends WFI */
bool exc_can_fault(struct chip *chip); /* runs below the priority of HardFault */
bool exc_can_call(struct chip *chip);  /* SVC would be taken */
uint64_t exc_alarm(struct chip *chip); /* board time of the next SysTick; UINT64_MAX: none */

/* The sets alone: pend.c. */
void exc_put(uint32_t *set, unsigned number, bool on);
void exc_pend(struct chip *chip, unsigned number, bool pending);
bool exc_pends(const struct chip *chip, unsigned number);
bool exc_is_enabled(const struct chip *chip, unsigned number);
bool exc_is_active(const struct chip *chip, unsigned number);
void exc_set_active(struct chip *chip, unsigned number, bool active);

/* Registers; offset is from 0xE0000000. nvic_write: false as well, if it is not its own. */
bool nvic_read(struct chip *chip, uint32_t offset, uint32_t *value); /* false: not its own */
bool nvic_write(struct chip *chip, uint32_t offset, uint32_t value);

/* What happens then: exc.c. A failure to stack or to fetch a vector ends in HardFault or in
 * lockup, so none of these reports one. */
void exc_take(struct chip *chip, unsigned number);  /* entered before the instruction at PC */
void exc_return(struct chip *chip);                 /* PC is an EXC_RETURN value */
void exc_fault(struct chip *chip, const char *why); /* by the instruction at PC */
void exc_call(struct chip *chip);                   /* SVC, PC is after it */
