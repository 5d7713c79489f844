/* SPDX-License-Identifier: MIT */
/*
 * runs_closing: Runs.Commit, Booted, Locked and Sealed, by which a station reports on a unit
 * after its receipt. Called by stations; the calls name the unit by UID and are answered from
 * the store alone, with or without a run. A statement's signature is verified with the unit's
 * AUTHKEY before the change (facts do not change); a unit must not be sealed unless its debug
 * port was found locked (test_run: only_a_shut_port_seals), at the level that its lock
 * statement says.
 */
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "oem-server/api/runs.h"
#include "oem-server/call/message.h"
#include "oem-server/run/run.h"

/* A unit, as these calls name it. */
struct closing {
    struct call *call;
    uint8_t uid[UID_SIZE];
    uint8_t auth_public[P256_POINT_SIZE];
    struct buf statement; /* packed */
    union {
        struct unit_commit commit;
        struct unit_lock lock;
    };
    struct unit_committed committed;
    Hallmark__V1__UnitCommitResponse *out;
    bool booted;
    uint32_t state; /* enum unit_state, from describe() */
    const char *detail;
    uint32_t level;          /* at which the debug port was found shut */
    struct unit_holder ends; /* the run that a seal ends, if there is one */
    bool is_stations;        /* of an open debug port: a committed unit of this station */
};

static void closing_drop(struct closing *c)
{
    buf_free(&c->statement);
    unit_committed_free(&c->committed);
}

static enum err no_such_unit(const struct closing *c)
{
    char uid[2 * UID_SIZE + 1];
    return fail_quiet(ERR_NOT_FOUND, "%s has made no unit %s", c->call->principal->uri,
                      hex_of(SPAN(c->uid), uid));
}

/* These calls are of no run, so its budget does not bound their entries: their own does. */
static enum err begin(struct closing *c, const ProtobufCBinaryData *uid)
{
    TRY(message_uid(c->call, uid, c->uid));
    return c->call->session == NULL ? ERR_OK : client_closing_new(c->call->session->client);
}

static enum err read_auth_key(struct store_tx *tx, void *context)
{
    struct closing *c = context;
    return unit_auth_key(tx, c->uid, c->auth_public);
}

static enum err find_auth_key(struct closing *c)
{
    enum err e = call_read(c->call, read_auth_key, c);
    return e == ERR_NOT_FOUND ? no_such_unit(c) : e;
}

/* Inside a change: the entry names order and run. */
static enum err describe(struct store_tx *tx, struct closing *c)
{
    struct unit unit;
    enum err e = unit_get(tx, c->uid, &unit);
    if (e == ERR_NOT_FOUND)
        return no_such_unit(c);
    TRY(e);
    c->state = unit.state;
    event_text(&c->call->event, EVENT_ORDER, unit.order);
    return ERR_OK;
}

enum err runs_verify(const struct statement *statement,
                     const uint8_t point[static P256_POINT_SIZE],
                     const ProtobufCBinaryData *signature, const char *what)
{
    if (!statement->made)
        return fail_quiet(ERR_INVALID, "%s: a field does not fit its statement", what);
    return statement_is_signed(statement, span_of(point, P256_POINT_SIZE), signature)
               ? ERR_OK
               : fail_quiet(ERR_SIG, "%s: its signature is not AUTHKEY's", what);
}

enum err runs_fill_committed(struct rpc_call *rpc, const struct unit_committed *committed,
                             Hallmark__V1__UnitCommitResponse *out)
{
    ProtobufCMessage *statement = NULL, *receipt = NULL;
    TRY(message_unpack(rpc, &hallmark__v1__commit_statement__descriptor,
                       buf_span(&committed->statement), &statement));
    TRY(message_unpack(rpc, &hallmark__v1__receipt__descriptor, buf_span(&committed->receipt),
                       &receipt));
    out->statement = (Hallmark__V1__CommitStatement *)statement;
    out->receipt = (Hallmark__V1__Receipt *)receipt;
    out->boot_test = committed->boot_test;
    TRY(rpc_bytes(rpc, &out->rotpk, SPAN(committed->rotpk)));
    return rpc_bytes(rpc, &out->lock_tag, SPAN(committed->lock_tag));
}

/* --- Commit. ------------------------------------------------------------------------------ */

