/* SPDX-License-Identifier: MIT */
/*
 * check: tries each part of a configured EJBCA. Called by oemctl ca check. It must not leave a
 * valid certificate behind (tests/interop/ejbca/check).
 */
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "oem-server/ca/ejbca/ask.h"
#include "oem-server/ca/ejbca/inside.h"
#include "oem-server/ca/ejbca/issue.h"
#include "oem-server/ca/names.h"
#include "oem-server/ca/ssl.h"

enum { LABEL_BYTES = 12 };

struct trying {
    struct ejbca *e;
    ejbca_told *tell;
    void *context;
    enum err first;
    EVP_PKEY *key; /* of the test */
    int64_t date;  /* EJBCA's clock */
    /* Of the test's subject: EJBCA may refuse the same subject for another key. */
    char label[2 * LABEL_BYTES + 1];
};

static enum err say(struct trying *t, const char *step, enum err e, const char *detail)
{
    t->tell(t->context, step, e == ERR_OK, e == ERR_OK ? detail : fail_words());
    if (t->first == ERR_OK)
        t->first = e;
    return e;
}

/* A request of the test key. spoilt: its signature is wrong, so no CA may issue for it. */
static enum err request_of(const struct trying *t, bool spoilt, X509_REQ **csr_out)
{
    AUTO(ssl_request_drop) X509_REQ *csr = X509_REQ_new();
    AUTO(ssl_name_drop) X509_NAME *subject = NULL;
    const struct names_subject parts = { "Hallmark check", "check", "hallmark-check",
                                         t->label };
    TRY(names_subject_make(&parts, &subject));
    if (csr == NULL || X509_REQ_set_version(csr, X509_REQ_VERSION_1) != 1 ||
        X509_REQ_set_subject_name(csr, subject) != 1 || X509_REQ_set_pubkey(csr, t->key) != 1 ||
        X509_REQ_sign(csr, t->key, EVP_sha256()) <= 0)
        return ssl_fail(ERR_INTERNAL, "test request");
    if (spoilt) {
        const ASN1_BIT_STRING *signature = NULL;
        X509_REQ_get0_signature(csr, &signature, NULL);
        int last = ASN1_STRING_length(signature) - 1;
        ((uint8_t *)(uintptr_t)ASN1_STRING_get0_data(signature))[last] ^= 1;
    }
    *csr_out = TAKE(csr);
    return ERR_OK;
}

/* --- Steps. --- */

static enum err try_reach(struct trying *t)
{
    struct answer_status status = { 0 };
    struct ask_result result = { 0 };
    char words[2 * ANSWER_TEXT_MAX];
    enum err e = ask_status(t->e, &status, &result);
    t->date = result.date;
    snprintf(words, sizeof(words), "API %.60s, %.100s", status.version, status.revision);
    return say(t, "reachable", e, words);
}

static enum err try_clock(struct trying *t)
{
    char words[80];
    long long off = (long long)(t->date - (int64_t)time(NULL));
    enum err e = ERR_OK;
    snprintf(words, sizeof(words), "%lld s from ours", off);
    if (t->date == 0)
        e = fail_quiet(ERR_PRECONDITION, "its answer has no Date; next: compare the clocks by "
                                         "hand");
    else if (llabs(off) > CERT_CLOCK_S)
        e = fail_quiet(
            ERR_PRECONDITION,
            "it is %lld s from ours, and certificates are refused from %d s on; next: "
            "set both by NTP",
            off, CERT_CLOCK_S);
    return say(t, "clock", e, words);
}

static enum err try_role(struct trying *t)
{
    AUTO(answer_found_free) struct answer_found found = { 0 };
    return say(t, "role", ask_search(t->e, "hallmark-check", &found),
               "our certificate has a role, and may search");
}

static void bio_drop(BIO **bio)
{
    BIO_free(*bio);
}

/* Each "KEY=value" of ours is in theirs; in which order differs. */
static bool same_dn(const X509_NAME *name, const char *theirs)
{
    AUTO(bio_drop) BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL, *save = NULL;
    if (bio == NULL || X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) < 0)
        return false;
    long len = BIO_get_mem_data(bio, &text);
    AUTO(free_drop) char *copy = strndup(text, (size_t)len);
    for (char *part = copy == NULL ? NULL : strtok_r(copy, ",", &save); part != NULL;
         part = strtok_r(NULL, ",", &save))
        if (strcasestr(theirs, strchr(part, '=') == NULL ? part : strchr(part, '=')) == NULL)
            return false;
    return copy != NULL;
}

static enum err check_end(const struct trying *t)
{
    struct tm end = { 0 };
    if (X509_cmp_time(X509_get0_notAfter(t->e->issuer), NULL) < 0)
        return fail_quiet(ERR_PRECONDITION, "[ejbca] issuer has expired");
    if (t->e->config->profiles[EJBCA_DEVICE].certificate_profile != NULL &&
        ASN1_TIME_to_tm(X509_get0_notAfter(t->e->issuer), &end) == 1 &&
        end.tm_year + 1900 < 9999)
        return fail_quiet(ERR_PRECONDITION,
                          "it expires in %d, and EJBCA cuts what it issues to that; devices "
                          "have no expiry; next: a CA that ends 99991231235959Z",
                          end.tm_year + 1900);
    return ERR_OK;
}

