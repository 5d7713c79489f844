/* SPDX-License-Identifier: MIT */
/*
 * fault: the table of faults. Used by ask.c for each answer. The texts are those that
 * EJBCA 7.11 to 9.x give; a text decides which message people read, and nothing else.
 */
#include "oem-server/ca/ejbca/fault.h"

#include <stdio.h>
#include <string.h>

#include "common/host/log.h"

static const struct {
    enum err err;
    const char *message;
    const char *advice;
} rows[FAULTS] = {
    [FAULT_NONE] = { ERR_OK, "no fault", "" },
    [FAULT_UNREACHABLE] = { ERR_UNAVAILABLE, "no connection to it",
                            "check [ejbca] url, the network and that EJBCA runs" },
    [FAULT_TLS_SERVER] = { ERR_UNAVAILABLE, "its TLS certificate is not trusted",
                           "put the CA of EJBCA's server certificate into [ejbca] trust, and "
                           "its "
                           "name into [ejbca] url" },
    [FAULT_OPEN] = { ERR_UNAVAILABLE, "not called, because it failed several times in a row",
                     "retry after that time; oemctl ca check tells what is wrong" },
    [FAULT_CROWDED] = { ERR_UNAVAILABLE, "not called, because too many calls are under way",
                        "retry in 5 s; EJBCA is slower than boards arrive" },
    [FAULT_TLS_CLIENT] = { ERR_UNAVAILABLE, "it refused the TLS handshake with our certificate",
                           "have the CA of [ejbca] certificate in the trust store of EJBCA's "
                           "application server" },
    [FAULT_SLOW] = { ERR_UNAVAILABLE, "no answer within [ejbca] timeout_ms",
                     "look at EJBCA's load and its HSM; the next run searches first" },
    [FAULT_LOST] = { ERR_UNAVAILABLE, "the connection ended before the answer",
                     "repeat the run: it searches for the certificate first" },
    [FAULT_TOO_LONG] = { ERR_UNAVAILABLE, "its answer is longer than 256 KiB",
                         "see that [ejbca] url is EJBCA's REST API and no other page" },
    [FAULT_MALFORMED] = { ERR_UNAVAILABLE, "its answer is not what its API answers",
                          "see that [ejbca] url ends in /ejbca/ejbca-rest-api" },
    [FAULT_REDIRECTED] = { ERR_PRECONDITION, "it redirects, which is not followed",
                           "put the address of the REST API itself into [ejbca] url" },
    [FAULT_SERVER] = { ERR_UNAVAILABLE, "it failed", "look into EJBCA's server log" },
    [FAULT_CA_OFFLINE] = { ERR_UNAVAILABLE, "its CA is offline",
                           "activate the CA [ejbca] ca in EJBCA" },
    [FAULT_TOKEN_OFFLINE] = { ERR_UNAVAILABLE, "the crypto token (HSM) of its CA is offline",
                              "activate the CA's crypto token in EJBCA, and look at its HSM" },
    [FAULT_APPROVAL] = { ERR_PRECONDITION, "it wants an approval for each certificate",
                         "switch approvals off for this CA and certificate profile: orders are "
                         "approved here (two_person)" },
    [FAULT_NO_PROFILE] = { ERR_PRECONDITION, "it does not know a profile",
                           "compare the names in [ejbca] *_profile with those in EJBCA" },
    [FAULT_NO_CA] = { ERR_PRECONDITION, "it does not know the CA",
                      "[ejbca] ca is the CA's name in EJBCA, not its DN" },
    [FAULT_SAME_KEY] = { ERR_PRECONDITION, "the key is another end entity's",
                         "find that end entity in EJBCA: boards must not share a key" },
    [FAULT_SAME_DN] = { ERR_PRECONDITION, "the subject is another end entity's",
                        "switch 'enforce unique DN' off for this CA, or revoke that end "
                        "entity" },
    [FAULT_REQUEST] = { ERR_PRECONDITION, "it refuses the certificate request",
                        "let the certificate profile allow ECDSA with P-256" },
    [FAULT_REFUSED] = { ERR_PRECONDITION, "it refused",
                        "its text says why; oemctl ca check tries each part" },
    [FAULT_NO_CERTIFICATE] = { ERR_PRECONDITION, "it saw no client certificate",
                               "connect to EJBCA without a proxy that ends TLS" },
    [FAULT_FORBIDDEN] = { ERR_PRECONDITION, "our client certificate may not do this",
                          "add it to a role with the access rules of oem-server(8)" },
    [FAULT_ENTERPRISE] = { ERR_PRECONDITION, "this edition has no such call",
                           "[boot] keys = ejbca needs EJBCA Enterprise; use keys = hsm" },
    [FAULT_DISABLED] = { ERR_PRECONDITION, "there is nothing at this address",
                         "enable 'REST Certificate Management' in EJBCA, and check [ejbca] "
                         "url" },
    [FAULT_CONFLICT] = { ERR_PRECONDITION, "it was done already", "" },
};

