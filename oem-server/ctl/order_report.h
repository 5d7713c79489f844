/* SPDX-License-Identifier: MIT */
/* order_report: an order for people and scripts, and the words of its choices. */
#pragma once

#include "hallmark/v1/operator.pb-c.h"
#include "oem-server/ctl/report.h"

extern const struct option_choice order_locks[];
extern const struct option_choice order_boot_keys[];

void order_report(struct report *report, const Hallmark__V1__Order *order);
