#include <string.h>
#include <unistd.h>

#include "common/host/log.h"
#include "hallmark/v1/operator.pb-c.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/principal.h"
#include "oem-server/ctl/remote.h"
#include "oem-server/ctl/report.h"

struct add_args {
    char *name;
    const char *csr;
    const char *new_key;
    const char *out;
};

/* The request: from a file, or for a key made here and now. */
static enum err make_request(const struct add_args *a, struct buf *csr_out)
{
    if ((a->csr == NULL) == (a->new_key == NULL))
        return fail_quiet(ERR_USAGE, "give one of --csr and --new-key");
    if (a->csr != NULL)
        return credential_csr_load(a->csr, csr_out);
    AUTO(credential_key_drop) EVP_PKEY *key = NULL;
    TRY(credential_key_make(&key));
    TRY(credential_csr_make(key, a->name, csr_out));
    return credential_key_save(key, a->new_key);
}

/* Of a refusal that came from the server nothing remains; after a lost connection the
 * certificate may have been issued, so the key stays. */
static enum err clean_up(enum err e, const struct add_args *a)
{
    bool unsure = err_status(e) == ERR_UNAVAILABLE || err_status(e) == ERR_DEADLINE;
    if (e != ERR_OK && a->new_key != NULL && !unsure)
        unlink(a->new_key);
    return e;
}

static enum err add(struct ctl *ctl, const struct command *command, const void *args)
{
    const struct add_args *a = args;
    AUTO(buf_free) struct buf csr = { 0 };
    AUTO(remote_close) struct remote *remote = NULL;
    AUTO(rpc_drop) Hallmark__V1__AddPrincipalResponse *out = NULL;
    AUTO(report_free) struct report report = report_new();
    TRY(remote_open(ctl, &remote)); /* before a key is made in vain */
    TRY(make_request(a, &csr));
    TRY(clean_up(
        principal_add(remote_send, remote, command->role, a->name, buf_span(&csr), &out), a));
    TRY(principal_write(out, a->out));
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
};

static const struct option_row operands[] = {
    { "NAME", NULL, "in its certificate, for good", option_name,
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
