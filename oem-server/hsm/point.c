/* SPDX-License-Identifier: MIT */
/*
 * point: checks public keys and signatures with OpenSSL, in software. Called where a peer's
 * point arrives and where a new key proves itself. It must not accept a point that is not on
 * the curve (test_hsm_agreement).
 */
#include "oem-server/hsm/point.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/own.h"

enum err point_open(struct span attribute, uint8_t *point_out, size_t len)
{
    struct rd r = rd_of(attribute);
    if (attribute.len != len && (rd_u8(&r) != V_ASN1_OCTET_STRING || rd_u8(&r) != len))
        return fail(ERR_HSM, "hsm: CKA_EC_POINT: %zu bytes, want %zu bare or DER",
                    attribute.len, len);
    struct span point = rd_take(&r, len);
    if (rd_end(&r) != ERR_OK)
        return fail(ERR_HSM, "hsm: CKA_EC_POINT: %zu bytes, want %zu bare or DER",
                    attribute.len, len);
    memcpy(point_out, point.ptr, len);
    return ERR_OK;
}

static void key_drop(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static void context_drop(EVP_PKEY_CTX **context)
{
    EVP_PKEY_CTX_free(*context);
}

static void digest_drop(EVP_MD_CTX **context)
{
    EVP_MD_CTX_free(*context);
}

static void signature_drop(ECDSA_SIG **signature)
{
    ECDSA_SIG_free(*signature);
}

/* OpenSSL refuses a point that is not on the curve. */
static EVP_PKEY *import_p256(const uint8_t *point)
{
    char group[] = "prime256v1";
    uint8_t bytes[P256_POINT_SIZE];
    memcpy(bytes, point, sizeof(bytes));
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, bytes, sizeof(bytes)),
        OSSL_PARAM_construct_end(),
    };
    AUTO(context_drop) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *key = NULL;
    if (context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1) {
        ERR_clear_error(); /* the caller reports it */
        return NULL;
    }
    return key;
}

enum err point_check(const uint8_t point[static P256_POINT_SIZE])
{
    AUTO(key_drop)
    EVP_PKEY *key = point[0] == POINT_CONVERSION_UNCOMPRESSED ? import_p256(point) : NULL;
    return key == NULL ? fail(ERR_POINT, "hsm: public key: not a point of P-256") : ERR_OK;
}

static enum err to_der(const uint8_t *signature, struct buf *der_out)
{
    AUTO(signature_drop) ECDSA_SIG *parts = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature, 32, NULL), *s = BN_bin2bn(signature + 32, 32, NULL);
    if (parts == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(parts, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return fail(ERR_MEMORY, "hsm: signature");
    }
    uint8_t *der = NULL;
    int len = i2d_ECDSA_SIG(parts, &der);
    if (len <= 0)
        return fail(ERR_MEMORY, "hsm: signature");
    enum err e = buf_copy(der_out, span_of(der, (size_t)len));
    OPENSSL_free(der);
    return e;
}

enum err point_verify_p256(const uint8_t point[static P256_POINT_SIZE],
                           const uint8_t digest[static SHA256_SIZE],
                           const uint8_t signature[static P256_SIGNATURE_SIZE])
{
    AUTO(key_drop) EVP_PKEY *key = import_p256(point);
    if (key == NULL)
        return fail(ERR_POINT, "hsm: public key: not a point of P-256");
    AUTO(buf_free) struct buf der = { 0 };
    TRY(to_der(signature, &der));
    AUTO(context_drop) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    if (context == NULL || EVP_PKEY_verify_init(context) != 1 ||
        EVP_PKEY_verify(context, der.ptr, der.len, digest, SHA256_SIZE) != 1)
        return fail(ERR_SIG, "hsm: ECDSA signature does not verify");
    return ERR_OK;
}

enum err point_verify_ed25519(const uint8_t point[static 32], struct span message,
                              const uint8_t signature[static 64])
{
    AUTO(key_drop)
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, point, 32);
    AUTO(digest_drop) EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (key == NULL || context == NULL ||
        EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) != 1 ||
        EVP_DigestVerify(context, signature, 64, message.ptr, message.len) != 1)
        return fail(ERR_SIG, "hsm: Ed25519 signature does not verify");
    return ERR_OK;
}
