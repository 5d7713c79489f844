/* SPDX-License-Identifier: MIT */
/*
 * The registers of a cpu, by the debugger's selectors. Called by whatever looks at the core.
 * Our own code that fetches the stack limits must leave all else as it was.
 */

#include "common/host/own.h"
#include "target-fw/board/chip/cpu_engine.h"

enum { NOWHERE = 0xfffffff0 };

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
    if (uc_mem_map_ptr(cpu->uc, page, STUB_BYTES, UC_PROT_READ | UC_PROT_EXEC, at.page) !=
        UC_ERR_OK)
        return;
    cpu->quiet = true;
    (void)uc_emu_start(cpu->uc, page | 1, NOWHERE, 0, 0);
    cpu->quiet = false;
    uc_mem_unmap(cpu->uc, page, STUB_BYTES);
}

/* Restores what the stub changes: r0, r1, PC, CONTROL (unprivileged code may not read limits).
 */
struct engine_limits engine_limits(struct cpu *cpu, const struct engine_limits *set)
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
    struct engine_limits got = { raw(cpu, UC_ARM_REG_R0), raw(cpu, UC_ARM_REG_R1) };
    for (size_t i = 0; i < COUNT(spoilt); i++)
        raw_set(cpu, spoilt[i], saved[i]);
    raw_set(cpu, UC_ARM_REG_PC, pc | 1);
    return got;
}

static void limit_set(struct cpu *cpu, unsigned select, uint32_t value)
{
    struct engine_limits limits = engine_limits(cpu, NULL);
    if (select == CPU_REG_MSPLIM_S)
        limits.msp = value & ~7U;
    else
        limits.psp = value & ~7U;
    engine_limits(cpu, &limits);
}

uint32_t cpu_reg(struct cpu *cpu, unsigned select)
{
    if (cpu == NULL)
        return 0;
    if (select == CPU_REG_SPECIAL)
        return (raw(cpu, UC_ARM_REG_CONTROL) & 3) << 24 |
               (raw(cpu, UC_ARM_REG_FAULTMASK) & 1) << 16 | (raw(cpu, UC_ARM_REG_PRIMASK) & 1);
    if (select == CPU_REG_MSPLIM_S)
        return engine_limits(cpu, NULL).msp;
    if (select == CPU_REG_PSPLIM_S)
        return engine_limits(cpu, NULL).psp;
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
