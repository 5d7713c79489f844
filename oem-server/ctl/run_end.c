/* SPDX-License-Identifier: MIT */
/*
 * run end: end a run that a station does not end itself. Called through the table of commands.
 * Given a unit, it looks up the unit's run first; a run that begins after that must not be
 * ended.
 */
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "hallmark/v1/operator.pb-c.h"
#include "oem-server/ctl/advise.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/remote.h"
#include "oem-server/ctl/report.h"

struct end_args {
    struct option_run run;
    char *reason;
};

/* Replaces run->bytes, a UID, by the unit's run. */
static enum err find_run(struct rpc_stub *stub, struct option_run *run)
{
    char hex[2 * UID_SIZE + 1];
    AUTO(rpc_drop) Hallmark__V1__ListRunsResponse *out = NULL;
    Hallmark__V1__ListRunsRequest in = HALLMARK__V1__LIST_RUNS_REQUEST__INIT;
    in.uid = (ProtobufCBinaryData){ UID_SIZE, run->bytes };
    TRY(RPC_CALL(stub, hallmark__v1__run_table__list, &in, &out));
    if (out->n_runs == 0)
        return fail_quiet(ERR_NOT_FOUND, "no run of unit %s is under way",
                          hex_of(span_of(run->bytes, UID_SIZE), hex));
    const Hallmark__V1__RunRow *row = out->runs[0];
    if (row->run_id.len != RUN_ID_SIZE ||
        !span_eq(span_of(row->uid.data, row->uid.len), span_of(run->bytes, UID_SIZE)))
        return fail_quiet(ERR_PROTO, "the server answered about another unit");
    memcpy(run->bytes, row->run_id.data, RUN_ID_SIZE);
    return ERR_OK;
}

static enum err end(struct ctl *ctl, const struct command *command, const void *args)
{
    (void)command;
    struct end_args a = *(const struct end_args *)args;
    AUTO(remote_close) struct remote *remote = NULL;
    AUTO(rpc_drop) Hallmark__V1__EndHolderResponse *out = NULL;
    AUTO(report_free) struct report report = report_new();
    Hallmark__V1__EndHolderRequest in = HALLMARK__V1__END_HOLDER_REQUEST__INIT;
    TRY(remote_open(ctl, &remote));
    struct rpc_stub stub =
        rpc_stub_of(&hallmark__v1__run_table__descriptor, remote_send, remote);
    if (a.run.is_uid)
        TRY(advise(find_run(&stub, &a.run), ADVISE_RUN));
    in.run_id = (ProtobufCBinaryData){ RUN_ID_SIZE, a.run.bytes };
    in.reason = a.reason;
    TRY(advise(RPC_CALL(&stub, hallmark__v1__run_table__end, &in, &out), ADVISE_RUN));
    report_hex(&report, "run_id", SPAN(a.run.bytes));
    report_text(&report, "outcome", "ended");
    return report_print(&report, ctl);
}

static const struct option_row options[] = {
    { "reason", "TEXT", "why, for the log", option_reason, offsetof(struct end_args, reason),
      true, false },
};

static const struct option_row operands[] = {
    { "RUN|UID", NULL, "the run, 32 hex digits, or its unit, 24", option_run,
      offsetof(struct end_args, run), true, false },
};

const struct command run_end_command = {
    .words = "run end",
    .synopsis = "RUN|UID --reason TEXT [OPTION]...",
    .text = "End a run; its unit can be opened again",
    .options = options,
    .option_count = COUNT(options),
    .operands = operands,
    .operand_count = COUNT(operands),
    .args_size = sizeof(struct end_args),
    .run = end,
};
