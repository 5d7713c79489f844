/* SPDX-License-Identifier: MIT */
/*
 * The private peripheral bus of one core: debug registers, the reset and halt states, SysTick's
 * and the breakpoint units' registers. Called by bus.c for addresses from 0xE0000000, and by
 * chip.c at each reset. It must not let a debugger stop the core or read its registers where a
 * lock forbids secure debug.
 */

#include "target-fw/board/chip/core.h"

#include <string.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "target-fw/board/chip/chip.h"
#include "target-fw/board/halt.h"
#include "target-fw/board/tick.h"

enum {
    CPUID = 0xed00,
    VTOR = 0xed08,
    AIRCR = 0xed0c,
    SCR = 0xed10,
    CCR = 0xed14,
    DFSR = 0xed30,
    DHCSR = 0xedf0,
    DCRSR = 0xedf4,
    DCRDR = 0xedf8,
    DEMCR = 0xedfc,
    DSCSR = 0xee08,
    DAUTHSTATUS = 0xefb8,
    DEVARCH = 0xefbc,
    AIRCR_KEY = 0x05fa,
    AIRCR_READ = 0xfa05,
    AIRCR_SYSRESETREQ = 1 << 2,
    DHCSR_KEY = 0xa05f,
    C_STEP = 1 << 2,
    DEMCR_VC_CORERESET = 1 << 0,
    DCRSR_WRITE = 1 << 16,
    CPUID_M23 = 0x411cd200,
    ALL_DEBUG = 0xff, /* secure and non-secure, invasive and not: implemented and enabled */
    NS_DEBUG = 0xaf   /* the non-secure half of it */
};

static const char *const state_names[] = { "off",  "reset",  "run",    "sleep",
                                           "halt", "lockup", "refused" };

const char *core_state_name(enum core_state state)
{
    return state_names[state];
}

/* ---- identification: ROM table and component registers ---- */

static const struct word {
    uint32_t offset, value;
} constants[] = {
    { CPUID, CPUID_M23 }, { DEVARCH, 0x47702a04 }, { 0xefe0, 0x20 },        { 0xefe4, 0xbd },
    { 0xefe8, 0x0b },     { 0xefd0, 0x04 },        { 0xeff0, 0x0d },        { 0xeff4, 0x90 },
    { 0xeff8, 0x05 },     { 0xeffc, 0xb1 },        { 0xff000, 0xfff0f003 }, { 0xffff0, 0x0d },
    { 0xffff4, 0x10 },    { 0xffff8, 0x05 },       { 0xffffc, 0xb1 },       { 0xfffe0, 0xcb },
    { 0xfffe4, 0xb4 },    { 0xfffe8, 0x0b },       { 0xfffd0, 0x04 },
};

static uint32_t constant(uint32_t offset)
{
    for (size_t i = 0; i < COUNT(constants); i++)
        if (constants[i].offset == offset)
            return constants[i].value;
    return 0;
}

/* ---- core debug ---- */

static uint32_t dhcsr_read(struct chip *chip)
{
    struct core *core = &chip->core;
    uint32_t value = core->control | 1U << 16 | (uint32_t)chip_secure_debug(chip) << 20 |
                     (uint32_t)(core->state == CORE_HALT) << 17 |
                     (uint32_t)(core->state == CORE_SLEEP) << 18 |
                     (uint32_t)(core->state == CORE_LOCKUP) << 19 | (uint32_t)core->ran << 24 |
                     (uint32_t)core->reset_seen << 25;
    core->reset_seen = core->ran = false;
    return value;
}

/* One instruction, or the entry of an exception that is due. */
static void step(struct chip *chip)
{
    struct core *core = &chip->core;
    enum master master = chip->master;
    chip->master = MASTER_CPU;
    core->state = CORE_RUN;
    core_tick(chip);
    unsigned due = exc_next(chip);
    if (due != 0)
        exc_take(chip, due);
    else
        core_ended(chip, cpu_step(chip->cpu));
    chip->master = master;
    core->ran = true;
    if (core->state == CORE_RUN || core->state == CORE_SLEEP)
        core_halt(core, DFSR_HALTED);
}

