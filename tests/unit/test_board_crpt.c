/* SPDX-License-Identifier: MIT */
/* The crypto engine against OpenSSL: numbers, key paths, and the mistakes it must not forgive.
 */
#include "tests/unit/check.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <string.h>

#include "common/host/own.h"
#include "target-fw/board/periph/bignum.h"
#include "tests/unit/test_board_bench.h"

enum {
    CRPT = 0x40032000,
    KS = 0x40035000,
    TRNG = 0x400b9000,
    X1 = 0x808,
    Y1 = 0x850,
    X2 = 0x898,
    Y2 = 0x8e0,
    A = 0x928,
    B = 0x970,
    N = 0x9b8,
    K = 0xa00,
    BASE = 0x40000101,
    ECC_DONE = 1 << 22,
    ECC_ERR = 1 << 23,
    SRAM = 0x20000000
};

static struct chip chip;
static EC_GROUP *group;
static BIGNUM *curve_p, *curve_a, *curve_b, *gx, *gy;

static int setup(void **state)
{
    (void)state;
    bench_open(&chip);
    poke(&chip, CRPT, 0xffffffff);
    poke(&chip, KS, 0x101);
    await(&chip, KS + 8, 1 << 7 | 1 << 2, 1 << 7);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    chip_close(&chip);
    return 0;
}

static int open_group(void **state)
{
    (void)state;
    group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    curve_p = BN_new(), curve_a = BN_new(), curve_b = BN_new(), gx = BN_new(), gy = BN_new();
    bool ok = EC_GROUP_get_curve(group, curve_p, curve_a, curve_b, NULL) == 1 &&
              EC_POINT_get_affine_coordinates(group, EC_GROUP_get0_generator(group), gx, gy,
                                              NULL) == 1;
    return ok ? 0 : -1;
}

static int close_group(void **state)
{
    (void)state;
    EC_GROUP_free(group);
    BN_free(curve_p), BN_free(curve_a), BN_free(curve_b), BN_free(gx), BN_free(gy);
    return 0;
}

static void put(uint32_t offset, const BIGNUM *value)
{
    uint32_t words[ECC_WORDS] = { 0 };
    if (value != NULL)
        bn_words(value, words, ECC_WORDS);
    for (uint32_t i = 0; i < ECC_WORDS; i++)
        poke(&chip, CRPT + offset + 4 * i, words[i]);
}

static BIGNUM *get(uint32_t offset)
{
    uint32_t words[ECC_WORDS];
    for (uint32_t i = 0; i < ECC_WORDS; i++)
        words[i] = peek(&chip, CRPT + offset + 4 * i);
    return bn_of(words, ECC_WORDS);
}

static void put_curve(const BIGNUM *x, const BIGNUM *y)
{
    put(A, curve_a), put(B, curve_b), put(N, curve_p);
    put(X1, x), put(Y1, y), put(X2, NULL), put(Y2, NULL);
}

/* true: done without error. */
static bool ecc(uint32_t ctl)
{
    poke(&chip, CRPT + 4, ECC_DONE | ECC_ERR);
    poke(&chip, CRPT + 0x800, ctl);
    for (int i = 0; i < 50; i++) {
        uint32_t flags = peek(&chip, CRPT + 4) & (ECC_DONE | ECC_ERR);
        if (flags != 0)
            return flags == ECC_DONE;
    }
    return false;
}

static void multiply_agrees_with_openssl(void **state)
{
    (void)state;
    for (int round = 0; round < 10; round++) {
        AUTO(bn_drop) BIGNUM *k = BN_new();
        AUTO(bn_drop) BIGNUM *x = BN_new();
        AUTO(bn_drop) BIGNUM *y = BN_new();
        assert_int_equal(BN_rand_range(k, EC_GROUP_get0_order(group)), 1);
        EC_POINT *want = EC_POINT_new(group);
        assert_int_equal(EC_POINT_mul(group, want, k, NULL, NULL, NULL), 1);
        assert_int_equal(EC_POINT_get_affine_coordinates(group, want, x, y, NULL), 1);
        put_curve(gx, gy);
        put(K, k);
        assert_true(ecc(BASE));
        AUTO(bn_drop) BIGNUM *rx = get(X1);
        AUTO(bn_drop) BIGNUM *ry = get(Y1);
        assert_int_equal(BN_cmp(rx, x), 0);
        assert_int_equal(BN_cmp(ry, y), 0);
        EC_POINT_free(want);
    }
}

