/* SPDX-License-Identifier: MIT */
/* The KeyStore's rules, and what engines may take from it. */
#include "tests/unit/check.h"

#include <string.h>

#include "common/host/own.h"
#include "tests/unit/test_board_bench.h"

enum {
    KS = 0x40035000,
    META_SRAM = 0,
    META_FLASH = 1 << 30,
    META_256 = 6 << 8,
    READABLE = 1 << 2,
    BOOT = 1 << 4,
    EIF = 1 << 1,
    BUSY = 1 << 2,
    OP_READ = 0 << 1 | 1,
    OP_CREATE = 1 << 1 | 1,
    OP_ERASE = 2 << 1 | 1,
    OP_ERASE_ALL = 3 << 1 | 1,
    OP_REVOKE = 4 << 1 | 1,
    OP_LOCK = 7 << 1 | 1
};

#define META_OTP 0x80000000U
#define OWNER(n) ((uint32_t)(n) << 16)
#define SLOT(n)  ((uint32_t)(n) << 20)

static struct chip chip;

static int setup(void **state)
{
    (void)state;
    bench_open(&chip);
    poke(&chip, KS, 0x101);
    await(&chip, KS + 8, 1 << 7 | BUSY, 1 << 7);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    chip_close(&chip);
    return 0;
}

/* true: no EIF. */
static bool ks_run(uint32_t meta, uint32_t op, uint32_t first_word)
{
    poke(&chip, KS + 4, meta);
    poke(&chip, KS + 8, 3);
    for (uint32_t i = 0; i < 8; i++)
        poke(&chip, KS + 0x20 + 4 * i, first_word + i);
    poke(&chip, KS, op);
    return (await(&chip, KS + 8, BUSY, 0) & EIF) == 0;
}

static void rules(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t meta, op;
        bool ok;
    } steps[] = {
        { "write OTP 3", META_OTP | META_256 | OWNER(4) | SLOT(3), OP_CREATE, true },
        { "write OTP 3 again", META_OTP | META_256 | OWNER(4) | SLOT(3), OP_CREATE, false },
        { "read OTP 3, not readable", META_OTP | SLOT(3), OP_READ, false },
        { "read OTP 5, empty", META_OTP | SLOT(5), OP_READ, false },
        { "write OTP 8", META_OTP | META_256 | SLOT(8), OP_CREATE, false },
        { "write OTP with 384 bit", META_OTP | 8 << 8 | SLOT(4), OP_CREATE, false },
        { "write OTP 4 readable", META_OTP | META_256 | READABLE | SLOT(4), OP_CREATE, true },
        { "read OTP 4", META_OTP | SLOT(4), OP_READ, true },
        { "write OTP 6 boot", META_OTP | META_256 | READABLE | BOOT | SLOT(6), OP_CREATE,
          true },
        { "read OTP 6, boot only", META_OTP | SLOT(6), OP_READ, false },
        { "erase OTP 4", META_OTP | SLOT(4), OP_ERASE, false },
        { "erase all OTP", META_OTP, OP_ERASE_ALL, false },
        { "revoke OTP 4", META_OTP | SLOT(4), OP_REVOKE, true },
        { "read OTP 4, revoked", META_OTP | SLOT(4), OP_READ, false },
        { "write reserved size", META_SRAM | 13 << 8, OP_CREATE, false },
        { "write unknown owner", META_SRAM | META_256 | OWNER(6), OP_CREATE, false },
        { "erase SRAM 0, empty", META_SRAM | SLOT(0), OP_ERASE, false },
        { "write SRAM", META_SRAM | META_256 | READABLE | OWNER(5), OP_CREATE, true },
        { "erase SRAM 0", META_SRAM | SLOT(0), OP_ERASE, true },
        { "write Flash", META_FLASH | META_256 | READABLE | OWNER(5), OP_CREATE, true },
        { "erase one of Flash", META_FLASH | SLOT(0), OP_ERASE, false },
        { "erase all of Flash", META_FLASH, OP_ERASE_ALL, true },
        { "lock one: not on this part", META_OTP | SLOT(3), OP_LOCK, false },
    };
    for (size_t i = 0; i < COUNT(steps); i++)
        if (ks_run(steps[i].meta, steps[i].op, 0x1000) != steps[i].ok)
            fail_msg("%s: expected %s", steps[i].name, steps[i].ok ? "ok" : "EIF");
    assert_int_equal(peek(&chip, KS + 0x40), 1 << 3 | 1 << 4 | 1 << 6);
}

static void a_used_otp_slot_keeps_its_content(void **state)
{
    (void)state;
    assert_true(ks_run(META_OTP | META_256 | READABLE | SLOT(2), OP_CREATE, 0xa0));
    assert_false(ks_run(META_OTP | META_256 | READABLE | SLOT(2), OP_CREATE, 0xb0));
    assert_true(ks_run(META_OTP | SLOT(2), OP_READ, 0));
    for (uint32_t i = 0; i < 8; i++)
        assert_int_equal(peek(&chip, KS + 0x20 + 4 * i), 0xa0 + i);
}

