/* SPDX-License-Identifier: MIT */
#include "oem-server/ca/cert.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <time.h>

#include "common/host/log.h"
#include "oem-server/ca/ssl.h"

enum { BACK_DATED_S = 600, SERIAL_SIZE = 16 };

/* 126 random bits, positive, always 16 bytes (RFC 5280 4.1.2.2). */
static enum err set_serial(X509 *certificate)
{
    uint8_t bytes[SERIAL_SIZE];
    if (RAND_bytes(bytes, sizeof(bytes)) != 1)
        return ssl_fail(ERR_INTERNAL, "random serial");
    bytes[0] = (uint8_t)((bytes[0] & 0x3F) | 0x40);
    BIGNUM *number = BN_bin2bn(bytes, sizeof(bytes), NULL);
    bool good = number != NULL &&
                BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return good ? ERR_OK : ssl_fail(ERR_MEMORY, "serial");
}

/* Back-dated, for peers whose clock is a little slow. */
static enum err set_validity(X509 *certificate, const struct profile *profile)
{
    time_t now = time(NULL);
    ASN1_TIME *before = X509_getm_notBefore(certificate);
    ASN1_TIME *after = X509_getm_notAfter(certificate);
    bool good = X509_time_adj_ex(before, 0, -BACK_DATED_S, &now) != NULL;
    if (profile->days == 0)
        good = good && ASN1_TIME_set_string_X509(after, "99991231235959Z") == 1;
    else
        good = good && X509_time_adj_ex(after, profile->days, 0, &now) != NULL;
    return good ? ERR_OK : ssl_fail(ERR_INTERNAL, "validity");
}

static enum err add_extension(X509 *certificate, X509V3_CTX *context, int nid,
                              const char *words)
{
    if (words == NULL)
        return ERR_OK;
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, context, nid, words);
    bool good = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return good ? ERR_OK : ssl_fail(ERR_INTERNAL, OBJ_nid2sn(nid));
}

static enum err add_extensions(X509 *certificate, const struct cert_request *r)
{
    X509V3_CTX context;
    X509 *issuer = r->issuer == NULL ? certificate : r->issuer;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    const struct profile *p = r->profile;
    TRY(add_extension(certificate, &context, NID_basic_constraints, p->basic_constraints));
    TRY(add_extension(certificate, &context, NID_key_usage, p->key_usage));
    TRY(add_extension(certificate, &context, NID_ext_key_usage, p->extended_key_usage));
    if (r->alternative_names != NULL &&
        X509_add1_ext_i2d(certificate, NID_subject_alt_name, r->alternative_names, 0,
                          X509V3_ADD_DEFAULT) != 1)
        return ssl_fail(ERR_INTERNAL, "subjectAltName");
    TRY(add_extension(certificate, &context, NID_subject_key_identifier, "hash"));
    return add_extension(certificate, &context, NID_authority_key_identifier, "keyid:always");
}

/* A signer in the HSM has said why it failed; one in software has not. */
static enum err sign(X509 *certificate, EVP_PKEY *signer)
{
    fail_clear();
    if (X509_sign(certificate, signer, EVP_sha256()) > 0)
        return ERR_OK;
    if (fail_words()[0] == '\0')
        return ssl_fail(ERR_INTERNAL, "signature");
    ERR_clear_error();
    return ERR_HSM;
}

enum err cert_make(const struct cert_request *request, X509 **certificate_out)
{
    const X509_NAME *issuer =
        request->issuer == NULL ? request->subject : X509_get_subject_name(request->issuer);
    AUTO(ssl_certificate_drop) X509 *certificate = X509_new();
    if (certificate == NULL || X509_set_version(certificate, X509_VERSION_3) != 1 ||
        X509_set_subject_name(certificate, request->subject) != 1 ||
        X509_set_issuer_name(certificate, issuer) != 1 ||
        X509_set_pubkey(certificate, request->subject_key) != 1)
        return ssl_fail(ERR_INTERNAL, "certificate");
    TRY(set_serial(certificate));
    TRY(set_validity(certificate, request->profile));
    TRY(add_extensions(certificate, request));
    TRY(sign(certificate, request->signer));
    *certificate_out = TAKE(certificate);
    return ERR_OK;
}
