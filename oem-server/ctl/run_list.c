/* SPDX-License-Identifier: MIT */
/*
 * run list: the open runs, oldest first. Called through the table of commands. It only reads.
 */
#include "common/host/log.h"
#include "hallmark/v1/operator.pb-c.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/list.h"
#include "oem-server/ctl/remote.h"

enum { SERVER_MAX = 1000 }; /* runs in one answer */

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

static enum err list(struct ctl *ctl, const struct command *command, const void *args)
{
    (void)command, (void)args;
    AUTO(remote_close) struct remote *remote = NULL;
    AUTO(rpc_drop) Hallmark__V1__ListRunsResponse *out = NULL;
    Hallmark__V1__ListRunsRequest in = HALLMARK__V1__LIST_RUNS_REQUEST__INIT;
    TRY(remote_open(ctl, &remote));
    struct rpc_stub stub =
        rpc_stub_of(&hallmark__v1__run_table__descriptor, remote_send, remote);
    TRY(RPC_CALL(&stub, hallmark__v1__run_table__list, &in, &out));
    list_header(ctl, columns, COUNT(columns));
    for (size_t i = 0; i < out->n_runs; i++)
        TRY(print_row(ctl, out->runs[i]));
    if (out->n_runs >= SERVER_MAX)
        fprintf(stderr, "oemctl: the server shows its %d oldest runs; there may be more\n",
                SERVER_MAX);
    return ERR_OK;
}

const struct command run_list_command = {
    .words = "run list",
    .synopsis = "[OPTION]...",
    .text = "List the runs under way, a line each; with --json, JSON Lines",
    .run = list,
};
