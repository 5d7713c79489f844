/* SPDX-License-Identifier: MIT */
/*
 * orders_change: closes, extends and changes an order, each with a reason. Called by operators.
 * One entry names the order, its new terms (as changes) and the reason (test_api_acts). Runs in
 * memory must end only after the change that ended them is durable.
 */
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "oem-server/api/orders.h"
#include "oem-server/call/message.h"
#include "oem-server/run/run.h"

struct act {
    struct call *call;
    const char *order;
    const char *reason;
    const char *station;
    struct order_quantity wanted;
    int64_t not_after;
    bool now;
    struct order_closed closed;
    struct buf ended; /* run ids, RUN_ID_SIZE each */
    enum err err;
    Hallmark__V1__CloseOrderResponse *out;
    Hallmark__V1__ChangeOrderResponse *changed;
};

static enum err begin(struct act *act)
{
    event_text(&act->call->event, EVENT_ORDER, act->order);
    event_text(&act->call->event, EVENT_REASON, act->reason);
    TRY(ca_name_check("order", act->order));
    return message_reason(act->call, act->reason);
}

static enum err or_no_order(const struct act *act, enum err e)
{
    return e == ERR_NOT_FOUND ? fail_quiet(e, "there is no order %s", act->order) : e;
}

static void note_ended(void *context, const uint8_t uid[static UID_SIZE],
                       const struct unit_holder *holder, const char *order)
{
    struct act *act = context;
    (void)uid, (void)order;
    if (act->err == ERR_OK)
        act->err = buf_append(&act->ended, SPAN(holder->run_id));
}

static enum err close(struct store_tx *tx, void *context)
{
    struct act *act = context;
    buf_free(&act->ended);
    act->err = ERR_OK;
    TRY(or_no_order(act, order_close(tx, act->order, act->now, act->reason, note_ended, act,
                                     &act->closed)));
    TRY(act->err);
    act->out->failed = act->closed.failed;
    act->out->runs_ended = act->closed.runs_ended;
    act->out->unsealed = act->closed.unsealed;
    return ERR_OK;
}

static void end_runs(const struct act *act)
{
    for (size_t at = 0; at + RUN_ID_SIZE <= act->ended.len; at += RUN_ID_SIZE)
        run_end_of_id(act->call->server, act->ended.ptr + at, ERR_ABORTED,
                      "an operator closed the order", false);
}

enum err orders_close(struct rpc_call *rpc, const Hallmark__V1__CloseOrderRequest *in,
                      Hallmark__V1__CloseOrderResponse *out)
{
    struct act act = { .call = call_of(rpc),
                       .order = in->name,
                       .reason = in->reason,
                       .now = in->now,
                       .out = out };
    if (in->now)
        event_text(&act.call->event, EVENT_MESSAGE, "now: units that are started fail");
    TRY(begin(&act));
    enum err e = call_change(act.call, close, &act, &out->base);
    if (e == ERR_OK && !act.call->replayed)
        end_runs(&act);
    buf_free(&act.ended);
    return e;
}

static enum err extend(struct store_tx *tx, void *context)
{
    struct act *act = context;
    return or_no_order(act, order_extend(tx, act->order, act->not_after, act->reason));
}

enum err orders_extend(struct rpc_call *rpc, const Hallmark__V1__ExtendOrderRequest *in,
                       Hallmark__V1__ChangeOrderResponse *out)
{
    struct act act = { .call = call_of(rpc),
                       .order = in->name,
                       .reason = in->reason,
                       .not_after = (int64_t)in->not_after };
    if (in->not_after == 0 || in->not_after > INT64_MAX)
        return fail_quiet(ERR_INVALID, "order: the end of its window is out of range");
    TRY(begin(&act));
    return call_change(act.call, extend, &act, &out->base);
}

static enum err set_quantity(struct store_tx *tx, void *context)
{
    struct act *act = context;
    struct order_quantity now;
    TRY(or_no_order(act, order_set_quantity(tx, act->order, &act->wanted, act->reason, &now)));
    act->changed->quantity = now.quantity;
    act->changed->spares = now.spares;
    act->changed->unknown = now.unknown;
    return ERR_OK;
}

/* Of a field that is not given, the union's place may hold anything. */
static struct order_quantity wanted_of(const Hallmark__V1__SetQuantityRequest *in)
{
    struct order_quantity wanted = { 0 };
    wanted.quantity_given =
        in->quantity_given_case == HALLMARK__V1__SET_QUANTITY_REQUEST__QUANTITY_GIVEN_QUANTITY;
    wanted.spares_given =
        in->spares_given_case == HALLMARK__V1__SET_QUANTITY_REQUEST__SPARES_GIVEN_SPARES;
    wanted.quantity = wanted.quantity_given ? in->quantity : 0;
    wanted.spares = wanted.spares_given ? in->spares : 0;
    wanted.unknown_given =
        in->unknown_given_case == HALLMARK__V1__SET_QUANTITY_REQUEST__UNKNOWN_GIVEN_UNKNOWN;
    wanted.unknown = wanted.unknown_given ? in->unknown : 0;
    return wanted;
}

enum err orders_set_quantity(struct rpc_call *rpc, const Hallmark__V1__SetQuantityRequest *in,
                             Hallmark__V1__ChangeOrderResponse *out)
{
    struct act act = { .call = call_of(rpc),
                       .order = in->name,
                       .reason = in->reason,
                       .wanted = wanted_of(in),
                       .changed = out };
    TRY(begin(&act));
    return call_change(act.call, set_quantity, &act, &out->base);
}

static enum err add_station(struct store_tx *tx, void *context)
{
    struct act *act = context;
    return or_no_order(act, order_add_station(tx, act->order, act->station, act->reason));
}

static enum err remove_station(struct store_tx *tx, void *context)
{
    struct act *act = context;
    return or_no_order(act, order_remove_station(tx, act->order, act->station, act->reason));
}

static enum err change_station(struct rpc_call *rpc,
                               const Hallmark__V1__OrderStationRequest *in,
                               Hallmark__V1__ChangeOrderResponse *out, store_fn *fn)
{
    struct act act = {
        .call = call_of(rpc), .order = in->name, .reason = in->reason, .station = in->station
    };
    char words[NAME_MAX_BYTES + 16];
    TRY(ca_name_check("station", in->station));
    TRY(begin(&act));
    snprintf(words, sizeof(words), "station %s", in->station);
    event_text(&act.call->event, EVENT_MESSAGE, words);
    return call_change(act.call, fn, &act, &out->base);
}

enum err orders_add_station(struct rpc_call *rpc, const Hallmark__V1__OrderStationRequest *in,
                            Hallmark__V1__ChangeOrderResponse *out)
{
    return change_station(rpc, in, out, add_station);
}

enum err orders_remove_station(struct rpc_call *rpc,
                               const Hallmark__V1__OrderStationRequest *in,
                               Hallmark__V1__ChangeOrderResponse *out)
{
    return change_station(rpc, in, out, remove_station);
}
