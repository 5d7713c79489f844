/* SPDX-License-Identifier: MIT */
/* Exceptions: entry, return, priorities, escalation (DDI 0553). Own vector table, in bank 0. */
#include "tests/conformance/programs/board.h"

PROGRAM("Exceptions", 0);

enum {
    NMI = 2,
    HARD_FAULT = 3,
    SVCALL = 11,
    PENDSV = 14,
    SYSTICK = 15,
    IRQ_LATE = 16 + 40, /* of two that nobody else raises */
    IRQ_URGENT = 16 + 41,
    VECTORS = 128,
    SEEN_MAX = 8,
    FRAME_R0 = 0,
    FRAME_PC = 6,
    FRAME_XPSR = 7,
};
#define PENDNMISET (1u << 31)
#define PENDSVSET  (1u << 28)
#define TO_MAIN    0xfffffff9u /* EXC_RETURN: thread mode, secure, main stack */
#define TO_PROCESS 0xfffffffdu
#define NVIC_IPR   ((volatile uint32_t *)0xe000e400u)
#define NVIC_IABR  ((volatile uint32_t *)0xe000e300u)

static _Alignas(1024) uint32_t table[VECTORS];
static struct {
    uint32_t count, number[SEEN_MAX], link, pc, xpsr, aligned, active;
    uint32_t pend; /* ISPR[1] to write in the first handler */
    bool step_over;
} seen;

void exceptions_handle(uint32_t link, uint32_t *main_frame);
void exceptions_entry(void);

/* What every handler does. */
__attribute__((used)) void exceptions_handle(uint32_t link, uint32_t *main_frame)
{
    uint32_t number, *frame = main_frame;
    __asm__ volatile("mrs %0, ipsr" : "=r"(number));
    if ((link & 4) != 0)
        __asm__ volatile("mrs %0, psp" : "=r"(frame));
    if (seen.count < SEEN_MAX)
        seen.number[seen.count] = number & 0x1ff;
    seen.count++;
    seen.link = link;
    seen.pc = frame[FRAME_PC];
    seen.xpsr = frame[FRAME_XPSR];
    seen.aligned = (WORD(frame) & 7) == 0;
    seen.active = NVIC_IABR[1];
    if (number == SVCALL)
        frame[FRAME_R0] = 0x5cc5;
    if (number == SYSTICK)
        SYST_CSR = 0;
    if (seen.step_over)
        frame[FRAME_PC] += 2;
    uint32_t pend = seen.pend;
    seen.pend = 0;
    if (pend != 0)
        NVIC_ISPR[1] = pend;
}

__attribute__((naked)) void exceptions_entry(void)
{
    __asm__ volatile(UNIFIED "mov r0, lr\n\tmov r1, sp\n\tpush {r4, lr}\n\t"
                             "bl exceptions_handle\n\tpop {r4, pc}");
}

static void begin(void)
{
    seen.count = 0;
    seen.number[0] = seen.number[1] = 0;
    seen.step_over = false;
    seen.pend = 0;
}

static void masked(bool on)
{
    if (on)
        __asm__ volatile("cpsid i" ::: "memory");
    else
        __asm__ volatile("cpsie i\n\tisb" ::: "memory");
}

static void supervisor(void)
{
    uint32_t result, before;
    begin();
    masked(false);
    __asm__ volatile(UNIFIED "mov %1, pc\n\tmovs r0, #0\n\tsvc #7\n\tmov %0, r0"
                     : "=&r"(result), "=&r"(before)
                     :
                     : "r0", "memory", "cc");
    masked(true);
    check("SVC is taken", seen.number[0], SVCALL);
    check("once", seen.count, 1);
    check("the frame is aligned to 8 bytes", seen.aligned, 1);
    check("EXC_RETURN: thread mode, main stack", seen.link, TO_MAIN);
    check("it returns behind the SVC", seen.pc - before, 2);
    check("the frame's r0 comes back", result, 0x5cc5);
    check("thread mode again", seen.xpsr & 0x1ff, 0);
}

static void process_stack(void)
{
    static uint64_t stack[32];
    uint32_t inside;
    begin();
    masked(false);
    __asm__ volatile(UNIFIED
                     "msr psp, %1\n\tmovs r3, #2\n\tmsr control, r3\n\tisb\n\tsvc #1\n\t"
                     "mrs %0, psp\n\tmovs r3, #0\n\tmsr control, r3\n\tisb"
                     : "=&r"(inside)
                     : "r"(stack + COUNT(stack))
                     : "r0", "r3", "memory", "cc");
    masked(true);
    check("EXC_RETURN: thread mode, process stack", seen.link, TO_PROCESS);
    check("the process stack is what it was", inside, WORD(stack + COUNT(stack)));
}

