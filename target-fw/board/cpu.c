/* SPDX-License-Identifier: MIT */
/*
 * Runs the core on Unicorn, a slice at a time, and turns what its hooks report into the reasons
 * of cpu.h. Called by chip.c and core.c. The engine must be stopped only in the ways that
 * README.md lists ("Stopping"): all others replay or corrupt a block of code.
 */

#include "target-fw/board/chip/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "target-fw/board/chip/cpu_engine.h"
#include "target-fw/board/chip/exc.h"
#include "target-fw/board/insn.h"

enum {
    NOWHERE = 0xfffffff0, /* an end address outside all code */
    EXCP_SWI = 2,
    EXCP_BKPT = 7,
    EXCP_EXIT = 8, /* a branch to EXC_RETURN */
    EXCP_STACK = 19,
    STORE_BYTES = 2 /* STR, the only sensible way to write a register of the core */
};

/* The first reason is kept, not what follows from it. */
static void fault(struct cpu *cpu, const char *what, uint32_t address)
{
    if (cpu->end != CPU_END_FAULT)
        snprintf(cpu->words, sizeof(cpu->words), "%s 0x%08x", what, address);
    cpu->end = CPU_END_FAULT;
    cpu->stop = true;
}

static void stop_now(struct cpu *cpu)
{
    cpu->stopped = true;
    uc_emu_stop(cpu->uc);
}

/* Before an access is made: the emulator drops it and the rest of the block. */
static void stop_inside(struct cpu *cpu)
{
    cpu->inside = true;
    stop_now(cpu);
}

/* About a cycle an instruction. In simulated time, at the clock that software chose. */
static void pass(struct cpu *cpu, uint32_t instructions)
{
    struct chip *chip = cpu->chip;
    unsigned speed = chip->pace.on ? chip->clk.speed : 1;
    cpu->part += instructions;
    chip->cycles += cpu->part / speed;
    cpu->part %= speed;
}

static void on_block(uc_engine *uc, uint64_t address, uint32_t size, void *user)
{
    struct cpu *cpu = user;
    (void)uc;
    if (cpu->quiet)
        return;
    if (cpu->budget == 0 || cpu->stop || cpu->chip->cycles >= cpu->alarm ||
        (cpu->masked && code_unmasks(cpu, (uint32_t)address))) {
        stop_now(cpu);
        return;
    }
    if (!cpu->walking && (cpu->foreign = code_foreign(cpu, (uint32_t)address, size)) != 0) {
        stop_now(cpu);
        return;
    }
    cpu->budget--;
    cpu->block = (uint32_t)address;
    cpu->accesses = 0;
    pass(cpu, size / 2);
    code_ran(cpu, (uint32_t)address, size);
}

static void on_watch(struct cpu *cpu, uint32_t address, unsigned size, bool write)
{
    const struct dwt_watch *hit = dwt_hit(&cpu->watches, address, size, write);
    if (hit == NULL)
        return;
    cpu->chip->core.dwt.matched[hit->number] = true;
    cpu->end = CPU_END_WATCH;
    stop_inside(cpu);
}

/* v8-M Baseline has no unaligned access at all: it ends in a HardFault. */
static void on_access(uc_engine *uc, uc_mem_type type, uint64_t address, int size,
                      int64_t value, void *user)
{
    struct cpu *cpu = user;
    (void)uc, (void)value;
    if (cpu->quiet || cpu->inside)
        return;
    cpu->accesses++;
    if ((address & (uint64_t)(size - 1)) != 0 && size <= 4) {
        fault(cpu, "unaligned access to", (uint32_t)address);
        stop_inside(cpu);
    } else if (cpu->watches.count != 0) {
        on_watch(cpu, (uint32_t)address, (unsigned)size, type == UC_MEM_WRITE);
    }
}

/* A load finds nothing (on_access has not seen it), or a store nothing or flash. */
static bool on_nothing(uc_engine *uc, uc_mem_type type, uint64_t address, int size,
                       int64_t value, void *user)
{
    struct cpu *cpu = user;
    (void)uc, (void)size, (void)value;
    cpu->accesses += type == UC_MEM_READ_UNMAPPED;
    fault(cpu,
          type == UC_MEM_READ_UNMAPPED    ? "bus error reading"
          : type == UC_MEM_WRITE_UNMAPPED ? "bus error writing"
                                          : "store to flash at",
          (uint32_t)address);
    cpu->inside = true;
    return false;
}

