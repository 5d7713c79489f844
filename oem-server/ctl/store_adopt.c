/* SPDX-License-Identifier: MIT */
/*
 * store adopt: takes over a store that is not what its log's anchor says was published. Called
 * through the table of commands, on the server's host while the server is stopped. It must say
 * what is missing, and what an operator has to do about it.
 */
#include <stdio.h>

#include "common/host/stop.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/report.h"
#include "oem-server/server/adopt.h"

struct adopt_args {
    const char *config, *name, *reason, *points;
};

static void report_adopted(struct report *report, const struct adopt_report *r)
{
    report_number(report, "entry", r->entry);
    report_number(report, "orders_with_unknown_places", r->orders);
    report_number(report, "places_unknown", r->places);
    if (r->last_us != 0)
        report_time_us(report, "last_entry_before", r->last_us);
    report_text(
        report, "next",
        "start the server; 'oemctl order show NAME' tells how many places are unknown; "
        "make again what was done since the last entry: revocations, holds, withdrawals, "
        "orders");
}

static enum err run(struct ctl *ctl, const struct command *command, const void *args)
{
    (void)command;
    const struct adopt_args *a = args;
    struct adopt_report adopted;
    AUTO(report_free) struct report report = report_new();
    if (a->points != NULL)
        TRY(stop_open(a->points));
    TRY(adopt_store(a->config, a->name, a->reason, &adopted));
    report_bool(&report, "adopted", adopted.adopted);
    report_text(&report, "found", adopted.found);
    report_number(&report, "entries", adopted.size);
    if (adopted.known)
        report_number(&report, "entries_missing_at_least", adopted.missing);
    if (adopted.adopted)
        report_adopted(&report, &adopted);
    return report_print(&report, ctl);
}

static const struct option_row options[] = {
    { "config", "FILE", "the server's configuration (oem-server.ini)", option_text,
      offsetof(struct adopt_args, config), true, false },
    { "operator", "NAME", "who adopts it, for the log", option_name,
      offsetof(struct adopt_args, name), true, false },
    { "reason", "TEXT", "why, for the log", option_reason, offsetof(struct adopt_args, reason),
      true, false },
    { "announce-points", "SOCKET",
      "for tests of interruptions only: the test can stop it anywhere", option_text,
      offsetof(struct adopt_args, points), false, false },
};

const struct command store_adopt_command = {
    .words = "store adopt",
    .synopsis = "--config FILE --operator NAME --reason TEXT [--json]",
    .text = "Take over a restored store that lacks what was published",
    .options = options,
    .option_count = COUNT(options),
    .args_size = sizeof(struct adopt_args),
    .run = run,
};
