/* SPDX-License-Identifier: MIT */
/* order_report: an order's terms and counts, and the names of its choices. */
#pragma once

#include "hallmark/v1/operator.pb-c.h"
#include "oem-server/ctl/report.h"

extern const struct option_choice order_locks[];
extern const struct option_choice order_boot_keys[];
extern const struct option_choice order_boot_tests[];

/* Adds the terms. */
void order_report(struct report *report, const Hallmark__V1__Order *order);

/* Sealed units come first, then how many of them an operator accepted without a lock statement.
 */
void order_report_counts(struct report *report, const Hallmark__V1__OrderCounts *counts);

/* Checks that the server sent both. ERR_PROTO. */
enum err order_report_check(const Hallmark__V1__Order *order,
                            const Hallmark__V1__OrderCounts *counts);
