/* SPDX-License-Identifier: MIT */
/* Exceptions: entry and return, priorities, faults at their instruction, what locks up. */
#include "tests/unit/check.h"

#include "tests/unit/test_board_core.h"

#define ICSR    0xe000ed04U
#define VECTORS 0x20004000U
#define FAULTED 0x20001000U /* handler of HardFault */
#define COUNTS  0x20001100U /* of all others */
#define STACK   0x20008000U

enum {
    CPSID = 0xb672,
    CPSIE = 0xb662,
    SVC = 0xdf05,
    UDF = 0xde00,
    NOP = 0xbf00,
    BX_LR = 0x4770,
    PENDSV = 1 << 28,
    XPSR_T = 1 << 24
};
#define TO_THREAD     0xfffffff9U
#define TO_THREAD_PSP 0xfffffffdU
#define TO_HANDLER    0xfffffff1U

/* r4: IPSR, r5: EXC_RETURN, r6: stacked PC, which is moved on by two bytes. */
static const uint16_t skips[] = { 0xf3ef, 0x8405, 0x4675, 0x9e06, 0x1cb7, 0x9706, BX_LR };
/* r4, r5 as above, r6 counts. */
static const uint16_t counts[] = { 0xf3ef, 0x8405, 0x4675, 0x3601, BX_LR };

static void place(uint32_t address, const uint16_t *code, size_t bytes)
{
    for (size_t i = 0; i < bytes / 2; i++)
        assert_true(bus_write(&chip, address + 2 * (uint32_t)i, 2, code[i]));
}

static int setup_vectors(void **state)
{
    setup(state);
    debug(HALT);
    for (uint32_t n = 1; n < 132; n++)
        poke(&chip, VECTORS + 4 * n, (n == 3 ? FAULTED : COUNTS) | 1);
    place(FAULTED, skips, sizeof(skips));
    place(COUNTS, counts, sizeof(counts));
    poke(&chip, 0xe000ed08, VECTORS);
    for (unsigned i = 0; i < 13; i++)
        set_reg(i, 0);
    return 0;
}

#define EXC_TEST(name) cmocka_unit_test_setup_teardown(name, setup_vectors, teardown)

static void a_fault_enters_its_handler_and_comes_back(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t r0;
        uint16_t code[5]; /* the second of them faults, r3 tells whether the third was run */
    } cases[] = {
        { "load, not aligned", 0x20000101, { 0x2101, 0x6802, 0x2303, HERE } },
        { "store, not aligned", 0x20000102, { 0x2101, 0x6001, 0x2303, HERE } },
        { "load from nowhere", 0x60000000, { 0x2101, 0x6802, 0x2303, HERE } },
        { "store to nowhere", 0x60000000, { 0x2101, 0x6001, 0x2303, HERE } },
        { "store to flash", 0x00001000, { 0x2101, 0x6001, 0x2303, HERE } },
        { "no block there", 0x40090000, { 0x2101, 0x6802, 0x2303, HERE } },
        { "store, no block", 0x40090000, { 0x2101, 0x6001, 0x2303, HERE } },
        { "undefined", 0, { 0x2101, UDF, 0x2303, HERE } },
        { "not of an M23: add.w", 0, { 0x2101, 0xf100, 0x0001, 0x2303, HERE } },
        { "not of an M23: it", 0, { 0x2101, 0xbf08, 0x2303, HERE } },
        { "not of an M23: ldr.w", 0x20000200, { 0x2101, 0xf8d0, 0x1000, 0x2303, HERE } },
        { "several registers", 0x20000102, { 0x2101, 0xc80e, 0x2303, HERE } },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        load(cases[i].code, COUNT(cases[i].code));
        set_reg(0, cases[i].r0);
        set_reg(3, 0);
        assert_int_equal(run(), 0);
        debug(HALT);
        if (reg(4) != 3 || reg(6) != CODE + 2 || reg(3) != 3 || reg(CPU_REG_MSP) != STACK ||
            reg(5) != TO_THREAD || (reg(CPU_REG_XPSR) & 0x1ff) != 0)
            fail_msg("%s: IPSR %u, stacked PC 0x%x, r3 %u, lr 0x%x", cases[i].name, reg(4),
                     reg(6), reg(3), reg(5));
    }
}

