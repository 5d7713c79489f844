/* SPDX-License-Identifier: MIT */
/*
 * cert: builds a certificate by profile and signs it. Called by setup.c and by the HSM backend.
 * The same request and terms must give the same bytes to be signed (test_ca), so nothing is
 * chosen here that is not in the terms.
 */
#include "oem-server/ca/cert.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <string.h>
#include <time.h>

#include "common/host/clock.h"
#include "common/host/log.h"
#include "common/host/validity.h"
#include "oem-server/ca/ssl.h"

enum { RANDOM_SIZE = 16, DAY_S = 24 * 3600, AHEAD_S = 60 };

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
    struct validity bounds = { 0 };
    TRY(issuer_open(issuer, now_s, &bounds));
    struct ca_terms terms = { .not_before = now_s - CERT_BACK_DATED_S };
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
    struct validity bounds = { 0 };
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

/* --- What a CA outside may choose. --- */

static int64_t seconds_of(const ASN1_TIME *time_of)
{
    struct tm tm = { 0 };
    return ASN1_TIME_to_tm(time_of, &tm) == 1 ? (int64_t)timegm(&tm) : INT64_MIN;
}

static bool near(int64_t value, int64_t want, int64_t by)
{
    return value >= want - by && value <= want + by;
}

static enum err check_times(const X509 *certificate, const struct cert_request *r)
{
    int64_t from = seconds_of(X509_get0_notBefore(certificate));
    int64_t until = seconds_of(X509_get0_notAfter(certificate));
    if (from < r->terms->not_before - CERT_CLOCK_S || from > (int64_t)time(NULL) + CERT_CLOCK_S)
        return differs("the validity's begin");
    bool ends = r->profile->days == 0 ? until == r->terms->not_after
                                      : near(until, r->terms->not_after, DAY_S);
    return ends ? ERR_OK : differs("the validity's end");
}

static enum err check_serial(const X509 *certificate)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);
    BIGNUM *number = ASN1_INTEGER_to_BN(serial, NULL);
    bool good = number != NULL && !BN_is_negative(number) && !BN_is_zero(number) &&
                BN_num_bytes(number) <= CA_SERIAL_SIZE;
    BN_free(number);
    return good ? ERR_OK : differs("the serial");
}

static bool same_text(const X509_NAME_ENTRY *a, const X509_NAME_ENTRY *b)
{
    uint8_t *x = NULL, *y = NULL;
    int x_len = ASN1_STRING_to_UTF8(&x, X509_NAME_ENTRY_get_data(a));
    int y_len = ASN1_STRING_to_UTF8(&y, X509_NAME_ENTRY_get_data(b));
    bool same = x_len >= 0 && x_len == y_len && memcmp(x, y, (size_t)x_len) == 0;
    OPENSSL_free(x);
    OPENSSL_free(y);
    return same;
}

/* The one part of its kind: a subject of ours has none twice. */
static const X509_NAME_ENTRY *part_of(const X509_NAME *name, const X509_NAME_ENTRY *like)
{
    const ASN1_OBJECT *kind = X509_NAME_ENTRY_get_object(like);
    int at = X509_NAME_get_index_by_OBJ(name, kind, -1);
    return at >= 0 && X509_NAME_get_index_by_OBJ(name, kind, at) < 0
               ? X509_NAME_get_entry(name, at)
               : NULL;
}

/* The same parts, each in a set of its own, in any order. */
static bool same_parts(const X509_NAME *got, const X509_NAME *want)
{
    int count = X509_NAME_entry_count(want);
    if (X509_NAME_entry_count(got) != count)
        return false;
    for (int i = 0; i < count; i++) {
        const X509_NAME_ENTRY *wanted = X509_NAME_get_entry(want, i);
        const X509_NAME_ENTRY *part = part_of(got, wanted);
        if (part == NULL || !same_text(part, wanted) ||
            X509_NAME_ENTRY_set(X509_NAME_get_entry(got, i)) != i)
            return false;
    }
    return true;
}

static enum err check_terms(const X509 *certificate, const X509 *want,
                            const struct cert_request *r)
{
    if (r->own_terms) {
        TRY(check_serial(certificate));
        return check_times(certificate, r);
    }
    if (ASN1_INTEGER_cmp(X509_get0_serialNumber(certificate), X509_get0_serialNumber(want)) !=
        0)
        return differs("the serial");
    if (ASN1_TIME_compare(X509_get0_notBefore(certificate), X509_get0_notBefore(want)) != 0 ||
        ASN1_TIME_compare(X509_get0_notAfter(certificate), X509_get0_notAfter(want)) != 0)
        return differs("the validity");
    return ERR_OK;
}

static bool same_subject(const X509 *certificate, const struct cert_request *r)
{
    const X509_NAME *got = X509_get_subject_name(certificate);
    return r->own_terms ? same_parts(got, r->subject) : X509_NAME_cmp(got, r->subject) == 0;
}

enum err cert_check(X509 *certificate, const struct cert_request *request)
{
    AUTO(ssl_certificate_drop) X509 *want = NULL;
    TRY(draw_up(request, request->terms, &want));
    if (X509_get_version(certificate) != X509_VERSION_3)
        return differs("the version");
    if (X509_get_signature_nid(certificate) != NID_ecdsa_with_SHA256)
        return differs("the signature's algorithm");
    if (!same_subject(certificate, request))
        return differs("the subject");
    if (EVP_PKEY_eq(X509_get0_pubkey(certificate), request->subject_key) != 1)
        return differs("the key");
    TRY(check_terms(certificate, want, request));
    return check_extensions(certificate, want);
}
