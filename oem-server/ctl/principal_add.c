/* SPDX-License-Identifier: MIT */
/*
 * station add, operator add, auditor add: register a principal and write its certificate.
 * Called through the table of commands. Key and request must be kept as long as the server may
 * have issued the certificate.
 */
#include <string.h>
#include <unistd.h>

#include "common/host/log.h"
#include "hallmark/v1/operator.pb-c.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/file.h"
#include "oem-server/ctl/principal.h"
#include "oem-server/ctl/remote.h"
#include "oem-server/ctl/report.h"

struct add_args {
    char *name;
    const char *csr;
    const char *new_key;
    const char *out;
    char *reason;
};

static enum err check_args(const struct add_args *a)
{
    if ((a->csr == NULL) == (a->new_key == NULL))
        return fail_quiet(ERR_USAGE, "give one of --csr and --new-key");
    if (a->new_key != NULL && strcmp(a->new_key, a->out) == 0)
        return fail_quiet(ERR_USAGE, "--new-key and --out are the same file: %s", a->out);
    return ERR_OK;
}

/* A key made here, and beside it its request until the certificate is written: only the same
 * request gets the same certificate again. */
struct made {
    const char *key; /* NULL: none was made */
    char *csr;
};

static void made_drop(struct made *made)
{
    free_drop(&made->csr);
}

static void made_remove(const struct made *made, bool with_key)
{
    if (made->key == NULL)
        return;
    unlink(made->csr);
    if (with_key)
        unlink(made->key);
}

/* The files made here may be that of --out under another name. */
static enum err save_request(const struct add_args *a, const struct made *made, struct span csr)
{
    AUTO(buf_free) struct buf pem = { 0 };
    TRY(credential_pem("CERTIFICATE REQUEST", csr, &pem));
    TRY(file_check_new(a->out));
    TRY(file_write_new(made->csr, buf_span(&pem)));
    return file_check_new(a->out);
}

static enum err make_key(const struct add_args *a, struct made *made, struct buf *csr_out)
{
    AUTO(credential_key_drop) EVP_PKEY *key = NULL;
    if (asprintf(&made->csr, "%s.csr", a->new_key) < 0)
        return fail_quiet(ERR_MEMORY, "%s: no memory", a->new_key);
    TRY(file_check_new(made->csr));
    TRY(credential_key_make(&key));
    TRY(credential_csr_make(key, a->name, csr_out));
    TRY(credential_key_save(key, a->new_key));
    made->key = a->new_key;
    enum err e = save_request(a, made, buf_span(csr_out));
    if (e != ERR_OK)
        made_remove(made, true);
    return e;
}

/* A request that waits for approval is needed again, to get the certificate. After a refusal by
 * the server the new files are removed. After a lost connection, or if the answer could not be
 * written, the certificate may have been issued, so key and request are kept. */
static enum err clean_up(enum err e, bool answered, const struct add_args *a,
                         const struct made *made)
{
    char words[FAIL_WORDS_MAX / 2];
    bool unsure = answered || e == ERR_PENDING || err_status(e) == ERR_UNAVAILABLE ||
                  err_status(e) == ERR_DEADLINE;
    if (e == ERR_OK || !unsure) {
        made_remove(made, e != ERR_OK);
        return e;
    }
    snprintf(words, sizeof(words), "%s", fail_words());
    if (e == ERR_PENDING)
        return fail_quiet(e, "%s; then the same again with --csr %.100s gets its certificate",
                          words, made->key == NULL ? a->csr : made->csr);
    return fail_quiet(e,
                      "%s; %s may be registered: the same again with --csr %.100s gets its "
                      "certificate",
                      words, a->name, made->key == NULL ? a->csr : made->csr);
}

static enum err call(struct ctl *ctl, const struct command *command, const struct add_args *a,
                     struct made *made, Hallmark__V1__AddPrincipalResponse **out)
{
    AUTO(stage_drop) struct stage stage = { 0 };
    AUTO(buf_free) struct buf csr = { 0 };
    AUTO(remote_close) struct remote *remote = NULL;
    TRY(stage_open_new(a->out, &stage));
    TRY(remote_open(ctl, &remote)); /* before a key is made */
    TRY(a->csr != NULL ? credential_csr_load(a->csr, &csr) : make_key(a, made, &csr));
    enum err e = principal_add(remote_send, remote, command->role, a->name, a->reason,
                               buf_span(&csr), out);
    bool answered = e == ERR_OK;
    if (answered)
        e = principal_write(*out, &stage);
    return clean_up(e, answered, a, made);
}

static enum err add(struct ctl *ctl, const struct command *command, const void *args)
{
    const struct add_args *a = args;
    AUTO(made_drop) struct made made = { 0 };
    AUTO(rpc_drop) Hallmark__V1__AddPrincipalResponse *out = NULL;
    AUTO(report_free) struct report report = report_new();
    TRY(check_args(a));
    TRY(call(ctl, command, a, &made, &out));
    principal_report(&report, command->role, a->name, out);
    report_text(&report, "certificate", a->out);
    if (a->new_key != NULL)
        report_text(&report, "key", a->new_key);
    return report_print(&report, ctl);
}

static const struct option_row options[] = {
    { "csr", "FILE", "its certificate request, PEM or DER", option_text,
      offsetof(struct add_args, csr), false, false },
    { "new-key", "FILE", "or make its key here, into this new file", option_text,
      offsetof(struct add_args, new_key), false, false },
    { "out", "FILE", "for its certificate and the issuer's, PEM", option_text,
      offsetof(struct add_args, out), true, false },
    { "reason", "TEXT", "why, for the log", option_reason, offsetof(struct add_args, reason),
      false, false },
};

static const struct option_row operands[] = {
    { "NAME", NULL, "in its certificate, permanently", option_name,
      offsetof(struct add_args, name), true, false },
};

#define ADD_COMMAND(id, number, what)                                                          \
    const struct command id##_add_command = {                                                  \
        .words = #id " add",                                                                   \
        .synopsis = "NAME --csr FILE|--new-key FILE --out FILE [OPTION]...",                   \
        .text = "Register " what " and issue its certificate",                                 \
        .options = options,                                                                    \
        .option_count = COUNT(options),                                                        \
        .operands = operands,                                                                  \
        .operand_count = COUNT(operands),                                                      \
        .args_size = sizeof(struct add_args),                                                  \
        .role = (number),                                                                      \
        .run = add,                                                                            \
    }

ADD_COMMAND(station, HALLMARK__V1__ROLE__ROLE_STATION, "a station");
ADD_COMMAND(operator, HALLMARK__V1__ROLE__ROLE_OPERATOR, "an operator");
ADD_COMMAND(auditor, HALLMARK__V1__ROLE__ROLE_AUDITOR, "an auditor");
ADD_COMMAND(service, HALLMARK__V1__ROLE__ROLE_SERVICE, "a service");
