/* SPDX-License-Identifier: MIT */
/*
 * health: the state of the server, and whether boards wait without a lock statement. Called
 * through the table of commands. An alarm is a warning: the server works, so the exit status
 * stays 0.
 */
#include "hallmark/v1/operator.pb-c.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/remote.h"
#include "oem-server/ctl/report.h"

static enum err health(struct ctl *ctl, const struct command *command, const void *args)
{
    (void)command, (void)args;
    AUTO(remote_close) struct remote *remote = NULL;
    AUTO(rpc_drop) Hallmark__V1__CheckResponse *out = NULL;
    AUTO(report_free) struct report report = report_new();
    Hallmark__V1__CheckRequest in = HALLMARK__V1__CHECK_REQUEST__INIT;
    TRY(remote_open(ctl, &remote));
    struct rpc_stub stub = rpc_stub_of(&hallmark__v1__health__descriptor, remote_send, remote);
    TRY(RPC_CALL(&stub, hallmark__v1__health__check, &in, &out));
    report_text(&report, "version", out->version);
    report_number(&report, "runs", out->runs);
    report_number(&report, "connections", out->connections);
    report_number(&report, "unlocked", out->unlocked);
    report_number(&report, "changes", out->changes);
    report_number(&report, "hsm_operations", out->hsm_operations);
    report_number(&report, "clock_behind_s", out->clock_behind_s);
    report_number(&report, "ending", out->ending);
    report_text(&report, "hsm", out->hsm[0] == '\0' ? "ok" : out->hsm);
    report_bool(&report, "announces_points", out->announces_points);
    if (out->announces_points)
        fprintf(stderr,
                "oemctl: warning: the server was started with --announce-points: a test "
                "can stop it anywhere; restart it without that option\n");
    if (out->hsm[0] != '\0')
        fprintf(stderr, "oemctl: warning: the HSM: %s\n", out->hsm);
    if (out->clock_behind_s > 0)
        fprintf(
            stderr,
            "oemctl: warning: the server's clock is %llu s behind its event log: leases, "
            "order windows and certificates go by it; set it right on the server and restart "
            "it\n",
            (unsigned long long)out->clock_behind_s);
    if (out->ending > 0)
        fprintf(
            stderr,
            "oemctl: warning: the end of %u runs could not be written yet; the server's own "
            "log says why, and it tries again each second\n",
            out->ending);
    if (out->unlocked > 0)
        fprintf(stderr,
                "oemctl: warning: %u units were committed over an hour ago and gave no lock "
                "statement; 'oemctl unit list --state unlocked' lists them\n",
                out->unlocked);
    return report_print(&report, ctl);
}

const struct command health_command = {
    .words = "health",
    .synopsis = "[OPTION]...",
    .text = "Ask the server how it is",
    .run = health,
};
