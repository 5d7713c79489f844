/* SPDX-License-Identifier: MIT */
/* cert: builds a certificate by profile and signs it. For the folder only; any thread. */
#pragma once

#include <openssl/x509v3.h>

#include "oem-server/ca/profile.h"

/* All borrowed. */
struct cert_request {
    const struct profile *profile;
    const X509_NAME *subject;
    EVP_PKEY *subject_key;
    GENERAL_NAMES *alternative_names; /* NULL: none */
    X509 *issuer;                     /* NULL: self-signed */
    EVP_PKEY *signer;                 /* the issuer's key */
    const struct ca_terms *terms;     /* NULL: fresh ones */
    bool own_terms;                   /* of cert_check(): the issuer chooses serial and times */
};

/* How far the clock of a CA outside may be from ours, and what it sets notBefore back by. */
enum { CERT_CLOCK_S = 300, CERT_BACK_DATED_S = 600 };

/* *certificate_out is the caller's. ERR_HSM and its kin: the signer failed, and has said why.
 */
enum err cert_make(const struct cert_request *request, X509 **certificate_out);

/* A random serial and the profile's validity from now on, back-dated for peers whose clock is a
 * little slow. */
enum err cert_terms_make(const struct profile *profile, struct ca_terms *terms_out);
/* Is it what cert_make() would have made of the request, all but the signature? The signer is
 * not used. ERR_MISMATCH says in what it differs: version, algorithm, subject, key, serial,
 * validity, or an extension that is missing, more, or another one. With own_terms the serial is
 * any positive one of at most 20 bytes; the parts of the subject may stand in another order,
 * because a CA outside orders them by its own rules; notBefore is from the terms' on until now,
 * give or take CERT_CLOCK_S; notAfter is the terms' where there is no expiry, and otherwise
 * within a day of it (test_cert_outside). */
enum err cert_check(X509 *certificate, const struct cert_request *request);