static void modular_operations(void **state)
{
    (void)state;
    static const struct {
        unsigned op;
        uint32_t x, y, want;
    } cases[] = {
        { 0, 4, 8, 2 }, { 0, 3, 1, 5 }, { 1, 5, 6, 2 }, { 2, 6, 6, 5 }, { 3, 2, 5, 4 }
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        put_curve(NULL, NULL);
        put(N, NULL);
        poke(&chip, CRPT + N, 7);
        poke(&chip, CRPT + X1, cases[i].x);
        poke(&chip, CRPT + Y1, cases[i].y);
        assert_true(ecc(BASE | 1 << 9 | cases[i].op << 11));
        assert_int_equal(peek(&chip, CRPT + X1), cases[i].want);
    }
}

static void bad_work_is_an_error(void **state)
{
    (void)state;
    put_curve(gx, gy);
    put(K, curve_p);
    assert_true(ecc(BASE));
    put_curve(gx, gy);
    put(K, EC_GROUP_get0_order(group)); /* the point at infinity */
    assert_false(ecc(BASE));
    put_curve(gx, gy);
    assert_false(ecc(BASE & ~0x100U)); /* binary field */
    assert_false(ecc(BASE | 1 << 14)); /* SCAP without the order in X2 */
    assert_false(ecc(BASE | 1 << 15)); /* SBM */
    put(N, NULL);
    assert_false(ecc(BASE | 1 << 9)); /* modulus 0 */
    put_curve(gx, gy);
    poke(&chip, CRPT + 0xf40, 1 << 5 | 7); /* an empty slot */
    assert_false(ecc(BASE));
    assert_true((peek(&chip, CRPT + 0x804) & 1 << 17) != 0);
}

/* The engine does not check: such a point is multiplied on the curve it lies on. */
static void a_point_off_the_curve_is_multiplied_all_the_same(void **state)
{
    (void)state;
    AUTO(bn_drop) BIGNUM *off = BN_dup(gy);
    assert_int_equal(BN_add_word(off, 1), 1);
    put_curve(gx, off);
    poke(&chip, CRPT + K, 2);
    assert_true(ecc(BASE));
    AUTO(bn_drop) BIGNUM *product = get(X1);
    put_curve(gx, off);
    assert_true(ecc(BASE | 3 << 9)); /* point double */
    AUTO(bn_drop) BIGNUM *twice = get(X1);
    assert_int_equal(BN_cmp(product, twice), 0);
    assert_int_not_equal(BN_cmp(product, gx), 0);
}

static void flags_need_inten(void **state)
{
    (void)state;
    poke(&chip, CRPT, 0);
    put_curve(gx, gy);
    poke(&chip, CRPT + K, 2);
    poke(&chip, CRPT + 0x800, BASE);
    assert_true(never(&chip, CRPT + 4, ECC_DONE, ECC_DONE));
}

static void seed_trng(void)
{
    poke(&chip, 0x40041100, 0x41);
    poke(&chip, TRNG + 0x0c, 0x80);
    await(&chip, TRNG, 1 << 7, 1 << 7);
    poke(&chip, TRNG, 0);
    poke(&chip, TRNG, 1 << 8);
    await(&chip, TRNG, 1 << 9, 1 << 9);
    poke(&chip, CRPT + 8, 0x40);
    await(&chip, CRPT + 8, 1 << 7, 1 << 7);
    poke(&chip, CRPT + 8, 0x40 | 6 << 2 | 3);
    await(&chip, CRPT + 8, 1 << 8, 0);
}

