/* SPDX-License-Identifier: MIT */
/* The core under Unicorn: faults nobody handles, sleep, breakpoints, stale code, debug
 * registers.
 */
#include "tests/unit/check.h"

#include "target-fw/board/insn.h"
#include "tests/unit/test_board_core.h"

static void faults_lock_up(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t r0;
        uint16_t code[2];
        uint32_t want;
    } cases[] = {
        { "word aligned", 0x20000100, { 0x6801, HERE }, 0 },
        { "word not aligned", 0x20000101, { 0x6801, HERE }, S_LOCKUP },
        { "halfword not aligned", 0x20000101, { 0x8801, HERE }, S_LOCKUP },
        { "store not aligned", 0x20000102, { 0x6001, HERE }, S_LOCKUP },
        { "byte anywhere", 0x20000101, { 0x7801, HERE }, 0 },
        { "unmapped", 0x60000000, { 0x6801, HERE }, S_LOCKUP },
        { "no block there", 0x40090000, { 0x6801, HERE }, S_LOCKUP },
        { "store to flash", 0x00001000, { 0x6001, HERE }, S_LOCKUP },
        { "undefined", 0, { 0xde00, HERE }, S_LOCKUP },
        { "SVC", 0, { 0xdf00, HERE }, S_LOCKUP },
        { "jump into nothing", 0x60000001, { 0x4700, HERE }, S_LOCKUP },
        { "WFI", 0, { WFI, HERE }, S_SLEEP },
        { "WFE", 0, { 0xbf20, HERE }, 0 },
        { "BKPT", 0, { BKPT, HERE }, S_HALT },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        load(cases[i].code, 2);
        set_reg(0, cases[i].r0);
        uint32_t got = run();
        if (got != cases[i].want)
            fail_msg("%s: DHCSR 0x%x", cases[i].name, got);
    }
}

/* ---- the breakpoint unit ---- */

enum { FP_CTRL_ON = 3, FP_CTRL_OFF = 2 };
#define FP_CTRL  0xe0002000U
#define FP_COMP0 0xe0002008U
#define FP_COMP3 0xe0002014U

static void load_counting(void)
{
    LOAD(0x2001, 0x2002, 0x2003, 0x2004, HERE); /* movs r0, #1 ... #4 */
    set_reg(0, 0);
}

static void a_comparator_halts_before_the_instruction(void **state)
{
    (void)state;
    load_counting();
    assert_int_equal(peek(&chip, FP_CTRL), 0x10000040);
    poke(&chip, FP_CTRL, FP_CTRL_ON);
    poke(&chip, FP_COMP3, (CODE + 4) | 1);
    assert_int_equal(run(), S_HALT);
    assert_int_equal(reg(CPU_REG_PC), CODE + 4);
    assert_int_equal(reg(0), 2);
    assert_int_equal(run(), S_HALT); /* it is still there */
    assert_int_equal(reg(CPU_REG_PC), CODE + 4);
    poke(&chip, FP_COMP3, 0);
    debug(STEP);
    assert_int_equal(reg(0), 3);
    poke(&chip, FP_COMP3, (CODE + 8) | 1);
    assert_int_equal(run(), S_HALT);
    assert_int_equal(reg(CPU_REG_PC), CODE + 8);
    assert_int_equal(reg(0), 4);
}

static void comparators_that_do_not_match(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t control, comparator, debug;
    } cases[] = {
        { "unit off", FP_CTRL_OFF, (CODE + 4) | 1, RUN },
        { "control without its key", 1, (CODE + 4) | 1, RUN },
        { "comparator off", FP_CTRL_ON, CODE + 4, RUN },
        { "elsewhere", FP_CTRL_ON, (CODE + 0x100) | 1, RUN },
        { "no debugger", FP_CTRL_ON, (CODE + 4) | 1, 0 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        load_counting();
        poke(&chip, FP_CTRL, FP_CTRL_OFF);
        poke(&chip, FP_CTRL, cases[i].control);
        poke(&chip, FP_COMP0, cases[i].comparator);
        debug(cases[i].debug);
        chip_run(&chip, BUDGET);
        if ((peek(&chip, DHCSR) & S_HALT) != 0)
            fail_msg("%s: halted", cases[i].name);
        debug(HALT);
        assert_int_equal(reg(0), 4);
    }
}

