/* SPDX-License-Identifier: MIT */
/* entry: an entry of the event log, as a line for people or an object for scripts. */
#pragma once

#include "hallmark/v1/log.pb-c.h"
#include "oem-server/ctl/report.h"

/* event NULL: the entry's bytes are no Event; the entry is shown anyway, because it is in the
 * log. */
void entry_line(FILE *out, uint64_t index, const Hallmark__V1__Event *event);
void entry_report(struct report *report, uint64_t index, const Hallmark__V1__Event *event);
