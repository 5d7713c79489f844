/* SPDX-License-Identifier: MIT */
/*
 * csv: log entries as a table (RFC 4180). A cell that a spreadsheet would take for a formula
 * gets an apostrophe in front; control characters become question marks (test_ctl_export:
 * cells_are_safe). What entry_report() has is in a column of its name
 * (what_json_has_the_table_has). ERR_MEMORY; a failed write is reported when out is closed.
 */
#pragma once

#include "oem-server/ctl/entry.h"

/* The header line, and the line of an entry. event NULL: its bytes are no Event. */
void csv_header(FILE *out);
enum err csv_entry(FILE *out, uint64_t index, const Hallmark__V1__Event *event);
