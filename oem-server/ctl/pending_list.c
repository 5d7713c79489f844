/* SPDX-License-Identifier: MIT */
/* pending list and pending show: what waits for a second operator. Called from the commands'
 * table. What is shown of a request is its own bytes. */
#include "common/host/log.h"
#include "oem-server/ctl/advise.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/list.h"
#include "oem-server/ctl/pending_row.h"
#include "oem-server/ctl/remote.h"

struct list_args {
    bool all;
};

static const struct list_column columns[] = {
    { "approval", 8 },   { "state", 9 },    { "act", 18 },
    { "requester", 12 }, { "expires", 27 }, { "subject", 30 },
};

static enum err print_page(struct ctl *ctl, const Hallmark__V1__ListApprovalsResponse *page,
                           uint64_t *after)
{
    for (size_t i = 0; i < page->n_approvals; i++) {
        AUTO(report_free) struct report report = report_new();
        if (page->approvals[i]->number <= *after)
            return fail_quiet(ERR_PROTO, "the server's requests are not in order");
        *after = page->approvals[i]->number;
        pending_row_report(&report, page->approvals[i]);
        TRY(list_row(ctl, columns, COUNT(columns), &report, page->approvals[i]->reason));
    }
    return page->more && page->n_approvals == 0
               ? fail_quiet(ERR_PROTO, "the server gave an empty page")
               : ERR_OK;
}

static enum err list(struct ctl *ctl, const struct command *command, const void *args)
{
    (void)command;
    const struct list_args *a = args;
    AUTO(remote_close) struct remote *remote = NULL;
    Hallmark__V1__ListApprovalsRequest in = HALLMARK__V1__LIST_APPROVALS_REQUEST__INIT;
    bool more = true;
    in.all = a->all;
    TRY(remote_open(ctl, &remote));
    struct rpc_stub stub =
        rpc_stub_of(&hallmark__v1__approvals__descriptor, remote_send, remote);
    list_header(ctl, columns, COUNT(columns));
    while (more) {
        AUTO(rpc_drop) Hallmark__V1__ListApprovalsResponse *page = NULL;
        TRY(advise(RPC_CALL(&stub, hallmark__v1__approvals__list, &in, &page),
                   ADVISE_APPROVAL));
        TRY(print_page(ctl, page, &in.after));
        more = page->more;
    }
    return ERR_OK;
}

struct show_args {
    uint64_t number;
};

static enum err show(struct ctl *ctl, const struct command *command, const void *args)
{
    (void)command;
    const struct show_args *a = args;
    AUTO(remote_close) struct remote *remote = NULL;
    AUTO(rpc_drop) Hallmark__V1__ShowApprovalResponse *out = NULL;
    AUTO(report_free) struct report report = report_new();
    Hallmark__V1__ShowApprovalRequest in = HALLMARK__V1__SHOW_APPROVAL_REQUEST__INIT;
    in.number = a->number;
    TRY(remote_open(ctl, &remote));
    struct rpc_stub stub =
        rpc_stub_of(&hallmark__v1__approvals__descriptor, remote_send, remote);
    TRY(advise(RPC_CALL(&stub, hallmark__v1__approvals__show, &in, &out), ADVISE_APPROVAL));
    if (out->approval == NULL || out->approval->number != a->number)
        return fail_quiet(ERR_PROTO, "the server shows another request");
    pending_row_report(&report, out->approval);
    TRY(pending_row_terms(&report, out->approval->method,
                          span_of(out->request.data, out->request.len)));
    return report_print(&report, ctl);
}

static const struct option_row list_options[] = {
    { "all", NULL, "decided and expired ones too", option_flag, offsetof(struct list_args, all),
      false, false },
};

static const struct option_row show_operands[] = {
    { "NUMBER", NULL, "of the request", option_u64, offsetof(struct show_args, number), true,
      false },
};

const struct command pending_list_command = {
    .words = "pending list",
    .synopsis = "[--all] [OPTION]...",
    .text = "List what waits for a second operator; with --json, JSON Lines",
    .options = list_options,
    .option_count = COUNT(list_options),
    .args_size = sizeof(struct list_args),
    .run = list,
};

const struct command pending_show_command = {
    .words = "pending show",
    .synopsis = "NUMBER [OPTION]...",
    .text = "Show a request with all its terms: what an approval does",
    .operands = show_operands,
    .operand_count = COUNT(show_operands),
    .args_size = sizeof(struct show_args),
    .run = show,
};
