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

struct cpu {
    struct chip *chip;
    uc_engine *uc;
    uint32_t budget;
    bool stop;    /* asked for */
    bool stopped; /* by our block hook, so not a WFI */
    bool stale;   /* executed memory or the map has changed */
    bool breakpoint;
    bool faulted;
    uint32_t block;
    uint32_t limits[2]; /* MSPLIM, PSPLIM as a debugger wrote them; not enforced */
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

static uint64_t io_read(uc_engine *uc, uint64_t offset, unsigned size, void *user)
{
    struct cpu *cpu = user;
    uint32_t value = 0;
    (void)uc;
    if (!bus_read(cpu->chip, CHIP_IO_BASE + (uint32_t)offset, size, &value))
        fault(cpu, "bus error reading", CHIP_IO_BASE + (uint32_t)offset);
    return value;
}

static void io_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value, void *user)
{
    struct cpu *cpu = user;
    (void)uc;
    if (!bus_write(cpu->chip, CHIP_IO_BASE + (uint32_t)offset, size, (uint32_t)value))
        fault(cpu, "bus error writing", CHIP_IO_BASE + (uint32_t)offset);
}

static uint64_t ppb_read(uc_engine *uc, uint64_t offset, unsigned size, void *user)
{
    struct cpu *cpu = user;
    uint32_t value = 0;
    (void)uc;
    if (!bus_read(cpu->chip, PPB_BASE + (uint32_t)offset, size, &value))
        fault(cpu, "bus error reading", PPB_BASE + (uint32_t)offset);
    return value;
}

static void ppb_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value, void *user)
{
    struct cpu *cpu = user;
    (void)uc;
    if (!bus_write(cpu->chip, PPB_BASE + (uint32_t)offset, size, (uint32_t)value))
        fault(cpu, "bus error writing", PPB_BASE + (uint32_t)offset);
}

/* A bank without a clock: bus.c drops writes and reads zero, or serves it if the clock has just
 * been switched on and the map follows at the end of this block. */
static uint64_t dead_read(uc_engine *uc, uint64_t offset, unsigned size, void *user)
{
    struct cpu *cpu = user;
    uint32_t value = 0;
    (void)uc;
    (void)bus_read(cpu->chip, CHIP_SRAM_BASE + (uint32_t)offset, size, &value);
    return value;
}

static void dead_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value,
                       void *user)
{
    struct cpu *cpu = user;
    (void)uc;
    (void)bus_write(cpu->chip, CHIP_SRAM_BASE + (uint32_t)offset, size, (uint32_t)value);
}

static uint64_t dead1_read(uc_engine *uc, uint64_t offset, unsigned size, void *user)
{
    return dead_read(uc, offset + CHIP_SRAM_BANK1, size, user);
}

static void dead1_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t v, void *user)
{
    dead_write(uc, offset + CHIP_SRAM_BANK1, size, v, user);
}

static uint64_t dead2_read(uc_engine *uc, uint64_t offset, unsigned size, void *user)
{
    return dead_read(uc, offset + CHIP_SRAM_BANK2, size, user);
}

static void dead2_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t v, void *user)
{
    dead_write(uc, offset + CHIP_SRAM_BANK2, size, v, user);
}

static const struct bank {
    uint32_t from, to;
    uc_cb_mmio_read_t read;
    uc_cb_mmio_write_t write;
} banks[] = {
    { 0, CHIP_SRAM_BANK1, dead_read, dead_write },
    { CHIP_SRAM_BANK1, CHIP_SRAM_BANK2, dead1_read, dead1_write },
    { CHIP_SRAM_BANK2, CHIP_SRAM_BYTES, dead2_read, dead2_write },
};

static bool map_memory(struct cpu *cpu)
{
    bool ok = true;
    const struct flash_region *region;
    for (unsigned i = 0; (region = flash_region_at(i)) != NULL; i++)
        if (region->mapped)
            ok = ok && uc_mem_map_ptr(
                           cpu->uc, region->base, region->size, UC_PROT_READ | UC_PROT_EXEC,
                           flash_bytes(cpu->chip, region->base, region->size)) == UC_ERR_OK;
    for (unsigned i = 0; i < COUNT(banks); i++) {
        const struct bank *b = &banks[i];
        if (clk_sram_bank_on(cpu->chip, i))
            ok = ok && uc_mem_map_ptr(cpu->uc, CHIP_SRAM_BASE + b->from, b->to - b->from,
                                      UC_PROT_ALL, cpu->chip->sram + b->from) == UC_ERR_OK;
        else
            ok = ok && uc_mmio_map(cpu->uc, CHIP_SRAM_BASE + b->from, b->to - b->from, b->read,
                                   cpu, b->write, cpu) == UC_ERR_OK;
    }
    return ok &&
           uc_mmio_map(cpu->uc, CHIP_IO_BASE, IO_BYTES, io_read, cpu, io_write, cpu) ==
               UC_ERR_OK &&
           uc_mmio_map(cpu->uc, PPB_BASE, IO_BYTES, ppb_read, cpu, ppb_write, cpu) == UC_ERR_OK;
}

static bool add_hook(struct cpu *cpu, int type, void *callback)
{
    uc_hook hook;
    return uc_hook_add(cpu->uc, &hook, type, callback, cpu, 1, 0) == UC_ERR_OK;
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
static const uint8_t carried[] = { 0,
                                   1,
                                   2,
                                   3,
                                   4,
                                   5,
                                   6,
                                   7,
                                   8,
                                   9,
                                   10,
                                   11,
                                   12,
                                   14,
                                   CPU_REG_XPSR,
                                   CPU_REG_SPECIAL,
                                   CPU_REG_MSP,
                                   CPU_REG_PSP,
                                   15 };

static enum err engine_renew(struct cpu *cpu)
{
    uint32_t values[COUNT(carried)];
    for (size_t i = 0; i < COUNT(carried); i++)
        values[i] = cpu_reg(cpu, carried[i]);
    engine_close(cpu);
    TRY(engine_open(cpu));
    for (size_t i = 0; i < COUNT(carried); i++)
        cpu_reg_set(cpu, carried[i], values[i]);
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
    if (cpu->stale && engine_renew(cpu) != ERR_OK) {
        fault(cpu, "no engine", 0);
        return CPU_END_FAULT;
    }
    cpu->budget = blocks;
    cpu->stop = cpu->stopped = cpu->breakpoint = cpu->faulted = false;
    uint32_t pc = raw(cpu, UC_ARM_REG_PC);
    uc_err e = uc_emu_start(cpu->uc, pc | 1, NOWHERE, 0, count);
    if (e == UC_ERR_INSN_INVALID && !cpu->faulted && is_hint(cpu, pc))
        return CPU_END_SLICE;
    if (e != UC_ERR_OK)
        fault(cpu, uc_strerror(e), raw(cpu, UC_ARM_REG_PC));
    if (cpu->faulted)
        return CPU_END_FAULT;
    if (cpu->breakpoint)
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