static void resume(struct chip *chip)
{
    struct core *core = &chip->core;
    if (core->in_rom)
        core->state = CORE_REFUSED;
    else if (core->control & C_STEP)
        step(chip);
    else
        core->state = CORE_RUN;
}

static void dhcsr_write(struct chip *chip, uint32_t value)
{
    struct core *core = &chip->core;
    if (value >> 16 != DHCSR_KEY || chip->master != MASTER_DEBUG)
        return;
    bool was_halted = core->state == CORE_HALT;
    core->control = value & 0x2f;
    if ((value & C_DEBUGEN) == 0)
        core->control &= ~(uint32_t)(C_HALT | C_STEP);
    if (core->state == CORE_OFF || core->state == CORE_HELD)
        return;
    if ((core->control & C_HALT) && !was_halted && !chip_secure_debug(chip))
        return; /* pending, until the core is in non-secure state */
    if ((core->control & C_HALT) && !was_halted)
        core_halt(core, DFSR_HALTED);
    else if (was_halted && (core->control & C_HALT) == 0)
        resume(chip);
}

static void dcrsr_write(struct chip *chip, uint32_t value)
{
    struct core *core = &chip->core;
    unsigned select = value & 0x7f;
    if (core->state != CORE_HALT)
        return;
    if (value & DCRSR_WRITE) {
        cpu_reg_set(chip->cpu, select, core->dcrdr);
        if (select == CPU_REG_PC)
            core->in_rom = false;
    } else {
        core->dcrdr = cpu_reg(chip->cpu, select);
    }
}

/* ---- the rest of the system control space ---- */

static void aircr_write(struct chip *chip, uint32_t value)
{
    if (value >> 16 == AIRCR_KEY && (value & AIRCR_SYSRESETREQ) != 0)
        chip_want_reset(chip, RESET_SYSTEM);
}

static uint32_t unit_read(struct core *core, uint32_t offset)
{
    if (offset - FPB_BASE < FPB_BYTES)
        return fpb_read(&core->fpb, offset - FPB_BASE);
    if (offset - DWT_BASE < DWT_BYTES)
        return dwt_read(&core->dwt, offset - DWT_BASE);
    return constant(offset);
}

static void unit_write(struct core *core, uint32_t offset, uint32_t value)
{
    if (offset - FPB_BASE < FPB_BYTES)
        fpb_write(&core->fpb, offset - FPB_BASE, value);
    else if (offset - DWT_BASE < DWT_BYTES)
        dwt_write(&core->dwt, offset - DWT_BASE, value);
}

/* Without secure debug a debugger sees only the registers common to both states. */
static bool hidden(const struct chip *chip, uint32_t offset, bool write)
{
    bool common = offset == DHCSR ||
                  (write ? offset == AIRCR : offset == DAUTHSTATUS || constant(offset) != 0);
    return chip->master == MASTER_DEBUG && !chip_secure_debug(chip) && !common;
}

uint32_t core_read(struct chip *chip, uint32_t offset)
{
    struct core *core = &chip->core;
    uint32_t value;
    if (hidden(chip, offset, false))
        return 0;
    if (nvic_read(chip, offset, &value))
        return value;
    switch (offset) {
    case TICK_CSR:
    case TICK_RVR:
    case TICK_CVR:
        return tick_read(chip, offset);
    case VTOR:
        return core->vtor;
    case AIRCR:
        return (uint32_t)AIRCR_READ << 16;
    case SCR:
        return core->scr;
    case CCR:
        return 0x208; /* UNALIGN_TRP and STKALIGN, fixed on Baseline */
    case DFSR:
        return core->dfsr;
    case DHCSR:
        return dhcsr_read(chip);
    case DCRDR:
        return core->dcrdr;
    case DEMCR:
        return core->demcr;
    case DAUTHSTATUS:
        return chip_secure_debug(chip) ? ALL_DEBUG : NS_DEBUG;
    case DSCSR:
        return core->dscsr | 1U << 16; /* CDS: the core is in the secure state */
    default:
        return unit_read(core, offset);
    }
}

