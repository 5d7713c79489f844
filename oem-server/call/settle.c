/* SPDX-License-Identifier: MIT */
/*
 * settle: the one change of a call, with all checks that belong inside it, and the reads.
 * Called by handlers when their slow part is done. Functions inside store_do() must not touch a
 * run's memory (they read the staged entries while their strand waits), and must leave nothing
 * behind when they run a second time.
 */
#include "oem-server/call/settle.h"

#include <string.h>

#include "common/host/log.h"
#include "common/host/p256.h"
#include "common/host/stop.h"
#include "oem-server/call/gate.h"
#include "oem-server/call/perform.h"

void settle_note(struct call *call)
{
    const char *names[EVENT_OPERATIONS_MAX];
    uint8_t digest[SHA256_SIZE];
    size_t count = hsm_operations_take(names, COUNT(names));
    event_operations(&call->event, names, count < COUNT(names) ? count : COUNT(names));
    sha256_of(call->rpc.payload, digest);
    event_bytes(&call->event, EVENT_REQUEST_SHA256, SPAN(digest));
    call->event.pb.took_us = event_took_us(call->started_us);
}

void settle_point(const struct call *call, const char *moment)
{
    stop_at_call(call->rpc.method, call->row != NULL ? call->row->arrow : 0, moment,
                 span_of(call->event.pb.uid.data, call->event.pb.uid.len));
}

struct settling {
    struct call *call;
    store_fn *fn;
    void *context;
    const ProtobufCMessage *answer; /* NULL: the call already has its response */
    bool claim;
    bool gated;     /* its act needs a second operator: it is entered as a request */
    size_t digests; /* digests before fn: those that fn adds are removed when it runs again */
    uint8_t response_sha256[SHA256_SIZE];
};

static enum err hold_on(struct store_tx *tx, struct call *call)
{
    enum err e = run_write_staged(tx, call->run);
    call->run_lost = e == ERR_ABORTED;
    return e;
}

/* Writes the entry of the call and its answer. */
static enum err write_entry(struct store_tx *tx, struct settling *s)
{
    struct call *call = s->call;
    AUTO(buf_free) struct buf packed = { 0 };
    Hallmark__V1__Event event = call->event.pb;
    static char claim[] = "claim";
    if (s->claim) {
        event.kind = claim;
        return tlog_append(call->server->log, tx, &event, NULL);
    }
    if (s->answer != NULL)
        TRY(rpc_pack(s->answer, &packed));
    struct span response =
        s->answer != NULL ? buf_span(&packed) : buf_span(&call->rpc.response);
    sha256_of(response, s->response_sha256);
    event.response_sha256 = (ProtobufCBinaryData){ SHA256_SIZE, s->response_sha256 };
    if (!call->entered)
        TRY(tlog_append(call->server->log, tx, &event, &call->log_index));
    return replay_put(tx, call, response);
}

static enum err settle(struct store_tx *tx, void *context)
{
    struct settling *s = context;
    struct call *call = s->call;
    call->replayed = false;
    call->entered = false;
    call->pending = 0;
    buf_free(&call->stored);
    event_digests_undo(&call->event, s->digests);
    TRY(principal_check(tx, call->principal));
    TRY(replay_find(tx, call));
    if (call->replayed)
        return ERR_OK;
    if (call->run != NULL && call->principal->role == AUTH_SERVER)
        TRY(run_station_check(tx, call->run));
    if (call->run != NULL && !call->run->over) /* its reports may have ended it */
        TRY(hold_on(tx, call));
    if (s->gated) {
        bool asked = false;
        TRY(gate_ask(tx, call, &asked));
        if (asked)
            return ERR_OK;
    }
    if (s->fn != NULL)
        TRY(s->fn(tx, s->context));
    return write_entry(tx, s);
}

static enum err settle_now(struct settling *s)
{
    struct call *call = s->call;
    if (call->run != NULL)
        run_own(call->run);
    s->digests = call->event.pb.n_digests;
    TRY(rpc_check(&call->rpc));
    settle_point(call, s->claim ? "unclaimed" : "unsaved");
    TRY(server_do(call->server, settle, s, call->rpc.deadline_ms));
    if (s->claim)
        settle_point(call, "claimed");
    if (!call->replayed && call->run != NULL)
        staged_free(&call->run->staged);
    return ERR_OK;
}

static enum err change(struct call *call, store_fn *fn, void *context,
                       const ProtobufCMessage *answer)
{
    struct settling s = {
        .call = call, .fn = fn, .context = context, .answer = answer, .gated = false
    };
    s.gated = fn != NULL && gate_applies(call);
    settle_note(call);
    TRY(settle_now(&s));
    if (call->pending != 0)
        return gate_pending(call);
    call->settled = !call->replayed;
    call->logged = call->settled;
    if (call->opened != NULL && call->replayed)
        run_drop(&call->opened);
    return ERR_OK;
}

/* Of a call that is performed: its change is made in that of the approving call. */
static enum err change_performed(struct call *inner, store_fn *fn, void *context,
                                 const ProtobufCMessage *answer)
{
    struct call *outer = inner->approving->outer;
    struct performing p = { .inner = inner, .fn = fn, .context = context, .answer = answer };
    if (answer == NULL)
        return fail(ERR_INTERNAL, "settle: %s has no answer", inner->rpc.method);
    settle_note(inner);
    p.digests = inner->event.pb.n_digests;
    TRY(change(outer, perform_act, &p, &inner->approving->out->base));
    inner->settled = true;
    inner->replayed = outer->replayed || p.again;
    return ERR_OK;
}

enum err call_change(struct call *call, store_fn *fn, void *context,
                     const ProtobufCMessage *answer)
{
    return call->approving == NULL ? change(call, fn, context, answer)
                                   : change_performed(call, fn, context, answer);
}

enum err call_claim(struct call *call, store_fn *fn, void *context)
{
    struct settling s = { .call = call, .fn = fn, .context = context, .claim = true };
    return settle_now(&s);
}

enum err settle_later(struct call *call)
{
    uint8_t request[SHA256_SIZE], response[SHA256_SIZE];
    struct staged_answer answer = { call->rpc.idempotency_key, request,
                                    buf_span(&call->rpc.response) };
    run_own(call->run);
    TRY(rpc_check(&call->rpc));
    settle_note(call);
    replay_digest(call, request);
    sha256_of(buf_span(&call->rpc.response), response);
    event_bytes(&call->event, EVENT_RESPONSE_SHA256, SPAN(response));
    enum err e =
        staged_add(&call->run->staged, &call->event.pb, call->principal->role != AUTH_SERVER,
                   replay_keeps(call) ? &answer : NULL);
    event_bytes(&call->event, EVENT_RESPONSE_SHA256, span_of(NULL, 0));
    return e;
}
