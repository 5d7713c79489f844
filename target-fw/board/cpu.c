#include "target-fw/board/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unicorn/unicorn.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "target-fw/board/chip.h"

enum {
    LINE_BYTES = 256, /* grain of "was executed" */
    SRAM_LINES = CHIP_SRAM_BYTES / LINE_BYTES,
    FLASH_LINES = 0x120000 / LINE_BYTES,
    IO_BYTES = 0x100000,
    PPB_BASE = 0xe0000000,
    NOWHERE = 0xfffffff0, /* an end address that is never reached */
    EXCP_SWI = 2,
    EXCP_BKPT = 7
};

/* Which stretch a callback of the engine is for: SRAM banks 0 to 2, or one of these. */
enum { WINDOW_IO = 3, WINDOW_PPB, WINDOWS };

struct window {
    struct cpu *cpu;
    uint32_t base;
};

struct cpu {
    struct chip *chip;
    struct window windows[WINDOWS];
    uc_engine *uc;
    uint32_t budget;
    bool stop;    /* asked for */
    bool stopped; /* by our block hook, so not a WFI */
    bool stale;   /* executed memory or the map has changed */
    bool breakpoint;
    bool faulted;
    uint32_t block;
    struct fpb_set breaks; /* where this engine stops */
    uint32_t limits[2];    /* MSPLIM, PSPLIM as a debugger wrote them; not enforced */
    char words[96];
    bool sram_ran[SRAM_LINES];
    bool flash_ran[FLASH_LINES];
};

static void fault(struct cpu *cpu, const char *what, uint32_t address)
{
    if (!cpu->faulted)
        snprintf(cpu->words, sizeof(cpu->words), "%s 0x%08x", what, address);
    cpu->faulted = true;
    cpu->stop = true;
}

static bool *ran_line(struct cpu *cpu, uint32_t address)
{
    uint32_t in_sram = address - CHIP_SRAM_BASE;
    if (in_sram < CHIP_SRAM_BYTES)
        return &cpu->sram_ran[in_sram / LINE_BYTES];
    return address / LINE_BYTES < FLASH_LINES ? &cpu->flash_ran[address / LINE_BYTES] : NULL;
}

static void on_block(uc_engine *uc, uint64_t address, uint32_t size, void *user)
{
    struct cpu *cpu = user;
    if (cpu->budget == 0 || cpu->stop) {
        cpu->stopped = true;
        uc_emu_stop(uc);
        return;
    }
    cpu->budget--;
    cpu->block = (uint32_t)address;
    cpu->chip->cycles += size / 2;
    for (uint32_t at = 0; at < size; at += LINE_BYTES) {
        bool *ran = ran_line(cpu, (uint32_t)address + at);
        if (ran != NULL)
            *ran = true;
    }
    bool *last = ran_line(cpu, (uint32_t)address + size - 1);
    if (last != NULL)
        *last = true;
}

/* v8-M Baseline has no unaligned access at all: it ends in a HardFault. */
static void on_access(uc_engine *uc, uc_mem_type type, uint64_t address, int size,
                      int64_t value, void *user)
{
    (void)uc, (void)type, (void)value;
    if ((address & (uint64_t)(size - 1)) != 0 && size <= 4)
        fault(user, "unaligned access to", (uint32_t)address);
}

static void on_interrupt(uc_engine *uc, uint32_t number, void *user)
{
    struct cpu *cpu = user;
    if (number == EXCP_BKPT)
        cpu->breakpoint = true;
    else
        fault(cpu, number == EXCP_SWI ? "SVC: exceptions are not modelled," : "exception",
              number);
    cpu->stopped = true;
    uc_emu_stop(uc);
}

/* Everything that is not plain memory goes through the bus. A bank without a clock too: the bus
 * drops writes and reads zero, or serves it if the clock has just been switched on and the new
 * map follows at the end of this block. */
