/* SPDX-License-Identifier: MIT */
/*
 * Enters exceptions and returns from them: stacking, mode, stack choice, escalation, lockup.
 * Called by core.c and chip.c. When it cannot stack or fetch a vector, it must leave
 * all registers but SP as they were.
 */

#include "target-fw/board/chip/exc.h"

#include "common/host/log.h"
#include "target-fw/board/chip/chip.h"

enum {
    TABLE_BYTES = 1024, /* of this part's exceptions, and what VTOR is to be a multiple of */
    FRAME_WORDS = 8,
    FRAME_BYTES = 32,
    FRAME_PC = 6,
    FRAME_XPSR = 7,
    XPSR_NUMBER = 0x1ff,
    XPSR_ALIGNED = 1 << 9, /* in the frame: SP was moved to a multiple of 8 */
    XPSR_THUMB = 1 << 24,
    CONTROL_SPSEL = 1 << 25, /* in DCRSR's special register */
    RETURN_SPSEL = 1 << 2,
    RETURN_THREAD = 1 << 3,
    SCR_SLEEPONEXIT = 1 << 1
};
#define RETURN_SECURE 0xfffffff1U /* secure stack, taken to secure state */

/* Without FP and mainline registers: what is stacked, in order. */
static const uint8_t stacked[FRAME_WORDS] = { 0,  1,          2,          3,
                                              12, CPU_REG_LR, CPU_REG_PC, CPU_REG_XPSR };

static unsigned number_now(struct chip *chip)
{
    return cpu_reg(chip->cpu, CPU_REG_XPSR) & XPSR_NUMBER;
}

/* On the stack in use. false: it is not there. */
static bool push(struct chip *chip)
{
    uint32_t sp = cpu_reg(chip->cpu, CPU_REG_SP), frame = (sp - FRAME_BYTES) & ~7U;
    bool ok = true;
    for (unsigned i = 0; i < FRAME_WORDS; i++) {
        uint32_t word = cpu_reg(chip->cpu, stacked[i]);
        if (i == FRAME_XPSR)
            word = (word & ~(uint32_t)XPSR_ALIGNED) | (sp & 4 ? XPSR_ALIGNED : 0U);
        ok = bus_write(chip, frame + 4 * i, 4, word) && ok;
    }
    cpu_reg_set(chip->cpu, CPU_REG_SP, frame);
    return ok;
}

static uint32_t return_value(struct chip *chip)
{
    if (number_now(chip) != 0)
        return RETURN_SECURE;
    bool psp = (cpu_reg(chip->cpu, CPU_REG_SPECIAL) & CONTROL_SPSEL) != 0;
    return RETURN_SECURE | RETURN_THREAD | (psp ? RETURN_SPSEL : 0U);
}

/* Stacks, and runs the handler. false: it cannot; nothing but SP has changed. */
static bool enter(struct chip *chip, unsigned number)
{
    struct cpu *cpu = chip->cpu;
    uint32_t handler, lr = return_value(chip);
    if (!push(chip) ||
        !bus_read(chip, (chip->core.vtor & ~(uint32_t)(TABLE_BYTES - 1)) + 4 * number, 4,
                  &handler))
        return false;
    exc_pend(chip, number, false);
    exc_set_active(chip, number, true);
    cpu_reg_set(cpu, CPU_REG_SPECIAL, cpu_reg(cpu, CPU_REG_SPECIAL) & ~(uint32_t)CONTROL_SPSEL);
    cpu_reg_set(cpu, CPU_REG_XPSR,
                (cpu_reg(cpu, CPU_REG_XPSR) & ~(uint32_t)XPSR_NUMBER) | XPSR_THUMB | number);
    cpu_reg_set(cpu, CPU_REG_LR, lr);
    cpu_reg_set(cpu, CPU_REG_PC, handler);
    if ((handler & 1) == 0)
        exc_fault(chip, "handler is not Thumb code");
    return true;
}

