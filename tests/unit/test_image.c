/* SPDX-License-Identifier: MIT */
#include "tests/unit/check.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

#include "common/core/mailbox.h"
#include "common/core/wr.h"
#include "common/host/log.h"
#include "oem-server/image/image.h"
#include "tests/unit/softhsm.h"

enum { SIZE = 0x9220, FWINFO_AT = 0x18000 };

#define MARK 0x4C42754Eu

/* An image of len bytes that the ROM would boot, with eight words of its vector table. */
static struct buf make_image(size_t len, const uint32_t words[8])
{
    struct buf image = { 0 };
    assert_int_equal(buf_resize(&image, len), ERR_OK);
    for (size_t i = 0; i < len; i++)
        image.ptr[i] = (uint8_t)(i * 7);
    struct wr w = wr_of(image.ptr, len);
    for (size_t i = 0; i < 8 && (i + 1) * 4 <= len; i++)
        wr_u32le(&w, words[i]);
    return image;
}

static const uint32_t good[8] = {
    0x20008000, 0x41, 0x41, 0x41, MARK, FWINFO_AT, 0, FWINFO_AT - MARK,
};

struct word {
    size_t index;
    uint32_t value;
};

static const struct {
    const char *name;
    size_t len;
    struct word words[2]; /* changed in good; index 0 with value 0: no change */
    enum err want;
    const char *words_wanted;
} cases[] = {
    { "good", SIZE, { { 0 } }, ERR_OK, NULL },
    { "fills up to FwInfo", FWINFO_AT, { { 0 } }, ERR_OK, NULL },
    { "a vector table only", 0x44, { { 0 } }, ERR_OK, NULL },
    { "empty", 0, { { 0 } }, ERR_TRUNC, "0 bytes" },
    { "shorter than a vector table", 0x3C, { { 0 } }, ERR_TRUNC, "60 bytes" },
    { "longer than the firmware part", IMAGE_MAX + 4, { { 0 } }, ERR_LIMIT, "limit" },
    { "odd length", SIZE + 1, { { 0 } }, ERR_INVALID, "multiple of 4" },
    { "no mark", SIZE, { { 4, 0 } }, ERR_INVALID, "0x10" },
    { "mark in the wrong byte order", SIZE, { { 4, 0x4E75424C } }, ERR_INVALID, "0x10" },
    { "third word not zero",
      SIZE,
      { { 6, 1 }, { 7, FWINFO_AT + 1 - MARK } },
      ERR_INVALID,
      "0x18" },
    { "wrong sum", SIZE, { { 7, FWINFO_AT } }, ERR_INVALID, "0x1C" },
    { "FwInfo inside", SIZE, { { 5, 0x9000 }, { 7, 0x9000 - MARK } }, ERR_INVALID, "inside" },
    { "FwInfo off a page",
      SIZE,
      { { 5, 0x18004 }, { 7, 0x18004 - MARK } },
      ERR_INVALID,
      "page" },
    { "FwInfo past the firmware part",
      SIZE,
      { { 5, 0xF8000 }, { 7, 0xF8000 - MARK } },
      ERR_INVALID,
      "end by" },
    { "last page for FwInfo", SIZE, { { 5, 0xF7800 }, { 7, 0xF7800 - MARK } }, ERR_OK, NULL },
    { "FwInfo nowhere",
      SIZE,
      { { 5, 0xFFFFF800 }, { 7, 0xFFFFF800 - MARK } },
      ERR_INVALID,
      "end by" },
    { "stack in flash", SIZE, { { 0, 0x8000 } }, ERR_INVALID, "stack" },
    { "stack past SRAM", SIZE, { { 0, 0x20040008 } }, ERR_INVALID, "stack" },
    { "stack at the end of SRAM", SIZE, { { 0, 0x20040000 } }, ERR_OK, NULL },
    { "reset handler is ARM code", SIZE, { { 1, 0x40 } }, ERR_INVALID, "reset" },
    { "reset handler past the image", SIZE, { { 1, SIZE + 1 } }, ERR_INVALID, "reset" },
    { "reset handler in the vectors", SIZE, { { 1, 0x11 } }, ERR_INVALID, "reset" },
};

