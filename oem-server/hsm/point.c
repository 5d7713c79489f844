/* SPDX-License-Identifier: MIT */
/*
 * point: checks public keys and signatures in software (common/host/p256.h). Called where a
 * peer's point arrives and where a new key proves itself. It must not accept a point that is
 * not on the curve (test_hsm_agreement).
 */
#include "oem-server/hsm/point.h"

#include <openssl/asn1.h>
#include <openssl/evp.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "common/host/p256.h"

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

static void digest_drop(EVP_MD_CTX **context)
{
    EVP_MD_CTX_free(*context);
}

enum err point_check(const uint8_t point[static P256_POINT_SIZE])
{
    return p256_check_point(span_of(point, P256_POINT_SIZE)) == ERR_OK
               ? ERR_OK
               : fail(ERR_POINT, "hsm: public key: not a point of P-256");
}

enum err point_verify_p256(const uint8_t point[static P256_POINT_SIZE],
                           const uint8_t digest[static SHA256_SIZE],
                           const uint8_t signature[static P256_SIGNATURE_SIZE])
{
    TRY(point_check(point));
    enum err e = p256_verify(span_of(point, P256_POINT_SIZE), digest,
                             span_of(signature, P256_SIGNATURE_SIZE));
    return e == ERR_SIG ? fail(ERR_SIG, "hsm: ECDSA signature does not verify") : e;
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
