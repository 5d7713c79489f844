/* SPDX-License-Identifier: MIT */
/*
 * Opens, replaces and closes the Unicorn engine of a cpu, maps its memory, and reads and writes
 * its registers. Called by cpu.c. An engine must not outlive a change of memory that it has
 * executed: engine_renew() makes another one with the same registers.
 */

#include "target-fw/board/cpu_engine.h"

#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/own.h"

enum { IO_BYTES = 0x100000, PPB_BASE = 0xe0000000, NOWHERE = 0xfffffff0 };

static bool map_window(struct cpu *cpu, unsigned n, uint32_t base, uint32_t size)
{
    struct window *w = &cpu->windows[n];
    *w = (struct window){ cpu, base };
    return uc_mmio_map(cpu->uc, base, size, cpu_window_read, w, cpu_window_write, w) ==
           UC_ERR_OK;
}

static bool map_ram(struct cpu *cpu, uint32_t base, uint32_t size, uint32_t rights, void *at)
{
    return uc_mem_map_ptr(cpu->uc, base, size, rights, at) == UC_ERR_OK;
}

static bool map_flash(struct cpu *cpu, uint32_t base, uint32_t size)
{
    return map_ram(cpu, base, size, UC_PROT_READ | UC_PROT_EXEC,
                   flash_bytes(cpu->chip, base, size));
}

/* Bank by bank, they may be swapped; the first page is a copy if something else is mapped
 * there.
 */
static bool map_aprom(struct cpu *cpu)
{
    struct chip *chip = cpu->chip;
    uint32_t from = 0;
    if (chip->fmc.vecmap != 0) {
        from = FMC_SHADOW_BYTES;
        memcpy(cpu->shadow, flash_bytes(chip, 0, FMC_SHADOW_BYTES), FMC_SHADOW_BYTES);
        memcpy(cpu->shadow, flash_seen(chip, 0, FMC_VECTOR_BYTES), FMC_VECTOR_BYTES);
        if (!map_ram(cpu, 0, FMC_SHADOW_BYTES, UC_PROT_READ | UC_PROT_EXEC, cpu->shadow))
            return false;
    }
    return map_flash(cpu, from, FMC_BANK_BYTES - from) &&
           map_flash(cpu, FMC_BANK_BYTES, FMC_BANK_BYTES);
}

/* Everything that is not plain memory goes through the bus. A bank without a clock too: the bus
 * drops writes and reads zero, or serves it if the clock has just been switched on and the new
 * map follows at the end of this block. */
static bool map_memory(struct cpu *cpu)
{
    static const uint32_t banks[] = { 0, CHIP_SRAM_BANK1, CHIP_SRAM_BANK2, CHIP_SRAM_BYTES };
    struct chip *chip = cpu->chip;
    const struct flash_region *r;
    bool ok = map_window(cpu, WINDOW_IO, CHIP_IO_BASE, IO_BYTES) &&
              map_window(cpu, WINDOW_PPB, PPB_BASE, IO_BYTES) && map_aprom(cpu);
    for (unsigned i = 1; (r = flash_region_at(i)) != NULL; i++) /* after APROM */
        ok = ok && (!r->mapped || map_flash(cpu, r->base, r->size));
    for (unsigned i = 0; i < COUNT(banks) - 1; i++) {
        uint32_t from = banks[i], size = banks[i + 1] - from;
        ok = ok &&
             (clk_sram_bank_on(chip, i)
                  ? map_ram(cpu, CHIP_SRAM_BASE + from, size, UC_PROT_ALL, chip->sram + from)
                  : map_window(cpu, i, CHIP_SRAM_BASE + from, size));
    }
    return ok;
}

/* Exits of the engine: it stops there as cleanly as at WFI. They are compiled into its code. */
static enum err engine_breaks(struct cpu *cpu)
{
    cpu->breaks = core_breakpoints(cpu->chip);
    if (cpu->breaks.count == 0)
        return ERR_OK;
    if (uc_ctl_exits_enable(cpu->uc) != UC_ERR_OK ||
        uc_ctl_set_exits(cpu->uc, cpu->breaks.at, cpu->breaks.count) != UC_ERR_OK)
        return fail(ERR_INTERNAL, "cpu: breakpoints");
    return ERR_OK;
}

enum err engine_open(struct cpu *cpu)
{
    if (uc_open(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS, &cpu->uc) != UC_ERR_OK)
        return fail(ERR_MEMORY, "cpu: no engine");
    if (uc_ctl_set_cpu_model(cpu->uc, UC_CPU_ARM_CORTEX_M33) != UC_ERR_OK || !map_memory(cpu) ||
        !cpu_hooks_add(cpu))
        return fail(ERR_INTERNAL, "cpu: engine set-up");
    TRY(engine_breaks(cpu));
    memset(cpu->sram_ran, 0, sizeof(cpu->sram_ran));
    memset(cpu->flash_ran, 0, sizeof(cpu->flash_ran));
    memset(cpu->sram_checked, 0, sizeof(cpu->sram_checked));
    memset(cpu->flash_checked, 0, sizeof(cpu->flash_checked));
    cpu->stale = false;
    return ERR_OK;
}

