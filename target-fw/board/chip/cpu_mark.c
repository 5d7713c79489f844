/* SPDX-License-Identifier: MIT */
/*
 * What others tell a cpu while it runs or stands: to end its slice, and that memory or map has
 * changed. Called by the blocks and the bus, in the middle of an access. It only sets marks,
 * which cpu.c looks at.
 */

#include "target-fw/board/chip/cpu_engine.h"

static bool *ran_line(struct cpu *cpu, uint32_t address)
{
    uint32_t in_sram = address - CHIP_SRAM_BASE;
    if (in_sram < CHIP_SRAM_BYTES)
        return &cpu->sram_ran[in_sram / ENGINE_LINE_BYTES];
    return address / ENGINE_LINE_BYTES < ENGINE_FLASH_LINES
               ? &cpu->flash_ran[address / ENGINE_LINE_BYTES]
               : NULL;
}

void code_ran(struct cpu *cpu, uint32_t address, uint32_t size)
{
    for (uint32_t at = 0; at < size; at += ENGINE_LINE_BYTES) {
        bool *ran = ran_line(cpu, address + at);
        if (ran != NULL)
            *ran = true;
    }
    bool *last = ran_line(cpu, address + size - 1);
    if (last != NULL)
        *last = true;
}

void cpu_code_changed(struct cpu *cpu, uint32_t address, uint32_t len)
{
    if (cpu == NULL || len == 0)
        return;
    uint32_t last = address + len - 1;
    for (uint32_t at = address & ~(ENGINE_LINE_BYTES - 1U); at <= last;
         at += ENGINE_LINE_BYTES) {
        const bool *ran = ran_line(cpu, at);
        if (ran != NULL && *ran) {
            cpu->stale = true;
            cpu->stop = true;
            return;
        }
    }
}

void cpu_stop(struct cpu *cpu)
{
    if (cpu != NULL)
        cpu->stop = true;
}

void cpu_alarm(struct cpu *cpu, uint64_t cycles)
{
    if (cpu != NULL)
        cpu->alarm = cycles;
}

void cpu_map_changed(struct cpu *cpu)
{
    if (cpu == NULL)
        return;
    cpu->stale = true;
    cpu->stop = true;
    cpu->remapped = true;
}
