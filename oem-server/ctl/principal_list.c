/* SPDX-License-Identifier: MIT */
/*
 * station list, operator list and auditor list: the registered principals, including revoked
 * ones. Called through the table of commands. They only read.
 */
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/list.h"
#include "oem-server/ctl/principal.h"
#include "oem-server/ctl/remote.h"

#include "common/host/log.h"

static const struct list_column columns[] = {
    { "name", 24 },
    { "state", 7 },
    { "connections", 11 },
    { "added", 27 },
    { "certificate_sha256", 2 * SHA256_SIZE },
};

static enum err print_row(const struct ctl *ctl, uint32_t role,
                          const Hallmark__V1__PrincipalRow *row)
{
    AUTO(report_free) struct report report = report_new();
    if (row->role != role)
        return fail_quiet(ERR_PROTO, "the server names a principal of another role");
    report_text(&report, "role", principal_word(role));
    report_text(&report, "name", row->name);
    report_text(&report, "state", row->revoked ? "revoked" : "valid");
    if (row->revoked)
        report_text(&report, "revoked_reason", row->revoked_reason);
    report_number(&report, "connections", row->connections);
    report_time_us(&report, "added", row->added_us);
    report_hex(&report, "certificate_sha256",
               span_of(row->certificate_sha256.data, row->certificate_sha256.len));
    return list_row(ctl, columns, COUNT(columns), &report,
                    row->revoked ? row->revoked_reason : "");
}

static enum err list(struct ctl *ctl, const struct command *command, const void *args)
{
    (void)args;
    AUTO(remote_close) struct remote *remote = NULL;
    AUTO(rpc_drop) Hallmark__V1__ListPrincipalsResponse *out = NULL;
    Hallmark__V1__ListPrincipalsRequest in = HALLMARK__V1__LIST_PRINCIPALS_REQUEST__INIT;
    in.role = (Hallmark__V1__Role)command->role;
    TRY(remote_open(ctl, &remote));
    struct rpc_stub stub =
        rpc_stub_of(&hallmark__v1__registry__descriptor, remote_send, remote);
    TRY(RPC_CALL(&stub, hallmark__v1__registry__list, &in, &out));
    list_header(ctl, columns, COUNT(columns));
    for (size_t i = 0; i < out->n_principals; i++)
        TRY(print_row(ctl, command->role, out->principals[i]));
    return ERR_OK;
}

#define LIST_COMMAND(id, number, what)                                                         \
    const struct command id##_list_command = {                                                 \
        .words = #id " list",                                                                  \
        .synopsis = "[OPTION]...",                                                             \
        .text = "List " what ", a line each; with --json, JSON Lines",                         \
        .role = (number),                                                                      \
        .run = list,                                                                           \
    }

LIST_COMMAND(station, HALLMARK__V1__ROLE__ROLE_STATION, "stations");
LIST_COMMAND(operator, HALLMARK__V1__ROLE__ROLE_OPERATOR, "operators");
LIST_COMMAND(auditor, HALLMARK__V1__ROLE__ROLE_AUDITOR, "auditors");