static void on_interrupt(uc_engine *uc, uint32_t number, void *user)
{
    struct cpu *cpu = user;
    uint32_t sp = 0;
    uc_reg_read(uc, UC_ARM_REG_SP, &sp);
    if (number == EXCP_BKPT)
        cpu->end = CPU_END_BKPT;
    else if (number == EXCP_SWI)
        cpu->end = CPU_END_SVC;
    else if (number == EXCP_EXIT)
        cpu->end = CPU_END_RETURN;
    else if (number == EXCP_STACK)
        fault(cpu, "stack limit, SP", sp);
    else
        fault(cpu, "exception", number);
    stop_now(cpu);
}

static uint64_t window_read(uc_engine *uc, uint64_t offset, unsigned size, void *window)
{
    const struct window *w = window;
    struct cpu *cpu = w->cpu;
    uint32_t value = 0, address = w->base + (uint32_t)offset;
    (void)uc;
    if (!cpu->inside && !bus_read(cpu->chip, address, size, &value)) {
        fault(cpu, "bus error reading", address);
        stop_inside(cpu);
    }
    return value;
}

static void window_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value,
                         void *window)
{
    const struct window *w = window;
    struct cpu *cpu = w->cpu;
    uint32_t address = w->base + (uint32_t)offset;
    (void)uc;
    if (cpu->inside)
        return;
    cpu->remapped = false;
    if (!bus_write(cpu->chip, address, size, (uint32_t)value)) {
        fault(cpu, "bus error writing", address);
        stop_inside(cpu);
    } else if (cpu->remapped || (w == &cpu->windows[WINDOW_PPB] && exc_next(cpu->chip) != 0)) {
        cpu->done = true;
        stop_inside(cpu);
    }
}

static bool add_hook(struct cpu *cpu, int type, void *callback)
{
    uc_hook hook;
    return uc_hook_add(cpu->uc, &hook, type, callback, cpu, 1, 0) == UC_ERR_OK;
}

static bool hooks_add(struct cpu *cpu)
{
    int nothing =
        UC_HOOK_MEM_READ_UNMAPPED | UC_HOOK_MEM_WRITE_UNMAPPED | UC_HOOK_MEM_WRITE_PROT;
    return add_hook(cpu, UC_HOOK_BLOCK, (void *)on_block) &&
           add_hook(cpu, UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE, (void *)on_access) &&
           add_hook(cpu, nothing, (void *)on_nothing) &&
           add_hook(cpu, UC_HOOK_INTR, (void *)on_interrupt);
}

static const struct engine_hooks hooks = { hooks_add, window_read, window_write };

enum err cpu_new(struct chip *chip, struct cpu **out)
{
    struct cpu *cpu = aligned_alloc(_Alignof(struct cpu), sizeof(*cpu));
    if (cpu == NULL)
        return fail(ERR_MEMORY, "cpu: state");
    *cpu = (struct cpu){ .chip = chip, .hooks = &hooks };
    enum err e = engine_open(cpu);
    if (e != ERR_OK)
        cpu_free(cpu);
    else
        *out = cpu;
    return e;
}

void cpu_free(struct cpu *cpu)
{
    if (cpu == NULL)
        return;
    engine_close(cpu);
    free(cpu);
}

enum err cpu_restart(struct cpu *cpu)
{
    if (cpu == NULL)
        return ERR_OK;
    engine_close(cpu);
    return engine_open(cpu);
}

/* ---- slices ---- */

/* The second instruction of a step. */
static void on_code(uc_engine *uc, uint64_t address, uint32_t size, void *user)
{
    struct cpu *cpu = user;
    (void)uc, (void)address, (void)size;
    if (cpu->stepped)
        stop_now(cpu);
    cpu->stepped = true;
}

/* Unicorn's own count of instructions drops all translations and takes a gigabyte. So a hook
 * counts: code translated without it must be translated again, and once more afterwards. */
