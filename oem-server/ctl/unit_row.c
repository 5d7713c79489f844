/* SPDX-License-Identifier: MIT */
/*
 * Reports a unit's row for people and scripts. Called by unit list, unit show, order show and
 * the commands that change a unit. It must never call a unit locked that has no lock statement
 * (test_ctl_commands).
 */
#include "oem-server/ctl/unit_row.h"

#include <string.h>

#include "common/host/log.h"
#include "common/rpc/rpc.h"
#include "oem-server/ctl/order_report.h"

const struct option_choice unit_row_causes[] = {
    { "operator", HALLMARK__V1__HOLD_CAUSE__HOLD_CAUSE_OPERATOR },
    { "firmware", HALLMARK__V1__HOLD_CAUSE__HOLD_CAUSE_FIRMWARE },
    { "station", HALLMARK__V1__HOLD_CAUSE__HOLD_CAUSE_STATION },
    { NULL, 0 },
};

enum err unit_row_check(const Hallmark__V1__UnitRow *row)
{
    if (row == NULL)
        return fail_quiet(ERR_PROTO, "the server's answer has no unit");
    return row->uid.len == UID_SIZE
               ? ERR_OK
               : fail_quiet(ERR_PROTO, "the server names a UID of %zu bytes", row->uid.len);
}

bool unit_row_not_stated(const Hallmark__V1__UnitRow *row)
{
    return row->accepted && !row->locked;
}

static bool may_be_locked(const Hallmark__V1__UnitRow *row)
{
    return strcmp(row->state, "committed") == 0 || strcmp(row->state, "sealed") == 0;
}

static void report_lock(struct report *report, const Hallmark__V1__UnitRow *row)
{
    report_bool(report, "lock_statement", row->locked);
    if (row->locked)
        report_text(report, "lock", option_word(order_locks, row->lock_level));
    else if (unit_row_not_stated(row))
        report_text(report, "lock", UNIT_ROW_NOT_STATED);
    else if (may_be_locked(row))
        report_text(report, "lock", "no lock statement");
}

static void report_holder(struct report *report, const Hallmark__V1__UnitRow *row)
{
    if (row->run_id.len == 0)
        return;
    report_hex(report, "run_id", span_in(&row->run_id));
    report_text(report, "holder_station", row->holder_station);
}

void unit_row_report(struct report *report, const Hallmark__V1__UnitRow *row)
{
    report_hex(report, "uid", span_in(&row->uid));
    report_number(report, "generation", row->generation);
    report_text(report, "state", row->state);
    report_text(report, "order", row->order);
    report_text(report, "station", row->station);
    report_lock(report, row);
    report_bool(report, "accepted", row->accepted);
    report_bool(report, "held", row->held);
    if (row->held)
        report_text(report, "held_reason", row->held_reason);
    report_holder(report, row);
    report_bool(report, "boot_test_failed", row->boot_failed);
    if (row->changed_us != 0)
        report_time_us(report, "changed", row->changed_us);
}

static const struct list_column columns[] = {
    { "uid", 2 * UID_SIZE }, { "state", 9 },    { "lock", 17 },
    { "order", 16 },         { "station", 12 }, { "changed", 27 },
};

void unit_row_header(const struct ctl *ctl)
{
    list_header(ctl, columns, COUNT(columns));
}

struct notes {
    char text[1024];
};

static void note(struct notes *notes, const char *what, const char *detail)
{
    size_t len = strlen(notes->text);
    snprintf(notes->text + len, sizeof(notes->text) - len, "%s%s%.300s", len == 0 ? "" : "; ",
             what, detail);
}

/* Notes for people at the end of the line. */
static struct notes notes_of(const Hallmark__V1__UnitRow *row)
{
    struct notes notes = { "" };
    if (row->accepted)
        note(&notes, "accepted by an operator", "");
    if (row->boot_failed)
        note(&notes, "boot test failed", "");
    if (row->held)
        note(&notes, "held: ", row->held_reason);
    if (row->run_id.len != 0)
        note(&notes, "in a run at ", row->holder_station);
    return notes;
}

enum err unit_row_print(const struct ctl *ctl, const Hallmark__V1__UnitRow *row)
{
    AUTO(report_free) struct report report = report_new();
    TRY(unit_row_check(row));
    const struct notes notes = notes_of(row);
    unit_row_report(&report, row);
    return list_row(ctl, columns, COUNT(columns), &report, notes.text);
}

enum err unit_row_answer(const struct ctl *ctl, const Hallmark__V1__UnitRow *row,
                         struct span uid)
{
    AUTO(report_free) struct report report = report_new();
    TRY(unit_row_check(row));
    if (!span_eq(span_in(&row->uid), uid))
        return fail_quiet(ERR_PROTO, "the server answered about another unit");
    unit_row_report(&report, row);
    return report_print(&report, ctl);
}
