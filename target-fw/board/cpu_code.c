/* SPDX-License-Identifier: MIT */
/*
 * What a cpu knows of the code that it runs: which memory was executed, which instructions of a
 * block an M23 does not have, and which instruction makes the access. Called by cpu.c and its
 * hooks. It only reads code, through the bus's memory, and must not change the engine's state.
 */

#include <string.h>

#include "target-fw/board/chip/cpu_engine.h"
#include "target-fw/board/insn.h"

enum { BLOCK_BYTES_MAX = 4096 };

/* The instruction there: its first halfword, and its second if it has one. */
static bool code_at(struct cpu *cpu, uint32_t address, uint16_t code[static 2])
{
    code[1] = 0;
    if (uc_mem_read(cpu->uc, address, code, 2) != UC_ERR_OK)
        return false;
    return insn_bytes(code[0]) == 2 ||
           uc_mem_read(cpu->uc, address + 2, code + 1, 2) == UC_ERR_OK;
}

/* A bit for each place where a block may begin; NULL: not in plain memory. */
static uint8_t *checked(struct cpu *cpu, uint32_t address)
{
    uint32_t in_sram = address - CHIP_SRAM_BASE;
    if (in_sram < CHIP_SRAM_BYTES)
        return cpu->sram_checked + in_sram / 16;
    return address < ENGINE_FLASH_BYTES ? cpu->flash_checked + address / 16 : NULL;
}

/* The block's bytes; NULL where they are not in one piece. */
static const uint8_t *bytes_at(struct cpu *cpu, uint32_t address, uint32_t size)
{
    uint32_t in_sram = address - CHIP_SRAM_BASE;
    if (in_sram < CHIP_SRAM_BYTES)
        return size <= CHIP_SRAM_BYTES - in_sram ? cpu->chip->sram + in_sram : NULL;
    return flash_seen(cpu->chip, address, size);
}

uint32_t code_foreign(struct cpu *cpu, uint32_t block, uint32_t size)
{
    uint8_t *bits = checked(cpu, block), bit = (uint8_t)(1 << (block / 2 % 8));
    if (bits == NULL || (*bits & bit) != 0)
        return 0;
    const uint8_t *bytes = bytes_at(cpu, block, size);
    uint16_t code[2] = { 0 };
    for (uint32_t at = 0; bytes != NULL && at + 2 <= size; at += insn_bytes(code[0])) {
        memcpy(code, bytes + at, at + 4 <= size ? 4 : 2);
        if (!insn_is_baseline(code[0], code[1]))
            return block + at;
    }
    *bits |= bit;
    return 0;
}

/* The instruction before this block has set PRIMASK to 0, and an exception waits for that. */
bool code_unmasks(struct cpu *cpu, uint32_t block)
{
    enum { CPSIE_I = 0xb662, MSR_PRIMASK = 0x8810 };
    uint16_t before = 0;
    uint32_t primask = 1;
    if (uc_mem_read(cpu->uc, block - 2, &before, sizeof(before)) != UC_ERR_OK ||
        (before != CPSIE_I && before != MSR_PRIMASK))
        return false;
    uc_reg_read(cpu->uc, UC_ARM_REG_PRIMASK, &primask);
    return (primask & 1) == 0;
}

/* Stopped at an access, PC is left at the block's start: the accesses made tell how far it was.
 */
uint32_t code_access_pc(struct cpu *cpu)
{
    uint32_t at = cpu->block;
    unsigned left = cpu->accesses;
    while (at - cpu->block < BLOCK_BYTES_MAX) {
        uint16_t code[2];
        if (!code_at(cpu, at, code))
            break;
        unsigned made = insn_accesses(code[0], code[1]);
        if (left <= made)
            return at;
        left -= made;
        at += insn_bytes(code[0]);
    }
    return cpu->block;
}

/* This emulator ends at WFE and YIELD with "invalid instruction" and PC after them. Both may
 * complete without waiting on silicon too. */
bool code_is_hint(struct cpu *cpu, uint32_t started_at)
{
    enum { YIELD = 0xbf10, WFE = 0xbf20 };
    uint32_t pc = cpu_reg(cpu, CPU_REG_PC);
    uint16_t before = 0;
    return pc != started_at &&
           uc_mem_read(cpu->uc, pc - 2, &before, sizeof(before)) == UC_ERR_OK &&
           (before == YIELD || before == WFE);
}
