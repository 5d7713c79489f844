/* SPDX-License-Identifier: MIT */
/*
 * issue: see issue.h. Called through the backend by ca.c, on workers. It must not ask for a
 * certificate again while EJBCA may have made one (tests/interop/ejbca/faults), and must not
 * revoke one that is not for the request's own key.
 */
#include "oem-server/ca/ejbca/issue.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "common/host/clock.h"
#include "common/host/hex.h"
#include "common/host/log.h"
#include "common/host/p256.h"
#include "oem-server/ca/ejbca/ask.h"
#include "oem-server/ca/ssl.h"

enum { KEY_HEX = 8 }; /* bytes of the key's digest in a user name */

/* The part that tells subjects apart: serialNumber, or else CN. */
static void label_of(const X509_NAME *subject, char *label, size_t size)
{
    char text[70] = "";
    if (X509_NAME_get_text_by_NID(subject, NID_serialNumber, text, sizeof(text)) < 0)
        X509_NAME_get_text_by_NID(subject, NID_commonName, text, sizeof(text));
    size_t n = 0;
    for (const char *at = text; *at != '\0' && n + 1 < size; at++)
        label[n++] = isalnum((unsigned char)*at) || *at == '.' || *at == '-' ? *at : '_';
    label[n] = '\0';
}

enum err issue_user(enum ejbca_use use, const X509_NAME *subject, EVP_PKEY *key,
                    char user_out[static USER_SIZE])
{
    char label[66], hex[2 * KEY_HEX + 1];
    uint8_t point[P256_POINT_SIZE], digest[SHA256_SIZE];
    TRY(p256_point_of(key, point));
    sha256_of(SPAN(point), digest);
    label_of(subject, label, sizeof(label));
    snprintf(user_out, USER_SIZE, "hallmark-%s-%s-%s", ejbca_use_name(use), label,
             hex_of(span_of(digest, KEY_HEX), hex));
    return ERR_OK;
}

static void extensions_drop(STACK_OF(X509_EXTENSION) * *list)
{
    sk_X509_EXTENSION_pop_free(*list, X509_EXTENSION_free);
}

/* One request under way. */
struct asking {
    struct ejbca *e;
    enum ejbca_use use;
    const struct backend_request *request;
    char user[USER_SIZE];
};

static EVP_PKEY *key_of(const struct asking *a)
{
    return X509_REQ_get0_pubkey(a->request->csr);
}

/* For the key, and from the configured CA: only such ones are accepted or revoked. */
static bool is_for_key(const struct ejbca *e, X509 *certificate, EVP_PKEY *key)
{
    return EVP_PKEY_eq(X509_get0_pubkey(certificate), key) == 1 &&
           X509_verify(certificate, X509_get0_pubkey(e->issuer)) == 1;
}

static enum err revoke(struct ejbca *e, const X509 *certificate, const char *why)
{
    enum err failed = ask_revoke(e, certificate, "SUPERSEDED");
    if (failed == ERR_OK)
        log_line(LOG_LEVEL_WARN, "ca: EJBCA: revoked a certificate: %s", why);
    return failed;
}

/* Which of two that were both asked for stands: the same one for everybody who asks. */
static bool is_before(const X509 *a, const X509 *b)
{
    int order = ASN1_TIME_compare(X509_get0_notBefore(a), X509_get0_notBefore(b));
    return order < 0 || (order == 0 && ASN1_INTEGER_cmp(X509_get0_serialNumber(a),
                                                        X509_get0_serialNumber(b)) < 0);
}

/* Of an earlier generation of the unit: revoked here, and perhaps not yet there. */
static bool was_revoked(const struct asking *a, const X509 *certificate)
{
    struct span serials = a->request->before.revoked;
    uint8_t serial[CA_SERIAL_SIZE] = { 0 };
    bool found = false;
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
    if (number != NULL && BN_bn2binpad(number, serial, sizeof(serial)) > 0)
        for (size_t at = 0; at + CA_SERIAL_SIZE <= serials.len; at += CA_SERIAL_SIZE)
            found = found || memcmp(serials.ptr + at, serial, CA_SERIAL_SIZE) == 0;
    BN_free(number);
    return found;
}

static enum err is_usable(const struct asking *a, X509 *certificate, bool *usable_out)
{
    bool revoked = false;
    *usable_out = false;
    if (was_revoked(a, certificate) || !is_for_key(a->e, certificate, key_of(a)) ||
        backend_check(a->request, a->e->issuer, true, certificate) != ERR_OK)
        return ERR_OK;
    TRY(ask_revoked(a->e, certificate, &revoked));
    *usable_out = !revoked;
    return ERR_OK;
}

