/* SPDX-License-Identifier: MIT */
/*
 * cert: builds a certificate by profile and signs it. Called by setup.c and by the HSM backend.
 * The same request and terms must give the same bytes to be signed (test_ca), so nothing is
 * chosen here that is not in the terms.
 */
#include "oem-server/ca/cert.h"

#include <openssl/err.h>
#include <openssl/rand.h>

#include "common/host/clock.h"
#include "common/host/log.h"
#include "common/host/validity.h"
#include "oem-server/ca/ssl.h"

enum { BACK_DATED_S = 600, RANDOM_SIZE = 16, DAY_S = 24 * 3600, AHEAD_S = 60 };

static const int64_t no_expiry = INT64_C(253402300799); /* 99991231235959Z */

/* Whoever is asked to sign now must be valid now, whatever the terms are. */
static enum err issuer_open(const X509 *issuer, int64_t now_s, struct validity *validity_out)
{
    char words[VALIDITY_WORDS_MAX];
    struct validity validity = { INT64_MIN, no_expiry };
    if (issuer != NULL && validity_of(issuer, &validity) != ERR_OK)
        return ssl_fail(ERR_INVALID, "the issuing CA's certificate has no validity");
    if (!validity_covers(&validity, now_s))
        return fail(ERR_PRECONDITION,
                    "ca: nothing is signed: the issuing CA's certificate is %s",
                    validity_words(&validity, "the server's clock", now_s, words));
    *validity_out = validity;
    return ERR_OK;
}

/* 126 random bits, positive, always 16 bytes in the certificate (RFC 5280 4.1.2.2). */
enum err cert_terms_make(const struct profile *profile, const X509 *issuer,
                         struct ca_terms *terms_out)
{
    int64_t now_s = clock_real_s();
    struct validity bounds;
    TRY(issuer_open(issuer, now_s, &bounds));
    struct ca_terms terms = { .not_before = now_s - BACK_DATED_S };
    uint8_t *number = terms.serial + CA_SERIAL_SIZE - RANDOM_SIZE;
    if (RAND_bytes(number, RANDOM_SIZE) != 1)
        return ssl_fail(ERR_INTERNAL, "random serial");
    number[0] = (uint8_t)((number[0] & 0x3F) | 0x40);
    terms.not_after = profile->days == 0 ? no_expiry : now_s + (int64_t)profile->days * DAY_S;
    if (terms.not_before < bounds.not_before)
        terms.not_before = bounds.not_before;
    if (terms.not_after > bounds.not_after)
        terms.not_after = bounds.not_after;
    *terms_out = terms;
    return ERR_OK;
}

enum err cert_terms_check(const X509 *issuer, const struct ca_terms *terms)
{
    int64_t now_s = clock_real_s();
    struct validity bounds;
    char from[CLOCK_TEXT_SIZE], now[CLOCK_TEXT_SIZE];
    TRY(issuer_open(issuer, now_s, &bounds));
    if (terms->not_before < bounds.not_before || terms->not_after > bounds.not_after)
        return fail(ERR_PRECONDITION,
                    "ca: nothing is signed: it would be valid when the issuing CA is not");
    return terms->not_before <= now_s + AHEAD_S
               ? ERR_OK
               : fail(ERR_PRECONDITION,
                      "ca: nothing is signed: it was to be valid from %s, and the server's "
                      "clock "
                      "says %s: that clock was ahead then, or is behind now",
                      clock_text(terms->not_before, from), clock_text(now_s, now));
}

static enum err set_serial(X509 *certificate, const struct ca_terms *terms)
{
    BIGNUM *number = BN_bin2bn(terms->serial, CA_SERIAL_SIZE, NULL);
    bool good = number != NULL && !BN_is_zero(number) && (terms->serial[0] & 0x80) == 0 &&
                BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return good ? ERR_OK : ssl_fail(ERR_INTERNAL, "serial");
}

static enum err set_validity(X509 *certificate, const struct ca_terms *terms)
{
    bool good =
        terms->not_before < terms->not_after &&
        ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)terms->not_before) != NULL &&
        ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)terms->not_after) != NULL;
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