/* Slot of a fresh key, or -1 with KCTLERR. */
static int prng_key(uint32_t flag, uint32_t ctl)
{
    poke(&chip, CRPT + 0xf00, 4U << 24 | flag | 1 << 21);
    poke(&chip, CRPT + 8, 6 << 2 | ctl | 1);
    await(&chip, CRPT + 8, 1 << 8, 0);
    uint32_t status = peek(&chip, CRPT + 0xf04);
    return status & 1 << 16 ? -1 : (int)(status & 31);
}

enum { ECDH = 1 << 19, ECDSA = 1 << 20, SEEDED = 0xc0 };

static void prng_keys_want_a_seed_sram_and_an_order(void **state)
{
    (void)state;
    put(N, EC_GROUP_get0_order(group));
    assert_int_equal(prng_key(ECDSA, 0), -1); /* no TRNG seed */
    seed_trng();
    put(N, EC_GROUP_get0_order(group));
    assert_int_equal(prng_key(ECDSA, 0), -1);                /* SEEDSEL dropped */
    assert_int_equal(prng_key(ECDSA | 2 << 22, SEEDED), -1); /* to OTP */
    assert_true(prng_key(ECDSA, SEEDED) >= 0);
    put(N, NULL);
    poke(&chip, CRPT + N, 1);
    poke(&chip, CRPT + 0xf00, 4U << 24 | ECDSA | 1 << 21);
    poke(&chip, CRPT + 8, 6 << 2 | SEEDED | 1);
    assert_true(never(&chip, CRPT + 8, 1 << 8, 0)); /* no such number: BUSY for ever */
    periph_crpt.reset(&chip);
    assert_int_equal(peek(&chip, CRPT + 8) & 1 << 8, 0);
}

/* d in OTP, k of the PRNG, all in the KeyStore: r and s as bignums. */
static void sign(const uint32_t *e_words, BIGNUM **r_out, BIGNUM **s_out)
{
    const BIGNUM *n = EC_GROUP_get0_order(group);
    AUTO(bn_drop) BIGNUM *e = bn_of(e_words, 8);
    put(N, n);
    int k = prng_key(ECDSA, SEEDED);
    assert_true(k >= 0);
    put_curve(gx, gy);
    put(X2, n);
    poke(&chip, CRPT + 0xf40, 1 << 5 | (uint32_t)k);
    assert_true(ecc(BASE | 1 << 5 | 1 << 14));
    put(N, n);
    put(Y1, NULL);
    poke(&chip, CRPT + 0xf40, 0);
    assert_true(ecc(BASE | 1 << 9 | 2 << 11));
    *r_out = get(X1);
    poke(&chip, CRPT + 0xf48, 1U << 5 | (uint32_t)k | 2U << 8 | 2U << 14);
    put(X2, *r_out);
    put(Y2, e);
    assert_true(ecc(BASE | 1 << 9 | 1 << 4));
    *s_out = get(X1);
    poke(&chip, CRPT + 0xf48, 0);
}

static int verify(const uint32_t *private_words, const uint32_t *number, BIGNUM *r, BIGNUM *s)
{
    uint8_t digest[32];
    AUTO(bn_drop) BIGNUM *e = bn_of(number, 8);
    assert_int_equal(BN_bn2binpad(e, digest, sizeof(digest)), sizeof(digest));
    BIGNUM *d = bn_of(private_words, 8);
    EC_KEY *key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    EC_POINT *q = EC_POINT_new(group);
    EC_POINT_mul(group, q, d, NULL, NULL, NULL);
    EC_KEY_set_public_key(key, q);
    ECDSA_SIG *sig = ECDSA_SIG_new();
    ECDSA_SIG_set0(sig, BN_dup(r), BN_dup(s));
    int ok = ECDSA_do_verify(digest, sizeof(digest), sig, key);
    ECDSA_SIG_free(sig);
    EC_POINT_free(q);
    EC_KEY_free(key);
    BN_free(d);
    return ok;
}

