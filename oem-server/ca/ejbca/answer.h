/* SPDX-License-Identifier: MIT */
/*
 * answer: parses what EJBCA answers. The bytes are not trusted: counts and lengths are limited,
 * duplicate keys, wrong types and bytes after the end are refused (test_ejbca_parts). For the
 * folder and its tests; no state, no network, any thread. Each gives ERR_PROTO for what it
 * cannot parse, and writes its output on success only.
 */
#pragma once

#include <openssl/x509.h>
#include <stdint.h>

#include "common/host/own.h"

enum {
    ANSWER_MAX = 256 * 1024,
    ANSWER_CERTIFICATE_MAX = 8192, /* DER */
    ANSWER_FOUND_MAX = 50,
    ANSWER_TEXT_MAX = 160,
    ANSWER_CAS_MAX = 1000,
};

/* Of an enrolment: {"certificate": base64 of DER (or of PEM, or once more base64), ...}. The
 * caller frees *certificate_out. */
enum err answer_certificate(struct span body, X509 **certificate_out);

/* Of a search: the certificates, most ANSWER_FOUND_MAX of them; *more_out: EJBCA has more. */
struct answer_found {
    X509 *certificates[ANSWER_FOUND_MAX];
    size_t count;
    bool more;
};
enum err answer_search(struct span body, struct answer_found *found_out);
void answer_found_free(struct answer_found *found);

/* Of .../revocationstatus. */
enum err answer_revoked(struct span body, bool *revoked_out);

/* Of /v1/certificate/status: version and revision, cleaned. */
struct answer_status {
    char version[ANSWER_TEXT_MAX];
    char revision[ANSWER_TEXT_MAX];
};
enum err answer_status(struct span body, struct answer_status *status_out);

/* Of /v1/ca: is there a CA of that name; its subject, cleaned. ERR_NOT_FOUND. */
enum err answer_ca_subject(struct span body, const char *name,
                           char subject_out[static ANSWER_TEXT_MAX * 2]);

/* Of a failure: "error_message", cleaned; "" if the body has none. A body that is no JSON is
 * told by its beginning. */
void answer_text(struct span body, char text_out[static ANSWER_TEXT_MAX]);
