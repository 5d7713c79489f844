/* SPDX-License-Identifier: MIT */
/* pending_row: an act that waits for a second operator, as pending list and show print it. */
#pragma once

#include "hallmark/v1/operator.pb-c.h"
#include "oem-server/ctl/report.h"

void pending_row_report(struct report *report, const Hallmark__V1__ApprovalRow *row);
const char *pending_row_state(const Hallmark__V1__ApprovalRow *row);
const char *pending_row_method(const Hallmark__V1__ApprovalRow *row); /* "Units/Scrap" */

/* Every field of the request, by its name in the .proto: what is approved is these bytes
 * (tests/e2e/approvals). ERR_PROTO: they are not that method's request. */
enum err pending_row_terms(struct report *report, const char *method, struct span request);
