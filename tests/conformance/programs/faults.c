/* SPDX-License-Identifier: MIT */
/*
 * Core: what must fault. A phase a case: the core enters its HardFault handler, or locks up if
 * that faults too.
 */
#include "tests/conformance/programs/board.h"

PROGRAM("Core", 0);

static uint32_t words[4];

static void load(uint32_t address)
{
    uint32_t value;
    __asm__ volatile(UNIFIED "ldr %0, [%1]" : "=l"(value) : "l"(address) : "memory");
}

static void load_half(uint32_t address)
{
    uint32_t value;
    __asm__ volatile(UNIFIED "ldrh %0, [%1]" : "=l"(value) : "l"(address) : "memory");
}

static void store(uint32_t address)
{
    __asm__ volatile(UNIFIED "str %0, [%0]" ::"l"(address) : "memory");
}

static void unaligned_load(void)
{
    fault_expected("an unaligned word is read");
    load(WORD(words) + 2);
}

static void unaligned_half(void)
{
    fault_expected("an unaligned halfword is read");
    load_half(WORD(words) + 1);
}

static void unaligned_store(void)
{
    fault_expected("an unaligned word is written");
    store(WORD(words) + 1);
}

static void unaligned_block(void)
{
    fault_expected("LDM from an unaligned address");
    __asm__ volatile(UNIFIED "ldmia %0!, {r2, r3}" ::"l"(WORD(words) + 2)
                     : "r2", "r3", "memory");
}

static void unaligned_register(void)
{
    fault_expected("an unaligned word of a block is read");
    load(SYS + 2);
}

static void undefined(void)
{
    fault_expected("UDF");
    __asm__ volatile(UNIFIED "udf #1");
}

static void supervisor(void)
{
    fault_expected("SVC while PRIMASK forbids it");
    __asm__ volatile(UNIFIED "svc #1" ::: "memory");
}

static void nowhere_read(void)
{
    fault_expected("a word beyond SRAM is read");
    load(0x20040000);
}

static void nowhere_write(void)
{
    fault_expected("a word beyond SRAM is written");
    store(0x20040000);
}

static void hole_read(void)
{
    fault_expected("a word of external RAM, which the part has not, is read");
    load(0x60000000);
}

static void flash_write(void)
{
    fault_expected("flash is written by a store");
    store(0x000f0000);
}

static void hole_between(void)
{
    fault_expected("a word between APROM and CONFIG is read");
    load(0x00280000);
}

static void execute_block(void)
{
    fault_expected("code is fetched from a block's registers");
    ((void (*)(void))(uintptr_t)(SYS | 1))();
}

static void execute_ppb(void)
{
    fault_expected("code is fetched from the private peripheral bus");
    ((void (*)(void))(uintptr_t)0xe000ed01u)();
}

static void execute_nowhere(void)
{
    fault_expected("code is fetched from nowhere");
    ((void (*)(void))(uintptr_t)0x60000001u)();
}

static void arm_state(void)
{
    fault_expected("BX to an even address");
    __asm__ volatile(UNIFIED "bx %0" ::"l"(WORD(words)));
}

static void stack_limit(void)
{
    fault_expected("PUSH below MSPLIM");
    __asm__ volatile(UNIFIED "mov r3, sp\n\tmsr msplim, r3\n\tisb\n\tpush {r0-r7}" ::
                         : "r3", "memory");
}

/* What ARMv8-M Mainline has and Baseline has not, as halfwords: the assembler refuses them. */
#define MAINLINE(function, name, halfwords)                                                    \
    static void function(void)                                                                 \
    {                                                                                          \
        fault_expected(name);                                                                  \
        __asm__ volatile(".short " halfwords ::: "r0", "r1", "r2", "r3", "cc", "memory");      \
    }

MAINLINE(mainline_it, "IT, of Mainline", "0xbf08")
MAINLINE(mainline_add, "ADD.W, of Mainline", "0xf103, 0x0301")
MAINLINE(mainline_umull, "UMULL, of Mainline", "0xfba0, 0x0101")
MAINLINE(mainline_branch, "BEQ.W, of Mainline", "0xf000, 0x8000")
MAINLINE(mainline_clz, "CLZ, of Mainline", "0xfab0, 0xf080")
MAINLINE(mainline_ubfx, "UBFX, of Mainline", "0xf3c0, 0x0007")
MAINLINE(mainline_dsp, "UXTAB, of the DSP extension", "0xfa51, 0xf082")
MAINLINE(mainline_float, "VMOV, of the floating-point extension", "0xeeb0, 0x0a40")

static void (*const cases[])(void) = {
    unaligned_load,  unaligned_half, unaligned_store, unaligned_block, unaligned_register,
    undefined,       supervisor,     nowhere_read,    nowhere_write,   hole_read,
    flash_write,     hole_between,   execute_block,   execute_ppb,     execute_nowhere,
    arm_state,       stack_limit,    mainline_it,     mainline_add,    mainline_umull,
    mainline_branch, mainline_clz,   mainline_ubfx,   mainline_dsp,    mainline_float,
};

void phase(uint32_t number)
{
    if (number < COUNT(cases))
        cases[number]();
    else
        check("a reset ends each of them", 1, 1);
}
