/* SPDX-License-Identifier: MIT */
/*
 * init: makes the OEM's keys and certificates and the first operator's files. Called through
 * the table of commands, on the server's host while the server is stopped. It must be safe to
 * repeat, and must not replace a key.
 */
#include <string.h>
#include <unistd.h>

#include "common/host/log.h"
#include "common/host/stop.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/file.h"
#include "oem-server/ctl/init_clock.h"
#include "oem-server/ctl/init_run.h"

struct init_args {
    const char *config;
    const char *name;
    const char *out;
    const char *points;
    bool yes;
};

static void init_drop(struct init **init)
{
    init_close(*init);
}

static enum err write_text(const struct init_run *run, const char *name, const char *text)
{
    AUTO(free_drop) char *path = NULL;
    TRY(file_join(run->folder, name, &path));
    return file_write_new(path, span_of(text, strlen(text)));
}

/* The log's verifier key, which auditors get once, on paper. */
static enum err write_log_key(struct init_run *run)
{
    AUTO(free_drop) char *vkey = NULL;
    AUTO(free_drop) char *line = NULL;
    TRY(init_verifier_key(run->init, &vkey));
    if (asprintf(&line, "%s\n", vkey) < 0)
        return fail_quiet(ERR_MEMORY, "no memory for the log's key");
    report_text(&run->report, "log_key", vkey);
    return write_text(run, "log.vkey", line);
}

/* Configuration for oemctl; an operator's own changes to it are kept. */
static enum err write_settings(struct init_run *run)
{
    const struct config *config = init_config(run->init);
    const char *name = config->server_names[0];
    bool colons = strchr(name, ':') != NULL; /* an IPv6 address */
    AUTO(free_drop) char *text = NULL;
    AUTO(free_drop) char *path = NULL;
    TRY(file_join(run->folder, "oemctl.ini", &path));
    if (asprintf(&text,
                 "server = wss://%s%s%s:%u\nca = root.pem\ncert = operator.pem\n"
                 "key = operator.key\n",
                 colons ? "[" : "", name, colons ? "]" : "", config->listen_port) < 0)
        return fail_quiet(ERR_MEMORY, "no memory for the configuration");
    report_text(&run->report, "settings", path);
    return file_exists(path) ? ERR_OK : file_write_text(path, text);
}

static enum err run_all(struct init_run *run)
{
    TRY(init_arrows(run));
    TRY(write_log_key(run));
    TRY(init_operator(run));
    TRY(write_settings(run));
    return report_print(&run->report, run->ctl);
}

static enum err init(struct ctl *ctl, const struct command *command, const void *args)
{
    (void)command;
    const struct init_args *a = args;
    AUTO(init_drop) struct init *opened = NULL;
    if (a->points != NULL)
        TRY(stop_open(a->points));
    TRY(init_clock_check(a->yes));
    TRY(init_open(a->config, a->yes, &opened));
    bool fresh = !file_exists(a->out);
    TRY(file_folder(a->out)); /* not earlier, so that a failure above leaves no empty folder */
    struct init_run run = { .ctl = ctl,
                            .init = opened,
                            .folder = a->out,
                            .operator_name = a->name,
                            .report = report_new() };
    enum err e = run_all(&run);
    report_free(&run.report);
    if (e != ERR_OK && fresh)
        rmdir(a->out); /* unless something was made */
    return e;
}

static const struct option_row options[] = {
    { "config", "FILE", "the server's configuration (oem-server.ini)", option_text,
      offsetof(struct init_args, config), true, false },
    { "operator", "NAME", "of the first operator", option_name,
      offsetof(struct init_args, name), true, false },
    { "out", "DIR", "for certificates and the operator's key", option_text,
      offsetof(struct init_args, out), true, false },
    { "yes", NULL, "go on by this clock, whatever it says", option_flag,
      offsetof(struct init_args, yes), false, false },
    { "announce-points", "SOCKET",
      "for tests of interruptions only: the test can stop it anywhere", option_text,
      offsetof(struct init_args, points), false, false },
};

const struct command init_command = {
    .words = "init",
    .synopsis = "--config FILE --operator NAME --out DIR [--yes] [--json]",
    .text = "Make the CA's keys and certificates and the first operator",
    .options = options,
    .option_count = COUNT(options),
    .args_size = sizeof(struct init_args),
    .run = init,
};
