/* SPDX-License-Identifier: MIT */
/*
 * Opens, replaces and closes the Unicorn engine of a cpu, and maps its memory. Called by cpu.c.
 * An engine must not outlive a change of memory that it has executed: engine_renew() makes
 * another one with the same registers.
 */

#include "target-fw/board/chip/cpu_engine.h"

#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/own.h"

enum { IO_BYTES = 0x100000, PPB_BASE = 0xe0000000 };

static bool map_window(struct cpu *cpu, unsigned n, uint32_t base, uint32_t size)
{
    struct window *w = &cpu->windows[n];
    *w = (struct window){ cpu, base };
    return uc_mmio_map(cpu->uc, base, size, cpu->hooks->read, w, cpu->hooks->write, w) ==
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
        !cpu->hooks->add(cpu))
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
    struct engine_limits limits = engine_limits(cpu, NULL);
    engine_close(cpu);
    TRY(engine_open(cpu));
    for (unsigned i = 0; i < CARRIED; i++)
        cpu_reg_set(cpu, carried(i), values[i]);
    engine_limits(cpu, &limits);
    return ERR_OK;
}
