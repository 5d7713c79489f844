/* The boot ROM's verdicts, and what the locks leave of the debug port. */
#include "tests/unit/check.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/obj_mac.h>
#include <openssl/sha.h>
#include <string.h>

#include "common/host/own.h"
#include "target-fw/board/swd.h"
#include "tests/unit/test_board_bench.h"

#define INFO   0x2000U
#define SIZE   0x400U
#define MARKER 0x4c42754eU

static struct chip chip;
static EC_KEY *rotpk, *other;

static int open_keys(void **state)
{
    (void)state;
    rotpk = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    other = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    return EC_KEY_generate_key(rotpk) == 1 && EC_KEY_generate_key(other) == 1 ? 0 : -1;
}

static int close_keys(void **state)
{
    (void)state;
    EC_KEY_free(rotpk);
    EC_KEY_free(other);
    return 0;
}

static void put_u32(uint32_t address, uint32_t word)
{
    memcpy(flash_bytes(&chip, address, 4), &word, 4);
}

static void sign_info(EC_KEY *key)
{
    uint8_t digest[32];
    uint8_t *info = flash_bytes(&chip, INFO, 192);
    SHA256(info, 128, digest);
    ECDSA_SIG *sig = ECDSA_do_sign(digest, sizeof(digest), key);
    BN_bn2binpad(ECDSA_SIG_get0_r(sig), info + 0x80, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(sig), info + 0xa0, 32);
    ECDSA_SIG_free(sig);
}

static void put_image(void)
{
    static const uint32_t fields[] = { 1, 8, 0, SIZE, 12, 0x20260101, 0, 0 };
    uint8_t *image = flash_bytes(&chip, 0, SIZE);
    for (uint32_t i = 0; i < SIZE; i++)
        image[i] = (uint8_t)i;
    put_u32(0, 0x20001000);
    put_u32(4, 0x101);
    put_u32(0x10, MARKER);
    put_u32(0x14, INFO);
    put_u32(0x18, 0);
    put_u32(0x1c, INFO - MARKER);
    memset(flash_bytes(&chip, INFO, 64), 0xff, 64);
    for (uint32_t i = 0; i < COUNT(fields); i++)
        put_u32(INFO + 0x40 + 4 * i, fields[i]);
    SHA256(image, SIZE, flash_bytes(&chip, INFO + 0x60, 32));
    sign_info(rotpk);
}

static void burn(unsigned slot)
{
    BIGNUM *x = BN_new(), *y = BN_new();
    uint8_t words[32];
    EC_POINT_get_affine_coordinates(EC_KEY_get0_group(rotpk), EC_KEY_get0_public_key(rotpk), x,
                                    y, NULL);
    BN_bn2lebinpad(slot == 0 ? x : y, words, sizeof(words));
    store_otp_burn(&chip.store.image->head.otp[slot], 0x40610, (const uint32_t *)words);
    BN_free(x);
    BN_free(y);
}

static int setup(void **state)
{
    (void)state;
    bench_open(&chip);
    put_image();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    chip_close(&chip);
    return 0;
}

static void pin_reset(void)
{
    chip_pin_reset(&chip, true);
    chip_pin_reset(&chip, false);
}

static void without_rotpk_boots_anything(void **state)
{
    (void)state;
    put_u32(0x10, 0);
    pin_reset();
    assert_int_equal(chip.verdict, VERDICT_DIRECT);
}

static void one_half_is_refused(void **state)
{
    for (unsigned half = 0; half < 2; half++) {
        if (half == 1) {
            teardown(state);
            setup(state);
        }
        burn(half);
        pin_reset();
        assert_int_equal(chip.verdict, VERDICT_REFUSED);
        assert_int_equal(chip.core.state, CORE_REFUSED);
    }
}

static void a_signed_image_is_verified(void **state)
{
    (void)state;
    burn(0);
    burn(1);
    pin_reset();
    assert_string_equal(chip.refusal, "");
    assert_int_equal(chip.verdict, VERDICT_VERIFIED);
    assert_int_equal(chip.core.vtor, 0);
}