/* PC of a fault is exact in the middle of a block with other accesses. */
static void the_stacked_pc_is_that_of_the_access(void **state)
{
    (void)state;
    /* ldr r1,[r2]; str r1,[r2]; push {r1,r3}; pop {r1,r3}; ldrex r1,[r2]; ldr r7,[r0] */
    LOAD(0x6811, 0x6011, 0xb40a, 0xbc0a, 0xe852, 0x1f00, 0x6807, 0x2303, HERE);
    set_reg(0, 0x60000000);
    set_reg(2, 0x20000200);
    assert_int_equal(run(), 0);
    debug(HALT);
    assert_int_equal(reg(6), CODE + 12);
    assert_int_equal(reg(3), 3);
}

static void what_is_stacked(void **state)
{
    (void)state;
    LOAD(UDF, HERE);
    place(FAULTED, (const uint16_t[]){ HERE }, 2);
    for (uint32_t i = 0; i < 4; i++)
        set_reg(i, 0x10 + i);
    set_reg(12, 0x1c);
    set_reg(CPU_REG_LR, 0x77);
    set_reg(CPU_REG_MSP, STACK - 4); /* not a multiple of 8 */
    assert_int_equal(run(), 0);
    debug(HALT);
    const uint32_t want[] = { 0x10, 0x11, 0x12, 0x13, 0x1c, 0x77, CODE, XPSR_T | 1 << 9 };
    for (uint32_t i = 0; i < COUNT(want); i++)
        assert_int_equal(peek(&chip, STACK - 40 + 4 * i), want[i]);
    assert_int_equal(reg(CPU_REG_MSP), STACK - 40);
    assert_int_equal(reg(CPU_REG_XPSR) & 0x1ff, 3);
    assert_int_equal(peek(&chip, ICSR) & 0x1ff, 3);
    assert_int_equal(peek(&chip, SHCSR), 1 << 2);
}

/* 132 exceptions want a table at a multiple of 1024; one elsewhere goes unnoticed until then.
 */
static void a_table_that_is_not_aligned(void **state)
{
    (void)state;
    LOAD(UDF, 0x2303, HERE);
    poke(&chip, 0xe000ed08, VECTORS + 0x200);
    assert_int_equal(peek(&chip, 0xe000ed08), VECTORS + 0x200);
    poke(&chip, VECTORS + 12, COUNTS | 1);
    poke(&chip, VECTORS + 0x200 + 12, FAULTED | 1);
    poke(&chip, COUNTS + 4, 0xe7fee7fe);
    run();
    debug(HALT);
    assert_int_equal(reg(CPU_REG_PC), COUNTS + 4);
}

static void supervisor_call(void **state)
{
    (void)state;
    LOAD(0x2101, SVC, 0x2303, HERE);
    assert_int_equal(run(), 0);
    debug(HALT);
    assert_int_equal(reg(4), 11);
    assert_int_equal(reg(3), 3);
    assert_int_equal(reg(CPU_REG_PC), CODE + 6);
    LOAD(CPSID, SVC, 0x2302, HERE); /* it cannot be taken: HardFault, which skips it */
    assert_int_equal(run(), 0);
    debug(HALT);
    assert_int_equal(reg(4), 3);
    assert_int_equal(reg(6), CODE + 2);
    assert_int_equal(reg(3), 2);
}

static void the_process_stack(void **state)
{
    (void)state;
    /* msr psp, r0; movs r0, #2; msr control, r0; isb; svc */
    LOAD(0xf380, 0x8809, 0x2002, 0xf380, 0x8814, 0xf3bf, 0x8f6f, SVC, 0x2303, HERE);
    set_reg(0, 0x20006000);
    assert_int_equal(run(), 0);
    debug(HALT);
    assert_int_equal(reg(5), TO_THREAD_PSP);
    assert_int_equal(reg(CPU_REG_PSP), 0x20006000);
    assert_int_equal(reg(CPU_REG_MSP), STACK);
    assert_int_equal(reg(CPU_REG_SP), 0x20006000);
    assert_int_equal(peek(&chip, 0x20006000 - 8), CODE + 16);
    assert_int_equal(reg(3), 3);
}

static void primask_holds_an_exception_back(void **state)
{
    (void)state;
    LOAD(CPSID, 0x6001, 0x1c37, CPSIE, NOP, HERE); /* str r1, [r0]; adds r7, r6, #0 */
    set_reg(0, ICSR);
    set_reg(1, PENDSV);
    assert_int_equal(run(), 0);
    debug(HALT);
    assert_int_equal(reg(4), 14);
    assert_int_equal(reg(7), 0);
    assert_int_equal(reg(6), 1);
}

