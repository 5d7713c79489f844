/* SPDX-License-Identifier: MIT */
/* The certification request: what the station asks the board to sign, and what it makes of it.
 */
#include "tests/unit/check.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#include "common/core/der.h"
#include "common/host/log.h"
#include "station-agent/api/api.h"

static const uint8_t subject[] = { 0x30, 0x0d, 0x31, 0x0b, 0x30, 0x09, 0x06, 0x03,
                                   0x55, 0x04, 0x05, 0x13, 0x02, 0x61, 0x62 };

static EVP_PKEY *start(struct unit *unit)
{
    size_t len;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    *unit = (struct unit){ 0 };
    assert_non_null(key);
    assert_int_equal(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY,
                                                     unit->auth_public_key, P256_POINT_SIZE,
                                                     &len),
                     1);
    for (size_t i = 0; i < NONCE_SIZE; i++)
        unit->server_nonce[i] = (uint8_t)(0xf0 + i);
    assert_int_equal(buf_copy(&unit->subject, SPAN(subject)), ERR_OK);
    return key;
}

static void sign(EVP_PKEY *key, struct span message, uint8_t rs[static P256_SIGNATURE_SIZE])
{
    uint8_t der[80];
    size_t len = sizeof(der);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSign(context, der, &len, message.ptr, message.len), 1);
    EVP_MD_CTX_free(context);
    const uint8_t *p = der;
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &p, (long)len);
    BN_bn2binpad(ECDSA_SIG_get0_r(signature), rs, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(signature), rs + 32, 32);
    ECDSA_SIG_free(signature);
}

/* DevAuth reads it with the same der_cri. */
static void info_is_what_the_board_expects(void **state)
{
    (void)state;
    struct unit unit;
    struct der_cri cri;
    char hex[2 * NONCE_SIZE + 1];
    EVP_PKEY *key = start(&unit);
    assert_int_equal(csr_info(&unit), ERR_OK);
    assert_int_equal(der_cri(buf_span(&unit.cri), &cri), ERR_OK);
    for (size_t i = 0; i < NONCE_SIZE; i++)
        snprintf(hex + 2 * i, 3, "%02x", unit.server_nonce[i]);
    assert_true(span_eq(cri.challenge_password, span_of(hex, strlen(hex))));
    assert_true(span_eq(cri.serial_number, span_of("ab", 2)));
    assert_true(span_eq(cri.point, SPAN(unit.auth_public_key)));
    unit_fini(&unit);
    EVP_PKEY_free(key);
}

static void request_verifies_and_holds_the_info_verbatim(void **state)
{
    (void)state;
    struct unit unit;
    uint8_t rs[P256_SIGNATURE_SIZE], *tbs = NULL;
    AUTO(buf_free) struct buf csr = { 0 };
    EVP_PKEY *key = start(&unit);
    assert_int_equal(csr_info(&unit), ERR_OK);
    for (size_t i = 0; i < 40; i++) { /* r and s of every length */
        sign(key, buf_span(&unit.cri), rs);
        assert_int_equal(csr_make(buf_span(&unit.cri), rs, &csr), ERR_OK);
    }
    const uint8_t *p = csr.ptr;
    X509_REQ *req = d2i_X509_REQ(NULL, &p, (long)csr.len);
    assert_non_null(req);
    assert_ptr_equal(p, csr.ptr + csr.len);
    assert_int_equal(X509_REQ_verify(req, key), 1);
    int len = i2d_re_X509_REQ_tbs(req, &tbs);
    assert_true(span_eq(span_of(tbs, (size_t)len), buf_span(&unit.cri)));
    OPENSSL_free(tbs);
    X509_REQ_free(req);
    unit_fini(&unit);
    EVP_PKEY_free(key);
}

static void info_refuses(void **state)
{
    (void)state;
    static const uint8_t trailing[sizeof(subject) + 1] = { 0x30, 0x0d, 0x31, 0x0b, 0x30, 0x09,
                                                           0x06, 0x03, 0x55, 0x04, 0x05, 0x13,
                                                           0x02, 0x61, 0x62, 0 };
    static uint8_t huge[CRI_MAX + 40];
    const size_t text = 0x1c0; /* one PrintableString as long as this */
    static const uint8_t heads[] = { 0x30, 0x82, 1, 0xd1, 0x31, 0x82, 1,    0xcd, 0x30, 0x82, 1,
                                     0xc9, 0x06, 3, 0x55, 4,    5,    0x13, 0x82, 1,    0xc0 };
    memcpy(huge, heads, sizeof(heads));
    memset(huge + sizeof(heads), 'a', text);
    const struct {
        const char *name;
        struct span subject;
        uint8_t flip; /* of the point */
        enum err want;
    } cases[] = {
        { "good", SPAN(subject), 0, ERR_OK },
        { "bytes after the subject", SPAN(trailing), 0, ERR_PROTO },
        { "subject cut short", { subject, sizeof(subject) - 1 }, 0, ERR_PROTO },
        { "no subject", { subject, 0 }, 0, ERR_PROTO },
        { "more than the board takes", { huge, sizeof(heads) + text }, 0, ERR_LIMIT },
        { "point off the curve", SPAN(subject), 1, ERR_POINT },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct unit unit;
        EVP_PKEY *key = start(&unit);
        assert_int_equal(buf_copy(&unit.subject, cases[i].subject), ERR_OK);
        unit.auth_public_key[40] ^= cases[i].flip;
        enum err e = csr_info(&unit);
        if (e != cases[i].want)
            fail_msg("%s: error %d: %s", cases[i].name, (int)e, fail_words());
        unit_fini(&unit);
        EVP_PKEY_free(key);
    }
}

static void request_refuses(void **state)
{
    (void)state;
    struct unit unit;
    uint8_t rs[P256_SIGNATURE_SIZE], zero[P256_SIGNATURE_SIZE] = { 0 };
    AUTO(buf_free) struct buf csr = { 0 };
    EVP_PKEY *key = start(&unit);
    assert_int_equal(csr_info(&unit), ERR_OK);
    sign(key, buf_span(&unit.cri), rs);
    assert_int_equal(csr_make(buf_span(&unit.cri), zero, &csr), ERR_SIG);
    assert_int_equal(csr_make(span_of(unit.cri.ptr, unit.cri.len - 1), rs, &csr), ERR_PROTO);
    rs[63] ^= 1;
    assert_int_equal(csr_make(buf_span(&unit.cri), rs, &csr), ERR_SIG);
    assert_int_equal(csr.len, 0);
    unit_fini(&unit);
    EVP_PKEY_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(info_is_what_the_board_expects),
        cmocka_unit_test(request_verifies_and_holds_the_info_verbatim),
        cmocka_unit_test(info_refuses),
        cmocka_unit_test(request_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
