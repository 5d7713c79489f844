/* SPDX-License-Identifier: MIT */
/*
 * Units: the facts of one unit, and lists of units; units_change.c changes them. Called by
 * operators and auditors. It must not write.
 */
#include <stdlib.h>
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "oem-server/api/units_change.h"
#include "oem-server/call/message.h"
#include "oem-server/image/image.h"

/* --- List. -------------------------------------------------------------------------------- */

struct listing {
    struct call *call;
    struct unit_filter filter;
    Hallmark__V1__ListUnitsResponse *out;
};

static enum err list(struct store_tx *tx, void *context)
{
    struct listing *l = context;
    bool more = false;
    l->out->n_units = 0;
    TRY(units_fill(tx, l->call, &l->filter, &l->out->n_units, l->out->units, &more));
    l->out->more = more;
    return ERR_OK;
}

static const char *or_any(const char *text)
{
    return text[0] == '\0' ? NULL : text;
}

static enum err check_state(const char *state)
{
    static const enum unit_state states[] = { UNIT_STARTED, UNIT_FINISHED, UNIT_COMMITTED,
                                              UNIT_SEALED,  UNIT_FAILED,   UNIT_SCRAPPED };
    if (strcmp(state, "") == 0 || strcmp(state, "held") == 0 || strcmp(state, "unlocked") == 0)
        return ERR_OK;
    for (size_t i = 0; i < COUNT(states); i++)
        if (strcmp(state, unit_state_name(states[i])) == 0)
            return ERR_OK;
    return fail_quiet(ERR_INVALID, "units: no such state: want started, finished, committed, "
                                   "sealed, failed, scrapped, held or unlocked");
}

static enum err units_list(struct rpc_call *rpc, const Hallmark__V1__ListUnitsRequest *in,
                           Hallmark__V1__ListUnitsResponse *out)
{
    struct listing l = { .call = call_of(rpc), .out = out };
    if (in->after.len != 0 && in->after.len != UID_SIZE)
        return fail_quiet(ERR_INVALID, "units: a UID is %d bytes", UID_SIZE);
    TRY(check_state(in->state));
    l.filter = (struct unit_filter){
        .order = or_any(in->order),
        .station = or_any(in->station),
        .state = or_any(in->state),
        .after = in->after.len == 0 ? NULL : in->after.data,
        .limit = message_limit(in->limit),
    };
    out->units = rpc_alloc(rpc, l.filter.limit * sizeof(*out->units));
    if (out->units == NULL)
        return fail(ERR_MEMORY, "units: no memory");
    return call_read(l.call, list, &l);
}

/* --- Show. -------------------------------------------------------------------------------- */

struct showing {
    struct call *call;
    uint8_t uid[UID_SIZE];
    struct unit unit;
    struct unit_facts facts;
    Hallmark__V1__ShowUnitResponse *out;
};

static void showing_drop(struct showing *s)
{
    unit_facts_free(&s->facts);
}

/* The image with its FwInfo in place, as arrow 24 burnt it. */
static enum err fill_image(struct store_tx *tx, struct showing *s)
{
    struct rpc_call *rpc = &s->call->rpc;
    struct image image = { 0 };
    AUTO(buf_free) struct buf burnt = { 0 };
    if (s->facts.fwinfo.len != FWINFO_SIZE)
        return ERR_OK;
    TRY(image_get(tx, s->facts.firmware_sha256, &image));
    enum err e = image_signed(buf_span(&image.bytes), s->facts.fwinfo.ptr, &burnt);
    image_free(&image);
    TRY(e);
    TRY(rpc_bytes(rpc, &s->out->firmware_sha256, SPAN(s->facts.firmware_sha256)));
    return rpc_bytes(rpc, &s->out->signed_image, buf_span(&burnt));
}

/* A message that the board signed, if there is one. */
static enum err fill_message(struct rpc_call *rpc, const struct buf *packed,
                             const ProtobufCMessageDescriptor *type, ProtobufCMessage **out)
{
    return packed->len == 0 ? ERR_OK : message_unpack(rpc, type, buf_span(packed), out);
}

static enum err fill_messages(struct showing *s)
{
    ProtobufCMessage *receipt = NULL, *commit = NULL, *lock = NULL;
    struct rpc_call *rpc = &s->call->rpc;
    TRY(fill_message(rpc, &s->facts.receipt, &hallmark__v1__receipt__descriptor, &receipt));
    TRY(fill_message(rpc, &s->facts.commit, &hallmark__v1__commit_statement__descriptor,
                     &commit));
    TRY(fill_message(rpc, &s->facts.lock, &hallmark__v1__lock_statement__descriptor, &lock));
    s->out->receipt = (Hallmark__V1__Receipt *)receipt;
    s->out->commit = (Hallmark__V1__CommitStatement *)commit;
    s->out->lock = (Hallmark__V1__LockStatement *)lock;
    return ERR_OK;
}

