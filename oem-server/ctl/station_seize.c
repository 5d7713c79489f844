/* SPDX-License-Identifier: MIT */
/*
 * station seize: the one command for a station's PC that is in other hands. Called from the
 * commands' table. The seizure comes first and needs one operator only; what --revoke asks for
 * may have to wait for a second one.
 */
#include <string.h>

#include "common/host/log.h"
#include "oem-server/ctl/advise.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/remote.h"
#include "oem-server/ctl/unit_row.h"

struct seize_args {
    char *name, *reason;
    bool revoke;
};

static void report_seized(struct report *report, const Hallmark__V1__SeizeStationResponse *out)
{
    report_number(report, "connections_closed", out->connections_closed);
    report_number(report, "runs_ended", out->runs_ended);
    report_number(report, "started", out->started);
    report_number(report, "finished_held", out->finished);
    report_number(report, "committed_held", out->committed);
    report_number(report, "sealed", out->sealed);
    report_number(report, "failed", out->failed);
    report_number(report, "scrapped", out->scrapped);
}

/* In the order in which they matter now. */
static const char *const states[] = { "committed", "finished", "started",
                                      "sealed",    "failed",   "scrapped" };

static enum err read_page(struct rpc_stub *stub, Hallmark__V1__ListUnitsRequest *in,
                          struct option_uid *after, struct report *report, bool *more_out)
{
    AUTO(rpc_drop) Hallmark__V1__ListUnitsResponse *page = NULL;
    if (after->given)
        in->after = (ProtobufCBinaryData){ UID_SIZE, after->bytes };
    TRY(RPC_CALL(stub, hallmark__v1__units__list, in, &page));
    for (size_t i = 0; i < page->n_units; i++) {
        const Hallmark__V1__UnitRow *row = page->units[i];
        struct report part = report_new();
        TRY(unit_row_check(row));
        if (after->given && memcmp(row->uid.data, after->bytes, UID_SIZE) <= 0)
            return fail_quiet(ERR_PROTO, "the server's units are not in order");
        memcpy(after->bytes, row->uid.data, UID_SIZE);
        after->given = true;
        report_text(&part, "state", row->state);
        report_hex(&part, "uid", span_of(row->uid.data, row->uid.len));
        report_text(&part, "order", row->order);
        report_list_add(report, "units", &part);
    }
    *more_out = page->more && page->n_units != 0;
    return ERR_OK;
}

static enum err list_units(struct remote *remote, char *station, struct report *report)
{
    struct rpc_stub stub = rpc_stub_of(&hallmark__v1__units__descriptor, remote_send, remote);
    report_list(report, "units");
    for (size_t i = 0; i < COUNT(states); i++) {
        Hallmark__V1__ListUnitsRequest in = HALLMARK__V1__LIST_UNITS_REQUEST__INIT;
        struct option_uid after = { 0 };
        bool more = true;
        in.station = station;
        in.state = (char *)(uintptr_t)states[i];
        in.limit = LIST_PAGE_MAX;
        while (more)
            TRY(read_page(&stub, &in, &after, report, &more));
    }
    return ERR_OK;
}

/* ERR_PENDING is for the caller, when all is told. */
static enum err scrap(const struct ctl *ctl, struct remote *remote, const struct seize_args *a,
                      struct report *report)
{
    Hallmark__V1__ScrapSeizedRequest in = HALLMARK__V1__SCRAP_SEIZED_REQUEST__INIT;
    AUTO(rpc_drop) Hallmark__V1__ScrapSeizedResponse *out = NULL;
    struct rpc_stub stub = rpc_stub_of(&hallmark__v1__units__descriptor, remote_send, remote);
    in.station = a->name;
    in.reason = a->reason;
    enum err e = RPC_CALL(&stub, hallmark__v1__units__scrap_seized, &in, &out);
    if (e == ERR_OK)
        report_number(report, "units_scrapped", out->count);
    if (e == ERR_PENDING && ctl->pending != NULL) { /* told here, not once more */
        report_number(report, "approval", ctl->pending->number);
        ctl->pending->number = 0;
    }
    return e;
}

static enum err seize(struct ctl *ctl, const struct command *command, const void *args)
{
    (void)command;
    const struct seize_args *a = args;
    AUTO(remote_close) struct remote *remote = NULL;
    AUTO(rpc_drop) Hallmark__V1__SeizeStationResponse *out = NULL;
    AUTO(report_free) struct report report = report_new();
    Hallmark__V1__SeizeStationRequest in = HALLMARK__V1__SEIZE_STATION_REQUEST__INIT;
    char said[FAIL_WORDS_MAX];
    in.name = a->name;
    in.reason = a->reason;
    TRY(remote_open(ctl, &remote));
    struct rpc_stub stub =
        rpc_stub_of(&hallmark__v1__registry__descriptor, remote_send, remote);
    TRY(advise(RPC_CALL(&stub, hallmark__v1__registry__seize, &in, &out), ADVISE_PRINCIPAL));
    report_text(&report, "station", a->name);
    report_text(&report, "outcome", "seized");
    report_seized(&report, out);
    enum err scrapped = a->revoke ? scrap(ctl, remote, a, &report) : ERR_OK;
    snprintf(said, sizeof(said), "%s", fail_words());
    TRY(list_units(remote, a->name, &report));
    TRY(report_print(&report, ctl));
    return scrapped == ERR_OK ? ERR_OK
                              : fail_quiet(scrapped, "station %s is seized; %s", a->name, said);
}

static const struct option_row options[] = {
    { "reason", "TEXT", "why, for the log", option_reason, offsetof(struct seize_args, reason),
      true, false },
    { "revoke", NULL, "scrap its unsealed units too: revokes their certificates", option_flag,
      offsetof(struct seize_args, revoke), false, false },
};

static const struct option_row operands[] = {
    { "NAME", NULL, "of the station", option_name, offsetof(struct seize_args, name), true,
      false },
};

const struct command station_seize_command = {
    .words = "station seize",
    .synopsis = "NAME --reason TEXT [--revoke] [OPTION]...",
    .text = "A station's PC was stolen: revoke it, end its runs, hold and list its units",
    .options = options,
    .option_count = COUNT(options),
    .operands = operands,
    .operand_count = COUNT(operands),
    .args_size = sizeof(struct seize_args),
    .run = seize,
};
