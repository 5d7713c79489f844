/* SPDX-License-Identifier: MIT */
/*
 * units_change: releases, fails, scraps, accepts, holds, allows and reassigns units, each with
 * a reason. Called by operators; one entry names the unit, its order and the reason
 * (test_api_acts). A run in memory must end only after the change that took its unit away is
 * durable.
 */
#include "oem-server/api/units_change.h"

#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "oem-server/call/message.h"
#include "oem-server/run/run.h"

struct act {
    struct call *call;
    uint8_t uid[UID_SIZE];
    const char *reason;
    bool board_refuses;
    enum unit_cause cause; /* allow */
    enum err (*change)(struct store_tx *tx, const struct act *act, struct unit *unit_out);
    const char *ends_run;     /* message for the unit's run; NULL: the run continues */
    struct unit_holder ended; /* the run that did */
    Hallmark__V1__ChangeUnitResponse *out;
};

static enum err release(struct store_tx *tx, const struct act *act, struct unit *unit_out)
{
    return unit_release(tx, act->uid, act->board_refuses, act->reason, unit_out);
}

static enum err fail_unit(struct store_tx *tx, const struct act *act, struct unit *unit_out)
{
    return unit_fail(tx, act->uid, act->reason, unit_out);
}

static enum err scrap(struct store_tx *tx, const struct act *act, struct unit *unit_out)
{
    return unit_scrap(tx, act->uid, act->reason, unit_out);
}

static enum err accept(struct store_tx *tx, const struct act *act, struct unit *unit_out)
{
    return unit_accept(tx, act->uid, act->reason, unit_out);
}

static enum err hold(struct store_tx *tx, const struct act *act, struct unit *unit_out)
{
    return unit_hold(tx, act->uid, act->reason, unit_out);
}

static enum err allow(struct store_tx *tx, const struct act *act, struct unit *unit_out)
{
    return unit_allow(tx, act->uid, act->cause, act->reason, unit_out);
}

static enum err no_such_unit(const uint8_t uid[static UID_SIZE])
{
    char hex[2 * UID_SIZE + 1];
    return fail_quiet(ERR_NOT_FOUND, "there is no unit %s",
                      hex_of(span_of(uid, UID_SIZE), hex));
}

static enum err do_act(struct store_tx *tx, void *context)
{
    struct act *act = context;
    struct unit unit = { 0 };
    enum err e = act->change(tx, act, &unit);
    if (e == ERR_NOT_FOUND)
        return no_such_unit(act->uid);
    TRY(e);
    event_text(&act->call->event, EVENT_ORDER, unit.order);
    act->ended = (struct unit_holder){ 0 };
    if (act->ends_run != NULL) { /* it says which holder was removed */
        act->ended = unit.holder;
        unit.holder.held_now = false;
    }
    return units_fill_one(tx, act->call, &unit, &act->out->unit);
}

static enum err act_on(struct act *act, const ProtobufCBinaryData *uid)
{
    event_text(&act->call->event, EVENT_REASON, act->reason);
    TRY(message_uid(act->call, uid, act->uid));
    TRY(message_reason(act->call, act->reason));
    TRY(call_change(act->call, do_act, act, &act->out->base));
    if (!act->call->replayed && act->ended.held_now)
        run_end_of_id(act->call->server, act->ended.run_id, ERR_ABORTED, act->ends_run, false);
    return ERR_OK;
}

enum err units_release(struct rpc_call *rpc, const Hallmark__V1__ReleaseUnitRequest *in,
                       Hallmark__V1__ChangeUnitResponse *out)
{
    struct act act = { .call = call_of(rpc),
                       .reason = in->reason,
                       .board_refuses = in->board_refuses,
                       .change = release,
                       .ends_run = "an operator released the unit",
                       .out = out };
    if (in->board_refuses)
        event_text(&act.call->event, EVENT_MESSAGE, "the board refuses");
    return act_on(&act, &in->uid);
}

enum err units_fail(struct rpc_call *rpc, const Hallmark__V1__FailUnitRequest *in,
                    Hallmark__V1__ChangeUnitResponse *out)
{
    struct act act = { .call = call_of(rpc),
                       .reason = in->reason,
                       .change = fail_unit,
                       .ends_run = "an operator failed the unit",
                       .out = out };
    return act_on(&act, &in->uid);
}

enum err units_scrap(struct rpc_call *rpc, const Hallmark__V1__ScrapUnitRequest *in,
                     Hallmark__V1__ChangeUnitResponse *out)
{
    struct act act = { .call = call_of(rpc),
                       .reason = in->reason,
                       .change = scrap,
                       .ends_run = "an operator scrapped the unit",
                       .out = out };
    return act_on(&act, &in->uid);
}

enum err units_accept(struct rpc_call *rpc, const Hallmark__V1__AcceptUnitRequest *in,
                      Hallmark__V1__ChangeUnitResponse *out)
{
    struct act act = { .call = call_of(rpc),
                       .reason = in->reason,
                       .change = accept,
                       .ends_run = "an operator accepted the unit",
                       .out = out };
    return act_on(&act, &in->uid);
}