static void every_spoilt_word_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t address, value;
        bool sign_again; /* the signer made the mistake, not the flash */
    } cases[] = {
        { "marker", 0x10, 0, false },
        { "sum of the marker words", 0x1c, 0, false },
        { "FwInfo beyond APROM", 0x14, 0xfffff0, false },
        { "one byte of the image", 0x3fc, 0, false },
        { "the reset vector", 4, 0x201, false },
        { "authentication off", INFO + 0x40, 0, true },
        { "bound to the UID", INFO + 0x40, 9, true },
        { "two regions", INFO + 0x44, 16, true },
        { "region not at the vectors", INFO + 0x48, 0x100, true },
        { "region of 2 GB", INFO + 0x4c, 0x80000000, true },
        { "region over its own FwInfo", INFO + 0x4c, 0x3000, true },
        { "region smaller than the vectors", INFO + 0x4c, 0x10, true },
        { "extended information", INFO + 0x50, 0xfffffff0, true },
        { "hash", INFO + 0x60, 0, true },
        { "public key field", INFO, 0, false },
        { "r", INFO + 0x80, 0, false },
        { "s", INFO + 0xbc, 0, false },
    };
    burn(0);
    burn(1);
    for (size_t i = 0; i < COUNT(cases); i++) {
        put_image();
        put_u32(cases[i].address, cases[i].value);
        if (cases[i].address == 0x14)
            put_u32(0x1c, cases[i].value - MARKER);
        if (cases[i].sign_again)
            sign_info(rotpk);
        pin_reset();
        if (chip.verdict != VERDICT_REFUSED || chip.refusal[0] == '\0')
            fail_msg("%s: booted", cases[i].name);
    }
}

static void every_flipped_bit_of_fwinfo_is_refused(void **state)
{
    (void)state;
    burn(0);
    burn(1);
    for (uint32_t at = 0; at < 192; at++) {
        uint8_t *byte = flash_bytes(&chip, INFO + at, 1);
        *byte ^= 1;
        rom_judge(&chip);
        *byte ^= 1;
        if (chip.verdict != VERDICT_REFUSED)
            fail_msg("FwInfo byte 0x%02x", at);
    }
    rom_judge(&chip);
    assert_int_equal(chip.verdict, VERDICT_VERIFIED);
}

static void another_key_is_refused(void **state)
{
    (void)state;
    burn(0);
    burn(1);
    sign_info(other);
    pin_reset();
    assert_int_equal(chip.verdict, VERDICT_REFUSED);
}

/* ---- locks ---- */

static struct swd swd;

static enum swd_ack transfer(uint8_t request, uint32_t data, uint32_t *out)
{
    uint32_t value = data;
    enum swd_ack ack = swd_transfer(&swd, &chip, request, &value);
    if (out != NULL)
        *out = value;
    return ack;
}

static enum swd_ack connect_swd(void)
{
    static const uint8_t bits[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x9e, 0xe7,
                                    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0 };
    swd_sequence(&swd, &chip, bits, sizeof(bits) * 8);
    uint32_t idr;
    if (transfer(SWD_READ, 0, &idr) != SWD_OK)
        return SWD_NONE;
    assert_int_equal(idr, 0x0bf11477);
    transfer(0, 0x1e, NULL);
    transfer(4, 0x50000000, NULL);
    transfer(8, 0, NULL);
    return transfer(SWD_AP, 0x23000052, NULL);
}

/* What the wire says to a word read of address. */
static enum swd_ack probe(uint32_t address)
{
    uint32_t value;
    transfer(SWD_AP | 4, address, NULL);
    transfer(SWD_AP | SWD_READ | 12, 0, &value);
    enum swd_ack ack = transfer(SWD_READ | 12, 0, &value);
    transfer(0, 0x1e, NULL);
    return ack;
}

