/* SPDX-License-Identifier: MIT */
/*
 * ask: EJBCA's calls, one function each: through the circuit breaker, with the fault told by
 * fault_fail(). For the folder only; any thread.
 */
#pragma once

#include "oem-server/ca/ejbca/answer.h"
#include "oem-server/ca/ejbca/fault.h"
#include "oem-server/ca/ejbca/http.h"
#include "oem-server/ca/ejbca/inside.h"

/* What became of a call, beside its error. */
struct ask_result {
    enum ejbca_fault fault;
    long status;
    int64_t date;               /* EJBCA's clock; 0: not told */
    char text[ANSWER_TEXT_MAX]; /* what it said */
};

/* GET /v1/certificate/status. */
enum err ask_status(struct ejbca *e, struct answer_status *status_out,
                    struct ask_result *result_out);
/* Asks for the status once, and keeps the edition: e->edition. */
enum err ask_edition(struct ejbca *e);
/* POST /v1/certificate/pkcs10enroll. Once it has left, only ask_search() tells whether it was
 * done: fault_is_doubtful(). *certificate_out is the caller's. */
enum err ask_enrol(struct ejbca *e, enum ejbca_use use, const char *user, X509_REQ *csr,
                   X509 **certificate_out, struct ask_result *result_out);
/* POST /v1/certificate/search, by user name. The caller frees with answer_found_free(). */
enum err ask_search(struct ejbca *e, const char *user, struct answer_found *found_out);
/* GET .../revocationstatus, PUT .../revoke. Issuer and serial are the certificate's. */
enum err ask_revoked(struct ejbca *e, const X509 *certificate, bool *revoked_out);
enum err ask_revoke(struct ejbca *e, const X509 *certificate, const char *reason);
/* GET /v1/ca: the subject of [ejbca] ca. ERR_UNIMPLEMENTED: this version does not tell. */
enum err ask_ca_subject(struct ejbca *e, char subject_out[static ANSWER_TEXT_MAX * 2]);
/* POST /v1/cryptotoken/TOKEN/generatekeys. */
enum err ask_generate(struct ejbca *e, const char *alias, struct ask_result *result_out);
