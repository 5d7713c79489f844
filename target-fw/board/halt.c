/* SPDX-License-Identifier: MIT */
/*
 * Stops the core: halts for a debugger, lockup, and the addresses at which it is to stop.
 * Called by core.c, exc.c and cpu.c. It must not stop the core for a debugger where a lock
 * forbids secure debug.
 */

#include "target-fw/board/halt.h"

#include <string.h>

#include "common/host/log.h"
#include "target-fw/board/chip/chip.h"

enum { DEMCR_VC_HARDERR = 1 << 10, DEMCR_TRCENA = 1 << 24 };

#define LOCKUP_PC 0xeffffffeu

/* The core is in secure state: debug events need secure debug to be allowed. */
bool core_debugged(const struct chip *chip)
{
    return (chip->core.control & C_DEBUGEN) != 0 && chip_secure_debug(chip);
}

void core_halt(struct core *core, uint32_t reason)
{
    core->state = CORE_HALT;
    core->control |= C_HALT;
    core->dfsr |= reason;
}

struct fpb_set core_breakpoints(const struct chip *chip)
{
    return core_debugged(chip) ? fpb_active(&chip->core.fpb) : (struct fpb_set){ .count = 0 };
}

struct dwt_set core_watchpoints(const struct chip *chip)
{
    bool on = core_debugged(chip) && (chip->core.demcr & DEMCR_TRCENA) != 0;
    return on ? dwt_active(&chip->core.dwt) : (struct dwt_set){ .count = 0 };
}

void core_catch_hard_fault(struct chip *chip)
{
    struct core *core = &chip->core;
    if (core_debugged(chip) && (core->demcr & DEMCR_VC_HARDERR) != 0)
        core_halt(core, DFSR_VCATCH);
}

/* A fault that no handler can take. PC is then an address that holds no code. */
void core_lockup(struct chip *chip, const char *why)
{
    struct core *core = &chip->core;
    bool blank = strcmp(why, "flash is blank") == 0;
    log_line(blank ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
             "board %u: lockup: %s, pc 0x%08x lr 0x%08x", chip->number, why,
             cpu_reg(chip->cpu, CPU_REG_PC), cpu_reg(chip->cpu, CPU_REG_LR));
    exc_set_active(chip, EXC_HARDFAULT, true);
    cpu_reg_set(chip->cpu, CPU_REG_PC, LOCKUP_PC);
    core->state = CORE_LOCKUP;
    core_catch_hard_fault(chip);
}