static void an_unreadable_key_leaves_zeros(void **state)
{
    (void)state;
    assert_true(ks_run(META_SRAM | META_256 | OWNER(4), OP_CREATE, 0xc0));
    assert_false(ks_run(META_SRAM | SLOT(0), OP_READ, 0x77));
    for (uint32_t i = 0; i < 8; i++)
        assert_int_equal(peek(&chip, KS + 0x20 + 4 * i), 0);
}

static void nothing_works_before_init_or_while_busy(void **state)
{
    (void)state;
    periph_ks.reset(&chip);
    assert_false(ks_run(META_SRAM | META_256 | READABLE, OP_CREATE, 1));
    poke(&chip, KS, 0x101);
    poke(&chip, KS, OP_CREATE); /* BUSY still */
    assert_true((await(&chip, KS + 8, BUSY, 0) & EIF) != 0);
}

static void a_key_of_512_bits_takes_two_steps(void **state)
{
    (void)state;
    poke(&chip, KS + 4, META_SRAM | 10 << 8 | READABLE | OWNER(5));
    for (uint32_t step = 0; step < 2; step++) {
        poke(&chip, KS + 8, 3);
        for (uint32_t i = 0; i < 8; i++)
            poke(&chip, KS + 0x20 + 4 * i, 0x100 * step + i);
        poke(&chip, KS, OP_CREATE | step << 7);
        assert_int_equal(await(&chip, KS + 8, BUSY, 0) & EIF, 0);
    }
    poke(&chip, KS + 4, META_SRAM | SLOT(0));
    poke(&chip, KS, OP_READ);
    await(&chip, KS + 8, BUSY, 0);
    assert_int_equal(peek(&chip, KS + 0x24), 1);
    poke(&chip, KS, OP_READ | 1 << 7);
    await(&chip, KS + 8, BUSY, 0);
    assert_int_equal(peek(&chip, KS + 0x24), 0x101);
}

static void sram_runs_full(void **state)
{
    (void)state;
    unsigned made = 0;
    while (ks_run(META_SRAM | META_256 | OWNER(5), OP_CREATE, 1))
        made++;
    assert_int_equal(made, 32);
    assert_int_equal(peek(&chip, KS + 0x44) & 63, 0);
    assert_true((peek(&chip, KS + 8) & 1 << 3) != 0);
}

static bool engine_gets(enum ks_mem mem, unsigned slot, enum ks_owner owner, bool ecdh,
                        bool nonce)
{
    uint32_t words[STORE_KEY_WORDS];
    unsigned bits;
    struct ks_ask ask = { mem, slot, owner, ecdh, nonce, "test" };
    return ks_engine_read(&chip, &ask, words, &bits);
}

