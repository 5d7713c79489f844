/* SPDX-License-Identifier: MIT */
/* Core: ARMv8-M Baseline as a Cortex-M23 has it (DDI 0553). What must fault is in faults.c. */
#include "tests/conformance/programs/board.h"

PROGRAM("Core", 0);

static void identification(void)
{
    check("CPUID: implementer Arm", SCB_CPUID >> 24, 0x41);
    check("CPUID: ARMv8-M Baseline", SCB_CPUID >> 16 & 0xf, 0xc);
    check("CPUID: part Cortex-M23", SCB_CPUID >> 4 & 0xfff, 0xd20);
}

static uint32_t divide(uint32_t a, uint32_t b)
{
    uint32_t q;
    __asm__ volatile(UNIFIED "udiv %0, %1, %2" : "=r"(q) : "r"(a), "r"(b));
    return q;
}

static uint32_t divide_signed(int32_t a, int32_t b)
{
    uint32_t q;
    __asm__ volatile(UNIFIED "sdiv %0, %1, %2" : "=r"(q) : "r"(a), "r"(b));
    return q;
}

static void arithmetic(void)
{
    uint32_t wide, flags;
    check("UDIV", divide(0xfffffffe, 7), 0x24924924);
    check("UDIV by zero gives zero", divide(123, 0), 0);
    check("SDIV truncates towards zero", divide_signed(-7, 2), (uint32_t)-3);
    check("SDIV of the least number by -1", divide_signed(INT32_MIN, -1), 0x80000000);
    __asm__ volatile(UNIFIED "movw %0, #0xbeef\n\tmovt %0, #0xdead" : "=r"(wide));
    check("MOVW, MOVT", wide, 0xdeadbeef);
    wide = 0xffffffff;
    __asm__ volatile(UNIFIED "muls %0, %1" : "+l"(wide) : "l"(wide) : "cc");
    check("MULS keeps the low word", wide, 1);
    __asm__ volatile(UNIFIED
                     "movs %0, #1\n\tlsls %0, %0, #31\n\tadds %0, %0, %0\n\tmrs %0, apsr"
                     : "=l"(flags)
                     :
                     : "cc");
    check("ADDS sets Z, C and V, not N", flags >> 28, 0x7);
    __asm__ volatile(UNIFIED "rev %0, %1" : "=l"(wide) : "l"(0x01020304));
    check("REV", wide, 0x04030201);
    __asm__ volatile(UNIFIED "revsh %0, %1" : "=l"(wide) : "l"(0x00000180));
    check("REVSH", wide, 0xffff8001);
    __asm__ volatile(UNIFIED "sxtb %0, %1" : "=l"(wide) : "l"(0x80));
    check("SXTB", wide, 0xffffff80);
}

static void branches(void)
{
    uint32_t taken = 0;
    __asm__ volatile(UNIFIED "cbz %1, 1f\n\tmovs %0, #1\n1:" : "+l"(taken) : "l"(0));
    check("CBZ branches on zero", taken, 0);
    __asm__ volatile(UNIFIED "cbnz %1, 1f\n\tmovs %0, #1\n1:" : "+l"(taken) : "l"(0));
    check("CBNZ does not", taken, 1);
    __asm__ volatile(UNIFIED "b.w 1f\n\tmovs %0, #9\n1:" : "+l"(taken));
    check("B.W", taken, 1);
}

static void exclusives(void)
{
    static uint32_t cell = 5;
    uint32_t value, failed;
    __asm__ volatile(UNIFIED "ldaex %0, [%2]\n\tadds %0, #1\n\tstlex %1, %0, [%2]"
                     : "=&l"(value), "=&l"(failed)
                     : "l"(&cell)
                     : "memory", "cc");
    check("STLEX after LDAEX stores", failed << 16 | cell, 6);
    __asm__ volatile(UNIFIED "ldrex %0, [%2]\n\tclrex\n\tstrex %1, %0, [%2]"
                     : "=&l"(value), "=&l"(failed)
                     : "l"(&cell)
                     : "memory");
    check("STREX after CLREX does not", failed, 1);
    __asm__ volatile(UNIFIED "lda %0, [%1]" : "=l"(value) : "l"(&cell) : "memory");
    check("LDA", value, 6);
}

