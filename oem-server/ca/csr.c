/* SPDX-License-Identifier: MIT */
/*
 * csr: parses and checks certificate requests. Called with bytes from stations and operators.
 * It must not accept a request whose self-signature does not verify, nor a second encoding of
 * the same key (test_ca_csr).
 */
#include <openssl/err.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/p256.h"
#include "oem-server/ca/ca.h"
#include "oem-server/ca/ssl.h"

enum { CHALLENGE_LEN = 64 };

/* id-ecPublicKey with the named curve and an uncompressed point: one encoding per key. */
static enum err check_key_form(X509_REQ *csr)
{
    ASN1_OBJECT *algorithm = NULL;
    const uint8_t *point = NULL;
    int len = 0;
    X509_ALGOR *identifier = NULL;
    if (X509_PUBKEY_get0_param(&algorithm, &point, &len, &identifier,
                               X509_REQ_get_X509_PUBKEY(csr)) != 1 ||
        OBJ_obj2nid(algorithm) != NID_X9_62_id_ecPublicKey)
        return fail(ERR_INVALID, "csr: public key: not an EC key");
    int type = 0;
    const void *parameter = NULL;
    X509_ALGOR_get0(NULL, &type, &parameter, identifier);
    if (type != V_ASN1_OBJECT || OBJ_obj2nid(parameter) != NID_X9_62_prime256v1)
        return fail(ERR_INVALID, "csr: public key: curve is not P-256 by name");
    if (len != P256_POINT_SIZE || point[0] != 0x04)
        return fail(ERR_INVALID, "csr: public key: point is not uncompressed");
    return ERR_OK;
}

static enum err check(X509_REQ *csr)
{
    if (X509_REQ_get_version(csr) != X509_REQ_VERSION_1)
        return fail(ERR_INVALID, "csr: version is not 1");
    TRY(check_key_form(csr));
    EVP_PKEY *key = X509_REQ_get0_pubkey(csr);
    if (key == NULL)
        return fail(ERR_POINT, "csr: public key: not a point of P-256");
    if (X509_REQ_get_signature_nid(csr) != NID_ecdsa_with_SHA256)
        return fail(ERR_INVALID, "csr: signature algorithm is not ecdsa-with-SHA256");
    if (X509_REQ_verify(csr, key) != 1)
        return fail(ERR_SIG, "csr: self-signature");
    return ERR_OK;
}

static enum err open_csr(struct span der, X509_REQ **csr_out)
{
    if (der.len > CA_CSR_MAX)
        return fail(ERR_LIMIT, "csr: %zu bytes, limit %d", der.len, CA_CSR_MAX);
    const uint8_t *p = der.ptr;
    AUTO(ssl_request_drop)
    X509_REQ *csr = der.len == 0 ? NULL : d2i_X509_REQ(NULL, &p, (long)der.len);
    if (csr == NULL)
        return fail(ERR_INVALID, "csr: not a CertificationRequest in DER");
    if (p != der.ptr + der.len)
        return fail(ERR_EXCESS, "csr: %td bytes after the end", der.ptr + der.len - p);
    TRY(check(csr));
    *csr_out = TAKE(csr);
    return ERR_OK;
}

enum err ca_csr_open(struct span der, X509_REQ **csr_out)
{
    enum err e = open_csr(der, csr_out);
    ERR_clear_error(); /* the message is complete without it */
    return e;
}

enum err ca_csr_key_sha256(X509_REQ *csr, uint8_t sha256_out[static SHA256_SIZE])
{
    uint8_t *der = NULL;
    int len = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(csr), &der);
    if (len <= 0)
        return fail(ERR_MEMORY, "csr: no memory for its key");
    sha256_of(span_of(der, (size_t)len), sha256_out);
    OPENSSL_free(der);
    return ERR_OK;
}

static enum err check_subject(X509_REQ *csr, struct span want)
{
    AUTO(buf_free) struct buf got = { 0 };
    TRY(ssl_name_der(X509_REQ_get_subject_name(csr), &got));
    if (!span_eq(buf_span(&got), want))
        return fail(ERR_INVALID, "csr: subject: not the one of this unit and order");
    return ERR_OK;
}

static enum err check_challenge(X509_REQ *csr, const char *challenge)
{
    if (X509_REQ_get_attr_count(csr) != 1)
        return fail(ERR_INVALID, "csr: attributes: want challengePassword and nothing else");
    X509_ATTRIBUTE *attribute = X509_REQ_get_attr(csr, 0);
    if (OBJ_obj2nid(X509_ATTRIBUTE_get0_object(attribute)) != NID_pkcs9_challengePassword ||
        X509_ATTRIBUTE_count(attribute) != 1)
        return fail(ERR_INVALID, "csr: attributes: want one challengePassword");
    ASN1_TYPE *value = X509_ATTRIBUTE_get0_type(attribute, 0);
    int type = ASN1_TYPE_get(value);
    if (type != V_ASN1_UTF8STRING && type != V_ASN1_PRINTABLESTRING)
        return fail(ERR_INVALID, "csr: challengePassword: neither UTF8 nor PrintableString");
    const ASN1_STRING *text = value->value.asn1_string;
    struct span got = span_of(ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text));
    if (!ct_eq(got, span_of(challenge, CHALLENGE_LEN)))
        return fail(ERR_INVALID, "csr: challengePassword: not of this run");
    return ERR_OK;
}

enum err ca_device_csr_check(const struct ca *ca, X509_REQ *csr, const char *order,
                             const uint8_t uid[static UID_SIZE], const char *challenge)
{
    if (strlen(challenge) != CHALLENGE_LEN)
        return fail(ERR_INTERNAL, "csr: challenge to compare with: want %d characters",
                    CHALLENGE_LEN);
    AUTO(buf_free) struct buf want = { 0 };
    TRY(ca_device_subject(ca, order, uid, &want));
    TRY(check_subject(csr, buf_span(&want)));
    return check_challenge(csr, challenge);
}
