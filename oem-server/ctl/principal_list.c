/* SPDX-License-Identifier: MIT */
/*
 * station list, operator list and auditor list: the registered principals, including revoked
 * ones, by name, page after page. Called through the table of commands. They only read. The
 * server is not trusted to end the list: each page must continue after the one before
 * (test_ctl_commands).
 */
#include <string.h>

#include "common/host/log.h"
#include "common/host/name.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/list.h"
#include "oem-server/ctl/principal.h"
#include "oem-server/ctl/remote.h"

struct list_args {
    char *after;
    uint32_t limit;
};

struct listing {
    struct ctl *ctl;
    uint32_t role;
    char after[NAME_LENGTH_MAX + 1];
    uint64_t had;
};

static const struct list_column columns[] = {
    { "name", 24 },
    { "state", 7 },
    { "connections", 11 },
    { "added", 27 },
    { "certificate_sha256", 2 * SHA256_SIZE },
};

static enum err print_row(struct listing *l, const Hallmark__V1__PrincipalRow *row)
{
    AUTO(report_free) struct report report = report_new();
    if (row->role != l->role)
        return fail_quiet(ERR_PROTO, "the server names a principal of another role");
    if (strcmp(row->name, l->after) <= 0 || !name_is_good(row->name))
        return fail_quiet(ERR_PROTO, "the server's %ss are not in the order of their names",
                          principal_word(l->role));
    snprintf(l->after, sizeof(l->after), "%s", row->name);
    l->had++;
    report_text(&report, "role", principal_word(l->role));
    report_text(&report, "name", row->name);
    report_text(&report, "state", row->revoked ? "revoked" : "valid");
    if (row->revoked)
        report_text(&report, "revoked_reason", row->revoked_reason);
    report_number(&report, "connections", row->connections);
    report_time_us(&report, "added", row->added_us);
    report_hex(&report, "certificate_sha256",
               span_of(row->certificate_sha256.data, row->certificate_sha256.len));
    return list_row(l->ctl, columns, COUNT(columns), &report,
                    row->revoked ? row->revoked_reason : "");
}

static enum err read_page(struct rpc_stub *stub, struct listing *l, uint32_t count,
                          bool *more_out)
{
    AUTO(rpc_drop) Hallmark__V1__ListPrincipalsResponse *page = NULL;
    Hallmark__V1__ListPrincipalsRequest in = HALLMARK__V1__LIST_PRINCIPALS_REQUEST__INIT;
    in.role = (Hallmark__V1__Role)l->role;
    in.after = l->after;
    in.limit = count;
    TRY(RPC_CALL(stub, hallmark__v1__registry__list, &in, &page));
    if (page->n_principals > count || (page->n_principals == 0 && page->more))
        return fail_quiet(ERR_PROTO, "the server gave %zu principals, %u were asked for",
                          page->n_principals, count);
    for (size_t i = 0; i < page->n_principals; i++)
        TRY(print_row(l, page->principals[i]));
    *more_out = page->more;
    return ERR_OK;
}

static enum err list(struct ctl *ctl, const struct command *command, const void *args)
{
    const struct list_args *a = args;
    struct listing listing = { .ctl = ctl, .role = command->role };
    AUTO(remote_close) struct remote *remote = NULL;
    bool more = true;
    uint32_t count;
    snprintf(listing.after, sizeof(listing.after), "%s", a->after == NULL ? "" : a->after);
    TRY(remote_open(ctl, &remote));
    struct rpc_stub stub =
        rpc_stub_of(&hallmark__v1__registry__descriptor, remote_send, remote);
    list_header(ctl, columns, COUNT(columns));
    while (more && (count = list_page(a->limit, listing.had)) != 0)
        TRY(read_page(&stub, &listing, count, &more));
    if (more)
        fprintf(stderr, "oemctl: there are more; continue with --after %s\n", listing.after);
    return ERR_OK;
}

static const struct option_row options[] = {
    { "limit", "N", "lines at most, all unless given", option_u32,
      offsetof(struct list_args, limit), false, false },
    { "after", "NAME", "begin after this name", option_name, offsetof(struct list_args, after),
      false, false },
};

#define LIST_COMMAND(id, number, what)                                                         \
    const struct command id##_list_command = {                                                 \
        .words = #id " list",                                                                  \
        .synopsis = "[OPTION]...",                                                             \
        .text = "List " what ", a line each; with --json, JSON Lines",                         \
        .role = (number),                                                                      \
        .options = options,                                                                    \
        .option_count = COUNT(options),                                                        \
        .args_size = sizeof(struct list_args),                                                 \
        .run = list,                                                                           \
    }

LIST_COMMAND(station, HALLMARK__V1__ROLE__ROLE_STATION, "stations");
LIST_COMMAND(operator, HALLMARK__V1__ROLE__ROLE_OPERATOR, "operators");
LIST_COMMAND(auditor, HALLMARK__V1__ROLE__ROLE_AUDITOR, "auditors");
LIST_COMMAND(service, HALLMARK__V1__ROLE__ROLE_SERVICE, "services");