static enum err take_commit(struct closing *c, const Hallmark__V1__CommitStatement *in)
{
    if (in->run_id.len != RUN_ID_SIZE || in->kcv.len != KCV_SIZE || in->slot > UINT8_MAX ||
        in->receipt_sha256.len != SHA256_SIZE || !span_eq(span_in(&in->uid), SPAN(c->uid)))
        return fail_quiet(ERR_INVALID, "commit: not a statement of this unit");
    if (in->slot < OTP_AES_FIRST || in->slot > OTP_AES_LAST)
        return fail_quiet(ERR_INVALID, "commit: slot %u: AES_NuLink3 is kept in slots %d to %d",
                          in->slot, OTP_AES_FIRST, OTP_AES_LAST);
    const struct statement s = statement_of_commit(in);
    TRY(runs_verify(&s, c->auth_public, &in->signature, "commit"));
    memcpy(c->commit.sha256, s.sha256, SHA256_SIZE);
    TRY(rpc_pack(&in->base, &c->statement));
    memcpy(c->commit.run_id, in->run_id.data, RUN_ID_SIZE);
    memcpy(c->commit.kcv, in->kcv.data, KCV_SIZE);
    memcpy(c->commit.receipt_sha256, in->receipt_sha256.data, SHA256_SIZE);
    c->commit.slot = in->slot;
    c->commit.lock_level = (uint32_t)in->lock_level;
    c->commit.statement = buf_span(&c->statement);
    event_bytes(&c->call->event, EVENT_RUN_ID, SPAN(c->commit.run_id));
    return ERR_OK;
}

/* The run is complete: this also removes the unit's holder. */
static enum err commit(struct store_tx *tx, void *context)
{
    struct closing *c = context;
    bool ended;
    unit_committed_free(&c->committed);
    c->committed = (struct unit_committed){ 0 };
    TRY(describe(tx, c));
    TRY(unit_commit_key(tx, c->uid, c->call->principal->name, &c->commit, &c->committed));
    TRY(unit_end_run(tx, c->uid, c->commit.run_id, &ended));
    event_digest(&c->call->event, "commit-statement", buf_span(&c->statement));
    return runs_fill_committed(&c->call->rpc, &c->committed, c->out);
}

enum err runs_commit(struct rpc_call *rpc, const Hallmark__V1__UnitCommitRequest *in,
                     Hallmark__V1__UnitCommitResponse *out)
{
    AUTO(closing_drop) struct closing c = { .call = call_of(rpc), .out = out };
    TRY(begin(&c, &in->uid));
    if (in->statement == NULL)
        return fail_quiet(ERR_INVALID, "commit: no statement");
    TRY(find_auth_key(&c));
    TRY(take_commit(&c, in->statement));
    TRY(call_change(c.call, commit, &c, &out->base));
    if (!c.call->replayed)
        run_end_of_id(c.call->server, c.commit.run_id, ERR_OK, "the unit is committed", true);
    return ERR_OK;
}

/* --- Booted. ------------------------------------------------------------------------------ */

static enum err booted(struct store_tx *tx, void *context)
{
    struct closing *c = context;
    TRY(describe(tx, c));
    return unit_booted(tx, c->uid, c->call->principal->name, c->booted);
}

static enum err tell_boot(struct closing *c, const char *detail)
{
    char words[UNIT_WORDS_MAX + 24];
    TRY(message_text("detail", detail, 0, UNIT_WORDS_MAX));
    snprintf(words, sizeof(words), "%s: %s", c->booted ? "booted" : "did not boot", detail);
    event_text(&c->call->event, EVENT_MESSAGE, words);
    return ERR_OK;
}

enum err runs_booted(struct rpc_call *rpc, const Hallmark__V1__UnitBootedRequest *in,
                     Hallmark__V1__UnitBootedResponse *out)
{
    struct closing c = { .call = call_of(rpc), .booted = in->booted };
    TRY(begin(&c, &in->uid));
    TRY(tell_boot(&c, in->detail));
    return call_change(c.call, booted, &c, &out->base);
}

/* --- Locked. ------------------------------------------------------------------------------ */

