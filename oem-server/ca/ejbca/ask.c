/* SPDX-License-Identifier: MIT */
/*
 * ask: see ask.h. Called by issue.c, check.c and ejbca.c. Each call goes through the breaker
 * once and is sent once.
 */
#include "oem-server/ca/ejbca/ask.h"

#include <jansson.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/clock.h"
#include "common/host/hex.h"
#include "common/host/log.h"

static void json_drop(json_t **json)
{
    json_decref(*json);
}

static void bio_drop(BIO **bio)
{
    BIO_free(*bio);
}

static void number_drop(BIGNUM **number)
{
    BN_free(*number);
}

static void openssl_drop(char **text)
{
    OPENSSL_free(*text);
}

static enum err no_memory(void)
{
    return fail(ERR_MEMORY, "ca: EJBCA: no memory for a request");
}

static enum err refuse(struct breaker *breaker, enum breaker_answer why, uint64_t left_ms,
                       struct ask_result *result)
{
    char text[ANSWER_TEXT_MAX] = "";
    result->fault = why == BREAKER_CROWDED ? FAULT_CROWDED : FAULT_OPEN;
    if (why != BREAKER_CROWDED)
        snprintf(text, sizeof(text), "retry in %llu s; last: %.100s",
                 (unsigned long long)(left_ms + 999) / 1000, breaker_last(breaker));
    return fault_fail(result->fault, 0, text);
}

static void read_fault(const struct http_answer *answer, struct ask_result *result)
{
    if (result->fault != FAULT_NONE)
        snprintf(result->text, sizeof(result->text), "%.150s", answer->detail);
    else if (answer->status != 200 && answer->status != 201)
        answer_text(buf_span(&answer->body), result->text);
    if (result->fault == FAULT_NONE)
        result->fault = fault_of(answer->status, result->text);
}

static enum err call_through(struct ejbca *e, struct breaker *breaker,
                             const struct http_call *c, struct ask_result *result,
                             struct http_answer *answer)
{
    uint64_t left_ms = 0;
    *result = (struct ask_result){ 0 };
    enum breaker_answer gate = breaker_enter(breaker, clock_ms(), &left_ms);
    if (gate == BREAKER_REFUSED || gate == BREAKER_CROWDED)
        return refuse(breaker, gate, left_ms, result);
    result->fault = http_do(e->config, c, answer);
    result->status = answer->status;
    result->date = answer->date;
    read_fault(answer, result);
    bool outage = fault_is_outage(result->fault, result->status);
    breaker_leave(breaker, clock_ms(), gate == BREAKER_PROBE,
                  outage ? fault_message(result->fault) : NULL);
    return result->fault == FAULT_NONE
               ? ERR_OK
               : fault_fail(result->fault, result->status, result->text);
}

static enum err call(struct ejbca *e, const struct http_call *c, struct ask_result *result,
                     struct http_answer *answer)
{
    return call_through(e, &e->asking, c, result, answer);
}

/* The answer was well, and cannot be parsed. */
static enum err told(enum err parsed, struct ask_result *result)
{
    if (parsed != ERR_PROTO)
        return parsed;
    char words[ANSWER_TEXT_MAX];
    snprintf(words, sizeof(words), "%.150s", fail_words());
    result->fault = FAULT_MALFORMED;
    return fault_fail(FAULT_MALFORMED, 0, words);
}

enum err ask_status(struct ejbca *e, struct answer_status *status_out,
                    struct ask_result *result_out)
{
    AUTO(http_answer_free) struct http_answer answer = { 0 };
    const struct http_call c = { "GET", "/v1/certificate/status", NULL };
    TRY(call(e, &c, result_out, &answer));
    return told(answer_status(buf_span(&answer.body), status_out), result_out);
}

enum err ask_edition(struct ejbca *e)
{
    struct answer_status status = { 0 };
    struct ask_result result = { 0 };
    if (atomic_load(&e->edition) != EDITION_NOT_ASKED)
        return ERR_OK;
    TRY(ask_status(e, &status, &result));
    log_line(LOG_LEVEL_INFO, "ca: EJBCA: API %s, %s", status.version, status.revision);
    atomic_store(&e->edition,
                 strcasestr(status.revision, "enterprise") != NULL  ? EDITION_ENTERPRISE
                 : strcasestr(status.revision, "community") != NULL ? EDITION_COMMUNITY
                                                                    : EDITION_OTHER);
    return ERR_OK;
}

static char *pem_of(X509_REQ *csr)
{
    AUTO(bio_drop) BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    if (bio == NULL || PEM_write_bio_X509_REQ(bio, csr) != 1)
        return NULL;
    long len = BIO_get_mem_data(bio, &text);
    return strndup(text, (size_t)len);
}