static uint64_t window_read(uc_engine *uc, uint64_t offset, unsigned size, void *user)
{
    const struct window *w = user;
    uint32_t value = 0, address = w->base + (uint32_t)offset;
    (void)uc;
    if (!bus_read(w->cpu->chip, address, size, &value))
        fault(w->cpu, "bus error reading", address);
    return value;
}

static void window_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value,
                         void *user)
{
    const struct window *w = user;
    uint32_t address = w->base + (uint32_t)offset;
    (void)uc;
    if (!bus_write(w->cpu->chip, address, size, (uint32_t)value))
        fault(w->cpu, "bus error writing", address);
}

static bool map_window(struct cpu *cpu, unsigned n, uint32_t base, uint32_t size)
{
    struct window *w = &cpu->windows[n];
    *w = (struct window){ cpu, base };
    return uc_mmio_map(cpu->uc, base, size, window_read, w, window_write, w) == UC_ERR_OK;
}

static bool map_ram(struct cpu *cpu, uint32_t base, uint32_t size, uint32_t rights, void *at)
{
    return uc_mem_map_ptr(cpu->uc, base, size, rights, at) == UC_ERR_OK;
}

static bool map_memory(struct cpu *cpu)
{
    static const uint32_t banks[] = { 0, CHIP_SRAM_BANK1, CHIP_SRAM_BANK2, CHIP_SRAM_BYTES };
    struct chip *chip = cpu->chip;
    const struct flash_region *r;
    bool ok = map_window(cpu, WINDOW_IO, CHIP_IO_BASE, IO_BYTES) &&
              map_window(cpu, WINDOW_PPB, PPB_BASE, IO_BYTES);
    for (unsigned i = 0; (r = flash_region_at(i)) != NULL; i++)
        ok = ok && (!r->mapped || map_ram(cpu, r->base, r->size, UC_PROT_READ | UC_PROT_EXEC,
                                          flash_bytes(chip, r->base, r->size)));
    for (unsigned i = 0; i < COUNT(banks) - 1; i++) {
        uint32_t from = banks[i], size = banks[i + 1] - from;
        ok = ok &&
             (clk_sram_bank_on(chip, i)
                  ? map_ram(cpu, CHIP_SRAM_BASE + from, size, UC_PROT_ALL, chip->sram + from)
                  : map_window(cpu, i, CHIP_SRAM_BASE + from, size));
    }
    return ok;
}

static bool add_hook(struct cpu *cpu, int type, void *callback)
{
    uc_hook hook;
    return uc_hook_add(cpu->uc, &hook, type, callback, cpu, 1, 0) == UC_ERR_OK;
}

/* Exits of the engine: it stops there as cleanly as at WFI. They are compiled into its code. */
static enum err engine_breaks(struct cpu *cpu)
{
    cpu->breaks = core_breakpoints(&cpu->chip->core);
    if (cpu->breaks.count == 0)
        return ERR_OK;
    if (uc_ctl_exits_enable(cpu->uc) != UC_ERR_OK ||
        uc_ctl_set_exits(cpu->uc, cpu->breaks.at, cpu->breaks.count) != UC_ERR_OK)
        return fail(ERR_INTERNAL, "cpu: breakpoints");
    return ERR_OK;
}

static enum err engine_open(struct cpu *cpu)
{
    if (uc_open(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS, &cpu->uc) != UC_ERR_OK)
        return fail(ERR_MEMORY, "cpu: no engine");
    if (uc_ctl_set_cpu_model(cpu->uc, UC_CPU_ARM_CORTEX_M33) != UC_ERR_OK || !map_memory(cpu) ||
        !add_hook(cpu, UC_HOOK_BLOCK, (void *)on_block) ||
        !add_hook(cpu, UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE, (void *)on_access) ||
        !add_hook(cpu, UC_HOOK_INTR, (void *)on_interrupt))
        return fail(ERR_INTERNAL, "cpu: engine set-up");
    TRY(engine_breaks(cpu));
    memset(cpu->sram_ran, 0, sizeof(cpu->sram_ran));
    memset(cpu->flash_ran, 0, sizeof(cpu->flash_ran));
    cpu->stale = false;
    return ERR_OK;
}

