/* SPDX-License-Identifier: MIT */
/* Other people's vectors through common/host/p256.c: the checks of the server, oemctl, the
 * agent and virtual-board's ROM. */
#include "tests/unit/check.h"

#include <openssl/x509.h>
#include <string.h>

#include "common/host/p256.h"
#include "tests/unit/vectors.h"

static enum err verify(struct vectors *v)
{
    uint8_t digest[SHA256_SIZE];
    sha256_of(vector_hex(v, "msg"), digest);
    return p256_verify(vector_hex(v, "key"), digest, vector_hex(v, "sig"));
}

/* Every refusal is one of the signature: all keys of the file are points of P-256. */
static void ecdsa_verifies_what_the_file_calls_valid(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "ecdsa_p256_p1363.jsonl");
    while (vectors_next(&v))
        vectors_hold(&v, verify(&v) == (vector_is(&v, "valid") ? ERR_OK : ERR_SIG),
                     "p256_verify");
    vectors_close(&v, 262);
}

/* The station's CSR carries what p256_signature_der() makes of r and s. The file's spelling is
 * read by OpenSSL, as nothing of ours reads a signature in DER. */
static void der_is_written_as_the_file_has_it(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "ecdsa_p256_der.jsonl");
    while (vectors_next(&v)) {
        struct span want = vector_hex(&v, "sig");
        uint8_t bare[P256_SIGNATURE_SIZE], digest[SHA256_SIZE];
        const uint8_t *at = want.ptr;
        AUTO(buf_free) struct buf der = { 0 };
        ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)want.len);
        assert_non_null(sig);
        assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(sig), bare, 32), 32);
        assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(sig), bare + 32, 32), 32);
        ECDSA_SIG_free(sig);
        sha256_of(vector_hex(&v, "msg"), digest);
        vectors_hold(
            &v, p256_signature_der(SPAN(bare), &der) == ERR_OK && span_eq(buf_span(&der), want),
            "p256_signature_der");
        vectors_hold(&v, p256_verify(vector_hex(&v, "key"), digest, SPAN(bare)) == ERR_OK,
                     "p256_verify");
    }
    vectors_close(&v, 174);
}

/* Points of the file are valid or not; ours must be uncompressed besides. */
static void points_are_accepted_on_the_curve_only(void **state)
{
    (void)state;
    struct vectors v;
    unsigned compressed = 0;
    vectors_open(&v, "ecdh_p256.jsonl");
    while (vectors_next(&v)) {
        bool valid = vector_is(&v, "valid");
        compressed += vector_is(&v, "acceptable");
        if (vector_is(&v, "acceptable"))
            vectors_hold(&v, vector_flag(&v, "CompressedPoint"), "why it is acceptable");
        vectors_hold(&v,
                     p256_check_point(vector_hex(&v, "public")) == (valid ? ERR_OK : ERR_POINT),
                     "p256_check_point");
    }
    vectors_close(&v, 355);
    assert_int_equal(compressed, 1); /* the one that others may accept */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ecdsa_verifies_what_the_file_calls_valid),
        cmocka_unit_test(der_is_written_as_the_file_has_it),
        cmocka_unit_test(points_are_accepted_on_the_curve_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
