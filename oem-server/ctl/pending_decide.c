/* SPDX-License-Identifier: MIT */
/* approve, pending reject and pending withdraw. Called from the commands' table. Who may decide
 * is the server's decision alone. */
#include <string.h>

#include "common/host/log.h"
#include "oem-server/ctl/advise.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/pending_row.h"
#include "oem-server/ctl/remote.h"

struct decide_args {
    uint64_t number;
    char *reason;
};

typedef enum err decide_call(struct rpc_stub *stub, struct decide_args *a,
                             struct report *report);

static enum err call_approve(struct rpc_stub *stub, struct decide_args *a,
                             struct report *report)
{
    Hallmark__V1__ApproveRequest in = HALLMARK__V1__APPROVE_REQUEST__INIT;
    AUTO(rpc_drop) Hallmark__V1__ApproveResponse *out = NULL;
    in.number = a->number;
    in.reason = a->reason != NULL ? a->reason : in.reason;
    TRY(RPC_CALL(stub, hallmark__v1__approvals__approve, &in, &out));
    const char *dot = strrchr(out->method, '.');
    report_text(report, "act", dot == NULL ? out->method : dot + 1);
    report_text(report, "outcome", "approved and done");
    return ERR_OK;
}

static enum err call_pending_reject(struct rpc_stub *stub, struct decide_args *a,
                                    struct report *report)
{
    Hallmark__V1__RejectApprovalRequest in = HALLMARK__V1__REJECT_APPROVAL_REQUEST__INIT;
    AUTO(rpc_drop) Hallmark__V1__RejectApprovalResponse *out = NULL;
    in.number = a->number;
    in.reason = a->reason;
    TRY(RPC_CALL(stub, hallmark__v1__approvals__reject, &in, &out));
    report_text(report, "outcome", "rejected");
    return ERR_OK;
}

static enum err call_pending_withdraw(struct rpc_stub *stub, struct decide_args *a,
                                      struct report *report)
{
    Hallmark__V1__WithdrawApprovalRequest in = HALLMARK__V1__WITHDRAW_APPROVAL_REQUEST__INIT;
    AUTO(rpc_drop) Hallmark__V1__WithdrawApprovalResponse *out = NULL;
    in.number = a->number;
    in.reason = a->reason;
    TRY(RPC_CALL(stub, hallmark__v1__approvals__withdraw, &in, &out));
    report_text(report, "outcome", "withdrawn");
    return ERR_OK;
}

static enum err decide(struct ctl *ctl, const struct decide_args *args, decide_call *call)
{
    struct decide_args a = *args;
    AUTO(remote_close) struct remote *remote = NULL;
    AUTO(report_free) struct report report = report_new();
    TRY(remote_open(ctl, &remote));
    struct rpc_stub stub =
        rpc_stub_of(&hallmark__v1__approvals__descriptor, remote_send, remote);
    report_number(&report, "approval", a.number);
    TRY(advise(call(&stub, &a, &report), ADVISE_APPROVAL));
    return report_print(&report, ctl);
}

static const struct option_row operands[] = {
    { "NUMBER", NULL, "of the request, see 'oemctl pending list'", option_u64,
      offsetof(struct decide_args, number), true, false },
};

#define DECIDE_COMMAND(id, command_words, usage, needed, what)                                 \
    static enum err run_##id(struct ctl *ctl, const struct command *command, const void *args) \
    {                                                                                          \
        (void)command;                                                                         \
        return decide(ctl, args, call_##id);                                                   \
    }                                                                                          \
    static const struct option_row id##_options[] = {                                          \
        { "reason", "TEXT", "why, for the log", option_reason,                                 \
          offsetof(struct decide_args, reason), needed, false },                               \
    };                                                                                         \
    const struct command id##_command = {                                                      \
        .words = (command_words),                                                              \
        .synopsis = "NUMBER " usage " [OPTION]...",                                            \
        .text = (what),                                                                        \
        .options = id##_options,                                                               \
        .option_count = COUNT(id##_options),                                                   \
        .operands = operands,                                                                  \
        .operand_count = COUNT(operands),                                                      \
        .args_size = sizeof(struct decide_args),                                               \
        .run = run_##id,                                                                       \
    }

DECIDE_COMMAND(approve, "approve", "[--reason TEXT]", false,
               "Do what another operator asked for: as its second operator");
DECIDE_COMMAND(pending_reject, "pending reject", "--reason TEXT", true,
               "Refuse what another operator asked for");
DECIDE_COMMAND(pending_withdraw, "pending withdraw", "--reason TEXT", true,
               "Take back what you asked for");