static void images_are_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint32_t words[8];
        memcpy(words, good, sizeof(words));
        for (size_t k = 0; k < 2; k++)
            if (cases[i].words[k].index != 0 || cases[i].words[k].value != 0)
                words[cases[i].words[k].index] = cases[i].words[k].value;
        AUTO(buf_free) struct buf image = make_image(cases[i].len, words);
        struct image_marks marks = { 0 };
        fail_clear();
        print_message("  %s\n", cases[i].name);
        assert_int_equal(image_check(buf_span(&image), &marks), cases[i].want);
        if (cases[i].want == ERR_OK)
            assert_int_equal(marks.fwinfo_address, words[5]);
        else
            assert_non_null(strstr(fail_words(), cases[i].words_wanted));
        uint8_t fwinfo[FWINFO_SIZE], digest[SHA256_SIZE];
        assert_int_equal(image_fwinfo_start(buf_span(&image), fwinfo, digest), cases[i].want);
        AUTO(buf_free) struct buf burnt = { 0 };
        assert_int_equal(image_signed(buf_span(&image), fwinfo, &burnt), cases[i].want);
    }
}

enum { DEVAUTH_SIZE = 0x1000, MAILBOX_AT = SRAM_BASE + 0x2000 };

static const uint32_t devauth_good[8] = {
    0x20008000,          SRAM_BASE + 0x41, 0,          0,
    DEVAUTH_IMAGE_MAGIC, SRAM_BASE,        MAILBOX_AT, DEVAUTH_SIZE,
};

static const struct {
    const char *name;
    size_t len;
    struct word word;
    enum err want;
} devauth_cases[] = {
    { "good", DEVAUTH_SIZE, { 0 }, ERR_OK },
    { "empty", 0, { 0 }, ERR_TRUNC },
    { "over bank 1", SRAM_DEVAUTH_SIZE + 4, { 0 }, ERR_LIMIT },
    { "no magic", DEVAUTH_SIZE, { 4, MARK }, ERR_INVALID },
    { "cut short", DEVAUTH_SIZE - 4, { 0 }, ERR_INVALID },
    { "longer than it says", DEVAUTH_SIZE + 4, { 0 }, ERR_INVALID },
    { "load address in flash", DEVAUTH_SIZE, { 5, 0 + 4 }, ERR_INVALID },
    { "load address off VTOR's grid", DEVAUTH_SIZE, { 5, SRAM_BASE + 0x100 }, ERR_INVALID },
    { "end past bank 1", DEVAUTH_SIZE, { 5, SRAM_BASE + 0x27400 }, ERR_INVALID },
    { "load address in bank 2", DEVAUTH_SIZE, { 5, SRAM_BASE + 0x28000 }, ERR_INVALID },
    { "mailbox in flash", DEVAUTH_SIZE, { 6, 0x10 }, ERR_INVALID },
    { "mailbox off its grid", DEVAUTH_SIZE, { 6, MAILBOX_AT + 4 }, ERR_INVALID },
    { "mailbox past bank 1", DEVAUTH_SIZE, { 6, SRAM_BASE + 0x27000 }, ERR_INVALID },
    { "mailbox over the code", DEVAUTH_SIZE, { 6, SRAM_BASE + 0xFF0 }, ERR_INVALID },
    { "stack outside bank 1", DEVAUTH_SIZE, { 0, 0x20028008 }, ERR_INVALID },
    { "reset handler outside", DEVAUTH_SIZE, { 1, SRAM_BASE + DEVAUTH_SIZE + 1 }, ERR_INVALID },
    { "reset handler below", DEVAUTH_SIZE, { 1, 0x41 }, ERR_INVALID },
};

static void devauth_images_are_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(devauth_cases); i++) {
        uint32_t words[8];
        memcpy(words, devauth_good, sizeof(words));
        if (devauth_cases[i].word.value != 0)
            words[devauth_cases[i].word.index] = devauth_cases[i].word.value;
        AUTO(buf_free) struct buf image = make_image(devauth_cases[i].len, words);
        print_message("  %s\n", devauth_cases[i].name);
        assert_int_equal(image_devauth_check(buf_span(&image)), devauth_cases[i].want);
    }
}

