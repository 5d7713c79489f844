/* SPDX-License-Identifier: MIT */
/*
 * boot_csr: the certificate request of a boot key, whose private part is in the HSM. Called by
 * the secure boot service. It must be signed by that key, or no CA would take it (test_ca_csr).
 */
#include <stdio.h>
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "common/host/p256.h"
#include "oem-server/ca/ca.h"
#include "oem-server/ca/names.h"
#include "oem-server/ca/ssl.h"

enum { LABEL_BYTES = 12 };

static enum err signature_set(X509_REQ *csr,
                              const uint8_t signature[static P256_SIGNATURE_SIZE])
{
    AUTO(buf_free) struct buf der = { 0 };
    TRY(p256_signature_der(span_of(signature, P256_SIGNATURE_SIZE), &der));
    X509_ALGOR *algorithm = X509_ALGOR_new();
    ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
    bool good = algorithm != NULL && bits != NULL &&
                X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_ecdsa_with_SHA256), V_ASN1_UNDEF,
                                NULL) == 1 &&
                ASN1_BIT_STRING_set(bits, der.ptr, (int)der.len) == 1 &&
                X509_REQ_set1_signature_algo(csr, algorithm) == 1;
    if (good) {
        bits->flags = (bits->flags & ~0x0fL) | ASN1_STRING_FLAG_BITS_LEFT; /* no unused bits */
        X509_REQ_set0_signature(csr, TAKE(bits));
    }
    X509_ALGOR_free(algorithm);
    ASN1_BIT_STRING_free(bits);
    return good ? ERR_OK : ssl_fail(ERR_MEMORY, "boot key's request");
}

static enum err sign(X509_REQ *csr, struct hsm_unit_key *key)
{
    uint8_t *tbs = NULL, digest[SHA256_SIZE], signature[P256_SIGNATURE_SIZE];
    const uint8_t nothing[P256_SIGNATURE_SIZE] = { 1 };
    TRY(signature_set(csr,
                      nothing)); /* the algorithm is in the whole, and not in what is signed */
    int len = i2d_re_X509_REQ_tbs(csr, &tbs);
    if (len <= 0)
        return ssl_fail(ERR_INTERNAL, "boot key's request");
    sha256_of(span_of(tbs, (size_t)len), digest);
    OPENSSL_free(tbs);
    TRY(hsm_unit_key_sign(key, digest, signature));
    return signature_set(csr, signature);
}

/* The part of a subject that tells scopes apart: 12 bytes of a digest, in hex. */
static void label_of(const char *scope, char label[static 2 * LABEL_BYTES + 1])
{
    uint8_t digest[SHA256_SIZE];
    sha256_of(span_of(scope, strlen(scope)), digest);
    hex_of(span_of(digest, LABEL_BYTES), label);
}

enum err ca_boot_csr(const struct ca *ca, const char *scope, struct hsm_unit_key *key,
                     const uint8_t point[static P256_POINT_SIZE], X509_REQ **csr_out)
{
    char label[2 * LABEL_BYTES + 1], name[65]; /* a common name has 64 characters at most */
    AUTO(ssl_request_drop) X509_REQ *csr = X509_REQ_new();
    AUTO(ssl_key_drop) EVP_PKEY *public_key = NULL;
    AUTO(ssl_name_drop) X509_NAME *subject = NULL;
    label_of(scope, label);
    snprintf(name, sizeof(name), "%.64s", scope);
    const struct names_subject parts = { ca_organization(ca), "secure boot", name, label };
    TRY(names_subject_make(&parts, &subject));
    TRY(p256_key_of(span_of(point, P256_POINT_SIZE), &public_key));
    if (csr == NULL || X509_REQ_set_version(csr, X509_REQ_VERSION_1) != 1 ||
        X509_REQ_set_subject_name(csr, subject) != 1 ||
        X509_REQ_set_pubkey(csr, public_key) != 1)
        return ssl_fail(ERR_MEMORY, "boot key's request");
    TRY(sign(csr, key));
    if (X509_REQ_verify(csr, public_key) != 1)
        return ssl_fail(ERR_HSM, "boot key's request: its signature does not verify");
    *csr_out = TAKE(csr);
    return ERR_OK;
}