static enum err enrolment(struct ejbca *e, enum ejbca_use use, const char *user, X509_REQ *csr,
                          char **body_out)
{
    const struct ejbca_profile_pair *pair = &e->config->profiles[use];
    AUTO(free_drop) char *pem = pem_of(csr);
    uint8_t random[16];
    char password[2 * sizeof(random) + 1];
    if (RAND_bytes(random, sizeof(random)) != 1)
        return fail(ERR_INTERNAL, "ca: EJBCA: no random password");
    AUTO(json_drop)
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "certificate_request", pem,
                             "certificate_profile_name", pair->certificate_profile,
                             "end_entity_profile_name", pair->end_entity_profile,
                             "certificate_authority_name", e->config->ca, "username", user,
                             "password", hex_of(SPAN(random), password), "include_chain", 0);
    *body_out = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
    return *body_out == NULL ? no_memory() : ERR_OK;
}

enum err ask_enrol(struct ejbca *e, enum ejbca_use use, const char *user, X509_REQ *csr,
                   X509 **certificate_out, struct ask_result *result_out)
{
    AUTO(http_answer_free) struct http_answer answer = { 0 };
    AUTO(free_drop) char *body = NULL;
    TRY(enrolment(e, use, user, csr, &body));
    const struct http_call c = { "POST", "/v1/certificate/pkcs10enroll", body };
    TRY(call_through(e, &e->issuing, &c, result_out, &answer));
    return told(answer_certificate(buf_span(&answer.body), certificate_out), result_out);
}

enum err ask_search(struct ejbca *e, const char *user, struct answer_found *found_out)
{
    AUTO(http_answer_free) struct http_answer answer = { 0 };
    struct ask_result result;
    AUTO(json_drop)
    json_t *json =
        json_pack("{s:i, s:[{s:s, s:s, s:s}]}", "max_number_of_results", ANSWER_FOUND_MAX,
                  "criteria", "property", "QUERY", "value", user, "operation", "EQUAL");
    AUTO(free_drop) char *body = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
    if (body == NULL)
        return no_memory();
    const struct http_call c = { "POST", "/v1/certificate/search", body };
    TRY(call(e, &c, &result, &answer));
    return told(answer_search(buf_span(&answer.body), found_out), &result);
}

/* "/v1/certificate/ISSUER/SERIAL" and what follows. */
static enum err certificate_path(const struct ejbca *e, const X509 *certificate,
                                 const char *rest, char **path_out)
{
    AUTO(number_drop)
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
    AUTO(openssl_drop) char *serial = number == NULL ? NULL : BN_bn2hex(number);
    if (serial == NULL ||
        asprintf(path_out, "/v1/certificate/%s/%s/%s", e->issuer_path, serial, rest) < 0)
        return no_memory();
    return ERR_OK;
}

enum err ask_revoked(struct ejbca *e, const X509 *certificate, bool *revoked_out)
{
    AUTO(http_answer_free) struct http_answer answer = { 0 };
    AUTO(free_drop) char *path = NULL;
    struct ask_result result;
    TRY(certificate_path(e, certificate, "revocationstatus", &path));
    const struct http_call c = { "GET", path, NULL };
    TRY(call(e, &c, &result, &answer));
    return told(answer_revoked(buf_span(&answer.body), revoked_out), &result);
}

enum err ask_revoke(struct ejbca *e, const X509 *certificate, const char *reason)
{
    AUTO(http_answer_free) struct http_answer answer = { 0 };
    AUTO(free_drop) char *path = NULL;
    char rest[60];
    struct ask_result result;
    snprintf(rest, sizeof(rest), "revoke?reason=%s", reason);
    TRY(certificate_path(e, certificate, rest, &path));
    const struct http_call c = { "PUT", path, NULL };
    enum err e_ = call(e, &c, &result, &answer);
    return result.fault == FAULT_CONFLICT ? ERR_OK : e_; /* revoked already */
}

enum err ask_ca_subject(struct ejbca *e, char subject_out[static ANSWER_TEXT_MAX * 2])
{
    AUTO(http_answer_free) struct http_answer answer = { 0 };
    struct ask_result result;
    const struct http_call c = { "GET", "/v1/ca", NULL };
    enum err failed = call(e, &c, &result, &answer);
    if (result.status == 404)
        return fail_quiet(ERR_UNIMPLEMENTED, "this version does not list its CAs");
    TRY(failed);
    return told(answer_ca_subject(buf_span(&answer.body), e->config->ca, subject_out), &result);
}

enum err ask_generate(struct ejbca *e, const char *alias, struct ask_result *result_out)
{
    AUTO(http_answer_free) struct http_answer answer = { 0 };
    AUTO(free_drop) char *path = NULL;
    AUTO(free_drop) char *token = http_escape(e->config->crypto_token);
    AUTO(json_drop)
    json_t *json = json_pack("{s:s, s:s, s:s}", "key_pair_alias", alias, "key_alg", "EC",
                             "key_spec", "secp256r1");
    AUTO(free_drop) char *body = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
    if (token == NULL || body == NULL ||
        asprintf(&path, "/v1/cryptotoken/%s/generatekeys", token) < 0)
        return no_memory();
    const struct http_call c = { "POST", path, body };
    return call_through(e, &e->issuing, &c, result_out, &answer);
}
