/* SPDX-License-Identifier: MIT */
/*
 * p256: called with points and signatures from peers. It must not accept a point that is not on
 * the curve, nor a signature of another length.
 */
#include "common/host/p256.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/params.h>
#include <openssl/sha.h>
#include <stdlib.h>

#include "common/host/log.h"

static void ctx_drop(EVP_PKEY_CTX **ctx)
{
    EVP_PKEY_CTX_free(*ctx);
}

static void key_drop(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static void sig_drop(ECDSA_SIG **sig)
{
    ECDSA_SIG_free(*sig);
}

void sha256_of(struct span bytes, uint8_t digest_out[static SHA256_SIZE])
{
    SHA256(bytes.ptr, bytes.len, digest_out);
}

/* OpenSSL's own error would be found by the next who asks it in this thread, TLS for one. */
static enum err said(enum err e, const char *what)
{
    ERR_clear_error();
    return fail_quiet(e, "%s", what);
}

enum err p256_key_of(struct span point, EVP_PKEY **key_out)
{
    if (point.len != P256_POINT_SIZE || point.ptr[0] != 4)
        return fail_quiet(ERR_POINT, "public key is not an uncompressed P-256 point");
    char curve[] = SN_X9_62_prime256v1;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, curve, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)point.ptr,
                                          point.len),
        OSSL_PARAM_construct_end(),
    };
    AUTO(ctx_drop) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    AUTO(key_drop) EVP_PKEY *key = NULL;
    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        return said(ERR_POINT, "public key is not a point of P-256");
    AUTO(ctx_drop) EVP_PKEY_CTX *check = EVP_PKEY_CTX_new(key, NULL);
    if (check == NULL || EVP_PKEY_public_check(check) != 1)
        return said(ERR_POINT, "public key is not a point of P-256");
    *key_out = TAKE(key);
    return ERR_OK;
}

enum err p256_check_point(struct span point)
{
    AUTO(key_drop) EVP_PKEY *key = NULL;
    return p256_key_of(point, &key);
}

enum err p256_point_of(EVP_PKEY *key, uint8_t point_out[static P256_POINT_SIZE])
{
    size_t len = 0;
    char group[32];
    if (EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1 ||
        OBJ_txt2nid(group) != NID_X9_62_prime256v1)
        return fail_quiet(ERR_POINT, "public key is not of P-256");
    if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point_out,
                                        P256_POINT_SIZE, &len) != 1 ||
        len != P256_POINT_SIZE || point_out[0] != 4)
        return fail_quiet(ERR_POINT, "public key is not an uncompressed P-256 point");
    return ERR_OK;
}

ECDSA_SIG *p256_signature_parts(const uint8_t signature[static P256_SIGNATURE_SIZE])
{
    AUTO(sig_drop) ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature, 32, NULL), *s = BN_bin2bn(signature + 32, 32, NULL);
    if (sig != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(sig, r, s) == 1)
        return TAKE(sig);
    BN_free(r);
    BN_free(s);
    return NULL;
}

enum err p256_signature_der(struct span signature, struct buf *der_out)
{
    if (signature.len != P256_SIGNATURE_SIZE)
        return fail_quiet(ERR_SIG, "signature of %zu bytes, not %d", signature.len,
                          P256_SIGNATURE_SIZE);
    AUTO(sig_drop) ECDSA_SIG *sig = p256_signature_parts(signature.ptr);
    if (sig == NULL)
        return fail(ERR_MEMORY, "p256: no memory for a signature");
    uint8_t *der = NULL;
    int len = i2d_ECDSA_SIG(sig, &der);
    if (len <= 0)
        return fail(ERR_MEMORY, "p256: no memory for a signature");
    enum err e = buf_copy(der_out, span_of(der, (size_t)len));
    OPENSSL_free(der);
    return e;
}

enum err p256_verify(struct span point, const uint8_t digest[static SHA256_SIZE],
                     struct span signature)
{
    AUTO(key_drop) EVP_PKEY *key = NULL;
    AUTO(buf_free) struct buf der = { 0 };
    TRY(p256_key_of(point, &key));
    TRY(p256_signature_der(signature, &der));
    AUTO(ctx_drop) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    if (ctx == NULL || EVP_PKEY_verify_init(ctx) != 1 ||
        EVP_PKEY_verify(ctx, der.ptr, der.len, digest, SHA256_SIZE) != 1)
        return said(ERR_SIG, "signature does not verify");
    return ERR_OK;
}
