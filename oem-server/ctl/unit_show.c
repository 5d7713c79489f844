/* SPDX-License-Identifier: MIT */
/*
 * unit show: shows a unit, what its board signed, and whether the parts agree. Called through
 * the table of commands. It must never end with status 0 for evidence that does not hold
 * (test_ctl_commands: a_unit_is_shown_and_checked).
 */
#include "common/host/log.h"
#include "common/rpc/rpc.h"
#include "oem-server/ctl/advise.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/remote.h"
#include "oem-server/ctl/unit.h"
#include "oem-server/ctl/unit_row.h"

struct show_args {
    struct option_uid uid;
    const char *out;
};

static void put_time(struct report *report, const char *name, uint64_t us)
{
    if (us != 0)
        report_time_us(report, name, us);
}

/* The slot that holds AES_NuLink3 and the key check value, as the board stated them. */
static void report_key(struct report *report, const Hallmark__V1__ShowUnitResponse *unit)
{
    if (unit->commit == NULL)
        return;
    report_number(report, "aes_slot", unit->commit->slot);
    report_hex(report, "key_check_value", span_in(&unit->commit->kcv));
}

static void report_revoked(struct report *report, const Hallmark__V1__ShowUnitResponse *unit)
{
    if (unit->n_revoked > 0)
        report_list(report, "revoked_certificates");
    for (size_t i = 0; i < unit->n_revoked; i++) {
        const Hallmark__V1__RevokedCertificate *revoked = unit->revoked[i];
        AUTO(report_free) struct report part = report_new();
        report_number(&part, "generation", revoked->generation);
        report_hex(&part, "serial", span_in(&revoked->serial));
        put_time(&part, "revoked", revoked->revoked_us);
        report_text(&part, "reason", revoked->reason);
        report_list_add(report, "revoked_certificates", &part);
    }
}

static void report_holds(struct report *report, const Hallmark__V1__ShowUnitResponse *unit)
{
    if (unit->n_holds > 0)
        report_list(report, "holds");
    for (size_t i = 0; i < unit->n_holds; i++) {
        AUTO(report_free) struct report part = report_new();
        report_text(&part, "cause", option_word(unit_row_causes, unit->holds[i]->cause));
        put_time(&part, "since", unit->holds[i]->held_us);
        report_text(&part, "reason", unit->holds[i]->reason);
        report_list_add(report, "holds", &part);
    }
}

static void report_statements(struct report *report, const Hallmark__V1__ShowUnitResponse *unit)
{
    AUTO(report_free) struct report receipt = report_new();
    AUTO(report_free) struct report commit = report_new();
    AUTO(report_free) struct report lock = report_new();
    if (unit->receipt != NULL) {
        unit_receipt(&receipt, unit->receipt);
        report_object(report, "receipt", &receipt);
    }
    if (unit->commit != NULL) {
        unit_commit(&commit, unit->commit);
        report_object(report, "commit_statement", &commit);
    }
    if (unit->lock != NULL) {
        unit_lock(&lock, unit->lock);
        report_object(report, "lock_statement_of_the_board", &lock);
    }
}

static void report_unit(struct report *report, const Hallmark__V1__ShowUnitResponse *unit)
{
    unit_row_report(report, unit->unit);
    report_key(report, unit);
    put_time(report, "opened", unit->opened_us);
    put_time(report, "done", unit->done_us);
    if (*unit->seal_detail != '\0')
        report_text(report, "seal_detail", unit->seal_detail);
    report_hex(report, "firmware_sha256", span_in(&unit->firmware_sha256));
    report_hex(report, "rotpk", span_in(&unit->rotpk));
    report_holds(report, unit);
    report_revoked(report, unit);
    report_statements(report, unit);
}

static enum err ask(struct remote *remote, struct option_uid *uid,
                    Hallmark__V1__ShowUnitResponse **unit_out)
{
    Hallmark__V1__ShowUnitRequest in = HALLMARK__V1__SHOW_UNIT_REQUEST__INIT;
    AUTO(rpc_drop) Hallmark__V1__ShowUnitResponse *unit = NULL;
    in.uid = (ProtobufCBinaryData){ sizeof(uid->bytes), uid->bytes };
    struct rpc_stub stub = rpc_stub_of(&hallmark__v1__units__descriptor, remote_send, remote);
    TRY(advise(RPC_CALL(&stub, hallmark__v1__units__show, &in, &unit), ADVISE_UNIT));
    TRY(unit_row_check(unit->unit));
    if (!span_eq(span_in(&unit->unit->uid), SPAN(uid->bytes)))
        return fail_quiet(ERR_PROTO, "the server answered about another unit");
    *unit_out = TAKE(unit);
    return ERR_OK;
}

/* Evidence that does not hold is shown and written too; then the command fails. */
static enum err show(struct ctl *ctl, const struct command *command, const void *args)
{
    (void)command;
    struct show_args a = *(const struct show_args *)args;
    char failed[FAIL_WORDS_MAX];
    AUTO(remote_close) struct remote *remote = NULL;
    AUTO(rpc_drop) Hallmark__V1__ShowUnitResponse *unit = NULL;
    AUTO(report_free) struct report report = report_new();
    TRY(remote_open(ctl, &remote));
    TRY(ask(remote, &a.uid, &unit));
    report_unit(&report, unit);
    fail_clear();
    enum err e = unit_check(&report, unit, remote_settings(remote));
    snprintf(failed, sizeof(failed), "%s", fail_words());
    if (a.out != NULL)
        TRY(unit_write(&report, unit, a.out));
    TRY(report_print(&report, ctl));
    return e == ERR_OK ? ERR_OK : fail_quiet(e, "%s", failed);
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
