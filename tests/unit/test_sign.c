/* SPDX-License-Identifier: MIT */
/* A signature, or a value derived from AES_NuLink3, is of one purpose: each statement is signed
 * with one key, with the same bytes in the same fields, and each signature is tried on all. */
#include "tests/unit/check.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <string.h>

#include "common/core/sign.h"
#include "common/host/own.h"
#include "common/host/p256.h"

static const uint8_t same[P256_POINT_SIZE] = { 4, 0x5a, 0x5a, 0x5a };

static struct span some(size_t len)
{
    return span_of(same, len);
}

static const struct sign_run run = { { same, RUN_ID_SIZE },
                                     { same, UID_SIZE },
                                     { same, NONCE_SIZE } };

/* --- Statements. --- */

static void rotpk(struct wr *w)
{
    sign_rotpk(w, &run, some(ROTPK_SIZE), false);
}

static void rotpk_again(struct wr *w)
{
    sign_rotpk(w, &run, some(ROTPK_SIZE), true);
}

static void server_agreement(struct wr *w)
{
    sign_server_agreement(w, &run, some(P256_POINT_SIZE));
}

static void target_agreement(struct wr *w)
{
    sign_target_agreement(w, some(RUN_ID_SIZE), some(UID_SIZE), some(P256_POINT_SIZE),
                          some(P256_POINT_SIZE));
}

static void receipt(struct wr *w)
{
    const struct sign_receipt in = { some(RUN_ID_SIZE),
                                     some(UID_SIZE),
                                     some(P256_POINT_SIZE),
                                     some(SHA256_SIZE),
                                     some(SHA256_SIZE),
                                     some(SHA256_SIZE),
                                     some(SHA256_SIZE),
                                     1,
                                     some(SHA256_SIZE),
                                     some(NONCE_SIZE),
                                     0,
                                     some(SHA256_SIZE),
                                     3,
                                     some(KCV_SIZE) };
    sign_receipt(w, &in);
}

static void commit(struct wr *w)
{
    const struct sign_commit in = { some(RUN_ID_SIZE), some(UID_SIZE), 3, some(KCV_SIZE), 1,
                                    some(SHA256_SIZE) };
    sign_commit(w, &in);
}

static void lock(struct wr *w)
{
    const struct sign_lock in = { some(RUN_ID_SIZE), some(UID_SIZE), 1, some(SHA256_SIZE) };
    sign_lock(w, &in);
}

/* --- Inputs of the key derivation. --- */

static void confirm_target(struct wr *w)
{
    sign_confirmation(w, SIGN_CONFIRM_TARGET, some(RUN_ID_SIZE), some(UID_SIZE),
                      some(P256_POINT_SIZE), some(P256_POINT_SIZE));
}

static void confirm_write(struct wr *w)
{
    sign_confirmation(w, SIGN_CONFIRM_WRITE, some(RUN_ID_SIZE), some(UID_SIZE),
                      some(P256_POINT_SIZE), some(P256_POINT_SIZE));
}

static void confirm_keep(struct wr *w)
{
    sign_confirmation(w, SIGN_CONFIRM_KEEP, some(RUN_ID_SIZE), some(UID_SIZE),
                      some(P256_POINT_SIZE), some(P256_POINT_SIZE));
}

static void kcv(struct wr *w)
{
    sign_kcv(w, some(UID_SIZE));
}

static void lock_tag_dev(struct wr *w)
{
    sign_lock_tag(w, some(UID_SIZE), 1);
}

static void lock_tag_production(struct wr *w)
{
    sign_lock_tag(w, some(UID_SIZE), 3);
}

struct purpose {
    const char *name;
    void (*write)(struct wr *w);
};
static const struct purpose statements[] = {
    { "rotpk", rotpk },
    { "rotpk, record again", rotpk_again },
    { "server agreement", server_agreement },
    { "target agreement", target_agreement },
    { "receipt", receipt },
    { "commit", commit },
    { "lock", lock },
};
static const struct purpose derived[] = {
    { "confirm target", confirm_target }, { "confirm write", confirm_write },
    { "confirm keep", confirm_keep },     { "kcv", kcv },
    { "lock tag, dev", lock_tag_dev },    { "lock tag, production", lock_tag_production },
};