void core_write(struct chip *chip, uint32_t offset, uint32_t value)
{
    struct core *core = &chip->core;
    if (hidden(chip, offset, true) || nvic_write(chip, offset, value))
        return;
    switch (offset) {
    case TICK_CSR:
    case TICK_RVR:
    case TICK_CVR:
        tick_write(chip, offset, value);
        cpu_alarm(chip->cpu, exc_alarm(chip));
        break;
    case VTOR:
        core->vtor = value & ~0x7fU;
        if ((core->vtor & 0x3ff) != 0)
            chip_note(chip, "SCB: VTOR 0x%08x is not a multiple of 1024", value);
        break;
    case AIRCR:
        aircr_write(chip, value);
        break;
    case SCR:
        core->scr = value & 0x1e;
        break;
    case DFSR:
        core->dfsr &= ~value;
        break;
    case DHCSR:
        dhcsr_write(chip, value);
        break;
    case DCRSR:
        dcrsr_write(chip, value);
        break;
    case DCRDR:
        core->dcrdr = value;
        break;
    case DEMCR:
        core->demcr = value & 0x011007f1;
        break;
    case DSCSR:
        core->dscsr = value & 3;
        break;
    default:
        unit_write(core, offset, value);
    }
}

void core_reset(struct chip *chip, bool debug_too)
{
    struct core old = chip->core;
    chip->core = (struct core){ .reset_seen = true, .tick_start = chip->cycles };
    if (debug_too)
        return;
    chip->core.control = old.control & C_DEBUGEN;
    chip->core.demcr = old.demcr;
    chip->core.dfsr = old.dfsr;
    chip->core.dcrdr = old.dcrdr;
    chip->core.dscsr = old.dscsr;
    chip->core.fpb = old.fpb;
    chip->core.dwt = old.dwt;
}

static uint32_t vector(struct chip *chip, uint32_t address)
{
    uint32_t word = 0;
    return bus_read(chip, address, 4, &word) ? word : 0xffffffffU;
}

/* Loads SP and PC as the core does out of reset, and halts there if a debugger asked for it. */
void core_start(struct chip *chip)
{
    struct core *core = &chip->core;
    uint32_t sp = vector(chip, 0), pc = vector(chip, 4);
    bool catch = core_debugged(chip) && (core->demcr & DEMCR_VC_CORERESET) != 0;
    cpu_reg_set(chip->cpu, CPU_REG_LR, 0xffffffffU);
    cpu_reg_set(chip->cpu, CPU_REG_MSP, sp & ~3U);
    cpu_reg_set(chip->cpu, CPU_REG_PC, pc);
    if (chip->verdict == VERDICT_REFUSED) {
        core->in_rom = true;
        core->state = CORE_REFUSED;
    } else {
        core->state = CORE_RUN;
    }
    if (catch)
        core_halt(core, DFSR_VCATCH);
    else if (core->state == CORE_RUN && (pc & 1) == 0)
        core_lockup(chip, "reset vector is not Thumb code");
    else if (core->state == CORE_RUN && pc == 0xffffffffU)
        core_lockup(chip, "flash is blank");
}

void core_ended(struct chip *chip, enum cpu_end end)
{
    struct core *core = &chip->core;
    if (end == CPU_END_WFI)
        core->state = CORE_SLEEP;
    else if (end == CPU_END_BKPT && core_debugged(chip))
        core_halt(core, DFSR_BKPT);
    else if (end == CPU_END_BKPT)
        exc_fault(chip, "BKPT without a debugger");
    else if (end == CPU_END_WATCH)
        core_halt(core, DFSR_DWTTRAP);
    else if (end == CPU_END_FAULT)
        exc_fault(chip, cpu_fault_words(chip->cpu));
    else if (end == CPU_END_SVC)
        exc_call(chip);
    else if (end == CPU_END_RETURN)
        exc_return(chip);
}

/* Its offsets are from the base of the whole bus. */
const struct periph periph_core = { "PPB",     0xe0000000, 0x100000, GATE_NONE,
                                    core_read, core_write, NULL };
