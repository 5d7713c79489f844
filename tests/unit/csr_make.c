/* SPDX-License-Identifier: MIT */
#include "tests/unit/check.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "tests/unit/csr_make.h"

static EVP_PKEY *csr_key(const struct csr_spec *spec)
{
    if (spec->curve == NULL)
        return EVP_RSA_gen(2048);
    EVP_PKEY *key = EVP_EC_gen(spec->curve);
    if (spec->explicit_curve)
        EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING, "explicit");
    if (spec->compressed)
        EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                       "compressed");
    return key;
}

static X509_NAME *csr_subject(const struct csr_spec *spec)
{
    const uint8_t *p = spec->subject.ptr;
    if (spec->subject.len != 0)
        return d2i_X509_NAME(NULL, &p, (long)spec->subject.len);
    X509_NAME *name = X509_NAME_new();
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)"anybody", -1, -1,
                               0);
    return name;
}

struct buf make_csr(const struct csr_spec *spec)
{
    EVP_PKEY *key = csr_key(spec);
    X509_NAME *name = csr_subject(spec);
    X509_REQ *csr = X509_REQ_new();
    X509_REQ_set_subject_name(csr, name);
    X509_REQ_set_pubkey(csr, key);
    int type = spec->challenge_type == 0 ? V_ASN1_UTF8STRING : spec->challenge_type;
    if (spec->challenges[0] != NULL)
        X509_REQ_add1_attr_by_NID(csr, NID_pkcs9_challengePassword, type,
                                  (const uint8_t *)spec->challenges[0],
                                  (int)strlen(spec->challenges[0]));
    if (spec->challenges[1] != NULL)
        X509_ATTRIBUTE_set1_data(X509_REQ_get_attr(csr, 0), type, spec->challenges[1],
                                 (int)strlen(spec->challenges[1]));
    if (spec->extra_nid != 0)
        X509_REQ_add1_attr_by_NID(csr, spec->extra_nid, V_ASN1_UTF8STRING, (const uint8_t *)"x",
                                  1);
    assert_true(X509_REQ_sign(csr, key, spec->sha384 ? EVP_sha384() : EVP_sha256()) > 0);
    uint8_t *der = NULL;
    int len = i2d_X509_REQ(csr, &der);
    assert_true(len > 0);
    struct buf out = { 0 };
    assert_int_equal(buf_append(&out, span_of(der, (size_t)len)), ERR_OK);
    OPENSSL_free(der);
    X509_REQ_free(csr);
    X509_NAME_free(name);
    EVP_PKEY_free(key);
    return out;
}
