/* SPDX-License-Identifier: MIT */
/*
 * station revoke, operator revoke and auditor revoke. Called through the table of commands. A
 * revocation must carry a reason, and there is no way to undo it.
 */
#include "hallmark/v1/operator.pb-c.h"
#include "oem-server/ctl/advise.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/principal.h"
#include "oem-server/ctl/remote.h"

struct revoke_args {
    char *name;
    char *reason;
};

static enum err revoke(struct ctl *ctl, const struct command *command, const void *args)
{
    const struct revoke_args *a = args;
    AUTO(remote_close) struct remote *remote = NULL;
    AUTO(rpc_drop) Hallmark__V1__RevokePrincipalResponse *out = NULL;
    AUTO(report_free) struct report report = report_new();
    Hallmark__V1__RevokePrincipalRequest in = HALLMARK__V1__REVOKE_PRINCIPAL_REQUEST__INIT;
    in.role = (Hallmark__V1__Role)command->role;
    in.name = a->name;
    in.reason = a->reason;
    TRY(remote_open(ctl, &remote));
    struct rpc_stub stub =
        rpc_stub_of(&hallmark__v1__registry__descriptor, remote_send, remote);
    TRY(advise(RPC_CALL(&stub, hallmark__v1__registry__revoke, &in, &out), ADVISE_PRINCIPAL));
    report_text(&report, "role", principal_word(command->role));
    report_text(&report, "name", a->name);
    report_number(&report, "connections_closed", out->connections_closed);
    return report_print(&report, ctl);
}

static const struct option_row options[] = {
    { "reason", "TEXT", "why, for the log", option_reason, offsetof(struct revoke_args, reason),
      true, false },
};

static const struct option_row operands[] = {
    { "NAME", NULL, "as registered", option_name, offsetof(struct revoke_args, name), true,
      false },
};

#define REVOKE_COMMAND(id, number, what)                                                       \
    const struct command id##_revoke_command = {                                               \
        .words = #id " revoke",                                                                \
        .synopsis = "NAME --reason TEXT [OPTION]...",                                          \
        .text = "Refuse " what " from now on and close its connections",                       \
        .options = options,                                                                    \
        .option_count = COUNT(options),                                                        \
        .operands = operands,                                                                  \
        .operand_count = COUNT(operands),                                                      \
        .args_size = sizeof(struct revoke_args),                                               \
        .role = (number),                                                                      \
        .run = revoke,                                                                         \
    }

REVOKE_COMMAND(station, HALLMARK__V1__ROLE__ROLE_STATION, "a station");
REVOKE_COMMAND(operator, HALLMARK__V1__ROLE__ROLE_OPERATOR, "an operator");
REVOKE_COMMAND(auditor, HALLMARK__V1__ROLE__ROLE_AUDITOR, "an auditor");
REVOKE_COMMAND(service, HALLMARK__V1__ROLE__ROLE_SERVICE, "a service");
