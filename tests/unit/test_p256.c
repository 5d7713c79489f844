/* SPDX-License-Identifier: MIT */
/* P-256 without a private key: points and signatures from peers (RFC 6979, A.2.5). */
#include "tests/unit/check.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/p256.h"

static const char public_key[] =
    "04"
    "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";
static const char of_sample[] =
    "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
    "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8";

static uint8_t point[P256_POINT_SIZE], signature[P256_SIGNATURE_SIZE], digest[SHA256_SIZE];

static void from_hex(const char *hex, uint8_t *out)
{
    for (size_t i = 0; hex[2 * i] != '\0'; i++) {
        const char two[] = { hex[2 * i], hex[2 * i + 1], '\0' };
        out[i] = (uint8_t)strtoul(two, NULL, 16);
    }
}

static int set_up(void **state)
{
    (void)state;
    from_hex(public_key, point);
    from_hex(of_sample, signature);
    sha256_of(span_of("sample", 6), digest);
    return 0;
}

/* Nothing is left for the next who asks OpenSSL for this thread's error. */
static void refused(enum err e, enum err want)
{
    assert_int_equal(e, want);
    assert_int_equal(ERR_peek_error(), 0);
}

static void the_rfcs_signature_verifies(void **state)
{
    (void)state;
    assert_int_equal(p256_check_point(SPAN(point)), ERR_OK);
    assert_int_equal(p256_verify(SPAN(point), digest, SPAN(signature)), ERR_OK);
}

static void a_key_gives_its_point_back(void **state)
{
    (void)state;
    uint8_t back[P256_POINT_SIZE];
    EVP_PKEY *key = NULL;
    assert_int_equal(p256_key_of(SPAN(point), &key), ERR_OK);
    assert_int_equal(p256_point_of(key, back), ERR_OK);
    assert_memory_equal(back, point, sizeof(point));
    EVP_PKEY_free(key);
    key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp256k1");
    refused(p256_point_of(key, back), ERR_POINT);
    EVP_PKEY_free(key);
}

static void other_points_are_refused(void **state)
{
    (void)state;
    uint8_t zero[P256_POINT_SIZE] = { 4 };
    EVP_PKEY *key = NULL;
    refused(p256_check_point(SPAN(zero)), ERR_POINT);
    refused(p256_check_point(span_of(point, sizeof(point) - 1)), ERR_POINT);
    refused(p256_check_point(span_of(point, 0)), ERR_POINT);
    point[0] = 2; /* compressed */
    refused(p256_check_point(SPAN(point)), ERR_POINT);
    point[0] = 4, point[64] ^= 1; /* not on the curve */
    refused(p256_check_point(SPAN(point)), ERR_POINT);
    refused(p256_key_of(SPAN(point), &key), ERR_POINT);
    refused(p256_verify(SPAN(point), digest, SPAN(signature)), ERR_POINT);
    assert_null(key);
    memset(point + 1, 0xff, 32); /* x is over the field's prime */
    refused(p256_check_point(SPAN(point)), ERR_POINT);
}

static void other_signatures_are_refused(void **state)
{
    (void)state;
    uint8_t zero[P256_SIGNATURE_SIZE] = { 0 };
    refused(p256_verify(SPAN(point), digest, SPAN(zero)), ERR_SIG);
    refused(p256_verify(SPAN(point), digest, span_of(signature, sizeof(signature) - 1)),
            ERR_SIG);
    refused(p256_verify(SPAN(point), digest, span_of(signature, 0)), ERR_SIG);
    for (size_t i = 0; i < sizeof(signature); i += 7) {
        signature[i] ^= 0x40;
        refused(p256_verify(SPAN(point), digest, SPAN(signature)), ERR_SIG);
        signature[i] ^= 0x40;
    }
    digest[0] ^= 1;
    refused(p256_verify(SPAN(point), digest, SPAN(signature)), ERR_SIG);
}

static void numbers_become_the_shortest_der(void **state)
{
    (void)state;
    AUTO(buf_free) struct buf der = { 0 };
    assert_int_equal(p256_signature_der(SPAN(signature), &der), ERR_OK);
    assert_int_equal(der.len, 72); /* both numbers begin with a set bit: 33 bytes each */
    uint8_t small[P256_SIGNATURE_SIZE] = { [31] = 1, [63] = 2 };
    static const uint8_t want[] = { 0x30, 6, 2, 1, 1, 2, 1, 2 };
    assert_int_equal(p256_signature_der(SPAN(small), &der), ERR_OK);
    assert_true(span_eq(buf_span(&der), SPAN(want)));
    refused(p256_signature_der(span_of(small, 63), &der), ERR_SIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_rfcs_signature_verifies, set_up),
        cmocka_unit_test_setup(a_key_gives_its_point_back, set_up),
        cmocka_unit_test_setup(other_points_are_refused, set_up),
        cmocka_unit_test_setup(other_signatures_are_refused, set_up),
        cmocka_unit_test_setup(numbers_become_the_shortest_der, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
