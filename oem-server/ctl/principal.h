/* SPDX-License-Identifier: MIT */
/*
 * principal: registers a station, an operator or an auditor over a transport: that of a
 * connection or, for the first operator, that of init.
 */
#pragma once

#include "common/rpc/rpc.h"
#include "hallmark/v1/operator.pb-c.h"
#include "oem-server/ctl/credential.h"
#include "oem-server/ctl/report.h"
#include "oem-server/ctl/stage.h"

/* Registers; checks that the certificate is for the request's key (ERR_MISMATCH). The caller
 * drops *out (rpc_drop). */
enum err principal_add(rpc_transport *transport, void *context, uint32_t role, const char *name,
                       const char *reason, struct span csr,
                       Hallmark__V1__AddPrincipalResponse **out);

/* Writes certificate and issuer as PEM, to a stage that was opened before principal_add(). */
enum err principal_write(const Hallmark__V1__AddPrincipalResponse *answer, struct stage *stage);

/* Adds what a person needs of the answer; the word for a role, "station". */
void principal_report(struct report *report, uint32_t role, const char *name,
                      const Hallmark__V1__AddPrincipalResponse *answer);
const char *principal_word(uint32_t role);
