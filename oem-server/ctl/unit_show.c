/* SPDX-License-Identifier: MIT */
#include "common/host/log.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/remote.h"
#include "oem-server/ctl/unit.h"

struct show_args {
    struct option_uid uid;
    const char *out;
};

static struct span bytes_of(const ProtobufCBinaryData *data)
{
    return span_of(data->data, data->len);
}

static void put_time(struct report *report, const char *name, uint64_t us)
{
    if (us != 0)
        report_time_us(report, name, us);
}

static void report_unit(struct report *report, const Hallmark__V1__ShowUnitResponse *unit)
{
    report_hex(report, "uid", bytes_of(&unit->uid));
    report_text(report, "order", unit->order);
    report_text(report, "state", unit->state);
    report_text(report, "station", unit->station);
    put_time(report, "opened", unit->opened_us);
    put_time(report, "done", unit->done_us);
    report_hex(report, "firmware_sha256", bytes_of(&unit->firmware_sha256));
    report_hex(report, "rotpk", bytes_of(&unit->rotpk));
}

static enum err show(struct ctl *ctl, const struct command *command, const void *args)
{
    (void)command;
    struct show_args a = *(const struct show_args *)args;
    AUTO(remote_close) struct remote *remote = NULL;
    AUTO(rpc_drop) Hallmark__V1__ShowUnitResponse *unit = NULL;
    AUTO(report_free) struct report report = report_new();
    Hallmark__V1__ShowUnitRequest in = HALLMARK__V1__SHOW_UNIT_REQUEST__INIT;
    in.uid = (ProtobufCBinaryData){ sizeof(a.uid.bytes), a.uid.bytes };
    TRY(remote_open(ctl, &remote));
    struct rpc_stub stub = rpc_stub_of(&hallmark__v1__units__descriptor, remote_send, remote);
    TRY(RPC_CALL(&stub, hallmark__v1__units__show, &in, &unit));
    if (!span_eq(bytes_of(&unit->uid), SPAN(a.uid.bytes)))
        return fail_quiet(ERR_PROTO, "the server answered about another unit");
    report_unit(&report, unit);
    bool good = unit_check(&report, unit, remote_settings(remote));
    if (a.out != NULL)
        TRY(unit_write(&report, unit, a.out));
    TRY(report_print(&report, ctl));
    return good ? ERR_OK
                : fail_quiet(ERR_DATA_LOSS,
                             "the unit's evidence is not whole or contradicts itself");
}

static const struct option_row options[] = {
    { "out", "DIR", "write the evidence here", option_text, offsetof(struct show_args, out),
      false, false },
};

static const struct option_row operands[] = {
    { "UID", NULL, "of the unit, 24 hex digits", option_uid, offsetof(struct show_args, uid),
      true, false },
};

const struct command unit_show_command = {
    .words = "unit show",
    .synopsis = "UID [--out DIR] [OPTION]...",
    .text = "Show a unit, check its evidence and write it to files",
    .options = options,
    .option_count = COUNT(options),
    .operands = operands,
    .operand_count = COUNT(operands),
    .args_size = sizeof(struct show_args),
    .run = show,
};