/* *best_out: the one that stands, borrowed from found; NULL: there is none. */
static enum err choose(const struct asking *a, const struct answer_found *found,
                       X509 **best_out)
{
    *best_out = NULL;
    for (size_t i = 0; i < found->count; i++) {
        X509 *one = found->certificates[i];
        bool usable;
        TRY(is_usable(a, one, &usable));
        if (usable && (*best_out == NULL || is_before(one, *best_out)))
            *best_out = one;
    }
    return ERR_OK;
}

/* All for that key but the one that stands. */
static enum err revoke_others(struct ejbca *e, const struct answer_found *found, X509 *stands)
{
    for (size_t i = 0; i < found->count; i++) {
        X509 *one = found->certificates[i];
        bool revoked = false;
        if (X509_cmp(one, stands) == 0 || !is_for_key(e, one, X509_get0_pubkey(stands)))
            continue;
        TRY(ask_revoked(e, one, &revoked));
        if (!revoked)
            TRY(revoke(e, one, "a second one for the same key"));
    }
    return ERR_OK;
}

static enum err search(struct ejbca *e, const char *user, struct answer_found *found)
{
    TRY(ask_search(e, user, found));
    return !found->more
               ? ERR_OK
               : fail(ERR_PRECONDITION,
                      "ca: EJBCA: user %s has more than %d certificates; next: look at "
                      "it in EJBCA",
                      user, ANSWER_FOUND_MAX);
}

/* ERR_NOT_FOUND: EJBCA has made none. Others for the same key are revoked. */
static enum err adopt(const struct asking *a, X509 **certificate_out)
{
    AUTO(answer_found_free) struct answer_found found = { 0 };
    X509 *best = NULL;
    TRY(search(a->e, a->user, &found));
    TRY(choose(a, &found, &best));
    if (best == NULL)
        return fail_quiet(ERR_NOT_FOUND, "ca: EJBCA: no certificate of user %s", a->user);
    TRY(revoke_others(a->e, &found, best));
    X509_up_ref(best);
    *certificate_out = best;
    log_line(LOG_LEVEL_INFO, "ca: EJBCA: found the certificate of user %s, made before",
             a->user);
    return ERR_OK;
}

static uint64_t later_ms(const struct ejbca *e)
{
    return clock_ms() + 2 * (uint64_t)e->config->timeout_ms;
}

static void keep_watching(const struct asking *a, const X509 *stands)
{
    AUTO(buf_free) struct buf der = { 0 };
    if (stands == NULL || ssl_certificate_der(stands, &der) == ERR_OK)
        doubt_put(&a->e->doubts, a->user, later_ms(a->e), buf_span(&der));
}

/* What EJBCA answers must be what was asked for; otherwise, if it is for our key, it is
 * revoked, so that nobody uses it. */
static enum err accept(const struct asking *a, X509 *certificate)
{
    char words[FAIL_WORDS_MAX];
    enum err wrong = backend_check(a->request, a->e->issuer, true, certificate);
    if (wrong == ERR_OK)
        return ERR_OK;
    snprintf(words, sizeof(words),
             "%.240s; next: compare EJBCA's certificate profile with "
             "oem-server(8)",
             fail_words());
    if (is_for_key(a->e, certificate, key_of(a)) &&
        revoke(a->e, certificate, "not what was asked") != ERR_OK)
        keep_watching(a, NULL);
    return fail_quiet(wrong, "%s", words);
}

/* An earlier request may have been done while this one was. */
static enum err settle(const struct asking *a, X509 *certificate)
{
    AUTO(answer_found_free) struct answer_found found = { 0 };
    keep_watching(a, certificate);
    TRY(search(a->e, a->user, &found));
    return revoke_others(a->e, &found, certificate);
}

/* The answer is lost, or the text of a 400 says what it likes: only a search tells. */
static enum err recover(const struct asking *a, enum err failed,
                        const struct ask_result *result, X509 **certificate_out)
{
    char words[FAIL_WORDS_MAX];
    snprintf(words, sizeof(words), "%s", fail_words());
    if (!fault_is_doubtful(result->fault))
        return failed;
    if (result->status == 0 || result->status >= 500 || result->fault == FAULT_MALFORMED)
        keep_watching(a, NULL);
    enum err found = adopt(a, certificate_out);
    if (found == ERR_OK)
        keep_watching(a, *certificate_out);
    if (found != ERR_OK)
        fail_set(words);
    return found == ERR_OK ? ERR_OK : failed;
}