static enum err try_ca(struct trying *t)
{
    char subject[2 * ANSWER_TEXT_MAX];
    enum err e = ask_ca_subject(t->e, subject);
    bool told = e != ERR_UNIMPLEMENTED;
    if (e == ERR_OK && !same_dn(X509_get_subject_name(t->e->issuer), subject))
        e = fail_quiet(ERR_MISMATCH,
                       "%.60s is %.160s, and [ejbca] issuer is another; next: download that "
                       "CA's certificate from EJBCA",
                       t->e->config->ca, subject);
    else if (e == ERR_NOT_FOUND)
        e = fail_quiet(e,
                       "no CA %.60s that our role may see; next: [ejbca] ca is its name, and "
                       "the role needs /ca/ID",
                       t->e->config->ca);
    if (e == ERR_OK || !told)
        e = check_end(t);
    return say(t, "CA certificate", e,
               told ? "as configured"
                    : "this version does not list its CAs: see the test certificate");
}

/* EJBCA looks profiles up before it looks at the request's signature, which is wrong. */
static enum err try_profile(struct trying *t, enum ejbca_use use)
{
    AUTO(ssl_request_drop) X509_REQ *csr = NULL;
    AUTO(ssl_certificate_drop) X509 *certificate = NULL;
    struct ask_result result = { 0 };
    char step[40], user[USER_SIZE];
    snprintf(step, sizeof(step), "profile %s", ejbca_use_name(use));
    TRY(request_of(t, true, &csr));
    TRY(issue_user(use, X509_REQ_get_subject_name(csr), t->key, user));
    enum err e = ask_enrol(t->e, use, user, csr, &certificate, &result);
    if (e == ERR_OK) {
        enum err revoked = ask_revoke(t->e, certificate, "CESSATION_OF_OPERATION");
        e = fail_quiet(ERR_PRECONDITION,
                       "it issued for a request with a wrong signature (%s); "
                       "next: have the CA verify proof of possession",
                       revoked == ERR_OK ? "revoked" : "NOT revoked");
    } else if (result.fault == FAULT_REQUEST || result.fault == FAULT_REFUSED ||
               result.fault == FAULT_SAME_KEY || result.fault == FAULT_SAME_DN) {
        e = ERR_OK;
    }
    return say(t, step, e, "known");
}

static enum err check_test(const struct trying *t, X509 *certificate)
{
    if (EVP_PKEY_eq(X509_get0_pubkey(certificate), t->key) != 1)
        return fail_quiet(ERR_MISMATCH, "the test certificate is for another key");
    if (X509_verify(certificate, X509_get0_pubkey(t->e->issuer)) != 1)
        return fail_quiet(ERR_MISMATCH, "the test certificate is not [ejbca] issuer's");
    return ERR_OK;
}

static enum err revoke_test(const struct trying *t, X509 *certificate)
{
    bool revoked = false;
    TRY(ask_revoke(t->e, certificate, "CESSATION_OF_OPERATION"));
    TRY(ask_revoked(t->e, certificate, &revoked));
    return revoked ? ERR_OK
                   : fail_quiet(ERR_MISMATCH, "the test certificate is still valid; next: "
                                              "revoke hallmark-check in EJBCA");
}

static enum err try_certificate(struct trying *t)
{
    AUTO(ssl_request_drop) X509_REQ *csr = NULL;
    AUTO(ssl_certificate_drop) X509 *certificate = NULL;
    struct ask_result result = { 0 };
    char user[USER_SIZE];
    if (t->e->config->profiles[EJBCA_CHECK].certificate_profile == NULL)
        return say(t, "test certificate",
                   fail_quiet(ERR_PRECONDITION,
                              "not tried; next: set [ejbca] check_certificate_profile and "
                              "check_end_entity_profile"),
                   "");
    TRY(request_of(t, false, &csr));
    TRY(issue_user(EJBCA_CHECK, X509_REQ_get_subject_name(csr), t->key, user));
    enum err e = ask_enrol(t->e, EJBCA_CHECK, user, csr, &certificate, &result);
    if (say(t, "test certificate", e == ERR_OK ? check_test(t, certificate) : e,
            "issued by [ejbca] issuer") != ERR_OK &&
        certificate == NULL)
        return t->first;
    return say(t, "revocation", revoke_test(t, certificate), "the test certificate is revoked");
}

static enum err try_all(struct trying *t)
{
    TRY(try_reach(t));
    enum err later = try_clock(t);
    if (try_role(t) != ERR_OK)
        return t->first;
    later = try_ca(t);
    for (enum ejbca_use use = EJBCA_DEVICE; use < EJBCA_CHECK; use++)
        if (t->e->config->profiles[use].certificate_profile != NULL)
            later = try_profile(t, use);
    later = try_certificate(t);
    return t->first != ERR_OK ? t->first : later;
}

enum err ejbca_check(struct ejbca *ejbca, ejbca_told *tell, void *context)
{
    struct trying t = { .e = ejbca, .tell = tell, .context = context };
    uint8_t random[LABEL_BYTES];
    t.key = EVP_EC_gen("P-256");
    if (t.key == NULL || RAND_bytes(random, sizeof(random)) != 1)
        return ssl_fail(ERR_INTERNAL, "test key");
    hex_of(SPAN(random), t.label);
    enum err e = try_all(&t);
    EVP_PKEY_free(t.key);
    return e;
}
