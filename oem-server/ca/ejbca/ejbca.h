/* SPDX-License-Identifier: MIT */
/*
 * ejbca: EJBCA as the CA, over its REST API with mutual TLS. Community Edition from 7.11 on,
 * and Enterprise: GET /v1/certificate/status tells which one answers.
 *
 * A certificate is asked for once (tests/interop/ejbca/faults). Its user name in EJBCA
 * follows from profile, name and key; after an answer that was lost, a time-out or a restart
 * EJBCA is searched by that name before anything is asked for again, and what is found is
 * accepted if key, subject, extensions, issuer and validity are what was asked for. If EJBCA
 * made a second certificate all the same, one stands and the other is revoked.
 *
 * Failures have a message and advice each (fault.h). EJBCA answers most failures of an
 * enrolment with HTTP 400: its text is shown to people and decides nothing. When calls fail in
 * a row, a circuit breaker (breaker.h) refuses further ones with ERR_UNAVAILABLE and a time to
 * retry after, so that workers do not wait for a CA that is away. Answers are not trusted:
 * bytes, time and counts are limited (http.h, answer.h), and redirections are not followed.
 *
 * The functions block on the network: call them on a worker. Any thread, several in parallel.
 */
#pragma once

#include <openssl/x509.h>

#include "oem-server/ca/ca.h"

/* What certificates are for; each has a pair of profiles in EJBCA. */
enum ejbca_use {
    EJBCA_DEVICE,
    EJBCA_BOOT,
    EJBCA_STATION,
    EJBCA_PEOPLE,
    EJBCA_CHECK,
    EJBCA_USES
};

/* Borrowed; outlives the struct ejbca. */
struct ejbca_profile_pair {
    char *certificate_profile;
    char *end_entity_profile;
};
struct ejbca_config {
    char *url;          /* "https://HOST[:PORT]/ejbca/ejbca-rest-api" */
    char *certificate;  /* PEM: the client's, of a role in EJBCA, and its chain */
    char *key;          /* PEM; not readable by others */
    char *trust;        /* PEM: who issued EJBCA's TLS certificate */
    char *ca;           /* the CA's name in EJBCA */
    char *issuer;       /* PEM: that CA's certificate, then the rest of its chain */
    char *crypto_token; /* Enterprise: where EJBCA makes boot keys; NULL: it does not */
    struct ejbca_profile_pair profiles[EJBCA_USES]; /* NULL: not from EJBCA */
    unsigned connect_timeout_ms;
    unsigned timeout_ms; /* of a whole call */
};
const char *ejbca_use_name(enum ejbca_use use); /* "device", as in the configuration */

struct ejbca;

/* Reads the files; connects to nothing. ERR_CONFIG names the file. *ejbca_out is the caller's,
 * for ejbca_close(), after the last call has returned. */
enum err ejbca_open(const struct ejbca_config *config, struct ejbca **ejbca_out);
void ejbca_close(struct ejbca *ejbca); /* NULL is fine */

/* From now on the CA has the certificates of the configured profiles from EJBCA. Before other
 * threads use ca; ejbca outlives it. */
enum err ejbca_serve(struct ejbca *ejbca, struct ca *ca);

/* The certificates of [ejbca] issuer: the issuing CA's first. Borrowed. */
STACK_OF(X509) * ejbca_chain(const struct ejbca *ejbca);

/* Looks again for certificates that EJBCA made after their answers were lost, and revokes what
 * is not in use. Cheap if there is nothing to do. Call it now and then, on a worker. */
bool ejbca_has_doubts(struct ejbca *ejbca);
void ejbca_tidy(struct ejbca *ejbca);

/* Revokes the certificate; ERR_OK if it was revoked already, or is not of this CA. */
enum err ejbca_revoke(struct ejbca *ejbca, struct span certificate);

/* Arrow 17, Enterprise: EJBCA makes a P-256 key of that alias in its crypto token. An answer
 * that was lost, or an alias that exists, is ERR_OK: the caller looks for the key in the HSM,
 * and only what it finds there counts. */
enum err ejbca_generate_key(struct ejbca *ejbca, const char *alias);

/* oemctl ca check: each step is told with its outcome; false: it failed. */
typedef void ejbca_told(void *context, const char *step, bool good, const char *detail);
/* Tries reachability, clock, role, CA certificate, profiles, and one certificate for a test key
 * in the profile "check", which is revoked again. The first error, if a step failed. */
enum err ejbca_check(struct ejbca *ejbca, ejbca_told *tell, void *context);