/* M2354BSP SecureBootDemo, NuBL2/Keil/FwSign.ini: digests, signature and the private key. */
static const uint8_t sample_firmware_digest[] = {
    0x07, 0x45, 0xDB, 0xAF, 0x0F, 0x93, 0xBC, 0xE2, 0xA5, 0xD1, 0x5A,
    0x7A, 0xAB, 0xAF, 0x98, 0x2A, 0x1D, 0x6B, 0xF4, 0xC5, 0x3A, 0x3C,
    0x0E, 0x03, 0xDE, 0x19, 0x16, 0x8A, 0xB6, 0xDE, 0x8E, 0x0A,
};
static const uint8_t sample_info_digest[] = {
    0x0F, 0x6E, 0xF9, 0x56, 0xCF, 0xD4, 0xCB, 0xE0, 0x83, 0x0F, 0x57,
    0x65, 0x21, 0x4A, 0xFF, 0x80, 0x8A, 0x39, 0xD5, 0x03, 0xAA, 0xB6,
    0x66, 0xD8, 0x0A, 0xB9, 0xCA, 0x96, 0xC5, 0x1A, 0x24, 0xFD,
};
static const char sample_private_key[] =
    "380a67fcfc01ca7073da7c2c54296a61327f77262a7d4674c3d8e29a63e3fa20";
static const char sample_r[] =
    "DAEBA1FC20A540683A2DC4A2465F83B9049B65E6A9AB05616EFA97D612CD73F0";
static const char sample_s[] =
    "13890E8D90B33CF0D4F0ADB687A3B437A70D82D695352C4F53A9B8A078D1617A";

/* Ours for an image of the sample's size, with the sample's firmware digest in its place. */
static void fwinfo_is_the_vendors(void **state)
{
    (void)state;
    AUTO(buf_free) struct buf image = make_image(SIZE, good);
    uint8_t fwinfo[FWINFO_SIZE], digest[SHA256_SIZE];
    assert_int_equal(image_fwinfo_start(buf_span(&image), fwinfo, digest), ERR_OK);
    uint8_t own[SHA256_SIZE];
    SHA256(image.ptr, image.len, own);
    assert_memory_equal(fwinfo + 0x60, own, sizeof(own));
    SHA256(fwinfo, 128, own);
    assert_memory_equal(digest, own, sizeof(own));
    memcpy(fwinfo + 0x60, sample_firmware_digest, SHA256_SIZE);
    SHA256(fwinfo, 128, own);
    assert_memory_equal(own, sample_info_digest, SHA256_SIZE);
}

static EVP_PKEY *public_key_of(const uint8_t *point)
{
    char name[] = "prime256v1";
    uint8_t bytes[P256_POINT_SIZE];
    memcpy(bytes, point, sizeof(bytes));
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, name, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, bytes, sizeof(bytes)),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *key = NULL;
    assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
    assert_int_equal(EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters), 1);
    EVP_PKEY_CTX_free(context);
    return key;
}

static EVP_PKEY *sample_public_key(void)
{
    BIGNUM *private_key = NULL;
    BN_hex2bn(&private_key, sample_private_key);
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    EC_POINT *point = EC_POINT_new(group);
    assert_int_equal(EC_POINT_mul(group, point, private_key, NULL, NULL, NULL), 1);
    uint8_t bytes[P256_POINT_SIZE];
    assert_int_equal(EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, bytes,
                                        sizeof(bytes), NULL),
                     sizeof(bytes));
    EC_POINT_free(point);
    EC_GROUP_free(group);
    BN_free(private_key);
    return public_key_of(bytes);
}

/* As the ROM does it: R and S from the FwInfo, over SHA-256 of its first 128 bytes. */
static bool rom_verifies(EVP_PKEY *key, const uint8_t *fwinfo)
{
    uint8_t digest[SHA256_SIZE], *der = NULL;
    SHA256(fwinfo, 128, digest);
    ECDSA_SIG *parts = ECDSA_SIG_new();
    ECDSA_SIG_set0(parts, BN_bin2bn(fwinfo + 0x80, 32, NULL),
                   BN_bin2bn(fwinfo + 0xA0, 32, NULL));
    int len = i2d_ECDSA_SIG(parts, &der);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    EVP_PKEY_verify_init(context);
    bool good_signature =
        EVP_PKEY_verify(context, der, (size_t)len, digest, sizeof(digest)) == 1;
    EVP_PKEY_CTX_free(context);
    OPENSSL_free(der);
    ECDSA_SIG_free(parts);
    return good_signature;
}

