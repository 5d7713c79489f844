/* SPDX-License-Identifier: MIT */
/*
 * unit derive: a key derived from a board's AES_NuLink3, into a file. Called through the table
 * of commands, with a service's certificate. The key must be in nothing that is printed.
 */
#include <openssl/crypto.h>

#include "common/host/log.h"
#include "common/rpc/rpc.h"
#include "hallmark/v1/operator.pb-c.h"
#include "oem-server/ctl/advise.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/file.h"
#include "oem-server/ctl/remote.h"
#include "oem-server/ctl/report.h"

struct derive_args {
    struct option_uid uid;
    const char *label, *out;
    uint32_t length;
};

static enum err keep(struct ctl *ctl, const struct derive_args *a,
                     const Hallmark__V1__DeriveResponse *answer)
{
    AUTO(report_free) struct report report = report_new();
    uint32_t want = a->length == 0 ? 32 : a->length;
    if (answer->key.len != want)
        return fail_quiet(ERR_PROTO, "the server's key has %zu bytes, not %u", answer->key.len,
                          want);
    TRY(file_write_secret(a->out, span_of(answer->key.data, answer->key.len)));
    report_hex(&report, "uid", SPAN(a->uid.bytes));
    report_text(&report, "label", a->label);
    report_number(&report, "bytes", want);
    report_text(&report, "file", a->out);
    return report_print(&report, ctl);
}

static enum err derive(struct ctl *ctl, const struct command *command, const void *args)
{
    (void)command;
    const struct derive_args *a = args;
    struct derive_args asked = *a;
    Hallmark__V1__DeriveRequest in = HALLMARK__V1__DERIVE_REQUEST__INIT;
    AUTO(remote_close) struct remote *remote = NULL;
    AUTO(rpc_drop) Hallmark__V1__DeriveResponse *out = NULL;
    TRY(file_check_new(a->out));
    in.uid = (ProtobufCBinaryData){ sizeof(asked.uid.bytes), asked.uid.bytes };
    in.label = (char *)(uintptr_t)a->label;
    in.length = a->length;
    TRY(remote_open(ctl, &remote));
    struct rpc_stub stub = rpc_stub_of(&hallmark__v1__units__descriptor, remote_send, remote);
    TRY(advise(RPC_CALL(&stub, hallmark__v1__units__derive, &in, &out), ADVISE_UNIT));
    enum err e = keep(ctl, a, out);
    OPENSSL_cleanse(out->key.data, out->key.len);
    return e;
}

static const struct option_row options[] = {
    { "label", "LABEL", "what the key is for: a-z, 0-9, '.', '-' and '_'", option_text,
      offsetof(struct derive_args, label), true, false },
    { "length", "BYTES", "16 or 32, 32 unless given", option_u32,
      offsetof(struct derive_args, length), false, false },
    { "out", "FILE", "a new file for the key's bytes, mode 0600", option_text,
      offsetof(struct derive_args, out), true, false },
};

static const struct option_row operands[] = {
    { "UID", NULL, "of the unit, 24 hex digits", option_uid, offsetof(struct derive_args, uid),
      true, false },
};

const struct command unit_derive_command = {
    .words = "unit derive",
    .synopsis = "UID --label LABEL --out FILE [OPTION]...",
    .text = "Derive a key from the board's AES_NuLink3, for a service",
    .options = options,
    .option_count = COUNT(options),
    .operands = operands,
    .operand_count = COUNT(operands),
    .args_size = sizeof(struct derive_args),
    .run = derive,
};