static void widths(void)
{
    static uint32_t word;
    volatile uint8_t *bytes = (volatile uint8_t *)&word;
    volatile uint16_t *halves = (volatile uint16_t *)&word;
    *(volatile uint32_t *)&word = 0x44332211;
    check("memory is little-endian", bytes[0], 0x11);
    bytes[2] = 0xaa;
    check("a byte is written alone", *(volatile uint32_t *)&word, 0x44aa2211);
    halves[0] = 0xbbcc;
    check("a halfword is written alone", *(volatile uint32_t *)&word, 0x44aabbcc);
    check("a halfword is read", halves[1], 0x44aa);
}

static void special_registers(void)
{
    static uint64_t other_stack[16];
    uint32_t value, top = WORD(other_stack + COUNT(other_stack));
    __asm__ volatile(UNIFIED "mrs %0, primask" : "=r"(value));
    check("PRIMASK after CPSID", value, 1);
    __asm__ volatile(UNIFIED "cpsie i\n\tmrs %0, primask\n\tcpsid i" : "=r"(value));
    check("PRIMASK after CPSIE", value, 0);
    __asm__ volatile(UNIFIED "msr psp, %1\n\tmrs %0, psp" : "=r"(value) : "r"(top));
    check("PSP is kept", value, top);
    __asm__ volatile(UNIFIED "movs r3, #2\n\tmsr control, r3\n\tisb\n\tmov %0, sp\n\t"
                             "movs r3, #0\n\tmsr control, r3\n\tisb"
                     : "=r"(value)
                     :
                     : "r3", "cc");
    check("CONTROL.SPSEL: SP is PSP", value, top);
    __asm__ volatile(UNIFIED "mrs %0, control" : "=r"(value));
    check("CONTROL is back", value & 3, 0);
    __asm__ volatile(UNIFIED "mrs %0, ipsr" : "=r"(value));
    check("IPSR: thread mode", value & 0x1ff, 0);
    __asm__ volatile(UNIFIED "movs r3, #0x47\n\tmsr psplim, r3\n\tmrs %0, psplim\n\t"
                             "movs r3, #0\n\tmsr psplim, r3"
                     : "=r"(value)
                     :
                     : "r3", "cc");
    check("PSPLIM holds multiples of 8", value, 0x40);
}

/* movs r0, #n; bx lr, written as data, run, changed, run again. */
static void written_code(void)
{
    static uint32_t code;
    uint32_t (*run)(void) = (uint32_t(*)(void))(uintptr_t)(WORD(&code) | 1);
    for (uint32_t n = 1; n <= 3; n++) {
        *(volatile uint32_t *)&code = 0x47702000 | n;
        __asm__ volatile(UNIFIED "dsb\n\tisb" ::: "memory");
        check("code written to SRAM runs, and again when changed", run(), n);
    }
}

static void hints(void)
{
    uint32_t value = 1;
    __asm__ volatile(UNIFIED "nop\n\tyield\n\tsev\n\twfe\n\tmovs %0, #2" : "=l"(value)::"cc");
    check("NOP, YIELD, SEV and WFE go on", value, 2);
    __asm__ volatile(UNIFIED "dmb\n\tdsb\n\tisb\n\tmovs %0, #3" : "=l"(value)::"cc");
    check("DMB, DSB, ISB go on", value, 3);
}

void phase(uint32_t number)
{
    (void)number;
    identification();
    arithmetic();
    branches();
    exclusives();
    widths();
    special_registers();
    written_code();
    hints();
}
