/* SPDX-License-Identifier: MIT */
/*
 * health: the state of the server, and whether boards wait without a lock statement. Called
 * through the table of commands. An alarm is a warning: the server works, so the exit status
 * stays 0.
 */
#include <stdio.h>

#include "common/host/clean.h"
#include "hallmark/v1/operator.pb-c.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/remote.h"
#include "oem-server/ctl/report.h"
#include "oem-server/ctl/when.h"

enum {
    MICROSECONDS = 1000000,
    SLOW_MS = 1000, /* a commit takes a few milliseconds */
};

/* By the server's clock, which decides who may connect. */
static void report_expiring(struct report *report, const Hallmark__V1__CheckResponse *out)
{
    report_number(report, "expiring_count", out->expiring_count);
    report_list(report, "expiring");
    for (size_t i = 0; i < out->n_expiring; i++) {
        const Hallmark__V1__Expiring *row = out->expiring[i];
        AUTO(report_free) struct report part = report_new();
        report_text(&part, "kind", row->kind);
        report_text(&part, "name", row->name);
        report_time(&part, "not_after", row->not_after);
        report_list_add(report, "expiring", &part);
    }
}

static void warn_of_expiring(const Hallmark__V1__CheckResponse *out)
{
    char when[WHEN_TEXT_SIZE];
    for (size_t i = 0; i < out->n_expiring; i++) {
        const Hallmark__V1__Expiring *row = out->expiring[i];
        when_text(row->not_after, when);
        AUTO(free_drop) char *kind = clean_copy(row->kind);
        AUTO(free_drop) char *name = clean_copy(row->name);
        if (kind != NULL && name != NULL)
            fprintf(stderr, "oemctl: warning: the certificate of %s%s%s %s %s\n", kind,
                    *name == '\0' ? "" : " ", name,
                    row->not_after < out->time_us / MICROSECONDS ? "expired" : "expires", when);
    }
    if (out->expiring_count > out->n_expiring)
        fprintf(stderr, "oemctl: warning: %u more certificates expire, or have\n",
                out->expiring_count - (unsigned)out->n_expiring);
}

static void warn(const Hallmark__V1__CheckResponse *out)
{
    if (out->hsm[0] != '\0')
        fprintf(stderr, "oemctl: warning: the HSM: %s\n", out->hsm);
    if (out->commit_ms >= SLOW_MS)
        fprintf(
            stderr,
            "oemctl: warning: the latest commit of the server's store took %u ms: its disk is "
            "slow, and boards wait for it\n",
            out->commit_ms);
    if (out->announces_points)
        fprintf(stderr,
                "oemctl: warning: the server was started with --announce-points: a test "
                "can stop it anywhere; restart it without that option\n");
    if (out->clock_behind_s > 0)
        fprintf(
            stderr,
            "oemctl: warning: the server's clock was set back, and is %llu s behind its event "
            "log: leases, order windows and certificates go by it; if it is wrong, set it "
            "right "
            "on the server\n",
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
    warn_of_expiring(out);
}

static void report_anchor(struct report *report, const Hallmark__V1__CheckResponse *out)
{
    AUTO(free_drop) char *why = clean_copy(out->anchor_failing);
    report_bool(report, "anchored", out->anchored);
    if (out->anchor_failing[0] != '\0')
        report_text(report, "anchor_failing", out->anchor_failing);
    report_number(report, "anchor_lag_s", out->anchor_lag_s);
    if (!out->anchored)
        fprintf(stderr, "oemctl: warning: the log has no anchor ([log] anchor): a restored "
                        "backup or a copied server is not noticed\n");
    else if (out->anchor_failing[0] != '\0')
        fprintf(
            stderr,
            "oemctl: warning: the log's anchor cannot be written, so no checkpoint is given "
            "away, and after a while no new board is begun: %s\n",
            why == NULL ? "" : why);
}

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
    report_time_us(&report, "time", out->time_us);
    report_number(&report, "clock_behind_s", out->clock_behind_s);
    report_number(&report, "ending", out->ending);
    report_text(&report, "hsm", out->hsm[0] == '\0' ? "ok" : out->hsm);
    report_bool(&report, "announces_points", out->announces_points);
    report_number(&report, "commit_ms", out->commit_ms);
    report_expiring(&report, out);
    report_anchor(&report, out);
    warn(out);
    return report_print(&report, ctl);
}

const struct command health_command = {
    .words = "health",
    .synopsis = "[OPTION]...",
    .text = "Ask the server how it is",
    .run = health,
};