/* As OpenOCD expects: kept over a system reset, gone after power-on. */
static void breakpoints_and_resets(void **state)
{
    (void)state;
    poke(&chip, FP_CTRL, FP_CTRL_ON);
    poke(&chip, FP_COMP0, CODE | 1);
    chip_reset(&chip, RESET_SYSTEM);
    assert_int_equal(peek(&chip, FP_COMP0), CODE | 1);
    assert_int_equal(peek(&chip, FP_CTRL) & 1, 1);
    chip_reset(&chip, RESET_POWER);
    assert_int_equal(peek(&chip, FP_COMP0), 0);
    assert_int_equal(peek(&chip, FP_CTRL) & 1, 0);
}

static void without_a_debugger_bkpt_locks_up(void **state)
{
    (void)state;
    LOAD(BKPT, HERE);
    debug(0);
    chip_run(&chip, BUDGET);
    chip_run(&chip, BUDGET);
    assert_int_equal(chip.core.state, CORE_LOCKUP);
}

static void which_instructions_an_m23_has(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint16_t first, second;
        bool has;
    } cases[] = {
        { "movs", 0x2001, 0, true },        { "cbz", 0xb100, 0, true },
        { "wfi", 0xbf30, 0, true },         { "it", 0xbf08, 0, false },
        { "bl", 0xf000, 0xf800, true },     { "b.w", 0xf000, 0xb800, true },
        { "beq.w", 0xf000, 0x8000, false }, { "movw", 0xf240, 0x0001, true },
        { "movt", 0xf2c0, 0x0001, true },   { "add.w", 0xf100, 0x0001, false },
        { "addw", 0xf200, 0x0001, false },  { "udiv", 0xfbb0, 0xf0f1, true },
        { "sdiv", 0xfb90, 0xf0f1, true },   { "umull", 0xfba0, 0x0101, false },
        { "dsb", 0xf3bf, 0x8f4f, true },    { "mrs", 0xf3ef, 0x8005, true },
        { "msr", 0xf380, 0x880a, true },    { "nop.w", 0xf3af, 0x8000, false },
        { "ldr.w", 0xf8d0, 0x1000, false }, { "ldrd", 0xe9d5, 0x1200, false },
        { "ldaex", 0xe8d5, 0x1fef, true },  { "stl", 0xe8c5, 0x1faf, true },
        { "ldrexb", 0xe8d5, 0x1f4f, true }, { "strex", 0xe845, 0x1200, true },
        { "tbb", 0xe8df, 0xf001, false },   { "ldrexd", 0xe8d5, 0x127f, false },
        { "stm.w", 0xe885, 0x0003, false }, { "vldr", 0xed90, 0x0a00, false },
        { "sg", 0xe97f, 0xe97f, true },     { "uxtab", 0xfa51, 0xf082, false },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (insn_is_baseline(cases[i].first, cases[i].second) != cases[i].has)
            fail_msg("%s", cases[i].name);
}

static void steps(void **state)
{
    (void)state;
    LOAD(0x2001, 0x2002, 0x2003, HERE); /* movs r0, #1 ... */
    for (uint32_t i = 1; i <= 3; i++) {
        debug(STEP);
        assert_int_equal(reg(0), i);
        assert_int_equal(reg(CPU_REG_PC), CODE + 2 * i);
    }
}

static void steps_in_code_that_ran_before(void **state)
{
    (void)state;
    LOAD(0x2001, 0x2002, BKPT, 0x2003, HERE);
    assert_int_equal(run(), S_HALT);
    set_reg(CPU_REG_PC, CODE);
    for (uint32_t i = 1; i <= 2; i++) {
        debug(STEP);
        assert_int_equal(reg(0), i);
        assert_int_equal(reg(CPU_REG_PC), CODE + 2 * i);
    }
}