static void engines_get_only_their_own(void **state)
{
    (void)state;
    uint32_t words[STORE_KEY_WORDS] = { 5 };
    unsigned ecdsa, ecdh, cpu;
    uint32_t meta = META_256 | OWNER(4);
    assert_true(ks_engine_write(&chip, KS_SRAM, 0, meta, KS_BY_PRNG_ECDSA, words, &ecdsa));
    assert_true(ks_engine_write(&chip, KS_SRAM, 0, meta, KS_BY_PRNG_ECDH, words, &ecdh));
    assert_true(ks_engine_write(&chip, KS_SRAM, 0, meta, KS_BY_CPU, words, &cpu));
    assert_true(ks_run(META_OTP | META_256 | OWNER(4) | BOOT | SLOT(0), OP_CREATE, 1));
    assert_true(ks_run(META_FLASH | META_256 | OWNER(4), OP_CREATE, 1));
    const struct {
        const char *name;
        enum ks_mem mem;
        unsigned slot;
        enum ks_owner owner;
        bool ecdh, nonce, ok;
    } cases[] = {
        { "nonce of the PRNG", KS_SRAM, ecdsa, KS_OWNER_ECC, false, true, true },
        { "nonce of the CPU", KS_SRAM, cpu, KS_OWNER_ECC, false, true, false },
        { "nonce made for ECDH", KS_SRAM, ecdh, KS_OWNER_ECC, false, true, false },
        { "d of the CPU", KS_SRAM, cpu, KS_OWNER_ECC, false, false, true },
        { "ECDH key with the flag", KS_SRAM, ecdh, KS_OWNER_ECC, true, false, true },
        { "ECDH key without the flag", KS_SRAM, ecdh, KS_OWNER_ECC, false, false, false },
        { "ECDH with a key of the CPU", KS_SRAM, cpu, KS_OWNER_ECC, true, false, false },
        { "ECC key for AES", KS_SRAM, cpu, KS_OWNER_AES, false, false, false },
        { "boot key", KS_OTP, 0, KS_OWNER_ECC, false, false, false },
        { "Flash", KS_FLASH, 0, KS_OWNER_ECC, false, false, false },
        { "empty slot", KS_SRAM, 9, KS_OWNER_ECC, false, false, false },
        { "slot out of range", KS_SRAM, 31, KS_OWNER_ECC, false, false, false },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (engine_gets(cases[i].mem, cases[i].slot, cases[i].owner, cases[i].ecdh,
                        cases[i].nonce) != cases[i].ok)
            fail_msg("%s", cases[i].name);
}

static void power_cycle(void)
{
    chip_power(&chip, false);
    chip_power(&chip, true);
    clocks_on(&chip);
    poke(&chip, KS, 0x101);
    await(&chip, KS + 8, 1 << 7 | BUSY, 1 << 7);
}

/* Slots 3 to 7 are for AES keys: an engine takes them until they are revoked, then no more. */
static void a_revoked_otp_slot_is_refused_and_still_used(void **state)
{
    (void)state;
    for (unsigned slot = 3; slot < STORE_OTP_SLOTS; slot++) {
        uint32_t meta = META_OTP | META_256 | SLOT(slot);
        assert_true(ks_run(meta, OP_CREATE, 0x100 * slot));
        assert_true(engine_gets(KS_OTP, slot, KS_OWNER_AES, false, false));
        assert_false(engine_gets(KS_OTP, slot, KS_OWNER_ECC, false, false));
        assert_true(ks_run(META_OTP | SLOT(slot), OP_REVOKE, 0));
        for (int powered = 0; powered < 2; powered++) {
            assert_false(engine_gets(KS_OTP, slot, KS_OWNER_AES, false, false));
            assert_false(ks_run(META_OTP | SLOT(slot), OP_READ, 0));
            assert_true((peek(&chip, KS + 0x40) & 1U << slot) != 0);
            assert_false(ks_run(meta, OP_CREATE, 0x200 * slot));
            power_cycle();
        }
    }
    assert_false(ks_run(META_OTP | SLOT(2), OP_REVOKE, 0)); /* empty */
    assert_int_equal(peek(&chip, KS + 0x40), 0xf8);
}

static void sram_keys_die_with_power_and_otp_does_not(void **state)
{
    (void)state;
    assert_true(ks_run(META_SRAM | META_256 | READABLE, OP_CREATE, 1));
    assert_true(ks_run(META_OTP | META_256 | READABLE | SLOT(1), OP_CREATE, 0x31));
    power_cycle();
    assert_int_equal(peek(&chip, KS + 0x44) & 63, 32);
    assert_true(ks_run(META_OTP | SLOT(1), OP_READ, 0));
    assert_int_equal(peek(&chip, KS + 0x20), 0x31);
}

static void power_may_go_between_two_slots(void **state)
{
    (void)state;
    assert_int_equal(fault_set(&chip, "otp-cut", "0"), ERR_OK);
    assert_true(ks_run(META_OTP | META_256 | OWNER(4) | BOOT | SLOT(0), OP_CREATE, 1) ||
                chip.cut_wanted);
    assert_false(ks_run(META_OTP | META_256 | OWNER(4) | BOOT | SLOT(1), OP_CREATE, 1) &&
                 !chip.cut_wanted);
    chip_settle(&chip);
    assert_false(chip.powered);
    chip_power(&chip, true);
    assert_int_equal(ks_otp_used(&chip), 1);
    assert_int_equal(chip.verdict, VERDICT_REFUSED);
}

static void without_a_clock_nothing_answers(void **state)
{
    (void)state;
    poke(&chip, 0x40000204, 0x00108000);
    poke(&chip, KS + 4, 0x55);
    assert_int_equal(peek(&chip, KS + 4), 0);
    assert_int_equal(peek(&chip, KS + 8), 0);
    clocks_on(&chip);
    assert_int_equal(peek(&chip, KS + 4), 0);
}

static void rma_revokes_otp_at_the_next_init(void **state)
{
    (void)state;
    assert_true(ks_run(META_OTP | META_256 | READABLE | SLOT(1), OP_CREATE, 7));
    poke(&chip, 0x4002f700, 0x475a0007);
    assert_true((peek(&chip, 0x4002f704) & 0x107) == 0x100); /* dirty, still stage 0 */
    chip_pin_reset(&chip, true);
    chip_pin_reset(&chip, false);
    clocks_on(&chip);
    assert_int_equal(peek(&chip, 0x4002f704), 7);
    poke(&chip, KS, 0x101);
    await(&chip, KS + 8, 1 << 7 | BUSY, 1 << 7);
    assert_false(ks_run(META_OTP | SLOT(1), OP_READ, 0));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rules),
        TEST(a_used_otp_slot_keeps_its_content),
        TEST(an_unreadable_key_leaves_zeros),
        TEST(nothing_works_before_init_or_while_busy),
        TEST(a_key_of_512_bits_takes_two_steps),
        TEST(sram_runs_full),
        TEST(engines_get_only_their_own),
        TEST(a_revoked_otp_slot_is_refused_and_still_used),
        TEST(sram_keys_die_with_power_and_otp_does_not),
        TEST(power_may_go_between_two_slots),
        TEST(without_a_clock_nothing_answers),
        TEST(rma_revokes_otp_at_the_next_init),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
