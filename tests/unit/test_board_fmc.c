/* SPDX-License-Identifier: MIT */
/* The flash controller's rules, and the register lock in front of it. */
#include "tests/unit/check.h"

#include <string.h>

#include "common/host/own.h"
#include "tests/unit/test_board_bench.h"

enum {
    FMC = 0x4000c000,
    ISPEN = 1,
    APUEN = 1 << 3,
    CFGUEN = 1 << 4,
    LDUEN = 1 << 5,
    ISPFF = 1 << 6,
    PGFF = 1 << 5,
    ALL = ISPEN | APUEN | CFGUEN | LDUEN,
    READ = 0x00,
    PROGRAM = 0x21,
    PROGRAM64 = 0x61,
    MULTI = 0x27,
    ERASE = 0x22,
    BANK = 0x23,
    MASS = 0x26,
    REMAP = 0x2c,
    VECMAP = 0x2e,
    UID = 0x04
};

static struct chip chip;

static int setup(void **state)
{
    (void)state;
    bench_open(&chip);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    chip_close(&chip);
    return 0;
}

/* One command with these enables; the flags of ISPSTS. */
static uint32_t command(uint32_t enables, uint32_t code, uint32_t address, uint32_t data)
{
    poke(&chip, FMC, enables | ISPFF);
    poke(&chip, FMC + 0x0c, code);
    poke(&chip, FMC + 0x04, address);
    poke(&chip, FMC + 0x08, data);
    poke(&chip, FMC + 0x10, 1);
    await(&chip, FMC + 0x10, 1, 0);
    return peek(&chip, FMC + 0x40) & (ISPFF | PGFF);
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t enables, code, address, want;
    } cases[] = {
        { "program", ISPEN | APUEN, PROGRAM, 0x4000, 0 },
        { "ISPEN off", APUEN, PROGRAM, 0x4004, ISPFF },
        { "APUEN off", ISPEN, PROGRAM, 0x4008, ISPFF },
        { "not aligned", ALL, PROGRAM, 0x400d, ISPFF },
        { "64 bit not aligned", ALL, PROGRAM64, 0x4014, ISPFF },
        { "LDROM without LDUEN", ISPEN | APUEN, PROGRAM, 0x100000, ISPFF },
        { "LDROM", ISPEN | LDUEN, PROGRAM, 0x100000, 0 },
        { "CONFIG without CFGUEN", ISPEN | APUEN, PROGRAM, 0x300004, ISPFF },
        { "CONFIG", ISPEN | CFGUEN, PROGRAM, 0x300004, 0 },
        { "no flash", ALL, PROGRAM, 0x00180000, ISPFF },
        { "end of APROM", ALL, PROGRAM, 0x000ffffc, 0 },
        { "flash OTP by 64 bit", ALL, PROGRAM64, 0x310000, ISPFF },
        { "flash OTP by 32 bit", ISPEN, PROGRAM, 0x310000, 0 },
        { "flash OTP erase", ALL, ERASE, 0x310000, ISPFF },
        { "lock flash OTP 1", ISPEN, PROGRAM, 0x310804, 0 },
        { "locked flash OTP 1", ISPEN, PROGRAM, 0x310008, ISPFF },
        { "read", ISPEN, READ, 0x0, 0 },
        { "read nothing", ISPEN, READ, 0x700000, ISPFF },
        { "erase", ALL, ERASE, 0x4000, 0 },
        { "erase NSCBA", ALL, ERASE, 0x210800, ISPFF },
        { "erase CONFIG", ALL, ERASE, 0x300000, 0 },
        { "erase blank CONFIG", ALL, ERASE, 0x300000, ISPFF },
        { "mass erase without ICPCTL", ALL, MASS, 0, ISPFF },
        { "bank erase outside APROM", ALL, BANK, 0x100000, ISPFF },
        { "no such command", ALL, 0x3f, 0, ISPFF },
        { "no such UID word", ALL, UID, 0x0c, ISPFF },
        { "CRC range not a page", ALL, 0x2d, 0x10, ISPFF },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (command(cases[i].enables, cases[i].code, cases[i].address, 0) != cases[i].want)
            fail_msg("%s", cases[i].name);
}

static void programming_only_clears_bits(void **state)
{
    (void)state;
    assert_int_equal(command(ALL, PROGRAM, 0x4000, 0x0f0f0f0f), 0);
    assert_int_equal(command(ALL, PROGRAM, 0x4000, 0x00ff00ff), PGFF);
    assert_int_equal(flash_word(&chip, 0x4000), 0x000f000f);
    assert_int_equal(command(ALL, ERASE, 0x4004, 0), 0); /* clears PGFF too */
    assert_int_equal(flash_word(&chip, 0x4000), 0xffffffff);
}

