/* SPDX-License-Identifier: MIT */
/* The watchpoint unit: what halts, when, and what does not. */
#include "tests/unit/check.h"

#include "tests/unit/test_board_core.h"

#define DWT_CTRL  0xe0001000U
#define COMP0     0xe0001020U
#define FUNCTION0 0xe0001028U
#define COMP3     0xe0001050U
#define FUNCTION3 0xe0001058U
#define DFSR      0xe000ed30U
#define DATA      0x20000400U

enum {
    TRCENA = 1 << 24,
    ACCESS = 4,
    WRITE = 5,
    READ = 6,
    HALTS = 1 << 4,
    WORD = 2 << 10,
    HALF = 1 << 10,
    MATCHED = 1 << 24
};

/* ldr r1, [r0]; str r2, [r0]; strb r2, [r0, #3]; movs r3, #3; b . */
static void load_accesses(void)
{
    LOAD(0x6801, 0x6002, 0x70c2, 0x2303, HERE);
    set_reg(0, DATA);
    set_reg(1, 0);
    set_reg(2, 0x55);
    set_reg(3, 0);
    poke(&chip, DATA, 0x77);
    poke(&chip, DEMCR, TRCENA);
    poke(&chip, DFSR, 0x1f);
}

static void what_halts_and_where(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t address, function, pc, word; /* pc 0: does not halt */
    } cases[] = {
        { "read", DATA, READ | HALTS | WORD, CODE + 2, 0x77 },
        { "write", DATA, WRITE | HALTS | WORD, CODE + 4, 0x55 },
        { "either", DATA, ACCESS | HALTS | WORD, CODE + 2, 0x77 },
        { "byte of a word", DATA + 3, WRITE | HALTS, CODE + 4, 0x55 },
        { "halfword, byte written", DATA + 2, READ | HALTS | HALF, CODE + 2, 0x77 },
        { "elsewhere", DATA + 4, ACCESS | HALTS | WORD, 0, 0x55000055 },
        { "does not halt", DATA, ACCESS | WORD, 0, 0x55000055 },
        { "off", DATA, HALTS | WORD, 0, 0x55000055 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        load_accesses();
        poke(&chip, COMP3, cases[i].address);
        poke(&chip, FUNCTION3, cases[i].function);
        bool halted = (run() & S_HALT) != 0;
        debug(HALT);
        uint32_t matched = peek(&chip, FUNCTION3) & MATCHED;
        if (halted != (cases[i].pc != 0) || peek(&chip, DATA) != cases[i].word ||
            (halted && (reg(CPU_REG_PC) != cases[i].pc || matched == 0)))
            fail_msg("%s: halted %d, PC 0x%x, word 0x%x", cases[i].name, halted,
                     reg(CPU_REG_PC), peek(&chip, DATA));
        assert_int_equal(peek(&chip, DFSR) >> 2 & 1, halted);
        assert_int_equal(peek(&chip, FUNCTION3) & MATCHED, 0); /* reading has cleared it */
    }
}

/* It runs on from the instruction after, and halts at the next access. */
static void it_goes_on(void **state)
{
    (void)state;
    load_accesses();
    poke(&chip, COMP0, DATA);
    poke(&chip, FUNCTION0, ACCESS | HALTS | WORD);
    static const uint32_t stops[] = { CODE + 2, CODE + 4, CODE + 6 };
    for (size_t i = 0; i < COUNT(stops); i++) {
        assert_int_equal(run(), S_HALT);
        assert_int_equal(reg(CPU_REG_PC), stops[i]);
    }
    assert_int_equal(run(), 0);
    debug(HALT);
    assert_int_equal(reg(3), 3);
    assert_int_equal(reg(1), 0x77);
}

/* A register of a block is read once, not twice. */
static void a_watched_register(void **state)
{
    (void)state;
    LOAD(0x6801, 0x6802, HERE);
    poke(&chip, 0x4007000c, 3);
    assert_int_equal(uart_feed(&chip, (const uint8_t *)"ab", 2), 2);
    set_reg(0, 0x40070000);
    poke(&chip, DEMCR, TRCENA);
    poke(&chip, COMP0, 0x40070000);
    poke(&chip, FUNCTION0, READ | HALTS | WORD);
    assert_int_equal(run(), S_HALT);
    assert_int_equal(reg(1), 'a');
    assert_int_equal(run(), S_HALT);
    assert_int_equal(reg(2), 'b');
}

static void no_debugger_or_no_trace_no_halt(void **state)
{
    (void)state;
    static const uint32_t demcr[] = { 0, TRCENA }, control[] = { RUN, 0 };
    for (size_t i = 0; i < COUNT(demcr); i++) {
        load_accesses();
        poke(&chip, DEMCR, demcr[i]);
        poke(&chip, COMP0, DATA);
        poke(&chip, FUNCTION0, ACCESS | HALTS | WORD);
        debug(control[i]);
        chip_run(&chip, BUDGET);
        assert_int_equal(chip.core.state, CORE_RUN);
    }
}

static void a_step_over_a_watched_access_says_so(void **state)
{
    (void)state;
    load_accesses();
    poke(&chip, COMP0, DATA);
    poke(&chip, FUNCTION0, READ | HALTS | WORD);
    debug(STEP);
    assert_int_equal(reg(CPU_REG_PC), CODE + 2);
    assert_int_equal(reg(1), 0x77);
    assert_int_equal(peek(&chip, DFSR) & 4, 4);
}

static void registers(void **state)
{
    (void)state;
    assert_int_equal(peek(&chip, DWT_CTRL), 0x4f000000);
    assert_int_equal(peek(&chip, 0xe0001fbc), 0x47701a02);
    poke(&chip, COMP3 + 16, 0x1234); /* there is no fifth */
    assert_int_equal(peek(&chip, COMP3 + 16), 0);
    poke(&chip, COMP0, 0x20000000);
    chip_reset(&chip, RESET_SYSTEM);
    assert_int_equal(peek(&chip, COMP0), 0x20000000);
    chip_reset(&chip, RESET_POWER);
    assert_int_equal(peek(&chip, COMP0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_halts_and_where),
        TEST(it_goes_on),
        TEST(a_watched_register),
        TEST(no_debugger_or_no_trace_no_halt),
        TEST(a_step_over_a_watched_access_says_so),
        TEST(registers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