static enum err fill_revoked(struct showing *s)
{
    struct rpc_call *rpc = &s->call->rpc;
    s->out->revoked = rpc_alloc(rpc, s->facts.revoked_count * sizeof(*s->out->revoked));
    if (s->out->revoked == NULL)
        return fail(ERR_MEMORY, "units: no memory");
    for (size_t i = 0; i < s->facts.revoked_count; i++) {
        const struct unit_revoked *from = &s->facts.revoked[i];
        Hallmark__V1__RevokedCertificate *row = rpc_alloc(rpc, sizeof(*row));
        if (row == NULL)
            return fail(ERR_MEMORY, "units: no memory");
        hallmark__v1__revoked_certificate__init(row);
        row->generation = from->gen;
        row->revoked_us = (uint64_t)from->revoked_us;
        TRY(rpc_bytes(rpc, &row->serial, SPAN(from->serial)));
        TRY(rpc_text(rpc, &row->reason, from->reason));
        s->out->revoked[s->out->n_revoked++] = row;
    }
    return ERR_OK;
}

/* The numbers of enum HoldCause are those of unit/table.h. */
static enum err fill_holds(struct store_tx *tx, struct showing *s)
{
    struct rpc_call *rpc = &s->call->rpc;
    AUTO(free_drop) struct unit_hold *holds = NULL;
    size_t count = 0;
    if (s->unit.held[0] == '\0')
        return ERR_OK;
    TRY(unit_holds_get(tx, &s->unit, UNIT_CAUSE_ANY, &holds, &count));
    s->out->holds = rpc_alloc(rpc, count * sizeof(*s->out->holds));
    if (s->out->holds == NULL)
        return fail(ERR_MEMORY, "units: no memory");
    for (size_t i = 0; i < count; i++) {
        Hallmark__V1__Hold *hold = rpc_alloc(rpc, sizeof(*hold));
        if (hold == NULL)
            return fail(ERR_MEMORY, "units: no memory");
        hallmark__v1__hold__init(hold);
        hold->cause = (Hallmark__V1__HoldCause)holds[i].cause;
        hold->held_us = (uint64_t)holds[i].held_us;
        TRY(rpc_text(rpc, &hold->reason, holds[i].reason));
        s->out->holds[s->out->n_holds++] = hold;
    }
    return ERR_OK;
}

static enum err fill_facts(struct showing *s)
{
    struct rpc_call *rpc = &s->call->rpc;
    s->out->opened_us = (uint64_t)s->unit.started_us;
    s->out->done_us = (uint64_t)s->facts.done_us;
    TRY(rpc_bytes(rpc, &s->out->csr, buf_span(&s->facts.csr)));
    TRY(rpc_bytes(rpc, &s->out->certificate, buf_span(&s->facts.certificate)));
    TRY(rpc_bytes(rpc, &s->out->rotpk, buf_span(&s->facts.rotpk)));
    TRY(rpc_bytes(rpc, &s->out->firmware_information, buf_span(&s->facts.fwinfo)));
    if (s->facts.seal_detail != NULL)
        TRY(rpc_text(rpc, &s->out->seal_detail, s->facts.seal_detail));
    TRY(fill_messages(s));
    return fill_revoked(s);
}

static enum err show(struct store_tx *tx, void *context)
{
    struct showing *s = context;
    enum err e = unit_get(tx, s->uid, &s->unit);
    if (e == ERR_NOT_FOUND)
        return fail_quiet(e, "there is no such unit");
    TRY(e);
    TRY(unit_facts_get(tx, &s->unit, &s->facts));
    TRY(units_fill_facts(s->call, &s->unit, &s->facts, &s->out->unit));
    TRY(fill_facts(s));
    TRY(fill_holds(tx, s));
    return fill_image(tx, s);
}

static enum err units_show(struct rpc_call *rpc, const Hallmark__V1__ShowUnitRequest *in,
                           Hallmark__V1__ShowUnitResponse *out)
{
    AUTO(showing_drop) struct showing s = { .call = call_of(rpc), .out = out };
    if (in->uid.len != UID_SIZE)
        return fail_quiet(ERR_INVALID, "a UID is %d bytes", UID_SIZE);
    memcpy(s.uid, in->uid.data, UID_SIZE);
    return call_read(s.call, show, &s);
}

RPC_HANDLER(units, Units, show, Show, ShowUnit)
RPC_HANDLER(units, Units, list, List, ListUnits)
UNITS_CHANGE(release, Release)
UNITS_CHANGE(fail, Fail)
UNITS_CHANGE(scrap, Scrap)
UNITS_CHANGE(accept, Accept)
UNITS_CHANGE(hold, Hold)
UNITS_CHANGE(allow, Allow)
RPC_HANDLER(units, Units, reassign, Reassign, ReassignUnits)
RPC_HANDLER(units, Units, scrap_seized, ScrapSeized, ScrapSeized)
RPC_HANDLER(units, Units, derive, Derive, Derive)

Hallmark__V1__Units_Service units_service = HALLMARK__V1__UNITS__INIT(units__);