static void a_failed_command_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(command(ISPEN, PROGRAM, 0x4000, 0), ISPFF);
    assert_int_equal(flash_word(&chip, 0x4000), 0xffffffff);
    assert_int_equal(command(ISPEN, READ, 0x700000, 5), ISPFF);
    assert_int_equal(peek(&chip, FMC + 8), 0xffffffff);
}

static void a_closed_register_lock_ignores_writes(void **state)
{
    (void)state;
    poke(&chip, FMC, ALL);
    poke(&chip, 0x40000100, 0);
    poke(&chip, FMC, 0);
    assert_int_equal(peek(&chip, FMC), ALL);
    poke(&chip, FMC + 0x0c, PROGRAM);
    poke(&chip, FMC + 0x04, 0x5000);
    poke(&chip, FMC + 0x08, 0);
    poke(&chip, FMC + 0x10, 1);
    assert_int_equal(peek(&chip, FMC + 0x10), 0);
    assert_int_equal(flash_word(&chip, 0x5000), 0xffffffff);
}

static void the_lock_opens_by_three_keys_in_a_row(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t keys[5];
        uint32_t open;
    } cases[] = {
        { "right", { 0, 0x59, 0x16, 0x88 }, 1 },
        { "wrong order", { 0, 0x59, 0x88, 0x16 }, 0 },
        { "begins anew", { 0x59, 0x16, 0x59, 0x16, 0x88 }, 1 },
        { "one between", { 0x59, 0x16, 1, 0x88 }, 0 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (size_t k = 0; k < COUNT(cases[i].keys); k++)
            if (k < 4 || cases[i].keys[k] != 0)
                poke(&chip, 0x40000100, cases[i].keys[k]);
        if (peek(&chip, 0x40000100) != cases[i].open)
            fail_msg("%s", cases[i].name);
    }
}

static void busy_is_seen_and_a_second_command_refused(void **state)
{
    (void)state;
    poke(&chip, FMC, ALL);
    poke(&chip, FMC + 0x0c, READ);
    poke(&chip, FMC + 0x04, 0);
    poke(&chip, FMC + 0x10, 1);
    assert_int_equal(peek(&chip, FMC + 0x10), 1);
    poke(&chip, FMC + 0x10, 1);
    await(&chip, FMC + 0x10, 1, 0);
    assert_int_equal(peek(&chip, FMC + 0x40) & ISPFF, ISPFF);
}

static void multi_word_takes_refills(void **state)
{
    (void)state;
    poke(&chip, FMC, ALL);
    for (uint32_t i = 0; i < 4; i++)
        poke(&chip, FMC + 0x80 + 4 * i, i);
    poke(&chip, FMC + 0x0c, MULTI);
    poke(&chip, FMC + 0x04, 0x6000);
    poke(&chip, FMC + 0x10, 1);
    for (uint32_t i = 4; i < 12; i += 2) {
        await(&chip, FMC + 0xc0, 3U << (4 + (i & 2)), 0);
        poke(&chip, FMC + 0x80 + 4 * (i & 2), i);
        poke(&chip, FMC + 0x84 + 4 * (i & 2), i + 1);
    }
    await(&chip, FMC + 0xc0, 1, 0);
    for (uint32_t i = 0; i < 12; i++)
        assert_int_equal(flash_word(&chip, 0x6000 + 4 * i), i);
    assert_int_equal(flash_word(&chip, 0x6030), 0xffffffff);
}

static void start_multi(uint32_t address)
{
    poke(&chip, FMC, ALL);
    for (uint32_t i = 0; i < 4; i++)
        poke(&chip, FMC + 0x80 + 4 * i, i);
    poke(&chip, FMC + 0x0c, MULTI);
    poke(&chip, FMC + 0x04, address);
    poke(&chip, FMC + 0x10, 1);
}