static void a_lock_is_in_force_after_a_reset_only(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t config0;
        uint32_t dpm;
        uint32_t plm;
        enum swd_ack flash, sram, core, fmc;
    } cases[] = {
        { "open", 0xffffffff, 0, 0, SWD_OK, SWD_OK, SWD_OK, SWD_OK },
        { "dev", 0xfffffffd, 0, 0, SWD_FAULT, SWD_FAULT, SWD_FAULT, SWD_OK },
        { "password", 0xfffffffd, DPM_DBGDIS, 0, SWD_FAULT, SWD_FAULT, SWD_FAULT, SWD_FAULT },
        { "production", 0xfffffffd, 3, PLM_DEPLOYED, SWD_FAULT, SWD_FAULT, SWD_FAULT,
          SWD_FAULT },
        { "silent", 0xfffff7ff, 0, 0, SWD_NONE, SWD_NONE, SWD_NONE, SWD_NONE },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        teardown(state);
        setup(state);
        connect_swd();
        put_u32(FMC_CONFIG0, cases[i].config0);
        if (cases[i].dpm != 0)
            poke(&chip, 0x4002f600, 0x5a000000 | cases[i].dpm);
        if (cases[i].plm != 0)
            poke(&chip, 0x4002f700, 0x475a0000 | cases[i].plm);
        assert_int_equal(probe(0), SWD_OK); /* armed, not in force */
        assert_int_equal(probe(0x20000000), SWD_OK);
        chip_want_reset(&chip, RESET_SYSTEM);
        chip_settle(&chip);
        assert_int_equal(probe(0), SWD_OK); /* SYSRESETREQ does not load it */
        pin_reset();
        connect_swd();
        if (probe(0) != cases[i].flash || probe(0x20000000) != cases[i].sram ||
            probe(0xe000edf0) != cases[i].core || probe(0x40000000) != cases[i].fmc)
            fail_msg("%s", cases[i].name);
        assert_int_equal(chip.plm.stage, cases[i].plm);
    }
}

static void a_password_opens_a_closed_port_until_the_next_reset(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        poke(&chip, 0x4002f610 + 4 * i, 0x1000 + i);
        await(&chip, 0x4002f604, 1, 0);
    }
    poke(&chip, 0x4002f600, 0x5a000008);
    assert_true((await(&chip, 0x4002f604, 1, 0) & 1 << 5) != 0);
    poke(&chip, 0x4002f600, 0x5a000001);
    pin_reset();
    connect_swd();
    assert_int_equal(probe(0), SWD_FAULT);
    for (uint32_t guess = 0; guess < 2; guess++) {
        for (uint32_t i = 0; i < 4; i++) {
            poke(&chip, 0x4002f610 + 4 * i, 0x0fff + guess + i);
            await(&chip, 0x4002f604, 1, 0);
        }
        poke(&chip, 0x4002f600, 0x5a000004);
        uint32_t status = await(&chip, 0x4002f604, 1, 0);
        assert_int_equal(status >> 18 & 1, guess);
        assert_int_equal(probe(0), guess == 1 ? SWD_OK : SWD_FAULT);
    }
    pin_reset();
    connect_swd();
    assert_int_equal(probe(0), SWD_FAULT);
}

static void stages_only_rise(void **state)
{
    (void)state;
    static const struct {
        uint32_t write, stored;
    } steps[] = { { 0x475a0002, 0 }, { 0x11110001, 0 }, { 0x475a0001, 1 }, { 0x475a0003, 3 },
                  { 0x475a0001, 3 }, { 0x475a0000, 3 }, { 0x475a0007, 7 }, { 0x475a0003, 7 } };
    for (size_t i = 0; i < COUNT(steps); i++) {
        poke(&chip, 0x4002f700, steps[i].write);
        assert_int_equal(chip.store.image->head.plm_next, steps[i].stored);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_rotpk_boots_anything),
        TEST(one_half_is_refused),
        TEST(a_signed_image_is_verified),
        TEST(every_spoilt_word_is_refused),
        TEST(every_flipped_bit_of_fwinfo_is_refused),
        TEST(another_key_is_refused),
        TEST(a_lock_is_in_force_after_a_reset_only),
        TEST(a_password_opens_a_closed_port_until_the_next_reset),
        TEST(stages_only_rise),
    };
    return cmocka_run_group_tests(tests, open_keys, close_keys);
}
