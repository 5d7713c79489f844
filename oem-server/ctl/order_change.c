/* SPDX-License-Identifier: MIT */
/*
 * order extend, set-quantity, add-station and remove-station: changes to an order's terms, each
 * with its reason. Called through the table of commands. An order's lock level and boot key
 * scope have no command, because they must not change.
 */
#include "common/host/log.h"
#include "hallmark/v1/operator.pb-c.h"
#include "oem-server/ctl/advise.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/remote.h"
#include "oem-server/ctl/report.h"

struct change_args {
    char *name, *reason, *station;
    uint64_t until;
    uint32_t quantity;
    struct option_count spares, unknown;
};

static enum err extend(struct rpc_stub *stub, const struct change_args *a,
                       struct report *report, Hallmark__V1__ChangeOrderResponse **out)
{
    Hallmark__V1__ExtendOrderRequest in = HALLMARK__V1__EXTEND_ORDER_REQUEST__INIT;
    in.name = a->name;
    in.not_after = a->until;
    in.reason = a->reason;
    report_time(report, "not_after", a->until);
    return RPC_CALL(stub, hallmark__v1__orders__extend, &in, out);
}

/* What is not given is unchanged: the server's answer says what it is. */
static enum err set_quantity(struct rpc_stub *stub, const struct change_args *a,
                             struct report *report, Hallmark__V1__ChangeOrderResponse **out)
{
    Hallmark__V1__SetQuantityRequest in = HALLMARK__V1__SET_QUANTITY_REQUEST__INIT;
    in.name = a->name;
    in.reason = a->reason;
    in.quantity_given_case = HALLMARK__V1__SET_QUANTITY_REQUEST__QUANTITY_GIVEN_QUANTITY;
    in.quantity = a->quantity;
    if (a->spares.given) {
        in.spares_given_case = HALLMARK__V1__SET_QUANTITY_REQUEST__SPARES_GIVEN_SPARES;
        in.spares = a->spares.value;
    }
    if (a->unknown.given) {
        in.unknown_given_case = HALLMARK__V1__SET_QUANTITY_REQUEST__UNKNOWN_GIVEN_UNKNOWN;
        in.unknown = a->unknown.value;
    }
    TRY(RPC_CALL(stub, hallmark__v1__orders__set_quantity, &in, out));
    report_number(report, "quantity", (*out)->quantity);
    report_number(report, "spares", (*out)->spares);
    report_number(report, "unknown", (*out)->unknown);
    return ERR_OK;
}

static Hallmark__V1__OrderStationRequest station_request(const struct change_args *a)
{
    Hallmark__V1__OrderStationRequest in = HALLMARK__V1__ORDER_STATION_REQUEST__INIT;
    in.name = a->name;
    in.station = a->station;
    in.reason = a->reason;
    return in;
}

static enum err add_station(struct rpc_stub *stub, const struct change_args *a,
                            struct report *report, Hallmark__V1__ChangeOrderResponse **out)
{
    const Hallmark__V1__OrderStationRequest in = station_request(a);
    report_text(report, "station_added", a->station);
    return RPC_CALL(stub, hallmark__v1__orders__add_station, &in, out);
}

static enum err remove_station(struct rpc_stub *stub, const struct change_args *a,
                               struct report *report, Hallmark__V1__ChangeOrderResponse **out)
{
    const Hallmark__V1__OrderStationRequest in = station_request(a);
    report_text(report, "station_removed", a->station);
    return RPC_CALL(stub, hallmark__v1__orders__remove_station, &in, out);
}

typedef enum err change_call(struct rpc_stub *stub, const struct change_args *a,
                             struct report *report, Hallmark__V1__ChangeOrderResponse **out);

static enum err change(struct ctl *ctl, const struct change_args *a, change_call *call)
{
    AUTO(remote_close) struct remote *remote = NULL;
    AUTO(rpc_drop) Hallmark__V1__ChangeOrderResponse *out = NULL;
    AUTO(report_free) struct report report = report_new();
    TRY(remote_open(ctl, &remote));
    struct rpc_stub stub = rpc_stub_of(&hallmark__v1__orders__descriptor, remote_send, remote);
    report_text(&report, "order", a->name);
    TRY(advise(call(&stub, a, &report, &out), ADVISE_ORDER));
    return report_print(&report, ctl);
}

#define REASON                                                                                 \
    {                                                                                          \
        "reason", "TEXT", "why, for the log", option_reason,                                   \
            offsetof(struct change_args, reason), true, false                                  \
    }
#define NAME                                                                                   \
    {                                                                                          \
        "NAME", NULL, "of the order", option_name, offsetof(struct change_args, name), true,   \
            false                                                                              \
    }

static const struct option_row extend_options[] = {
    { "until", "TIME", "ISO 8601 with zone, or a date in UTC", option_time,
      offsetof(struct change_args, until), true, false },
    REASON,
};
static const struct option_row set_quantity_options[] = {
    { "spares", "N", "certificates beyond the quantity; as it is unless given", option_count,
      offsetof(struct change_args, spares), false, false },
    { "unknown", "N", "of the unknown places, how many were spent; as it is unless given",
      option_count, offsetof(struct change_args, unknown), false, false },
    REASON,
};
static const struct option_row station_options[] = { REASON };

static const struct option_row extend_operands[] = { NAME };
static const struct option_row set_quantity_operands[] = {
    NAME,
    { "N", NULL, "good units at most", option_u32, offsetof(struct change_args, quantity), true,
      false },
};
static const struct option_row station_operands[] = {
    NAME,
    { "STATION", NULL, "its name", option_name, offsetof(struct change_args, station), true,
      false },
};

#define CHANGE_COMMAND(id, rows, operand_rows, word, usage, what)                              \
    static enum err run_##id(struct ctl *ctl, const struct command *command, const void *args) \
    {                                                                                          \
        (void)command;                                                                         \
        return change(ctl, args, id);                                                          \
    }                                                                                          \
    const struct command order_##id##_command = {                                              \
        .words = "order " word,                                                                \
        .synopsis = usage " --reason TEXT [OPTION]...",                                        \
        .text = (what),                                                                        \
        .options = (rows),                                                                     \
        .option_count = COUNT(rows),                                                           \
        .operands = (operand_rows),                                                            \
        .operand_count = COUNT(operand_rows),                                                  \
        .args_size = sizeof(struct change_args),                                               \
        .run = run_##id,                                                                       \
    }

CHANGE_COMMAND(extend, extend_options, extend_operands, "extend", "NAME --until TIME",
               "Change the time until which runs may be opened");
CHANGE_COMMAND(set_quantity, set_quantity_options, set_quantity_operands, "set-quantity",
               "NAME N [--spares N] [--unknown N]",
               "Change how many good units an order allows");
CHANGE_COMMAND(add_station, station_options, station_operands, "add-station", "NAME STATION",
               "Let another station work on an order");
CHANGE_COMMAND(remove_station, station_options, station_operands, "remove-station",
               "NAME STATION", "Let a station open no more runs on an order");