/* In simulated time a pair takes two words' time, and a run ends when the next pair is late. */
static void multi_word_ends_when_a_refill_is_late(void **state)
{
    (void)state;
    const uint64_t pair = 2 * 28 * (CHIP_HCLK_HZ / 1000000);
    chip.pace.on = true;
    start_multi(0x6000);
    assert_int_equal(peek(&chip, FMC + 0xc0) & 0xf1, 0xf1);
    chip.cycles += pair;
    assert_int_equal(peek(&chip, FMC + 0xc0) & 0xf1, 0xc1);
    poke(&chip, FMC + 0x80, 4);
    poke(&chip, FMC + 0x84, 5);
    chip.cycles += pair;
    assert_int_equal(peek(&chip, FMC + 0xc0) & 0xf1, 0x31);
    chip.cycles += pair;
    poke(&chip, FMC + 0x88, 6);
    poke(&chip, FMC + 0x8c, 7);
    assert_int_equal(peek(&chip, FMC + 0xc0) & 0xf1, 0);
    assert_int_equal(peek(&chip, FMC + 0xc4), 0x6018);
    await(&chip, FMC + 0x10, 1, 0);
    assert_int_equal(flash_word(&chip, 0x6014), 5);
    assert_int_equal(flash_word(&chip, 0x6018), 0xffffffff);
    assert_int_equal(chip.pace.flash_us, 3 * 2 * 28);
}

/* What the header says of multi-word programming, and of a second command meanwhile. */
static void multi_word_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t enables, address;
    } cases[] = {
        { "not aligned", ALL, 0x6004 },
        { "flash OTP", ALL, 0x310000 },
        { "APUEN off", ISPEN, 0x6000 },
        { "no flash", ALL, 0x180000 },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (command(cases[i].enables, MULTI, cases[i].address, 0) != ISPFF)
            fail_msg("%s", cases[i].name);
    start_multi(0x6000);
    poke(&chip, FMC + 0x10, 1);
    await(&chip, FMC + 0x10, 1, 0);
    assert_int_equal(peek(&chip, FMC + 0x40) & ISPFF, ISPFF);
}

static void mass_erase_spares_otp_and_stops_at_deployed(void **state)
{
    (void)state;
    uint32_t words[STORE_OTP_WORDS] = { 1 };
    store_otp_burn(&chip.store.image->head.otp[3], 6 << 8, words);
    command(ALL, PROGRAM, 0x4000, 0);
    command(ISPEN, PROGRAM, 0x310010, 5);
    poke(&chip, FMC + 0x1c, 1);
    assert_int_equal(command(ALL, MASS, 0, 0), 0);
    assert_int_equal(flash_word(&chip, 0x4000), 0xffffffff);
    assert_int_equal(flash_word(&chip, 0x310010), 5);
    assert_int_equal(ks_otp_used(&chip), 1 << 3);
    chip.plm.stage = PLM_DEPLOYED;
    assert_int_equal(command(ALL, MASS, 0, 0), ISPFF);
}

static void uid_is_the_stores(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(command(ISPEN, UID, 4 * i, 0), 0);
        assert_int_equal(peek(&chip, FMC + 8), chip.store.image->head.uid[i]);
    }
}

static void injected_ispff_hits_the_named_operation(void **state)
{
    (void)state;
    assert_int_equal(fault_set(&chip, "ispff", "2"), ERR_OK);
    assert_int_equal(command(ALL, PROGRAM, 0x4000, 1), 0);
    assert_int_equal(command(ALL, PROGRAM, 0x4004, 1), ISPFF);
    assert_int_equal(flash_word(&chip, 0x4004), 0xffffffff);
    assert_int_equal(command(ALL, PROGRAM, 0x4004, 1), 0);
}

static void stuck_busy_stays(void **state)
{
    (void)state;
    assert_int_equal(fault_set(&chip, "stuck-fmc", "on"), ERR_OK);
    poke(&chip, FMC, ALL);
    poke(&chip, FMC + 0x10, 1);
    assert_true(never(&chip, FMC + 0x10, 1, 0));
    assert_int_equal(fault_set(&chip, "stuck-fmc", "off"), ERR_OK);
    await(&chip, FMC + 0x10, 1, 0);
}

static void put_flash(uint32_t address, uint32_t word)
{
    memcpy(flash_bytes(&chip, address, 4), &word, 4);
}

static void the_vector_page_is_mapped_for_all_but_the_controller(void **state)
{
    (void)state;
    put_flash(0, 0x11);
    put_flash(0x200, 0x22);
    put_flash(0x4000, 0x33);
    assert_int_equal(command(ALL, VECMAP, 0x4000, 0), 0);
    assert_int_equal(peek(&chip, 0), 0x33);
    assert_int_equal(peek(&chip, 0x200), 0x22);
    assert_int_equal(peek(&chip, FMC + 0x40) & 0xfffe00, 0x4000);
    command(ALL, READ, 0, 0);
    assert_int_equal(peek(&chip, FMC + 8), 0x11);
    assert_int_equal(command(ALL, PROGRAM, 0x4004, 0x44), 0);
    assert_int_equal(peek(&chip, 4), 0x44);
    assert_int_equal(command(ALL, VECMAP, 0x4100, 0), ISPFF);
    assert_int_equal(command(ALL, VECMAP, 0, 0), 0);
    assert_int_equal(peek(&chip, 0), 0x11);
}