static void pended(void)
{
    begin();
    SCB_ICSR = PENDSVSET;
    check("PendSV is pending under PRIMASK", SCB_ICSR & PENDSVSET, PENDSVSET);
    check("and not taken", seen.count, 0);
    masked(false);
    masked(true);
    check("CPSIE takes it", seen.number[0], PENDSV);
    check("and it is pending no more", SCB_ICSR & PENDSVSET, 0);
    begin();
    SCB_ICSR = PENDNMISET;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
    check("NMI is taken under PRIMASK", seen.number[0], NMI);
    begin();
    SYST_RVR = 500;
    SYST_CVR = 0;
    SYST_CSR = 7;
    masked(false);
    for (uint32_t i = 0; i < 100000 && *(volatile uint32_t *)&seen.count == 0; i++)
        ;
    masked(true);
    SYST_CSR = 0;
    check("SysTick is taken", seen.number[0], SYSTICK);
}

static void priority(uint32_t irq, uint32_t level)
{
    uint32_t shift = 8 * (irq & 3);
    NVIC_IPR[irq / 4] = (NVIC_IPR[irq / 4] & ~(0xffu << shift)) | level << shift;
}

static void interrupts(void)
{
    const uint32_t late = 1u << (IRQ_LATE - 16 - 32), urgent = 1u << (IRQ_URGENT - 16 - 32);
    NVIC_ISER[1] = late | urgent;
    begin();
    NVIC_ISPR[1] = late;
    masked(false);
    masked(true);
    check("an interrupt is taken", seen.number[0], IRQ_LATE);
    check("it was active in its handler", seen.active & late, late);
    check("and is so no more", NVIC_IABR[1] & late, 0);
    check("nor pending", NVIC_ISPR[1] & late, 0);
    begin();
    NVIC_ISPR[1] = late | urgent;
    masked(false);
    masked(true);
    check("of two with one priority the lower number comes first", seen.number[0], IRQ_LATE);
    check("then the other", seen.number[1], IRQ_URGENT);
    priority(IRQ_LATE - 16, 0x80);
    priority(IRQ_URGENT - 16, 0x40);
    begin();
    NVIC_ISPR[1] = late | urgent;
    masked(false);
    masked(true);
    check("the more urgent one comes first", seen.number[0], IRQ_URGENT);
    check("then the other", seen.number[1], IRQ_LATE);
    begin();
    seen.pend = urgent;
    NVIC_ISPR[1] = late;
    masked(false);
    masked(true);
    check("the more urgent one interrupts a handler", seen.number[1], IRQ_URGENT);
    check("and was active together with it", seen.active & (late | urgent), late | urgent);
    NVIC_ICER[1] = late | urgent;
    NVIC_ISPR[1] = late;
    begin();
    masked(false);
    masked(true);
    check("a disabled one is not taken", seen.count, 0);
    NVIC_ICPR[1] = late;
}

/* udf is two bytes: the handler goes on behind it. */
static void faults(void)
{
    uint32_t before;
    begin();
    seen.step_over = true;
    __asm__ volatile(UNIFIED "mov %0, pc\n\tudf #1" : "=r"(before)::"memory");
    check("UDF takes HardFault, under PRIMASK too", seen.number[0], HARD_FAULT);
    check("the frame's PC is the UDF", seen.pc - before, 0xfffffffe);
    begin();
    seen.step_over = true;
    __asm__ volatile(UNIFIED "svc #1" ::: "memory");
    check("SVC under PRIMASK becomes HardFault", seen.number[0], HARD_FAULT);
    begin();
    seen.step_over = true;
    __asm__ volatile(UNIFIED "mov %0, pc\n\tldr r3, [%1]"
                     : "=&l"(before)
                     : "l"(0x60000000)
                     : "r3", "memory");
    check("a bus error takes HardFault", seen.number[0], HARD_FAULT);
    check("the frame's PC is the load", seen.pc - before, 0xfffffffe);
    begin();
    seen.step_over = true;
    __asm__ volatile(UNIFIED "mov %0, pc\n\tldr r3, [%1]"
                     : "=&l"(before)
                     : "l"(WORD(table) + 1)
                     : "r3", "memory");
    check("so does an unaligned load", seen.number[0], HARD_FAULT);
    check("the frame's PC is the load", seen.pc - before, 0xfffffffe);
}

void phase(uint32_t number)
{
    (void)number;
    for (uint32_t i = 0; i < VECTORS; i++)
        table[i] = WORD(exceptions_entry) | 1;
    SCB_VTOR = WORD(table);
    supervisor();
    process_stack();
    pended();
    interrupts();
    faults();
    SCB_VTOR = PROGRAM_BASE;
}