static enum err take_lock(struct closing *c, const Hallmark__V1__LockStatement *in)
{
    if (in->run_id.len != RUN_ID_SIZE || in->statement_sha256.len != SHA256_SIZE ||
        !span_eq(span_in(&in->uid), SPAN(c->uid)))
        return fail_quiet(ERR_INVALID, "locked: not a statement of this unit");
    const struct statement s = statement_of_lock(in);
    TRY(runs_verify(&s, c->auth_public, &in->signature, "locked"));
    TRY(rpc_pack(&in->base, &c->statement));
    memcpy(c->lock.run_id, in->run_id.data, RUN_ID_SIZE);
    memcpy(c->lock.statement_sha256, in->statement_sha256.data, SHA256_SIZE);
    c->lock.lock_level = (uint32_t)in->lock_level;
    c->lock.statement = buf_span(&c->statement);
    event_bytes(&c->call->event, EVENT_RUN_ID, SPAN(c->lock.run_id));
    return ERR_OK;
}

static enum err locked(struct store_tx *tx, void *context)
{
    struct closing *c = context;
    TRY(describe(tx, c));
    if (c->booted && c->state == UNIT_COMMITTED)
        TRY(unit_booted(tx, c->uid, c->call->principal->name, true));
    TRY(unit_locked(tx, c->uid, c->call->principal->name, &c->lock));
    event_digest(&c->call->event, "lock-statement", buf_span(&c->statement));
    return ERR_OK;
}

enum err runs_locked(struct rpc_call *rpc, const Hallmark__V1__UnitLockedRequest *in,
                     Hallmark__V1__UnitLockedResponse *out)
{
    AUTO(closing_drop) struct closing c = { .call = call_of(rpc) };
    TRY(begin(&c, &in->uid));
    if (in->statement == NULL)
        return fail_quiet(ERR_INVALID, "locked: no statement");
    c.booted = in->booted[0] != '\0';
    if (c.booted)
        TRY(tell_boot(&c, in->booted));
    TRY(find_auth_key(&c));
    TRY(take_lock(&c, in->statement));
    return call_change(c.call, locked, &c, &out->base);
}

/* --- Sealed. ------------------------------------------------------------------------------ */

static enum err seal(struct store_tx *tx, void *context)
{
    struct closing *c = context;
    struct unit was = { 0 };
    TRY(describe(tx, c));
    enum err found = unit_get(tx, c->uid, &was);
    if (found != ERR_NOT_FOUND) /* that is refused by name */
        TRY(found);
    c->ends = was.holder;
    return unit_seal(tx, c->uid, c->call->principal->name, c->level, c->detail);
}

static enum err read_unit(struct store_tx *tx, void *context)
{
    struct closing *c = context;
    struct unit unit;
    enum err e = unit_get(tx, c->uid, &unit);
    c->is_stations = e == ERR_OK && unit.state == UNIT_COMMITTED &&
                     strcmp(unit.station, c->call->principal->name) == 0;
    if (c->is_stations)
        event_text(&c->call->event, EVENT_ORDER, unit.order);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* Reported to the operator, and entered regardless of the rate limit of refusals (begin() has
 * one of its own): the unit can be opened again. */
static enum err not_shut(struct closing *c, Hallmark__V1__DebugPort port)
{
    TRY(call_read(c->call, read_unit, c));
    if (!c->is_stations)
        return no_such_unit(c);
    c->call->must_enter = true;
    if (port == HALLMARK__V1__DEBUG_PORT__DEBUG_PORT_OPEN)
        return fail_quiet(ERR_OPEN, "sealed: the board still answers the debugger: %.200s",
                          c->detail);
    return fail_quiet(ERR_NOT_KNOWN,
                      "sealed: it could not be found out whether the board is shut: %.200s",
                      c->detail);
}

enum err runs_sealed(struct rpc_call *rpc, const Hallmark__V1__UnitSealedRequest *in,
                     Hallmark__V1__UnitSealedResponse *out)
{
    struct closing c = { .call = call_of(rpc),
                         .detail = in->detail,
                         .level = (uint32_t)in->lock_level };
    TRY(begin(&c, &in->uid));
    TRY(message_text("detail", in->detail, 0, UNIT_WORDS_MAX));
    if (in->debug_port != HALLMARK__V1__DEBUG_PORT__DEBUG_PORT_SHUT)
        return not_shut(&c, in->debug_port);
    event_text(&c.call->event, EVENT_MESSAGE, in->detail);
    TRY(call_change(c.call, seal, &c, &out->base));
    if (!c.call->replayed && c.ends.held_now)
        run_end_of_id(c.call->server, c.ends.run_id, ERR_ABORTED, "the unit is sealed", false);
    return ERR_OK;
}