void engine_close(struct cpu *cpu)
{
    if (cpu->uc == NULL)
        return;
    /* It does not free what it keeps of pages that hold code and are written to. */
    (void)uc_ctl_remove_cache(cpu->uc, CHIP_SRAM_BASE, CHIP_SRAM_BASE + CHIP_SRAM_BYTES);
    uc_close(cpu->uc);
    cpu->uc = NULL;
}

/* ---- registers ---- */

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

/*
 * The stack limits: this emulator names no register for them, so code of ours fetches and sets
 * them, each on a page that is mapped only meanwhile. MRS and MSR, r0 for MSPLIM and r1 for
 * PSPLIM.
 */
enum { STUB_GET = 0x0fffe000, STUB_SET = 0x0ffff000, STUB_BYTES = 4096 };

static const _Alignas(STUB_BYTES) uint16_t stub_get[STUB_BYTES / 2] = { 0xf3ef, 0x800a, 0xf3ef,
                                                                        0x810b, 0xbf30 };
static const _Alignas(STUB_BYTES) uint16_t stub_set[STUB_BYTES / 2] = { 0xf380, 0x880a, 0xf381,
                                                                        0x880b, 0xbf30 };

static void stub_run(struct cpu *cpu, uint32_t page, const uint16_t *code)
{
    union {
        const uint16_t *code;
        void *page;
    } at = { code };
    if (!map_ram(cpu, page, STUB_BYTES, UC_PROT_READ | UC_PROT_EXEC, at.page))
        return;
    cpu->quiet = true;
    (void)uc_emu_start(cpu->uc, page | 1, NOWHERE, 0, 0);
    cpu->quiet = false;
    uc_mem_unmap(cpu->uc, page, STUB_BYTES);
}

struct limits {
    uint32_t msp, psp;
};

/* Restores what the stub changes: r0, r1, PC, CONTROL (unprivileged code may not read limits).
 */
static struct limits limits_do(struct cpu *cpu, const struct limits *set)
{
    static const int spoilt[] = { UC_ARM_REG_R0, UC_ARM_REG_R1, UC_ARM_REG_CONTROL };
    uint32_t saved[COUNT(spoilt)], pc = raw(cpu, UC_ARM_REG_PC);
    for (size_t i = 0; i < COUNT(spoilt); i++)
        saved[i] = raw(cpu, spoilt[i]);
    raw_set(cpu, UC_ARM_REG_CONTROL, saved[2] & ~1U);
    if (set != NULL) {
        raw_set(cpu, UC_ARM_REG_R0, set->msp);
        raw_set(cpu, UC_ARM_REG_R1, set->psp);
    }
    if (set == NULL)
        stub_run(cpu, STUB_GET, stub_get);
    else
        stub_run(cpu, STUB_SET, stub_set);
    struct limits got = { raw(cpu, UC_ARM_REG_R0), raw(cpu, UC_ARM_REG_R1) };
    for (size_t i = 0; i < COUNT(spoilt); i++)
        raw_set(cpu, spoilt[i], saved[i]);
    raw_set(cpu, UC_ARM_REG_PC, pc | 1);
    return got;
}

static void limit_set(struct cpu *cpu, unsigned select, uint32_t value)
{
    struct limits limits = limits_do(cpu, NULL);
    if (select == CPU_REG_MSPLIM_S)
        limits.msp = value & ~7U;
    else
        limits.psp = value & ~7U;
    limits_do(cpu, &limits);
}

uint32_t cpu_reg(struct cpu *cpu, unsigned select)
{
    if (cpu == NULL)
        return 0;
    if (select == CPU_REG_SPECIAL)
        return (raw(cpu, UC_ARM_REG_CONTROL) & 3) << 24 |
               (raw(cpu, UC_ARM_REG_FAULTMASK) & 1) << 16 | (raw(cpu, UC_ARM_REG_PRIMASK) & 1);
    if (select == CPU_REG_MSPLIM_S)
        return limits_do(cpu, NULL).msp;
    if (select == CPU_REG_PSPLIM_S)
        return limits_do(cpu, NULL).psp;
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
        limit_set(cpu, select, value);
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

enum err engine_renew(struct cpu *cpu)
{
    uint32_t values[CARRIED];
    for (unsigned i = 0; i < CARRIED; i++)
        values[i] = cpu_reg(cpu, carried(i));
    struct limits limits = limits_do(cpu, NULL);
    engine_close(cpu);
    TRY(engine_open(cpu));
    for (unsigned i = 0; i < CARRIED; i++)
        cpu_reg_set(cpu, carried(i), values[i]);
    limits_do(cpu, &limits);
    return ERR_OK;
}