static enum err wait_for_doubt(const struct asking *a)
{
    uint64_t left = doubt_left_ms(&a->e->doubts, a->user, clock_ms());
    return left == 0 ? ERR_OK
                     : fail(ERR_UNAVAILABLE,
                            "ca: EJBCA: it may still be working on an earlier request for this "
                            "key; retry in %llu s",
                            (unsigned long long)(left + 999) / 1000);
}

static enum err enrol(const struct asking *a, X509 **certificate_out)
{
    struct ask_result result = { 0 };
    AUTO(ssl_certificate_drop) X509 *certificate = NULL;
    enum err failed = ask_enrol(a->e, a->use, a->user, a->request->csr, &certificate, &result);
    if (failed != ERR_OK)
        return recover(a, failed, &result, certificate_out);
    TRY(accept(a, certificate));
    if (a->request->before.asked)
        TRY(settle(a, certificate));
    *certificate_out = TAKE(certificate);
    return ERR_OK;
}

static enum err issue(const struct asking *a, X509 **certificate_out)
{
    TRY(ask_edition(a->e));
    bool doubtful = doubt_left_ms(&a->e->doubts, a->user, clock_ms()) != 0;
    if (a->request->before.asked || doubtful) {
        enum err found = adopt(a, certificate_out);
        if (found != ERR_NOT_FOUND)
            return found;
        TRY(wait_for_doubt(a));
    }
    return enrol(a, certificate_out);
}

/* EJBCA takes subject and alternative name from the request itself. */
static enum err check_principal(const struct asking *a)
{
    const struct backend_request *r = a->request;
    if (r->uri == NULL)
        return ERR_OK;
    AUTO(extensions_drop) STACK_OF(X509_EXTENSION) *list = X509_REQ_get_extensions(r->csr);
    AUTO(ssl_general_names_drop)
    GENERAL_NAMES *names = X509V3_get_d2i(list, NID_subject_alt_name, NULL, NULL);
    const GENERAL_NAME *one =
        sk_GENERAL_NAME_num(names) == 1 ? sk_GENERAL_NAME_value(names, 0) : NULL;
    bool named = one != NULL && one->type == GEN_URI &&
                 span_eq(span_of(ASN1_STRING_get0_data(one->d.uniformResourceIdentifier),
                                 (size_t)ASN1_STRING_length(one->d.uniformResourceIdentifier)),
                         span_of(r->uri, strlen(r->uri)));
    return named && X509_NAME_cmp(X509_REQ_get_subject_name(r->csr), r->subject) == 0
               ? ERR_OK
               : fail(ERR_INVALID,
                      "ca: EJBCA takes subject and URI from the request, and this one has "
                      "others; "
                      "next: openssl req -subj /O=.../OU=%s/CN=... -addext "
                      "subjectAltName=URI:%s",
                      r->profile->name, r->uri);
}

enum err issue_once(struct ejbca *e, enum ejbca_use use, const struct backend_request *request,
                    X509 **certificate_out)
{
    struct asking a = { .e = e, .use = use, .request = request };
    TRY(check_principal(&a));
    TRY(issue_user(use, request->subject, X509_REQ_get0_pubkey(request->csr), a.user));
    if (!turn_take(&e->turns, a.user, e->config->timeout_ms))
        return fail(ERR_UNAVAILABLE,
                    "ca: EJBCA: another request for the same key is still under "
                    "way; retry in 5 s");
    enum err result = issue(&a, certificate_out);
    turn_leave(&e->turns, a.user);
    return result;
}

enum err issue_unused(struct ejbca *e, X509 *unused, X509 *stands)
{
    if (X509_cmp(unused, stands) == 0 || !is_for_key(e, unused, X509_get0_pubkey(unused)))
        return ERR_OK;
    return revoke(e, unused, "another one stands");
}

bool issue_tidy(struct ejbca *e)
{
    struct doubt doubt = { 0 };
    AUTO(answer_found_free) struct answer_found found = { 0 };
    AUTO(ssl_certificate_drop) X509 *stands = NULL;
    if (!doubt_take(&e->doubts, clock_ms(), &doubt))
        return false;
    enum err failed = doubt.stands.len == 0 ? ERR_OK : search(e, doubt.user, &found);
    if (failed == ERR_OK && doubt.stands.len != 0)
        failed = ssl_certificate_open("in use", buf_span(&doubt.stands), &stands);
    if (failed == ERR_OK && stands != NULL)
        failed = revoke_others(e, &found, stands);
    if (failed != ERR_OK) /* again, later */
        doubt_put(&e->doubts, doubt.user, later_ms(e), buf_span(&doubt.stands));
    buf_free(&doubt.stands);
    return failed == ERR_OK;
}