static void systick_interrupts(void **state)
{
    (void)state;
    LOAD(WFI, 0xe7fd); /* and again */
    poke(&chip, 0xe000e014, 11999);
    poke(&chip, 0xe000e018, 0);
    poke(&chip, 0xe000e010, 7);
    for (uint32_t i = 1; i <= 5; i++) {
        assert_int_equal(run(), S_SLEEP);
        chip_pass(&chip, 12000);
        chip_run(&chip, BUDGET);
    }
    debug(HALT);
    assert_int_equal(reg(4), 15);
    assert_int_equal(reg(6), 5);
    LOAD(HERE); /* a busy core is interrupted as well */
    set_reg(6, 0);
    debug(RUN);
    for (int i = 0; i < 20; i++)
        chip_run(&chip, BUDGET);
    debug(HALT);
    assert_in_range(reg(6), 2, 40);
}

/* The UART's interrupt, twice as urgent as SysTick, and at last as urgent. */
static void priorities(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t uart, tick, first;
    } cases[] = {
        { "UART goes first", 0x40, 0x80, 16 + 36 },
        { "SysTick goes first", 0x80, 0x40, 15 },
        { "equal: the lower number", 0x40, 0x40, 15 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        LOAD(CPSIE, NOP, HERE);
        place(COUNTS, (const uint16_t[]){ 0xf3ef, 0x8405, HERE }, 6);
        poke(&chip, 0xe000e424, cases[i].uart);
        poke(&chip, 0xe000ed20, cases[i].tick << 24);
        poke(&chip, 0xe000e104, 1 << 4);
        poke(&chip, 0xe000e204, 1 << 4);
        poke(&chip, ICSR, 1 << 26);
        assert_int_equal(peek(&chip, ICSR) >> 12 & 0x1ff, cases[i].first);
        assert_int_equal(run(), 0);
        debug(HALT);
        if (reg(4) != cases[i].first)
            fail_msg("%s: %u was taken", cases[i].name, reg(4));
        assert_int_equal(peek(&chip, 0xe000ed24) >> 11 & 1, cases[i].first == 15);
        chip_reset(&chip, RESET_SYSTEM);
        debug(HALT);
        poke(&chip, 0xe000ed08, VECTORS);
    }
}

/* PendSV's handler pends SysTick, which is more urgent and is taken inside. */
static void nested(void **state)
{
    (void)state;
    LOAD(0x6001, NOP, HERE);
    poke(&chip, VECTORS + 4 * 14, 0x20001201);
    place(0x20001200, (const uint16_t[]){ 0xb510, 0x6002, NOP, 0x1c37, 0xbd10 }, 10);
    set_reg(0, ICSR);
    set_reg(1, PENDSV);
    set_reg(2, 1 << 26);
    poke(&chip, 0xe000ed20, 0x00c00000);
    assert_int_equal(run(), 0);
    debug(HALT);
    assert_int_equal(reg(5), TO_HANDLER);
    assert_int_equal(reg(6), 1);
    assert_int_equal(reg(7), 1); /* seen by PendSV after it */
    assert_int_equal(peek(&chip, SHCSR), 0);
    assert_int_equal(reg(CPU_REG_MSP), STACK);
}

static void what_locks_up(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint16_t handler[3], code[2];
        uint32_t msp, vectors;
    } cases[] = {
        { "fault in HardFault", { UDF }, { UDF }, STACK, VECTORS },
        { "SVC in HardFault", { SVC }, { UDF }, STACK, VECTORS },
        { "no stack", { HERE }, { UDF }, 0x60000000, VECTORS },
        { "no vector", { HERE }, { UDF }, STACK, 0x60000000 },
        { "vector is not Thumb", { HERE }, { UDF }, STACK, 0x20005000 },
        { "return to nowhere known", { 0x2000, 0x3811, 0x4700 }, { UDF }, STACK, VECTORS },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        load(cases[i].code, COUNT(cases[i].code));
        place(FAULTED, cases[i].handler, sizeof(cases[i].handler));
        set_reg(CPU_REG_MSP, cases[i].msp);
        poke(&chip, 0x2000500c, FAULTED);
        poke(&chip, 0xe000ed08, cases[i].vectors);
        uint32_t got = run();
        debug(HALT);
        if (got != S_LOCKUP || reg(CPU_REG_PC) != 0xeffffffe)
            fail_msg("%s: DHCSR 0x%x, PC 0x%x", cases[i].name, got, reg(CPU_REG_PC));
    }
}