void exc_fault(struct chip *chip, const char *why)
{
    uint32_t pc = cpu_reg(chip->cpu, CPU_REG_PC), lr = cpu_reg(chip->cpu, CPU_REG_LR);
    if (!exc_can_fault(chip)) {
        core_lockup(chip, why);
        return;
    }
    log_line(LOG_LEVEL_WARN, "board %u: HardFault: %s, pc 0x%08x lr 0x%08x", chip->number, why,
             pc, lr);
    if (!enter(chip, EXC_HARDFAULT)) {
        exc_set_active(chip, EXC_HARDFAULT, true);
        core_lockup(chip, "stack or vector of HardFault");
        return;
    }
    core_catch_hard_fault(chip);
}

void exc_take(struct chip *chip, unsigned number)
{
    if (!enter(chip, number))
        exc_fault(chip, "stack or vector of an exception");
}

void exc_call(struct chip *chip)
{
    if (exc_can_call(chip)) {
        exc_take(chip, EXC_SVCALL);
        return;
    }
    uint32_t after = cpu_reg(chip->cpu, CPU_REG_PC);
    cpu_reg_set(chip->cpu, CPU_REG_PC, after - 2);
    exc_fault(chip, "SVC that cannot be taken");
}

/* ---- return ---- */

static const char *flaw(struct chip *chip, uint32_t value)
{
    unsigned number = number_now(chip);
    if (number == 0)
        return "branch to EXC_RETURN outside a handler";
    if ((value & ~(uint32_t)(RETURN_THREAD | RETURN_SPSEL)) != RETURN_SECURE ||
        (value & (RETURN_THREAD | RETURN_SPSEL)) == RETURN_SPSEL)
        return "EXC_RETURN is no value of this core";
    return exc_is_active(chip, number) ? NULL : "return from an exception that is not active";
}

static bool pop(struct chip *chip, uint32_t sp, uint32_t words[static FRAME_WORDS])
{
    bool ok = true;
    for (unsigned i = 0; i < FRAME_WORDS; i++)
        ok = bus_read(chip, sp + 4 * i, 4, &words[i]) && ok;
    return ok;
}

/* The mode first: it decides which stack SP means. */
static void restore(struct chip *chip, uint32_t value, unsigned stack, uint32_t sp,
                    const uint32_t words[static FRAME_WORDS])
{
    struct cpu *cpu = chip->cpu;
    uint32_t xpsr = words[FRAME_XPSR];
    cpu_reg_set(cpu, CPU_REG_XPSR, xpsr & ~(uint32_t)XPSR_ALIGNED);
    if (value & RETURN_THREAD)
        cpu_reg_set(cpu, CPU_REG_SPECIAL,
                    (cpu_reg(cpu, CPU_REG_SPECIAL) & ~(uint32_t)CONTROL_SPSEL) |
                        (value & RETURN_SPSEL ? CONTROL_SPSEL : 0U));
    cpu_reg_set(cpu, stack, sp + FRAME_BYTES + (xpsr & XPSR_ALIGNED ? 4 : 0));
    for (unsigned i = 0; i <= FRAME_PC; i++)
        cpu_reg_set(cpu, stacked[i], words[i]);
}

void exc_return(struct chip *chip)
{
    struct cpu *cpu = chip->cpu;
    uint32_t value = cpu_reg(cpu, CPU_REG_PC) | 1, words[FRAME_WORDS];
    const char *why = flaw(chip, value);
    if (why != NULL) {
        exc_fault(chip, why);
        return;
    }
    unsigned stack = value & RETURN_SPSEL ? CPU_REG_PSP : CPU_REG_MSP;
    uint32_t sp = cpu_reg(cpu, stack);
    exc_set_active(chip, number_now(chip), false);
    if (!pop(chip, sp, words)) {
        exc_fault(chip, "return: stack");
        return;
    }
    if (((words[FRAME_XPSR] & XPSR_NUMBER) == 0) != ((value & RETURN_THREAD) != 0)) {
        exc_fault(chip, "return: the frame is of another mode");
        return;
    }
    restore(chip, value, stack, sp, words);
    if ((words[FRAME_XPSR] & XPSR_THUMB) == 0)
        exc_fault(chip, "return to code that is not Thumb");
    else if ((value & RETURN_THREAD) != 0 && (chip->core.scr & SCR_SLEEPONEXIT) != 0)
        chip->core.state = CORE_SLEEP;
}
