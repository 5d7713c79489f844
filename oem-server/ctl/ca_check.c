/* SPDX-License-Identifier: MIT */
/*
 * ca check: tries the configured CA, and prints a table. Called through the table of commands,
 * on the server's host; the server may run. It must not change anything of the server's, and
 * must not leave a valid certificate behind (tests/interop/ejbca/check).
 */
#include <stdio.h>

#include "common/host/log.h"
#include "oem-server/ca/ejbca/ejbca.h"
#include "oem-server/config/config.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/list.h"

struct ca_check_args {
    const char *config;
};

static const struct list_column columns[] = { { "step", 18 },
                                              { "outcome", 8 },
                                              { "detail", 0 } };

struct table {
    const struct ctl *ctl;
    enum err err; /* of printing */
};

static void print_step(void *context, const char *step, bool good, const char *detail)
{
    struct table *table = context;
    AUTO(report_free) struct report row = report_new();
    report_text(&row, "step", step);
    report_text(&row, "outcome", good ? "ok" : "FAILED");
    report_text(&row, "detail", detail);
    enum err e = list_row(table->ctl, columns, COUNT(columns), &row, "");
    if (table->err == ERR_OK)
        table->err = e;
}

static void config_drop(struct config **config)
{
    config_free(*config);
}

static void ejbca_drop(struct ejbca **ejbca)
{
    ejbca_close(*ejbca);
}

static void hsm_drop(struct hsm **hsm)
{
    hsm_close(*hsm);
}

/* The HSM is the CA: its issuing key must sign. */
static enum err check_hsm(const struct config *config, struct table *table)
{
    AUTO(hsm_drop) struct hsm *hsm = NULL;
    const uint8_t digest[SHA256_SIZE] = { 1 };
    uint8_t signature[P256_SIGNATURE_SIZE];
    enum err e = hsm_open(&config->hsm, &hsm);
    print_step(table, "HSM", e == ERR_OK, e == ERR_OK ? "its tokens open" : fail_words());
    TRY(e);
    e = hsm_sign_p256(hsm, HSM_ISSUING, CA_KEY_ISSUING, digest, signature);
    print_step(table, "issuing key", e == ERR_OK, e == ERR_OK ? "it signs" : fail_words());
    return e;
}

static enum err check_ejbca(const struct config *config, struct table *table)
{
    AUTO(ejbca_drop) struct ejbca *ejbca = NULL;
    enum err e = ejbca_open(&config->ejbca, &ejbca);
    print_step(table, "files", e == ERR_OK,
               e == ERR_OK ? "certificates and key are read" : fail_words());
    TRY(e);
    return ejbca_check(ejbca, print_step, table);
}

static enum err ca_check(struct ctl *ctl, const struct command *command, const void *args)
{
    (void)command;
    const struct ca_check_args *a = args;
    struct table table = { .ctl = ctl };
    AUTO(config_drop) struct config *config = NULL;
    TRY(config_read(a->config, &config));
    log_set_level(LOG_LEVEL_NONE); /* the table has the messages */
    list_header(ctl, columns, COUNT(columns));
    enum err e = config->use_ejbca ? check_ejbca(config, &table) : check_hsm(config, &table);
    TRY(table.err);
    return e == ERR_OK
               ? ERR_OK
               : fail_quiet(e, "the CA does not do all that is asked of it: see the rows "
                               "that FAILED");
}

static const struct option_row options[] = {
    { "config", "FILE", "the server's configuration (oem-server.ini)", option_text,
      offsetof(struct ca_check_args, config), true, false },
};

const struct command ca_check_command = {
    .words = "ca check",
    .synopsis = "--config FILE [--json]",
    .text = "Try the configured CA: a table of what works",
    .options = options,
    .option_count = COUNT(options),
    .args_size = sizeof(struct ca_check_args),
    .run = ca_check,
};