/* A signer in the HSM has logged why it failed; one in software has not. */
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

/* All but the signature. */
static enum err draw_up(const struct cert_request *request, const struct ca_terms *terms,
                        X509 **certificate_out)
{
    const X509_NAME *issuer =
        request->issuer == NULL ? request->subject : X509_get_subject_name(request->issuer);
    AUTO(ssl_certificate_drop) X509 *certificate = X509_new();
    if (certificate == NULL || X509_set_version(certificate, X509_VERSION_3) != 1 ||
        X509_set_subject_name(certificate, request->subject) != 1 ||
        X509_set_issuer_name(certificate, issuer) != 1 ||
        X509_set_pubkey(certificate, request->subject_key) != 1)
        return ssl_fail(ERR_INTERNAL, "certificate");
    TRY(set_serial(certificate, terms));
    TRY(set_validity(certificate, terms));
    TRY(add_extensions(certificate, request));
    *certificate_out = TAKE(certificate);
    return ERR_OK;
}

enum err cert_make(const struct cert_request *request, X509 **certificate_out)
{
    const struct ca_terms *terms = request->terms;
    struct ca_terms fresh = { 0 };
    if (terms == NULL) {
        TRY(cert_terms_make(request->profile, request->issuer, &fresh));
        terms = &fresh;
    }
    AUTO(ssl_certificate_drop) X509 *certificate = NULL;
    TRY(draw_up(request, terms, &certificate));
    TRY(sign(certificate, request->signer));
    *certificate_out = TAKE(certificate);
    return ERR_OK;
}

/* --- Checking what another one made. --- */

static enum err differs(const char *what)
{
    return fail(ERR_MISMATCH, "ca: issued certificate: %s is not what was asked", what);
}

static bool same_extension(X509_EXTENSION *got, X509_EXTENSION *want)
{
    return OBJ_cmp(X509_EXTENSION_get_object(got), X509_EXTENSION_get_object(want)) == 0 &&
           X509_EXTENSION_get_critical(got) == X509_EXTENSION_get_critical(want) &&
           ASN1_STRING_cmp(X509_EXTENSION_get_data(got), X509_EXTENSION_get_data(want)) == 0;
}

/* Each wanted one is there, and as many as are wanted: so none twice, and no other. */
static enum err check_extensions(const X509 *certificate, const X509 *want)
{
    if (X509_get_ext_count(certificate) != X509_get_ext_count(want))
        return differs("the number of extensions");
    for (int i = 0; i < X509_get_ext_count(want); i++) {
        X509_EXTENSION *wanted = X509_get_ext(want, i);
        int nid = OBJ_obj2nid(X509_EXTENSION_get_object(wanted));
        int at = X509_get_ext_by_NID(certificate, nid, -1);
        if (at < 0 || !same_extension(X509_get_ext(certificate, at), wanted))
            return differs(OBJ_nid2ln(nid));
    }
    return ERR_OK;
}

enum err cert_check(X509 *certificate, const struct cert_request *request)
{
    AUTO(ssl_certificate_drop) X509 *want = NULL;
    TRY(draw_up(request, request->terms, &want));
    if (X509_get_version(certificate) != X509_VERSION_3)
        return differs("the version");
    if (X509_get_signature_nid(certificate) != NID_ecdsa_with_SHA256)
        return differs("the signature's algorithm");
    if (X509_NAME_cmp(X509_get_subject_name(certificate), request->subject) != 0)
        return differs("the subject");
    if (EVP_PKEY_eq(X509_get0_pubkey(certificate), request->subject_key) != 1)
        return differs("the key");
    if (ASN1_INTEGER_cmp(X509_get0_serialNumber(certificate), X509_get0_serialNumber(want)) !=
        0)
        return differs("the serial");
    if (ASN1_TIME_compare(X509_get0_notBefore(certificate), X509_get0_notBefore(want)) != 0 ||
        ASN1_TIME_compare(X509_get0_notAfter(certificate), X509_get0_notAfter(want)) != 0)
        return differs("the validity");
    return check_extensions(certificate, want);
}
