/* SPDX-License-Identifier: MIT */
/*
 * principal: register a station, an operator or an auditor over any transport: the connection's
 * or, for the first operator, init's.
 */
#pragma once

#include "common/rpc/rpc.h"
#include "hallmark/v1/operator.pb-c.h"
#include "oem-server/ctl/credential.h"
#include "oem-server/ctl/report.h"
#include "oem-server/ctl/stage.h"

/* reason: for the log, or NULL. The answer is checked to be for the request's key. Caller drops
 * it (rpc_drop). */
enum err principal_add(rpc_transport *transport, void *context, uint32_t role, const char *name,
                       const char *reason, struct span csr,
                       Hallmark__V1__AddPrincipalResponse **out);

/* Certificate and issuer as PEM, to a stage that was opened before principal_add(). */
enum err principal_write(const Hallmark__V1__AddPrincipalResponse *answer, struct stage *stage);

void principal_report(struct report *report, uint32_t role, const char *name,
                      const Hallmark__V1__AddPrincipalResponse *answer);
const char *principal_word(uint32_t role);