static uc_err emulate_one(struct cpu *cpu, uint32_t pc)
{
    uc_hook hook;
    (void)uc_ctl_remove_cache(cpu->uc, pc, pc + 4);
    if (uc_hook_add(cpu->uc, &hook, UC_HOOK_CODE, (void *)on_code, cpu, pc, pc + 4) !=
        UC_ERR_OK)
        return UC_ERR_NOMEM;
    cpu->stepped = false;
    uc_err e = uc_emu_start(cpu->uc, pc | 1, NOWHERE, 0, 0);
    (void)uc_hook_del(cpu->uc, hook);
    (void)uc_ctl_remove_cache(cpu->uc, pc, pc + 4);
    return e;
}

/* Runs from PC; blocks 0: one instruction. */
static enum cpu_end go(struct cpu *cpu, uint32_t blocks)
{
    uint32_t pc = cpu_reg(cpu, CPU_REG_PC);
    cpu->budget = blocks == 0 ? 1 : blocks;
    cpu->stop = cpu->stopped = cpu->inside = cpu->done = false;
    cpu->foreign = 0;
    cpu->end = CPU_END_SLICE;
    uc_err e =
        blocks == 0 ? emulate_one(cpu, pc) : uc_emu_start(cpu->uc, pc | 1, NOWHERE, 0, 0);
    if (e == UC_ERR_INSN_INVALID && cpu->end == CPU_END_SLICE && code_is_hint(cpu, pc))
        return CPU_END_SLICE;
    if (e != UC_ERR_OK && cpu->end != CPU_END_FAULT)
        fault(cpu, uc_strerror(e), cpu_reg(cpu, CPU_REG_PC));
    if (cpu->inside)
        cpu_reg_set(cpu, CPU_REG_PC, code_access_pc(cpu) + (cpu->done ? STORE_BYTES : 0));
    if (cpu->end != CPU_END_SLICE || cpu->stopped)
        return cpu->end;
    if (fpb_set_has(&cpu->breaks, cpu_reg(cpu, CPU_REG_PC)))
        return CPU_END_BKPT;
    return blocks == 0 ? CPU_END_SLICE : CPU_END_WFI;
}

/* Stopped before a block with an instruction that an M23 does not know: up to it, or one step.
 */
static enum cpu_end walk(struct cpu *cpu, bool one_step)
{
    uint32_t to = cpu->foreign;
    enum cpu_end end = CPU_END_SLICE;
    bool more = true;
    cpu->walking = true;
    while (end == CPU_END_SLICE && more && cpu_reg(cpu, CPU_REG_PC) != to) {
        end = go(cpu, 0);
        more = !one_step;
    }
    cpu->walking = false;
    if (end != CPU_END_SLICE || !more)
        return end;
    cpu->end = CPU_END_SLICE;
    fault(cpu, "instruction that a Cortex-M23 does not have, at", to);
    return CPU_END_FAULT;
}

static enum cpu_end slice(struct cpu *cpu, uint32_t blocks)
{
    struct chip *chip = cpu->chip;
    struct fpb_set breaks = core_breakpoints(chip);
    if ((cpu->stale || !fpb_set_equal(&breaks, &cpu->breaks)) && engine_renew(cpu) != ERR_OK) {
        cpu->end = CPU_END_SLICE;
        fault(cpu, "no engine", 0);
        return CPU_END_FAULT;
    }
    if (fpb_set_has(&breaks, cpu_reg(cpu, CPU_REG_PC)))
        return CPU_END_BKPT;
    cpu->watches = core_watchpoints(chip);
    cpu->masked = exc_masked(chip);
    cpu->alarm = exc_alarm(chip);
    enum cpu_end end = go(cpu, blocks);
    if (cpu->foreign != 0)
        end = walk(cpu, blocks == 0);
    if (end != CPU_END_WATCH)
        return end;
    cpu->watches.count = 0; /* the access itself is still to be made */
    end = go(cpu, 0);
    return end == CPU_END_SLICE ? CPU_END_WATCH : end;
}

enum cpu_end cpu_run(struct cpu *cpu, uint32_t blocks)
{
    return slice(cpu, blocks);
}

enum cpu_end cpu_step(struct cpu *cpu)
{
    return slice(cpu, 0);
}

const char *cpu_fault_words(const struct cpu *cpu)
{
    return cpu->words;
}

uint32_t cpu_where(struct cpu *cpu)
{
    return cpu == NULL ? 0 : cpu->accesses == 0 ? cpu->block : code_access_pc(cpu);
}