static const uint32_t d_words[STORE_KEY_WORDS] = { 9, 8, 7, 6, 5, 4, 3, 2 };
static const uint32_t e_words[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

static void put_d(void)
{
    store_otp_burn(&chip.store.image->head.otp[2], 6 << 8 | 4 << 16, d_words);
}

static void keystore_signatures_verify(void **state)
{
    (void)state;
    put_d();
    seed_trng();
    AUTO(bn_drop) BIGNUM *r = NULL;
    AUTO(bn_drop) BIGNUM *s = NULL;
    sign(e_words, &r, &s);
    assert_int_equal(verify(d_words, e_words, r, s), 1);
    assert_int_not_equal(BN_cmp(r, gx), 0);
}

/* The fault seen on silicon: the signature is right, and gives d away. */
static void k1_fault_gives_r_equal_gx(void **state)
{
    (void)state;
    put_d();
    seed_trng();
    assert_int_equal(fault_set(&chip, "k1", NULL), ERR_OK);
    AUTO(bn_drop) BIGNUM *r = NULL;
    AUTO(bn_drop) BIGNUM *s = NULL;
    sign(e_words, &r, &s);
    assert_int_equal(BN_cmp(r, gx), 0);
    assert_int_equal(verify(d_words, e_words, r, s), 1);
}

static void aes(uint32_t ctl)
{
    poke(&chip, CRPT + 0x140, SRAM);
    poke(&chip, CRPT + 0x144, SRAM + 0x100);
    poke(&chip, CRPT + 0x148, 32);
    poke(&chip, CRPT + 4, 3);
    poke(&chip, CRPT + 0x100, ctl | 3 << 22 | 0xa1);
    await(&chip, CRPT + 0x104, 1, 0);
}

/* ECDH into the KeyStore, AES with it: the key is the x coordinate, big-endian. */
static void ecdh_key_encrypts(void **state)
{
    (void)state;
    seed_trng();
    put(N, EC_GROUP_get0_order(group));
    int own = prng_key(ECDH, SEEDED);
    uint32_t d[STORE_KEY_WORDS];
    memcpy(d, chip.ks.sram[own].words, sizeof(d));
    put_curve(gx, gy);
    poke(&chip, CRPT + 0xf40, 1U << 5 | 1 << 14 | 1 << 21 | (uint32_t)own);
    assert_true(ecc(BASE));
    uint32_t slot = peek(&chip, CRPT + 0xf44) & 31;
    assert_int_equal(peek(&chip, CRPT + X1), 0); /* the secret stays inside */
    AUTO(bn_drop) BIGNUM *k = bn_of(d, 8);
    AUTO(bn_drop) BIGNUM *x = BN_new();
    EC_POINT *product = EC_POINT_new(group);
    EC_POINT_mul(group, product, k, NULL, NULL, NULL);
    EC_POINT_get_affine_coordinates(group, product, x, NULL, NULL);
    EC_POINT_free(product);
    uint8_t key[32], want[48];
    int len;
    BN_bn2binpad(x, key, 32);
    memset(chip.sram, 0, 32);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    EVP_EncryptInit_ex(ctx, EVP_aes_256_ecb(), NULL, key, NULL);
    EVP_EncryptUpdate(ctx, want, &len, chip.sram, 32);
    EVP_CIPHER_CTX_free(ctx);
    poke(&chip, CRPT + 0xf10, 1 << 5 | slot);
    aes(2 << 2 | 1 << 16);
    assert_memory_equal(chip.sram + 0x100, want, 32);
    poke(&chip, CRPT + 0xf10, 1 << 5 | (uint32_t)own); /* an ECC key */
    aes(2 << 2 | 1 << 16);
    assert_true((peek(&chip, CRPT + 0x104) & 1 << 21) != 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(multiply_agrees_with_openssl),
        TEST(modular_operations),
        TEST(bad_work_is_an_error),
        TEST(a_point_off_the_curve_is_multiplied_all_the_same),
        TEST(flags_need_inten),
        TEST(prng_keys_want_a_seed_sram_and_an_order),
        TEST(keystore_signatures_verify),
        TEST(k1_fault_gives_r_equal_gx),
        TEST(ecdh_key_encrypts),
    };
    return cmocka_run_group_tests(tests, open_group, close_group);
}