static void engine_close(struct cpu *cpu)
{
    if (cpu->uc != NULL)
        uc_close(cpu->uc);
    cpu->uc = NULL;
}

static int uc_reg_of(unsigned select)
{
    static const int low[] = {
        UC_ARM_REG_R0,  UC_ARM_REG_R1,   UC_ARM_REG_R2,  UC_ARM_REG_R3,  UC_ARM_REG_R4,
        UC_ARM_REG_R5,  UC_ARM_REG_R6,   UC_ARM_REG_R7,  UC_ARM_REG_R8,  UC_ARM_REG_R9,
        UC_ARM_REG_R10, UC_ARM_REG_R11,  UC_ARM_REG_R12, UC_ARM_REG_SP,  UC_ARM_REG_LR,
        UC_ARM_REG_PC,  UC_ARM_REG_XPSR, UC_ARM_REG_MSP, UC_ARM_REG_PSP,
    };
    if (select == CPU_REG_MSP_S || select == CPU_REG_PSP_S)
        select -= CPU_REG_MSP_S - CPU_REG_MSP;
    return select < COUNT(low) ? low[select] : UC_ARM_REG_INVALID;
}

static uint32_t raw(struct cpu *cpu, int reg)
{
    uint32_t value = 0;
    uc_reg_read(cpu->uc, reg, &value);
    return value;
}

static void raw_set(struct cpu *cpu, int reg, uint32_t value)
{
    uc_reg_write(cpu->uc, reg, &value);
}

uint32_t cpu_reg(struct cpu *cpu, unsigned select)
{
    if (cpu == NULL)
        return 0;
    if (select == CPU_REG_SPECIAL)
        return (raw(cpu, UC_ARM_REG_CONTROL) & 3) << 24 |
               (raw(cpu, UC_ARM_REG_FAULTMASK) & 1) << 16 | (raw(cpu, UC_ARM_REG_PRIMASK) & 1);
    if (select == CPU_REG_MSPLIM_S || select == CPU_REG_PSPLIM_S)
        return cpu->limits[select - CPU_REG_MSPLIM_S];
    int reg = uc_reg_of(select);
    return reg == UC_ARM_REG_INVALID ? 0 : raw(cpu, reg);
}

void cpu_reg_set(struct cpu *cpu, unsigned select, uint32_t value)
{
    if (cpu == NULL)
        return;
    int reg = uc_reg_of(select);
    if (select == CPU_REG_SPECIAL) {
        raw_set(cpu, UC_ARM_REG_CONTROL, value >> 24 & 3);
        raw_set(cpu, UC_ARM_REG_FAULTMASK, value >> 16 & 1);
        raw_set(cpu, UC_ARM_REG_PRIMASK, value & 1);
    } else if (select == CPU_REG_MSPLIM_S || select == CPU_REG_PSPLIM_S) {
        cpu->limits[select - CPU_REG_MSPLIM_S] = value & ~7U;
    } else if (select == CPU_REG_PC) {
        raw_set(cpu, reg, value | 1);
    } else if (reg != UC_ARM_REG_INVALID) {
        raw_set(cpu, reg, value);
    }
}

/* What a new engine takes over, in an order that respects the banked stack pointer. */
enum { CARRIED_LOW = 13, CARRIED = CARRIED_LOW + 6 };

static unsigned carried(unsigned i)
{
    static const uint8_t rest[] = { CPU_REG_LR,  CPU_REG_XPSR, CPU_REG_SPECIAL,
                                    CPU_REG_MSP, CPU_REG_PSP,  CPU_REG_PC };
    return i < CARRIED_LOW ? i : rest[i - CARRIED_LOW];
}

