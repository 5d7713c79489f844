/* SPDX-License-Identifier: MIT */
/* Attaching with nRESET held low: to firmware that shuts its SWD pins, and to a locked board.
 */
#include "tests/unit/check.h"

#include <string.h>

#include "common/host/own.h"
#include "tests/unit/test_board_swd.h"

#define MARK     0x20000f00U
#define MARKED   0x4d41524bU
#define GPF_MFPL 0x40000058U
#define RSTSTS   0x40000004U
#define DHCSR    0xe000edf0U
#define DEMCR    0xe000edfcU
#define AIRCR    0xe000ed0cU

enum { S_HALT = 1 << 17, BLOCKS = 1000 };

/* At 0x100: leaves its mark in SRAM, makes GPIO of PF.0 and PF.1, and loops. */
static const uint16_t shuts_pins[] = { 0x4803, 0x4904, 0x6001, 0x4804, 0x2100, 0x6001, 0xe7fe,
                                       0xbf00, 0x0f00, 0x2000, 0x524b, 0x4d41, 0x0058, 0x4000 };

static void put_u32(uint32_t address, uint32_t word)
{
    memcpy(flash_bytes(&chip, address, 4), &word, 4);
}

static int setup(void **state)
{
    (void)state;
    log_set_level((enum log_level)0);
    assert_int_equal(chip_open(&chip, 0, NULL, true), ERR_OK);
    put_u32(0, 0x20001000);
    put_u32(4, 0x101);
    memcpy(flash_bytes(&chip, 0x100, sizeof(shuts_pins)), shuts_pins, sizeof(shuts_pins));
    swd_init(&swd);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    chip_close(&chip);
    return 0;
}

static uint32_t mark(void)
{
    uint32_t word;
    memcpy(&word, chip.sram + (MARK - CHIP_SRAM_BASE), sizeof(word));
    return word;
}

static void release(void)
{
    chip_pin_reset(&chip, false);
    chip_run(&chip, BLOCKS);
}

static void start_firmware(void)
{
    chip_pin_reset(&chip, true);
    release();
    assert_int_equal(mark(), MARKED);
    memset(chip.sram, 0, CHIP_SRAM_BYTES);
}

static void firmware_may_shut_the_pins(void **state)
{
    (void)state;
    assert_int_equal(connect_swd(), SWD_OK);
    start_firmware();
    assert_int_equal(connect_swd(), SWD_NONE);
    chip_run(&chip, BLOCKS);
    assert_int_equal(connect_swd(), SWD_NONE);
}

/* The debugger arms the vector catch in reset; no instruction of the firmware runs after it. */
static void under_reset_it_is_caught_before_its_first_instruction(void **state)
{
    (void)state;
    uint32_t value = 0;
    start_firmware();
    chip_pin_reset(&chip, true);
    assert_int_equal(connect_swd(), SWD_OK);
    assert_int_equal(put(DHCSR, 0xa05f0001), SWD_OK);
    assert_int_equal(put(DEMCR, 1), SWD_OK);
    assert_int_equal(probe(MARK), SWD_FAULT); /* only the core's debug registers answer */
    assert_int_equal(probe(RSTSTS), SWD_FAULT);
    put(AIRCR, 0x05fa0004);
    chip_run(&chip, BLOCKS);
    assert_int_equal(chip.core.state, CORE_HELD); /* SYSRESETREQ does not start it */
    release();
    assert_int_equal(get(DHCSR, &value), SWD_OK);
    assert_int_equal(value & S_HALT, S_HALT);
    assert_int_equal(mark(), 0);
    assert_int_equal(cpu_reg(chip.cpu, CPU_REG_PC) & ~1U, 0x100);
    get(RSTSTS, &value);
    assert_int_equal(value & 1 << 1, 1 << 1);
    get(GPF_MFPL, &value);
    assert_int_equal(value, 0xee);
    put(DEMCR, 0);
    put(DHCSR, 0xa05f0001);
    chip_run(&chip, BLOCKS);
    assert_int_equal(mark(), MARKED);
    assert_int_equal(connect_swd(), SWD_NONE);
}

/* Without the catch, being attached in reset is not enough. */
static void without_a_catch_it_shuts_the_pins_again(void **state)
{
    (void)state;
    start_firmware();
    chip_pin_reset(&chip, true);
    assert_int_equal(connect_swd(), SWD_OK);
    put(DHCSR, 0xa05f0001);
    release();
    assert_int_equal(mark(), MARKED);
    assert_int_equal(connect_swd(), SWD_NONE);
}

static void reset_is_no_way_round_a_lock(void **state)
{
    (void)state;
    chip.store.image->head.dpm[0].flags = DPM_DBGDIS | DPM_LOCK;
    chip.store.image->head.dpm[1].flags = DPM_DBGDIS | DPM_LOCK;
    start_firmware();
    chip_pin_reset(&chip, true);
    assert_int_equal(connect_swd(), SWD_OK); /* DPIDR answers */
    assert_int_equal(put(DHCSR, 0xa05f0001), SWD_FAULT);
    assert_int_equal(put(DEMCR, 1), SWD_FAULT);
    assert_int_equal(probe(MARK), SWD_FAULT);
    release();
    assert_int_equal(mark(), MARKED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(firmware_may_shut_the_pins),
        TEST(under_reset_it_is_caught_before_its_first_instruction),
        TEST(without_a_catch_it_shuts_the_pins_again),
        TEST(reset_is_no_way_round_a_lock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
