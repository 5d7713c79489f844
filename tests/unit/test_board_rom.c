/* SPDX-License-Identifier: MIT */
/* The boot ROM's verdicts. */
#include "tests/unit/check.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/obj_mac.h>
#include <openssl/sha.h>
#include <string.h>

#include "common/host/own.h"
#include "tests/unit/test_board_bench.h"

#define INFO   0x2000U
#define SIZE   0x400U
#define MARKER 0x4c42754eU
#define BTF    0x4002f800U

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

/* BTF bit 0: the verified image runs. Each reset after which the ROM decides sets it again. */
static void btf_tells_of_the_last_boot(void **state)
{
    (void)state;
    assert_int_equal(peek(&chip, BTF), 0);
    burn(0);
    burn(1);
    assert_int_equal(peek(&chip, BTF), 0); /* burnt, not booted yet */
    pin_reset();
    assert_int_equal(peek(&chip, BTF), 1);
    poke(&chip, BTF, 0);
    assert_int_equal(peek(&chip, BTF), 1);
    chip.fmc.vecmap = 0xf0000;
    put_u32(INFO + 0x60, 0);
    chip_reset(&chip, RESET_SYSTEM); /* to VECMAP's image: the ROM is not asked */
    assert_int_equal(peek(&chip, BTF), 1);
    static const enum reset_kind kinds[] = { RESET_PIN, RESET_CHIP, RESET_SYSTEM, RESET_POWER };
    for (size_t i = 0; i < COUNT(kinds); i++) {
        put_image();
        pin_reset();
        assert_int_equal(peek(&chip, BTF), 1);
        put_u32(INFO + 0x60, 0);
        chip_reset(&chip, kinds[i]);
        assert_int_equal(peek(&chip, BTF), 0);
    }
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_rotpk_boots_anything), TEST(one_half_is_refused),
        TEST(a_signed_image_is_verified),   TEST(btf_tells_of_the_last_boot),
        TEST(every_spoilt_word_is_refused), TEST(every_flipped_bit_of_fwinfo_is_refused),
        TEST(another_key_is_refused),
    };
    return cmocka_run_group_tests(tests, open_keys, close_keys);
}
