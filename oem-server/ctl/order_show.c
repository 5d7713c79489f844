/* SPDX-License-Identifier: MIT */
/*
 * order show: how many units are sealed, which are not yet, and the order's terms. Called
 * through the table of commands. It must never count a unit as good that is not sealed.
 */
#include <string.h>
#include <time.h>

#include "common/host/log.h"
#include "oem-server/ctl/advise.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/order_report.h"
#include "oem-server/ctl/remote.h"
#include "oem-server/ctl/unit_row.h"

enum { SECOND_US = 1000000, MINUTE_S = 60, HOUR_S = 3600, DAY_S = 86400, UNSEALED_MAX = 100 };

struct show_args {
    char *name;
};

/* For people, to two units: "3 d 4 h", "2 h 5 min", "7 min". */
static void report_age(struct report *report, uint64_t since_us)
{
    char text[64];
    uint64_t now = (uint64_t)time(NULL), since = since_us / SECOND_US;
    uint64_t age = now < since ? 0 : now - since; /* the server's clock may be ahead */
    if (age >= DAY_S)
        snprintf(text, sizeof(text), "%llu d %llu h", (unsigned long long)(age / DAY_S),
                 (unsigned long long)(age % DAY_S / HOUR_S));
    else if (age >= HOUR_S)
        snprintf(text, sizeof(text), "%llu h %llu min", (unsigned long long)(age / HOUR_S),
                 (unsigned long long)(age % HOUR_S / MINUTE_S));
    else
        snprintf(text, sizeof(text), "%llu min", (unsigned long long)(age / MINUTE_S));
    report_text(report, "age", text);
    if (since_us != 0)
        report_time_us(report, "changed", since_us);
}

static enum err report_unsealed(struct report *report,
                                const Hallmark__V1__ShowOrderResponse *out)
{
    report_list(report, "units_not_sealed");
    for (size_t i = 0; i < out->n_unsealed; i++) {
        const Hallmark__V1__UnitRow *row = out->unsealed[i];
        AUTO(report_free) struct report part = report_new();
        TRY(unit_row_check(row));
        report_hex(&part, "uid", span_of(row->uid.data, row->uid.len));
        report_text(&part, "state", row->state);
        report_bool(&part, "lock_statement", row->locked);
        report_age(&part, row->changed_us);
        report_text(&part, "station", row->station);
        if (row->held)
            report_text(&part, "held", row->held_reason);
        report_list_add(report, "units_not_sealed", &part);
    }
    if (out->n_unsealed >= UNSEALED_MAX)
        report_text(report, "more",
                    "these are the oldest 100; 'oemctl unit list --order NAME "
                    "--state committed' lists more");
    return ERR_OK;
}

static void report_alarms(struct report *report, const Hallmark__V1__OrderCounts *c)
{
    char text[256];
    if (c->unlocked > 0) {
        snprintf(
            text, sizeof(text),
            "%u units were committed over an hour ago and gave no lock statement: run each "
            "board again; 'oemctl unit list --state unlocked' lists them",
            c->unlocked);
        report_text(report, "ALARM", text);
    }
    if (c->unknown > 0) {
        snprintf(text, sizeof(text),
                 "%u places unknown: entries of the log are lost, which may have spent them; "
                 "'oemctl order set-quantity NAME QUANTITY --unknown N --reason TEXT' says how "
                 "many were, and gives the others back",
                 c->unknown);
        report_text(report, "ALARM_unknown", text);
    }
    if (c->good != c->sealed) {
        snprintf(text, sizeof(text),
                 "the counter says %u good units, but %u are sealed: 'oemctl log verify "
                 "--state' shows what changed",
                 c->good, c->sealed);
        report_text(report, "ALARM_counters", text);
    }
}

static enum err show(struct ctl *ctl, const struct command *command, const void *args)
{
    (void)command;
    const struct show_args *a = args;
    AUTO(remote_close) struct remote *remote = NULL;
    AUTO(rpc_drop) Hallmark__V1__ShowOrderResponse *out = NULL;
    AUTO(report_free) struct report report = report_new();
    Hallmark__V1__ShowOrderRequest in = HALLMARK__V1__SHOW_ORDER_REQUEST__INIT;
    in.name = a->name;
    TRY(remote_open(ctl, &remote));
    struct rpc_stub stub = rpc_stub_of(&hallmark__v1__orders__descriptor, remote_send, remote);
    TRY(advise(RPC_CALL(&stub, hallmark__v1__orders__show, &in, &out), ADVISE_ORDER));
    TRY(order_report_check(out->order, out->counts));
    if (strcmp(out->order->name, a->name) != 0)
        return fail_quiet(ERR_PROTO, "the server answered about another order");
    order_report_counts(&report, out->counts);
    report_alarms(&report, out->counts);
    report_bool(&report, "closed", out->closed);
    if (out->closed)
        report_text(&report, "closed_reason", out->closed_reason);
    order_report(&report, out->order);
    TRY(report_unsealed(&report, out));
    return report_print(&report, ctl);
}

static const struct option_row operands[] = {
    { "NAME", NULL, "of the order", option_name, offsetof(struct show_args, name), true,
      false },
};

const struct command order_show_command = {
    .words = "order show",
    .synopsis = "NAME [OPTION]...",
    .text = "Show an order and how far it is",
    .operands = operands,
    .operand_count = COUNT(operands),
    .args_size = sizeof(struct show_args),
    .run = show,
};
