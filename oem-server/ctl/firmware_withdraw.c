/* SPDX-License-Identifier: MIT */
/*
 * firmware withdraw: after it, orders with an image are not created and runs not opened, and
 * the units that carry it and are not sealed are held. Called through the table of commands.
 */
#include "common/host/log.h"
#include "oem-server/ctl/advise.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/remote.h"
#include "oem-server/ctl/uids.h"

struct withdraw_args {
    struct option_sha256 image;
    char *reason;
};

static enum err withdraw(struct ctl *ctl, const struct command *command, const void *args)
{
    (void)command;
    struct withdraw_args a = *(const struct withdraw_args *)args;
    AUTO(remote_close) struct remote *remote = NULL;
    AUTO(rpc_drop) Hallmark__V1__WithdrawImageResponse *out = NULL;
    AUTO(report_free) struct report report = report_new();
    Hallmark__V1__WithdrawImageRequest in = HALLMARK__V1__WITHDRAW_IMAGE_REQUEST__INIT;
    in.sha256 = (ProtobufCBinaryData){ sizeof(a.image.bytes), a.image.bytes };
    in.reason = a.reason;
    TRY(remote_open(ctl, &remote));
    struct rpc_stub stub =
        rpc_stub_of(&hallmark__v1__firmware__descriptor, remote_send, remote);
    TRY(advise(RPC_CALL(&stub, hallmark__v1__firmware__withdraw, &in, &out), ADVISE_IMAGE));
    report_hex(&report, "sha256", SPAN(a.image.bytes));
    report_number(&report, "held_by_this", out->held_count);
    report_number(&report, "started_with_it", out->started_count);
    report_number(&report, "sealed_with_it", out->sealed_count);
    TRY(uids_report(&report, "held", out->held, out->n_held));
    TRY(uids_report(&report, "started", out->started, out->n_started));
    if (out->held_count > out->n_held)
        report_text(&report, "next", "'oemctl unit list --state held' lists all of them");
    return report_print(&report, ctl);
}

static const struct option_row options[] = {
    { "reason", "TEXT", "why, for the log", option_reason,
      offsetof(struct withdraw_args, reason), true, false },
};

static const struct option_row operands[] = {
    { "SHA256", NULL, "of the image", option_sha256, offsetof(struct withdraw_args, image),
      true, false },
};

const struct command firmware_withdraw_command = {
    .words = "firmware withdraw",
    .synopsis = "SHA256 --reason TEXT [OPTION]...",
    .text = "Use an image no more, and hold the units that carry it and are not sealed",
    .options = options,
    .option_count = COUNT(options),
    .operands = operands,
    .operand_count = COUNT(operands),
    .args_size = sizeof(struct withdraw_args),
    .run = withdraw,
};
