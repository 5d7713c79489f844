/* SPDX-License-Identifier: MIT */
/* log_state: the state part of log verify: reads what the server says its store holds. */
#pragma once

#include "oem-server/ctl/remote.h"
#include "oem-server/ctl/report.h"
#include "oem-server/ctl/state.h"

/* Reads all pages. The checkpoint whose entries they are compared with must be requested after
 * this. */
enum err log_state_read(struct remote *remote, struct state *state);

/* The result of the comparison, and each difference by row and field. */
struct log_state_report {
    struct report differences; /* with a list of that name */
};
struct log_state_report log_state_report_new(void);
state_differs log_state_differs; /* its context is a struct log_state_report */
void log_state_report_add(struct report *report, struct log_state_report *found,
                          const struct state *state);
void log_state_report_drop(struct log_state_report *found);
