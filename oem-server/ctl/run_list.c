/* SPDX-License-Identifier: MIT */
/*
 * run list: the open runs, oldest first. Called through the table of commands. It only reads.
 */
#include "common/host/log.h"
#include "hallmark/v1/operator.pb-c.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/list.h"
#include "oem-server/ctl/remote.h"

static const struct list_column columns[] = {
    { "run_id", 2 * RUN_ID_SIZE },
    { "uid", 2 * UID_SIZE },
    { "order", 16 },
    { "station", 12 },
    { "server", 10 },
    { "opened", 27 },
    { "lease", 27 },
};

static enum err print_row(const struct ctl *ctl, const Hallmark__V1__RunRow *row)
{
    AUTO(report_free) struct report report = report_new();
    report_hex(&report, "run_id", span_of(row->run_id.data, row->run_id.len));
    report_hex(&report, "uid", span_of(row->uid.data, row->uid.len));
    report_text(&report, "order", row->order);
    report_text(&report, "station", row->station);
    report_text(&report, "server", row->server);
    report_time_us(&report, "opened", row->opened_us);
    report_time_us(&report, "lease", row->lease_us);
    return list_row(ctl, columns, COUNT(columns), &report, "");
}

/* The page after a row; NULL: the first. */
static enum err page(struct rpc_stub *stub, const Hallmark__V1__RunRow *last,
                     Hallmark__V1__ListRunsResponse **out)
{
    Hallmark__V1__ListRunsRequest in = HALLMARK__V1__LIST_RUNS_REQUEST__INIT;
    if (last != NULL) {
        in.after_uid = last->uid;
        in.after_opened_us = last->opened_us;
    }
    TRY(RPC_CALL(stub, hallmark__v1__run_table__list, &in, out));
    return (*out)->more && (*out)->n_runs == 0
               ? fail_quiet(ERR_PROTO, "the server's list has an empty page, and more")
               : ERR_OK;
}

static enum err list(struct ctl *ctl, const struct command *command, const void *args)
{
    (void)command, (void)args;
    AUTO(remote_close) struct remote *remote = NULL;
    AUTO(rpc_drop) Hallmark__V1__ListRunsResponse *out = NULL;
    bool more = true;
    TRY(remote_open(ctl, &remote));
    struct rpc_stub stub =
        rpc_stub_of(&hallmark__v1__run_table__descriptor, remote_send, remote);
    list_header(ctl, columns, COUNT(columns));
    while (more) {
        AUTO(rpc_drop) Hallmark__V1__ListRunsResponse *next = NULL;
        TRY(page(&stub, out == NULL ? NULL : out->runs[out->n_runs - 1], &next));
        for (size_t i = 0; i < next->n_runs; i++)
            TRY(print_row(ctl, next->runs[i]));
        more = next->more;
        rpc_drop(&out);
        out = TAKE(next);
    }
    return ERR_OK;
}

const struct command run_list_command = {
    .words = "run list",
    .synopsis = "[OPTION]...",
    .text = "List the runs under way, a line each; with --json, JSON Lines",
    .run = list,
};
