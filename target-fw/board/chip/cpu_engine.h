/* SPDX-License-Identifier: MIT */
/*
 * cpu_engine: the Unicorn engine inside a cpu: its memory map, registers, replacement by a
 * fresh one. For cpu.c, cpu_code.c and cpu_engine.c alone.
 */
#pragma once

#include <unicorn/unicorn.h>

#include "target-fw/board/chip/chip.h"

enum {
    ENGINE_LINE_BYTES = 256, /* grain of "was executed" */
    ENGINE_SRAM_LINES = CHIP_SRAM_BYTES / ENGINE_LINE_BYTES,
    ENGINE_FLASH_BYTES = 0x120000,
    ENGINE_FLASH_LINES = ENGINE_FLASH_BYTES / ENGINE_LINE_BYTES
};

/* Which stretch a callback of the engine is for: SRAM banks 0 to 2, or one of these. */
enum { WINDOW_IO = 3, WINDOW_PPB, WINDOWS };

struct window {
    struct cpu *cpu;
    uint32_t base;
};

/* What an engine calls while it runs, given by cpu.c: hooks to be added, windows of the bus. */
struct engine_hooks {
    bool (*add)(struct cpu *cpu);
    uc_cb_mmio_read_t read;
    uc_cb_mmio_write_t write;
};

struct cpu {
    struct chip *chip;
    const struct engine_hooks *hooks;
    struct window windows[WINDOWS];
    uc_engine *uc;
    uint32_t budget;
    uint32_t part;         /* instructions that do not make up a cycle yet */
    uint64_t alarm;        /* cycles at which the slice ends; UINT64_MAX: not for time */
    bool stop;             /* asked for */
    bool stopped;          /* by one of our hooks, so not a WFI */
    bool stale;            /* executed memory or the map has changed */
    bool remapped;         /* by the store that is being made */
    bool masked;           /* an exception waits for PRIMASK or the running one */
    bool inside;           /* stopped in the middle of a block, at an access */
    bool done;             /* ... which is a store that was made all the same */
    uint32_t foreign;      /* an instruction of the block that an M23 does not know; 0: none */
    bool walking;          /* instruction by instruction, up to that one */
    bool stepped;          /* the one instruction of a step has begun */
    bool quiet;            /* our own code runs in the engine: hooks look away */
    enum cpu_end end;      /* why, if stopped by other than the budget */
    uint32_t block;        /* where it starts */
    uint32_t accesses;     /* to memory since */
    struct fpb_set breaks; /* where this engine stops */
    struct dwt_set watches;
    char words[96];
    _Alignas(FMC_SHADOW_BYTES) uint8_t shadow[FMC_SHADOW_BYTES]; /* address 0, under VECMAP */
    bool sram_ran[ENGINE_SRAM_LINES];
    bool flash_ran[ENGINE_FLASH_LINES];
    uint8_t sram_checked[CHIP_SRAM_BYTES / 16]; /* a bit a halfword: a block from there holds */
    uint8_t flash_checked[ENGINE_FLASH_BYTES / 16]; /* what an M23 knows, and no more */
};

void code_ran(struct cpu *cpu, uint32_t address, uint32_t size); /* cpu_mark.c */

/* cpu_code.c: the code around an address. */
uint32_t code_foreign(struct cpu *cpu, uint32_t block, uint32_t size); /* its address, or 0 */
bool code_unmasks(struct cpu *cpu, uint32_t block); /* what is before it has set PRIMASK to 0 */
uint32_t code_access_pc(struct cpu *cpu);           /* which instruction makes the access */
bool code_is_hint(struct cpu *cpu, uint32_t started_at);

/* ERR_MEMORY: there is no engine; ERR_INTERNAL: it does not take the map or the hooks. After a
 * failure only engine_close() may follow. */
enum err engine_open(struct cpu *cpu);
enum err engine_renew(struct cpu *cpu); /* a fresh one with the old one's registers */
void engine_close(struct cpu *cpu);

/* cpu_reg.c: the stack limits, which this emulator names no register for. set NULL: only read.
 */
struct engine_limits {
    uint32_t msp, psp;
};
struct engine_limits engine_limits(struct cpu *cpu, const struct engine_limits *set);
