/* SPDX-License-Identifier: MIT */
/*
 * unit reassign: another station may commit, lock and seal a unit, or all units of a station
 * that is out of service. Called through the table of commands. An answer about another unit
 * must be refused.
 */
#include <string.h>

#include "common/host/log.h"
#include "oem-server/ctl/advise.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/remote.h"
#include "oem-server/ctl/uids.h"

struct reassign_args {
    struct option_uid uid;
    bool all;
    char *from, *to, *reason;
};

static enum err check_args(const struct reassign_args *a)
{
    if (a->all == a->uid.given)
        return fail_quiet(ERR_USAGE, "give a UID, or --all with --from");
    if (a->all && a->from == NULL)
        return fail_quiet(ERR_USAGE, "--all needs --from, the station whose units they are");
    if (!a->all && a->from != NULL)
        return fail_quiet(ERR_USAGE, "--from is for --all; one unit needs --to only");
    if (a->from != NULL && strcmp(a->from, a->to) == 0)
        return fail_quiet(ERR_USAGE, "--from and --to are the same station: %s", a->to);
    return ERR_OK;
}

static enum err reassign(struct ctl *ctl, const struct command *command, const void *args)
{
    (void)command;
    struct reassign_args a = *(const struct reassign_args *)args;
    AUTO(remote_close) struct remote *remote = NULL;
    AUTO(rpc_drop) Hallmark__V1__ReassignUnitsResponse *out = NULL;
    AUTO(report_free) struct report report = report_new();
    Hallmark__V1__ReassignUnitsRequest in = HALLMARK__V1__REASSIGN_UNITS_REQUEST__INIT;
    TRY(check_args(&a));
    if (a.uid.given)
        in.uid = (ProtobufCBinaryData){ sizeof(a.uid.bytes), a.uid.bytes };
    in.all = a.all;
    in.from = a.from != NULL ? a.from : in.from;
    in.to = a.to;
    in.reason = a.reason;
    TRY(remote_open(ctl, &remote));
    struct rpc_stub stub = rpc_stub_of(&hallmark__v1__units__descriptor, remote_send, remote);
    TRY(advise(RPC_CALL(&stub, hallmark__v1__units__reassign, &in, &out), ADVISE_UNIT));
    report_text(&report, "station", a.to);
    report_number(&report, "reassigned", out->count);
    TRY(uids_report(&report, "units", out->uids, out->n_uids));
    return report_print(&report, ctl);
}

static const struct option_row options[] = {
    { "to", "STATION", "that may go on with it", option_name,
      offsetof(struct reassign_args, to), true, false },
    { "all", NULL, "all finished and committed units of a station", option_flag,
      offsetof(struct reassign_args, all), false, false },
    { "from", "STATION", "with --all: whose units they are", option_name,
      offsetof(struct reassign_args, from), false, false },
    { "reason", "TEXT", "why, for the log", option_reason,
      offsetof(struct reassign_args, reason), true, false },
};

static const struct option_row operands[] = {
    { "UID", NULL, "of the unit, 24 hex digits; none with --all", option_uid,
      offsetof(struct reassign_args, uid), false, false },
};

const struct command unit_reassign_command = {
    .words = "unit reassign",
    .synopsis = "UID|--all --from STATION --to STATION --reason TEXT [OPTION]...",
    .text = "Let another station go on with a unit, or with all units of a station",
    .options = options,
    .option_count = COUNT(options),
    .operands = operands,
    .operand_count = COUNT(operands),
    .args_size = sizeof(struct reassign_args),
    .run = reassign,
};