static void banks_can_be_swapped_until_a_cold_reset(void **state)
{
    (void)state;
    put_flash(0, 0x11);
    put_flash(FMC_BANK_BYTES, 0x22);
    assert_int_equal(command(ALL, REMAP, 0x1000, 0), ISPFF);
    assert_int_equal(command(ALL, REMAP, FMC_BANK_BYTES, 0), 0);
    assert_int_equal(peek(&chip, 0), 0x22);
    assert_int_equal(peek(&chip, FMC_BANK_BYTES), 0x11);
    assert_int_equal(peek(&chip, FMC + 0x40) >> 30 & 1, 1);
    assert_int_equal(command(ALL, PROGRAM, 8, 0x33), 0);
    chip_reset(&chip, RESET_SYSTEM);
    assert_int_equal(peek(&chip, 8), 0x33);
    chip_reset(&chip, RESET_PIN);
    assert_int_equal(peek(&chip, 0), 0x11);
    assert_int_equal(peek(&chip, FMC_BANK_BYTES + 8), 0x33);
}

static void config0_chooses_what_boots(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t config0, first; /* word at address 0 after a cold reset */
        bool rotpk;
        enum verdict verdict;
    } cases[] = {
        { "APROM", 0xffffffff, 0x11, false, VERDICT_DIRECT },
        { "LDROM", 0xffffff7f, 0x22, false, VERDICT_DIRECT },
        { "mask loader", 0xffffffdf, 0x11, false, VERDICT_REFUSED },
        { "LDROM, but a ROTPK", 0xffffff7f, 0x11, true, VERDICT_REFUSED },
    };
    const uint32_t key[8] = { 0 };
    for (size_t i = 0; i < COUNT(cases); i++) {
        put_flash(0, 0x11);
        put_flash(FMC_LDROM, 0x22);
        put_flash(FMC_CONFIG0, cases[i].config0);
        for (unsigned n = 0; n < 2 && cases[i].rotpk; n++)
            store_otp_burn(&chip.store.image->head.otp[n], 0x40610, key);
        chip_reset(&chip, RESET_PIN);
        if (peek(&chip, 0) != cases[i].first || chip.verdict != cases[i].verdict)
            fail_msg("%s: 0x%x, verdict %d", cases[i].name, peek(&chip, 0), (int)chip.verdict);
        clocks_on(&chip);
        uint32_t status = peek(&chip, FMC + 0x40);
        assert_int_equal(status >> 2 & 1, cases[i].config0 >> 7 & 1);
        assert_int_equal(status >> 3 & 1, cases[i].config0 >> 5 & 1);
    }
}

/* ISPCTL.BS counts at the next SYSRESETREQ, and is CONFIG0's again after a cold one. */
static void software_chooses_what_boots_next(void **state)
{
    (void)state;
    put_flash(0, 0x11);
    put_flash(FMC_LDROM, 0x22);
    poke(&chip, FMC, ISPEN | 1 << 1);
    assert_int_equal(peek(&chip, 0), 0x11);
    for (int i = 0; i < 2; i++) {
        chip_reset(&chip, RESET_SYSTEM);
        assert_int_equal(peek(&chip, 0), 0x22);
    }
    chip_reset(&chip, RESET_CHIP);
    assert_int_equal(peek(&chip, 0), 0x11);
    clocks_on(&chip);
    assert_int_equal(peek(&chip, FMC) & 1 << 1, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(refusals),
        TEST(programming_only_clears_bits),
        TEST(a_failed_command_changes_nothing),
        TEST(a_closed_register_lock_ignores_writes),
        TEST(the_lock_opens_by_three_keys_in_a_row),
        TEST(busy_is_seen_and_a_second_command_refused),
        TEST(multi_word_takes_refills),
        TEST(multi_word_ends_when_a_refill_is_late),
        TEST(multi_word_refusals),
        TEST(mass_erase_spares_otp_and_stops_at_deployed),
        TEST(uid_is_the_stores),
        TEST(injected_ispff_hits_the_named_operation),
        TEST(stuck_busy_stays),
        TEST(the_vector_page_is_mapped_for_all_but_the_controller),
        TEST(banks_can_be_swapped_until_a_cold_reset),
        TEST(config0_chooses_what_boots),
        TEST(software_chooses_what_boots_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
