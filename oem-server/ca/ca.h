/* SPDX-License-Identifier: MIT */
/*
 * ca: certificates by profile. The backend issues them; today it is the HSM itself
 * (backend_hsm.c). EJBCA over REST would be another struct ca_backend (backend.h).
 *
 * Profiles are a table (profile.c): RootCA, ICA (pathlen 0), WebServer (serverAuth, and
 * digitalSignature over statements to boards), station / operator / auditor / service
 * (clientAuth, SPIFFE URI in the SAN), device (IEEE 802.1AR style: O, OU = order, CN = model,
 * serialNumber = UID in hex, notAfter 99991231235959Z, clientAuth). All P-256,
 * ecdsa-with-SHA256, 64+ random bits of serial (RFC 5280 4.1.2.2). The caller logs and stores
 * what is issued. Errors a caller may have to tell apart: ERR_INVALID, ERR_LIMIT, ERR_EXCESS,
 * ERR_POINT, ERR_SIG are the request's; ERR_HSM, ERR_BUSY, ERR_DEADLINE are the HSM's;
 * ERR_MISMATCH: what was issued is not what was requested, and is not given out; or stored
 * certificates do not belong together (test_ca_setup).
 */
#pragma once

#include <openssl/x509.h>

#include "oem-server/hsm/hsm.h"

enum { CA_CSR_MAX = 2048, CA_SERIAL_SIZE = 20 };

#define CA_DEVICE_MODEL "NuLink3" /* CN of all devices */

/* Names of the keys, each on the token of its purpose; the KEK is HSM_UNIT_KEK. */
#define CA_KEY_ROOT       "root"       /* HSM_ROOT */
#define CA_KEY_ISSUING    "issuing"    /* HSM_ISSUING */
#define CA_KEY_WEB_SERVER "web-server" /* HSM_TLS */
#define CA_KEY_LOG        "log"        /* HSM_LOG, Ed25519 */

/* Names of orders, principals and the trust domain: the rule of common/host/name.h.
 * ERR_INVALID; what ("order") is named in the message. */
enum err ca_name_check(const char *what, const char *name);

struct ca; /* made from an hsm and the certificates of arrow 2; thread safe */

enum ca_profile { CA_STATION, CA_OPERATOR, CA_AUDITOR, CA_SERVICE, CA_DEVICE };

/* Arrow 1. Finds or makes the keys root, issuing, web-server, log and the KEK. Safe to repeat
 * (test_ca_setup). */
enum err ca_keys_make(struct hsm *hsm);
/* They were made: a missing one is ERR_HSM from now on, and ca_keys_make() does not make it. */
void ca_keys_expect(struct hsm *hsm);
/* Tries all of them but root, which is not used after arrow 2 (hsm_key_try()); the first
 * failure. */
enum err ca_keys_try(struct hsm *hsm);

/* Arrow 2. The certificates are DER, the caller frees them with ca_certificates_free().
 * server_names: DNS names or IP addresses, NULL-terminated. */
struct ca_certificates {
    struct buf root;
    struct buf issuing;
    struct buf web_server;
};
enum err ca_certificates_issue(struct hsm *hsm, const char *organization,
                               const char *const server_names[],
                               struct ca_certificates *certificates_out);
void ca_certificates_free(struct ca_certificates *certificates);

/* A new WebServer certificate for the same key, under issuing (DER): for when the old one
 * expires soon, or the names have changed. certificate_out is the caller's. */
enum err ca_web_server_issue(struct hsm *hsm, const char *organization,
                             const char *const server_names[], struct span issuing,
                             struct buf *certificate_out);

/* All arguments but hsm are copied; hsm must outlive the ca. ERR_MISMATCH or ERR_SIG: the
 * certificates do not belong together. */
enum err ca_new(struct hsm *hsm, const struct ca_certificates *certificates,
                const char *organization, const char *trust_domain, struct ca **ca_out);
void ca_free(struct ca *ca);

/* Parses a CSR: size limit, DER without trailing bytes, P-256, self-signature (RFC 2986 4.2).
 * *csr_out is the caller's, for X509_REQ_free() (test_ca_csr). */
enum err ca_csr_open(struct span der, X509_REQ **csr_out);
/* SHA-256 of the key's SubjectPublicKeyInfo; of a CSR that was opened, a key has one. */
enum err ca_csr_key_sha256(X509_REQ *csr, uint8_t sha256_out[static SHA256_SIZE]);

/* The subject that the CSR of unit uid in order must have: a Name in DER. The caller frees
 * name_out. */
enum err ca_device_subject(const struct ca *ca, const char *order,
                           const uint8_t uid[static UID_SIZE], struct buf *name_out);

/* Refuses (ERR_INVALID, the message names the field): subject not exactly ca_device_subject,
 * challenge password not challenge (64 hex characters), unexpected attributes. */
enum err ca_device_csr_check(const struct ca *ca, X509_REQ *csr, const char *order,
                             const uint8_t uid[static UID_SIZE], const char *challenge);

/* The parts of a certificate that are chosen and not computed. They are recorded before the CA
 * acts, so that a repetition makes the same bytes to be signed. serial: positive, big-endian,
 * with leading zeros; 126 of its bits are random (RFC 5280 4.1.2.2 asks for 64). Times: seconds
 * since 1970. */
struct ca_terms {
    uint8_t serial[CA_SERIAL_SIZE];
    int64_t not_before;
    int64_t not_after;
};
/* Fresh ones, within the validity of the issuing CA. ERR_PRECONDITION: that is not valid now;
 * the message has its times and the clock's (test_ca_backend). */
enum err ca_terms_make(const struct ca *ca, enum ca_profile profile,
                       struct ca_terms *terms_out);

/* Issues a certificate for the CSR's key. name: of a principal (the CSR's subject is ignored);
 * for CA_DEVICE NULL, and the subject is the CSR's, checked before. terms NULL: fresh ones. The
 * same CSR and terms give the same TBSCertificate (tests/unit/test_ca.c). ERR_PRECONDITION: the
 * issuing CA is not valid now, or would not be while the certificate is, or the terms begin in
 * the future; the backend is not asked (test_ca_backend). */
enum err ca_issue(struct ca *ca, enum ca_profile profile, const char *name, X509_REQ *csr,
                  const struct ca_terms *terms, struct buf *certificate_out);

/* The SPIFFE URI of a principal, "spiffe://<trust domain>/<role>/<name>". Caller frees with
 * free(). */
char *ca_spiffe(const struct ca *ca, enum ca_profile profile, const char *name);

/* The certificates, DER. */
struct span ca_root(const struct ca *ca); /* borrowed, as long as ca */
struct span ca_issuing(const struct ca *ca);
struct span ca_web_server(const struct ca *ca);