static void a_running_core_can_be_halted(void **state)
{
    (void)state;
    LOAD(HERE);
    assert_int_equal(run(), 0);
    debug(HALT);
    assert_int_equal(peek(&chip, DHCSR) & S_HALT, S_HALT);
    assert_int_equal(reg(CPU_REG_PC), CODE);
}

static void new_code_over_old_is_what_runs(void **state)
{
    (void)state;
    for (uint16_t i = 1; i < 6; i++) {
        LOAD((uint16_t)(0x2000 + i), WFI, HERE);
        assert_int_equal(run(), S_SLEEP);
        debug(HALT);
        assert_int_equal(reg(0), i);
    }
}

/* Idles as DevAuth does: PRIMASK set, SysTick pending ends WFI, is cleared and never taken. */
static void systick_wakes_wfi_under_primask(void **state)
{
    (void)state;
    static const uint16_t code[] = { 0xb672, WFI, 0x6011, 0x3001, 0xe7fb }; /* cpsid; loop */
    load(code, COUNT(code));
    set_reg(0, 0);
    set_reg(1, 1 << 25);
    set_reg(2, 0xe000ed04);
    poke(&chip, 0xe000e014, 11999);
    poke(&chip, 0xe000e018, 0);
    poke(&chip, 0xe000e010, 7);
    assert_int_equal(run(), S_SLEEP);
    for (int i = 0; i < 10; i++) {
        assert_false(chip_runnable(&chip));
        assert_in_range(chip_sleep_ms(&chip), 1, 2);
        chip_pass(&chip, 12000);
        assert_true(chip_runnable(&chip));
        chip_run(&chip, BUDGET);
    }
    debug(HALT);
    assert_int_equal(reg(0), 10);
}

static void a_sleeping_core_without_a_wake_source_sleeps(void **state)
{
    (void)state;
    LOAD(WFI, HERE);
    assert_int_equal(run(), S_SLEEP);
    assert_int_equal(chip_sleep_ms(&chip), -1);
    chip_pass(&chip, 1000000000);
    assert_false(chip_runnable(&chip));
}

static void a_bank_without_a_clock_drops_stores(void **state)
{
    (void)state;
    static const uint16_t code[] = { 0x6001, 0x6802, BKPT }; /* str r1; ldr r2 */
    load(code, COUNT(code));
    poke(&chip, 0x40000204, 0x00108004);
    set_reg(0, 0x20030000);
    set_reg(1, 0x55);
    assert_int_equal(run(), S_HALT);
    assert_int_equal(reg(2), 0);
    clocks_on(&chip);
    set_reg(CPU_REG_PC, CODE);
    assert_int_equal(run(), S_HALT);
    assert_int_equal(reg(2), 0x55);
}

static void resets(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum reset_kind kind;
        uint32_t status;
        bool sram_kept;
    } cases[] = {
        { "CPU", RESET_CPU, 1 << 7, true }, { "system", RESET_SYSTEM, 1 << 5, true },
        { "pin", RESET_PIN, 1 << 1, true }, { "chip", RESET_CHIP, 1, true },
        { "power", RESET_POWER, 1, false },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        poke(&chip, 0x40000004, 0xffffffff);
        memset(chip.sram, 0x5a, 64);
        chip_reset(&chip, cases[i].kind);
        bool kept = chip.sram[3] == 0x5a && chip.sram[33] == 0x5a && chip.sram[63] == 0x5a;
        if (peek(&chip, 0x40000004) != cases[i].status || kept != cases[i].sram_kept)
            fail_msg("%s: status 0x%x", cases[i].name, peek(&chip, 0x40000004));
    }
}

static void firmware_resets_the_chip_and_is_caught_at_the_vector(void **state)
{
    (void)state;
    uint32_t vectors[] = { 0x20001000, 0x101 };
    memcpy(flash_bytes(&chip, 0, 8), vectors, sizeof(vectors));
    LOAD(0x6001, HERE);
    set_reg(0, 0xe000ed0c);
    set_reg(1, 0x05fa0004);
    poke(&chip, DEMCR, 1);
    assert_int_equal(run(), S_HALT);
    assert_int_equal(reg(CPU_REG_PC), 0x100);
    assert_int_equal(reg(CPU_REG_MSP), 0x20001000);
    assert_int_equal(peek(&chip, 0x40000004) & 1 << 5, 1 << 5);
}