static void vendors_signature_verifies_in_our_fwinfo(void **state)
{
    (void)state;
    AUTO(buf_free) struct buf image = make_image(SIZE, good);
    uint8_t fwinfo[FWINFO_SIZE], digest[SHA256_SIZE], signature[P256_SIGNATURE_SIZE];
    assert_int_equal(image_fwinfo_start(buf_span(&image), fwinfo, digest), ERR_OK);
    memcpy(fwinfo + 0x60, sample_firmware_digest, SHA256_SIZE);
    BIGNUM *r = NULL, *s = NULL;
    BN_hex2bn(&r, sample_r);
    BN_hex2bn(&s, sample_s);
    assert_int_equal(BN_bn2binpad(r, signature, 32), 32);
    assert_int_equal(BN_bn2binpad(s, signature + 32, 32), 32);
    BN_free(r);
    BN_free(s);
    image_fwinfo_finish(fwinfo, signature);
    EVP_PKEY *key = sample_public_key();
    assert_true(rom_verifies(key, fwinfo));
    fwinfo[0x4C] ^= 1; /* another size */
    assert_false(rom_verifies(key, fwinfo));
    EVP_PKEY_free(key);
}

/* Arrow 22 whole: a per-unit key in the HSM signs, the ROM's check is made with its point. */
static void unit_key_signs_what_the_rom_checks(void **state)
{
    (void)state;
    struct softhsm soft;
    struct hsm *hsm = NULL;
    bool created;
    AUTO(buf_free) struct buf image = make_image(SIZE, good), wrapped = { 0 };
    uint8_t point[P256_POINT_SIZE], fwinfo[FWINFO_SIZE], digest[SHA256_SIZE], signature[64];
    assert_int_equal(softhsm_setup(&soft), ERR_OK);
    assert_int_equal(hsm_open(&soft.config, &hsm), ERR_OK);
    assert_int_equal(hsm_key_make(hsm, HSM_BOOT, HSM_AES256_KEK, HSM_UNIT_KEK, &created),
                     ERR_OK);
    assert_int_equal(softhsm_unit_make(hsm, &wrapped, point), ERR_OK);
    assert_int_equal(image_fwinfo_start(buf_span(&image), fwinfo, digest), ERR_OK);
    assert_int_equal(softhsm_unit_sign(hsm, buf_span(&wrapped), digest, signature), ERR_OK);
    image_fwinfo_finish(fwinfo, signature);
    EVP_PKEY *key = public_key_of(point);
    assert_true(rom_verifies(key, fwinfo));
    fwinfo[0x60] ^= 1; /* another image */
    assert_false(rom_verifies(key, fwinfo));
    EVP_PKEY_free(key);
    hsm_close(hsm);
    softhsm_teardown(&soft);
}

static void burnt_bytes_are_image_fill_and_fwinfo(void **state)
{
    (void)state;
    AUTO(buf_free) struct buf image = make_image(SIZE, good);
    uint8_t fwinfo[FWINFO_SIZE], digest[SHA256_SIZE];
    assert_int_equal(image_fwinfo_start(buf_span(&image), fwinfo, digest), ERR_OK);
    AUTO(buf_free) struct buf burnt = { 0 };
    assert_int_equal(image_signed(buf_span(&image), fwinfo, &burnt), ERR_OK);
    assert_int_equal(burnt.len, FWINFO_AT + FWINFO_SIZE);
    assert_memory_equal(burnt.ptr, image.ptr, SIZE);
    for (size_t i = SIZE; i < FWINFO_AT; i++)
        assert_int_equal(burnt.ptr[i], 0xFF);
    assert_memory_equal(burnt.ptr + FWINFO_AT, fwinfo, FWINFO_SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_are_checked),
        cmocka_unit_test(devauth_images_are_checked),
        cmocka_unit_test(fwinfo_is_the_vendors),
        cmocka_unit_test(vendors_signature_verifies_in_our_fwinfo),
        cmocka_unit_test(unit_key_signs_what_the_rom_checks),
        cmocka_unit_test(burnt_bytes_are_image_fill_and_fwinfo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