/* --- What is made of them. --- */

struct text {
    uint8_t bytes[SIGN_STATEMENT_MAX];
    size_t len;
};

static struct text written(const struct purpose *purpose)
{
    struct text text;
    struct wr w = wr_of(text.bytes, sizeof(text.bytes));
    purpose->write(&w);
    assert_int_equal(wr_end(&w), ERR_OK);
    text.len = wr_done(&w).len;
    return text;
}

static void digest_of(const struct purpose *purpose, uint8_t digest[static SHA256_SIZE])
{
    const struct text text = written(purpose);
    sha256_of(span_of(text.bytes, text.len), digest);
}

/* ECDSA over the digest, as HSM and KeyStore make it; tried by verify(). */
static void sign(EVP_PKEY *key, const struct purpose *purpose, uint8_t *der, size_t *len)
{
    uint8_t digest[SHA256_SIZE];
    digest_of(purpose, digest);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    assert_int_equal(EVP_PKEY_sign_init(context), 1);
    assert_int_equal(EVP_PKEY_sign(context, der, len, digest, sizeof(digest)), 1);
    EVP_PKEY_CTX_free(context);
}

static bool verify(EVP_PKEY *key, const struct purpose *purpose, const uint8_t *der, size_t len)
{
    uint8_t digest[SHA256_SIZE];
    digest_of(purpose, digest);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    assert_int_equal(EVP_PKEY_verify_init(context), 1);
    int good = EVP_PKEY_verify(context, der, len, digest, sizeof(digest));
    EVP_PKEY_CTX_free(context);
    return good == 1;
}

static void a_signature_is_of_one_purpose(void **state)
{
    (void)state;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    for (size_t i = 0; i < COUNT(statements); i++) {
        uint8_t der[80];
        size_t len = sizeof(der);
        sign(key, &statements[i], der, &len);
        for (size_t k = 0; k < COUNT(statements); k++)
            if (verify(key, &statements[k], der, len) != (i == k))
                fail_msg("%s, tried as %s", statements[i].name, statements[k].name);
    }
    EVP_PKEY_free(key);
}

static void tag_of(const struct purpose *purpose, uint8_t tag[static 16])
{
    static const uint8_t key[32] = { 7 };
    char cipher[] = "AES-256-CBC";
    const struct text text = written(purpose);
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0),
        OSSL_PARAM_construct_end(),
    };
    size_t len = 0;
    assert_non_null(EVP_Q_mac(NULL, "CMAC", NULL, NULL, parameters, key, sizeof(key),
                              text.bytes, text.len, tag, 16, &len));
    assert_int_equal(len, 16);
}

static void a_derived_value_is_of_one_purpose(void **state)
{
    (void)state;
    uint8_t tags[COUNT(derived)][16];
    for (size_t i = 0; i < COUNT(derived); i++)
        tag_of(&derived[i], tags[i]);
    for (size_t i = 0; i < COUNT(derived); i++)
        for (size_t k = 0; k < i; k++)
            if (memcmp(tags[i], tags[k], 16) == 0)
                fail_msg("%s is %s", derived[i].name, derived[k].name);
}

/* Whatever the fields are: the bytes up to the zero decide, no two purposes share them, and
 * they are none of what else these keys sign: DER (CSR, certificate), TLS 1.3 (64 spaces),
 * FwInfo. */
static void contexts_differ(void **state)
{
    (void)state;
    enum { FWINFO_SIGNED = 128 };
    static const char begin[] = "hallmark.v1 ";
    assert_int_not_equal(written(&statements[0]).len, FWINFO_SIGNED);
    for (size_t i = 1; i < COUNT(statements); i++) { /* both rotpk are one context */
        const struct text one = written(&statements[i]);
        assert_memory_equal(one.bytes, begin, sizeof(begin) - 1);
        size_t len = strnlen((const char *)one.bytes, one.len) + 1;
        assert_true(len < one.len);
        for (size_t k = 1; k < COUNT(statements); k++) {
            const struct text other = written(&statements[k]);
            assert_int_equal(memcmp(one.bytes, other.bytes, len) == 0, i == k);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signature_is_of_one_purpose),
        cmocka_unit_test(a_derived_value_is_of_one_purpose),
        cmocka_unit_test(contexts_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