static void vecmap_survives_a_system_reset_only(void **state)
{
    (void)state;
    uint32_t vectors[] = { 0x20002000, 0x4101 };
    memcpy(flash_bytes(&chip, 0x4000, 8), vectors, sizeof(vectors));
    poke(&chip, DEMCR, 1);
    debug(HALT);
    poke(&chip, 0x4000c000, 1);
    poke(&chip, 0x4000c00c, 0x2e);
    poke(&chip, 0x4000c004, 0x4000);
    poke(&chip, 0x4000c010, 1);
    chip_reset(&chip, RESET_SYSTEM);
    assert_int_equal(reg(CPU_REG_PC), 0x4100);
    chip_reset(&chip, RESET_PIN);
    assert_int_not_equal(reg(CPU_REG_PC), 0x4100);
}

/* The core sees the mapped page and the swapped banks, also after its code has changed. */
static void the_core_sees_what_is_mapped(void **state)
{
    (void)state;
    static const uint32_t want[] = { 0x11, 0x22, 0x33 };
    memcpy(flash_bytes(&chip, 0, 4), &want[0], 4);
    memcpy(flash_bytes(&chip, 0x4000, 4), &want[1], 4);
    memcpy(flash_bytes(&chip, FMC_BANK_BYTES, 4), &want[2], 4);
    for (size_t i = 0; i < COUNT(want); i++) {
        LOAD(0x6801, BKPT);
        poke(&chip, 0x4000c000, 1);
        poke(&chip, 0x4000c00c, i == 1 ? 0x2e : 0x2c);
        poke(&chip, 0x4000c004, i == 1 ? 0x4000 : i == 2 ? FMC_BANK_BYTES : 0);
        poke(&chip, 0x4000c010, 1);
        await(&chip, 0x4000c010, 1, 0);
        set_reg(0, i == 2 ? 0x1000 : 0);
        if (i == 2)
            memcpy(flash_bytes(&chip, 0x1000, 4), &want[2], 4);
        assert_int_equal(run(), S_HALT);
        assert_int_equal(reg(1), want[i]);
    }
}

static void uart_needs_its_line(void **state)
{
    (void)state;
    poke(&chip, 0x40070000, 'a');
    assert_int_equal(chip.uart.sent, 0);
    poke(&chip, 0x4007000c, 3);
    poke(&chip, 0x40070024, 0x30000066);
    poke(&chip, 0x40070000, 'a');
    assert_int_equal(chip.uart.sent, 1);
    assert_int_equal(uart_feed(&chip, (const uint8_t *)"0123456789abcdefgh", 18), UART_RX_FIFO);
    assert_int_equal(peek(&chip, 0x40070018) & 0x8001, 0x8001); /* full, overrun */
    assert_int_equal(peek(&chip, 0x40070000), '0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(faults_lock_up),
        TEST(a_comparator_halts_before_the_instruction),
        TEST(comparators_that_do_not_match),
        TEST(breakpoints_and_resets),
        TEST(without_a_debugger_bkpt_locks_up),
        TEST(which_instructions_an_m23_has),
        TEST(steps),
        TEST(steps_in_code_that_ran_before),
        TEST(a_running_core_can_be_halted),
        TEST(new_code_over_old_is_what_runs),
        TEST(systick_wakes_wfi_under_primask),
        TEST(a_sleeping_core_without_a_wake_source_sleeps),
        TEST(a_bank_without_a_clock_drops_stores),
        TEST(resets),
        TEST(firmware_resets_the_chip_and_is_caught_at_the_vector),
        TEST(vecmap_survives_a_system_reset_only),
        TEST(the_core_sees_what_is_mapped),
        TEST(uart_needs_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