/* Of these words all must be in the text; the first row that fits counts. */
static const struct {
    enum ejbca_fault fault;
    const char *one, *two;
} texts[] = {
    { FAULT_APPROVAL, "approval", NULL },
    { FAULT_TOKEN_OFFLINE, "device was unavailable", NULL },
    { FAULT_TOKEN_OFFLINE, "token", "offline" },
    { FAULT_TOKEN_OFFLINE, "token", "off-line" },
    { FAULT_CA_OFFLINE, "offline", NULL },
    { FAULT_CA_OFFLINE, "off-line", NULL },
    { FAULT_CA_OFFLINE, "not active", NULL },
    { FAULT_NO_PROFILE, "profile", "not exist" },
    { FAULT_NO_PROFILE, "profile", "n't exist" },
    { FAULT_NO_PROFILE, "profile", "not found" },
    { FAULT_NO_PROFILE, "profile", "unknown" },
    { FAULT_SAME_KEY, "same key", NULL },
    { FAULT_SAME_KEY, "public key", "already" },
    { FAULT_SAME_DN, "subject dn", "already" },
    { FAULT_SAME_DN, "same subject", NULL },
    { FAULT_NO_CA, "ca with", "not exist" },
    { FAULT_NO_CA, "ca with", "n't exist" },
    { FAULT_NO_CA, "ca ", "does not exist" },
    { FAULT_REQUEST, "popo", NULL },
    { FAULT_REQUEST, "proof of possession", NULL },
    { FAULT_REQUEST, "illegal key", NULL },
    { FAULT_REQUEST, "certificate request", NULL },
};

static enum ejbca_fault by_text(const char *text)
{
    for (size_t i = 0; i < COUNT(texts); i++)
        if (strcasestr(text, texts[i].one) != NULL &&
            (texts[i].two == NULL || strcasestr(text, texts[i].two) != NULL))
            return texts[i].fault;
    return FAULT_REFUSED;
}

static enum ejbca_fault not_found(const char *text)
{
    enum ejbca_fault fault = by_text(text);
    if (strcasestr(text, "RESTEASY003210") != NULL)
        return strcasestr(text, "cryptotoken") != NULL ? FAULT_ENTERPRISE : FAULT_DISABLED;
    return fault == FAULT_REFUSED ? FAULT_DISABLED : fault;
}

static enum ejbca_fault forbidden(const char *text)
{
    return strcasestr(text, "no client certificate") != NULL ? FAULT_NO_CERTIFICATE
                                                             : FAULT_FORBIDDEN;
}

enum ejbca_fault fault_of(long status, const char *text)
{
    if (status == 200 || status == 201)
        return FAULT_NONE;
    if (status == 202)
        return FAULT_APPROVAL;
    if (status >= 300 && status < 400)
        return FAULT_REDIRECTED;
    if (status == 401 || status == 403)
        return forbidden(text);
    if (status == 404)
        return not_found(text);
    if (status == 409)
        return FAULT_CONFLICT;
    if (status >= 500) {
        enum ejbca_fault fault = by_text(text);
        return fault == FAULT_CA_OFFLINE || fault == FAULT_TOKEN_OFFLINE ? fault : FAULT_SERVER;
    }
    return status >= 400 ? by_text(text) : FAULT_MALFORMED;
}

bool fault_is_doubtful(enum ejbca_fault fault)
{
    return fault > FAULT_CROWDED;
}

bool fault_is_outage(enum ejbca_fault fault, long status)
{
    return status >= 500 ||
           (fault >= FAULT_UNREACHABLE && fault <= FAULT_SERVER && fault != FAULT_OPEN &&
            fault != FAULT_CROWDED && fault != FAULT_REDIRECTED);
}

const char *fault_message(enum ejbca_fault fault)
{
    return rows[fault].message;
}

const char *fault_advice(enum ejbca_fault fault)
{
    return rows[fault].advice;
}

enum err fault_fail(enum ejbca_fault fault, long status, const char *text)
{
    char said[180] = "";
    enum err e = status == 400 || status == 422 ? ERR_PRECONDITION : rows[fault].err;
    if (status != 0)
        snprintf(said, sizeof(said), " (HTTP %ld%s%.140s%s)", status,
                 text[0] != '\0' ? ": \"" : "", text, text[0] != '\0' ? "\"" : "");
    else if (text[0] != '\0')
        snprintf(said, sizeof(said), " (%.140s)", text);
    return fail(e, "ca: EJBCA: %s%s%s%s", rows[fault].message, said,
                rows[fault].advice[0] != '\0' ? "; next: " : "", rows[fault].advice);
}