enum err units_hold(struct rpc_call *rpc, const Hallmark__V1__HoldUnitRequest *in,
                    Hallmark__V1__ChangeUnitResponse *out)
{
    struct act act = { .call = call_of(rpc), .reason = in->reason, .change = hold, .out = out };
    return act_on(&act, &in->uid);
}

enum err units_allow(struct rpc_call *rpc, const Hallmark__V1__AllowUnitRequest *in,
                     Hallmark__V1__ChangeUnitResponse *out)
{
    struct act act = { .call = call_of(rpc),
                       .reason = in->reason,
                       .cause = (enum unit_cause)in->cause,
                       .change = allow,
                       .out = out };
    char words[40];
    if (act.cause == UNIT_CAUSE_ANY)
        act.cause = UNIT_CAUSE_OPERATOR;
    if (act.cause < UNIT_CAUSE_OPERATOR || act.cause > UNIT_CAUSE_STATION)
        return fail_quiet(ERR_INVALID, "allow: there is no such cause of a hold");
    snprintf(words, sizeof(words), "held with the cause %s", unit_cause_name(act.cause));
    event_text(&act.call->event, EVENT_MESSAGE, words);
    return act_on(&act, &in->uid);
}

/* --- Reassign. ---------------------------------------------------------------------------- */

struct move {
    struct call *call;
    const Hallmark__V1__ReassignUnitsRequest *in;
    Hallmark__V1__ReassignUnitsResponse *out;
    uint8_t uid[UID_SIZE];
    struct buf ended; /* run ids, RUN_ID_SIZE each */
    enum err err;
};

static void move_ended(void *context, const uint8_t uid[static UID_SIZE],
                       const struct unit_holder *holder, const char *order)
{
    struct move *m = context;
    (void)uid, (void)order;
    if (m->err == ERR_OK)
        m->err = buf_append(&m->ended, SPAN(holder->run_id));
}

static enum err fill_uids(struct rpc_call *rpc, struct span uids,
                          Hallmark__V1__ReassignUnitsResponse *out)
{
    size_t count = uids.len / UID_SIZE;
    out->n_uids = 0;
    out->uids = rpc_alloc(rpc, count * sizeof(*out->uids));
    if (out->uids == NULL)
        return fail(ERR_MEMORY, "units: no memory");
    for (; out->n_uids < count; out->n_uids++)
        TRY(rpc_bytes(rpc, &out->uids[out->n_uids],
                      span_of(uids.ptr + out->n_uids * UID_SIZE, UID_SIZE)));
    return ERR_OK;
}

static enum err move_one(struct store_tx *tx, void *context)
{
    struct move *m = context;
    struct unit unit = { 0 };
    buf_free(&m->ended);
    m->err = ERR_OK;
    enum err e = unit_reassign(tx, m->uid, m->in->to, m->in->reason, move_ended, m, &unit);
    if (e == ERR_NOT_FOUND)
        return no_such_unit(m->uid);
    TRY(e);
    TRY(m->err);
    m->out->count = 1;
    event_text(&m->call->event, EVENT_ORDER, unit.order);
    return fill_uids(&m->call->rpc, SPAN(m->uid), m->out);
}

static enum err move_all(struct store_tx *tx, void *context)
{
    struct move *m = context;
    AUTO(buf_free) struct buf uids = { 0 };
    buf_free(&m->ended);
    m->err = ERR_OK;
    TRY(unit_reassign_all(tx, m->in->from, m->in->to, m->in->reason, move_ended, m, &uids,
                          &m->out->count));
    TRY(m->err);
    return fill_uids(&m->call->rpc, buf_span(&uids), m->out);
}

enum err units_reassign(struct rpc_call *rpc, const Hallmark__V1__ReassignUnitsRequest *in,
                        Hallmark__V1__ReassignUnitsResponse *out)
{
    struct move m = { .call = call_of(rpc), .in = in, .out = out };
    char words[2 * NAME_MAX_BYTES + 40];
    event_text(&m.call->event, EVENT_REASON, in->reason);
    TRY(ca_name_check("station", in->to));
    TRY(message_reason(m.call, in->reason));
    if (in->all == (in->uid.len != 0))
        return fail_quiet(ERR_INVALID, "reassign: name one unit, or all of a station");
    if (in->all) {
        TRY(ca_name_check("station", in->from));
        snprintf(words, sizeof(words), "all units of station %s to station %s", in->from,
                 in->to);
    } else {
        TRY(message_uid(m.call, &in->uid, m.uid));
        snprintf(words, sizeof(words), "to station %s", in->to);
    }
    event_text(&m.call->event, EVENT_MESSAGE, words);
    enum err e = call_change(m.call, in->all ? move_all : move_one, &m, &out->base);
    for (size_t at = 0; e == ERR_OK && !m.call->replayed && at < m.ended.len; at += RUN_ID_SIZE)
        run_end_of_id(m.call->server, m.ended.ptr + at, ERR_ABORTED,
                      "an operator gave the unit to another station", false);
    buf_free(&m.ended);
    return e;
}
