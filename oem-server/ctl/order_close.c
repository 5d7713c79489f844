/* SPDX-License-Identifier: MIT */
/*
 * order close: after it no new unit is opened on the order; finished and committed units may
 * still be locked and sealed. Called through the table of commands.
 */
#include "oem-server/ctl/advise.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/order_report.h"
#include "oem-server/ctl/remote.h"

struct close_args {
    char *name, *reason;
    bool now;
};

static enum err close_order(struct ctl *ctl, const struct command *command, const void *args)
{
    (void)command;
    const struct close_args *a = args;
    AUTO(remote_close) struct remote *remote = NULL;
    AUTO(rpc_drop) Hallmark__V1__CloseOrderResponse *out = NULL;
    AUTO(report_free) struct report report = report_new();
    Hallmark__V1__CloseOrderRequest in = HALLMARK__V1__CLOSE_ORDER_REQUEST__INIT;
    in.name = a->name;
    in.reason = a->reason;
    in.now = a->now;
    TRY(remote_open(ctl, &remote));
    struct rpc_stub stub = rpc_stub_of(&hallmark__v1__orders__descriptor, remote_send, remote);
    TRY(advise(RPC_CALL(&stub, hallmark__v1__orders__close, &in, &out), ADVISE_ORDER));
    report_text(&report, "order", a->name);
    report_bool(&report, "closed", true);
    report_number(&report, "failed_by_this", out->failed);
    report_number(&report, "runs_ended", out->runs_ended);
    report_number(&report, "unsealed", out->unsealed);
    if (out->unsealed > 0)
        report_text(&report, "next",
                    "the unsealed units may still be locked and sealed: 'oemctl order show' "
                    "names them until each is sealed or scrapped");
    return report_print(&report, ctl);
}

static const struct option_row options[] = {
    { "reason", "TEXT", "why, for the log", option_reason, offsetof(struct close_args, reason),
      true, false },
    { "now", NULL, "end the runs under way too", option_flag, offsetof(struct close_args, now),
      false, false },
};

static const struct option_row operands[] = {
    { "NAME", NULL, "of the order", option_name, offsetof(struct close_args, name), true,
      false },
};

const struct command order_close_command = {
    .words = "order close",
    .synopsis = "NAME --reason TEXT [--now] [OPTION]...",
    .text = "Close an order: started units fail, no run is opened",
    .options = options,
    .option_count = COUNT(options),
    .operands = operands,
    .operand_count = COUNT(operands),
    .args_size = sizeof(struct close_args),
    .run = close_order,
};