static enum err engine_renew(struct cpu *cpu)
{
    uint32_t values[CARRIED];
    for (unsigned i = 0; i < CARRIED; i++)
        values[i] = cpu_reg(cpu, carried(i));
    engine_close(cpu);
    TRY(engine_open(cpu));
    for (unsigned i = 0; i < CARRIED; i++)
        cpu_reg_set(cpu, carried(i), values[i]);
    return ERR_OK;
}

enum err cpu_new(struct chip *chip, struct cpu **out)
{
    struct cpu *cpu = calloc(1, sizeof(*cpu));
    if (cpu == NULL)
        return fail(ERR_MEMORY, "cpu: state");
    cpu->chip = chip;
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
    memset(cpu->limits, 0, sizeof(cpu->limits));
    return engine_open(cpu);
}

/* This emulator ends at WFE and YIELD with "invalid instruction" and PC after them. Both may
 * complete at once on silicon too. */
static bool is_hint(struct cpu *cpu, uint32_t started_at)
{
    enum { YIELD = 0xbf10, WFE = 0xbf20 };
    uint32_t pc = raw(cpu, UC_ARM_REG_PC);
    uint16_t before = 0;
    return pc != started_at &&
           uc_mem_read(cpu->uc, pc - 2, &before, sizeof(before)) == UC_ERR_OK &&
           (before == YIELD || before == WFE);
}

static enum cpu_end slice(struct cpu *cpu, uint32_t blocks, size_t count)
{
    struct fpb_set breaks = core_breakpoints(&cpu->chip->core);
    if ((cpu->stale || !fpb_set_equal(&breaks, &cpu->breaks)) && engine_renew(cpu) != ERR_OK) {
        fault(cpu, "no engine", 0);
        return CPU_END_FAULT;
    }
    cpu->budget = blocks;
    cpu->stop = cpu->stopped = cpu->breakpoint = cpu->faulted = false;
    uint32_t pc = raw(cpu, UC_ARM_REG_PC);
    if (fpb_set_has(&breaks, pc))
        return CPU_END_BKPT;
    uc_err e = uc_emu_start(cpu->uc, pc | 1, NOWHERE, 0, count);
    if (e == UC_ERR_INSN_INVALID && !cpu->faulted && is_hint(cpu, pc))
        return CPU_END_SLICE;
    if (e != UC_ERR_OK)
        fault(cpu, uc_strerror(e), raw(cpu, UC_ARM_REG_PC));
    if (cpu->faulted)
        return CPU_END_FAULT;
    if (cpu->breakpoint || (!cpu->stopped && fpb_set_has(&breaks, raw(cpu, UC_ARM_REG_PC))))
        return CPU_END_BKPT;
    return cpu->stopped || count != 0 ? CPU_END_SLICE : CPU_END_WFI;
}

enum cpu_end cpu_run(struct cpu *cpu, uint32_t blocks)
{
    return slice(cpu, blocks, 0);
}

enum cpu_end cpu_step(struct cpu *cpu)
{
    return slice(cpu, 2, 1);
}

void cpu_stop(struct cpu *cpu)
{
    if (cpu != NULL)
        cpu->stop = true;
}

const char *cpu_fault_words(const struct cpu *cpu)
{
    return cpu->words;
}

uint32_t cpu_block(const struct cpu *cpu)
{
    return cpu == NULL ? 0 : cpu->block;
}

void cpu_code_changed(struct cpu *cpu, uint32_t address, uint32_t len)
{
    if (cpu == NULL || len == 0)
        return;
    uint32_t last = address + len - 1;
    for (uint32_t at = address & ~(LINE_BYTES - 1U); at <= last; at += LINE_BYTES) {
        const bool *ran = ran_line(cpu, at);
        if (ran != NULL && *ran) {
            cpu->stale = true;
            cpu->stop = true;
            return;
        }
    }
}

void cpu_map_changed(struct cpu *cpu)
{
    if (cpu == NULL)
        return;
    cpu->stale = true;
    cpu->stop = true;
}
