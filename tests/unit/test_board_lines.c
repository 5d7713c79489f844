/* SPDX-License-Identifier: MIT */
/* The blocks' interrupts: taken by a busy core and a sleeping one, and not where not enabled.
 */
#include "tests/unit/check.h"

#include "tests/unit/test_board_core.h"

#define VECTORS 0x20004000U
#define HANDLER 0x20001000U
#define NVIC_ON 0xe000e100U

enum { STEPS = 8 };

static const struct line {
    const char *name;
    unsigned irq;
    uint32_t clear, value; /* what takes the line down */
    struct {
        uint32_t address, value;
    } steps[STEPS];
} lines[] = {
    { "FMC",
      5,
      0x4000c040,
      1 << 24,
      { { 0x4000c000, 1 << 24 | 1 },
        { 0x4000c00c, 0x0b },
        { 0x4000c004, 0 },
        { 0x4000c010, 1 } } },
    { "UART0", 36, 0x40070004, 0, { { 0x4007000c, 3 }, { 0x40070004, 1 } } },
    { "CRPT",
      71,
      0x40032004,
      1 << 16,
      { { 0x40032000, 1 << 16 }, { 0x40032008, 6 << 2 | 3 } } },
    { "TRNG",
      101,
      0x400b9000,
      0,
      { { 0x400b900c, 0x80 }, { 0, 7 }, { 0x400b9000, 1 << 6 | 1 } } },
    { "KeyStore", 109, 0x40035008, 1, { { 0x40035000, 0x8101 } } },
};

/* r4: IPSR, r6 counts; the line is taken down by a store of r1 to [r0]. */
static const uint16_t handler[] = { 0xf3ef, 0x8405, 0x6001, 0x3601, 0x4770 };

static int setup_vectors(void **state)
{
    setup(state);
    debug(HALT);
    for (uint32_t n = 1; n < EXC_COUNT; n++)
        poke(&chip, VECTORS + 4 * n, HANDLER | 1);
    for (size_t i = 0; i < COUNT(handler); i++)
        assert_true(bus_write(&chip, HANDLER + 2 * (uint32_t)i, 2, handler[i]));
    return 0;
}

/* A step without an address: TRNG is waited for. */
static void begin(const struct line *line)
{
    for (size_t i = 0; i < STEPS; i++)
        if (line->steps[i].address != 0)
            poke(&chip, line->steps[i].address, line->steps[i].value);
        else if (line->steps[i].value == 7)
            await(&chip, 0x400b9000, 1 << 7, 1 << 7);
    if (line->irq == 36)
        uart_feed(&chip, (const uint8_t *)"x", 1);
    poke(&chip, 0xe000ed08, VECTORS);
    set_reg(0, line->clear);
    set_reg(1, line->value);
    set_reg(6, 0);
}

static void a_block_interrupts(const uint16_t *code, size_t count)
{
    void *state = NULL;
    for (size_t i = 0; i < COUNT(lines); i++) {
        teardown(&state);
        setup_vectors(&state);
        load(code, count);
        begin(&lines[i]);
        poke(&chip, NVIC_ON + 4 * (lines[i].irq / 32), 1U << (lines[i].irq % 32));
        run();
        debug(HALT);
        if (reg(4) != EXC_IRQ0 + lines[i].irq || reg(6) != 1)
            fail_msg("%s: exception %u, %u times", lines[i].name, reg(4), reg(6));
    }
}

static void a_busy_core_is_interrupted(void **state)
{
    (void)state;
    a_block_interrupts((const uint16_t[]){ HERE }, 1);
}

static void a_sleeping_core_is_woken(void **state)
{
    (void)state;
    a_block_interrupts((const uint16_t[]){ WFI, 0xe7fd }, 2);
}

static void not_enabled_is_not_taken(void **state)
{
    for (size_t i = 0; i < COUNT(lines); i++) {
        teardown(state);
        setup_vectors(state);
        LOAD(WFI, 0xe7fd);
        begin(&lines[i]);
        if (run() != S_SLEEP)
            fail_msg("%s: wakes", lines[i].name);
        debug(HALT);
        assert_int_equal(reg(6), 0);
    }
}

/* It comes again for as long as nobody takes the line down. */
static void a_line_that_stays_high(void **state)
{
    (void)state;
    LOAD(HERE);
    begin(&lines[1]);
    set_reg(0, 0x20000100);
    poke(&chip, NVIC_ON + 4, 1U << 4);
    run();
    debug(HALT);
    assert_in_range(reg(6), 2, SLICES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_busy_core_is_interrupted, setup_vectors, teardown),
        cmocka_unit_test_setup_teardown(a_sleeping_core_is_woken, setup_vectors, teardown),
        cmocka_unit_test_setup_teardown(not_enabled_is_not_taken, setup_vectors, teardown),
        cmocka_unit_test_setup_teardown(a_line_that_stays_high, setup_vectors, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