static void a_return_that_is_none_is_a_fault(void **state)
{
    (void)state;
    LOAD(0x4700, 0x2303, HERE); /* bx r0, in thread mode */
    set_reg(0, TO_THREAD);
    place(FAULTED, (const uint16_t[]){ 0x9e06, HERE }, 4);
    assert_int_equal(run(), 0);
    debug(HALT);
    assert_int_equal(reg(CPU_REG_XPSR) & 0x1ff, 3);
    assert_int_equal(reg(6), 0xfffffff8);
}

static void vector_catch_halts_in_the_handler(void **state)
{
    (void)state;
    LOAD(UDF, HERE);
    poke(&chip, DEMCR, 1 << 10);
    assert_int_equal(run(), S_HALT);
    assert_int_equal(reg(CPU_REG_PC), FAULTED);
    assert_int_equal(reg(CPU_REG_XPSR) & 0x1ff, 3);
    assert_int_equal(peek(&chip, 0xe000ed30) & 8, 8);
    assert_int_equal(peek(&chip, STACK - 8), CODE);
}

static void steps_and_exceptions(void **state)
{
    (void)state;
    LOAD(NOP, UDF, 0x2303, HERE);
    poke(&chip, ICSR, PENDSV);
    debug(STEP | 8); /* C_MASKINTS */
    assert_int_equal(reg(CPU_REG_PC), CODE + 2);
    debug(STEP);
    assert_int_equal(reg(CPU_REG_PC), COUNTS);
    for (size_t i = 0; i < 4; i++)
        debug(STEP);
    assert_int_equal(reg(CPU_REG_PC), CODE + 2);
    assert_int_equal(reg(6), 1);
    debug(STEP);
    assert_int_equal(reg(CPU_REG_PC), FAULTED);
}

/* MSPLIM holds though the engine was renewed since. */
static void the_stack_limit(void **state)
{
    (void)state;
    LOAD(0xf380, 0x880a, BKPT, 0xb510, 0x2303, HERE); /* msr msplim, r0; push */
    set_reg(0, STACK - 64);
    assert_int_equal(run(), S_HALT);
    assert_int_equal(reg(CPU_REG_MSPLIM_S), STACK - 64);
    cpu_map_changed(chip.cpu);
    set_reg(CPU_REG_PC, CODE + 6);
    set_reg(CPU_REG_MSP, STACK - 64);
    assert_int_equal(run(), 0);
    debug(HALT);
    assert_int_equal(reg(4), 3);
    assert_int_equal(reg(6), CODE + 6);
    assert_int_equal(reg(CPU_REG_MSPLIM_S), STACK - 64);
    set_reg(CPU_REG_MSPLIM_S, 0);
    assert_int_equal(reg(CPU_REG_MSPLIM_S), 0);
}

static void sleep_on_exit(void **state)
{
    (void)state;
    LOAD(0x6001, HERE);
    set_reg(0, ICSR);
    set_reg(1, PENDSV);
    poke(&chip, 0xe000ed10, 2);
    assert_int_equal(run(), S_SLEEP);
    debug(HALT);
    assert_int_equal(reg(CPU_REG_PC), CODE + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        EXC_TEST(a_fault_enters_its_handler_and_comes_back),
        EXC_TEST(the_stacked_pc_is_that_of_the_access),
        EXC_TEST(what_is_stacked),
        EXC_TEST(a_table_that_is_not_aligned),
        EXC_TEST(supervisor_call),
        EXC_TEST(the_process_stack),
        EXC_TEST(primask_holds_an_exception_back),
        EXC_TEST(systick_interrupts),
        EXC_TEST(priorities),
        EXC_TEST(nested),
        EXC_TEST(what_locks_up),
        EXC_TEST(a_return_that_is_none_is_a_fault),
        EXC_TEST(vector_catch_halts_in_the_handler),
        EXC_TEST(steps_and_exceptions),
        EXC_TEST(the_stack_limit),
        EXC_TEST(sleep_on_exit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
