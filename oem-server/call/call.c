/* SPDX-License-Identifier: MIT */
/*
 * call: the pipeline of a call: admitted, dispatched to its handler, settled, answered. Called
 * by net for connections, by engine.c for the server's own arrows, and by init.c for oemctl
 * init. It must not change a run before the call's change is durable.
 */
#include <stdio.h>
#include <string.h>

#include "common/host/clock.h"
#include "common/host/hex.h"
#include "common/host/log.h"
#include "common/host/memory.h"
#include "common/host/p256.h"
#include "common/rpc/method.h"
#include "oem-server/call/answer.h"
#include "oem-server/call/settle.h"

#define LATELY_US (INT64_C(600) * 1000000) /* of a clock that was set */

struct call *call_of(struct rpc_call *rpc)
{
    return rpc->user;
}

static void describe(struct call *call)
{
    struct event *event = &call->event;
    char fingerprint[2 * SHA256_SIZE + 1];
    event_init(event, call->row != NULL ? "arrow" : "call", call->principal->uri, ERR_OK, "");
    event_text(event, EVENT_PEER, call->peer);
    event_text(event, EVENT_METHOD, call->rpc.method);
    if (call->principal->role != AUTH_SERVER)
        event_text(event, EVENT_CERTIFICATE,
                   hex_of(SPAN(call->principal->certificate_sha256), fingerprint));
    if (call->row != NULL)
        event->pb.arrow = call->row->arrow;
}

static void describe_run(struct call *call)
{
    const struct run *run = call->run;
    event_text(&call->event, EVENT_ORDER, run->order.name);
    event_bytes(&call->event, EVENT_UID, SPAN(run->uid));
    event_bytes(&call->event, EVENT_RUN_ID, SPAN(run->id));
}

/* Commit, Booted, Locked and Sealed name their unit by UID: they are of no run. */
static bool is_of_run(const char *method, const struct flow_row *row)
{
    static const char *const others[] = { "hallmark.v1.Runs/Report", "hallmark.v1.Runs/Finish",
                                          "hallmark.v1.Runs/FetchImage" };
    if (row != NULL)
        return row->arrow >= FLOW_FIRST_OF_RUN;
    for (size_t i = 0; i < COUNT(others); i++)
        if (strcmp(method, others[i]) == 0)
            return true;
    return false;
}

/* An image may be fetched for a unit, named by UID, without a run. */
static bool needs_run(const struct call *call)
{
    return call->row != NULL || strcmp(call->rpc.method, "hallmark.v1.Runs/FetchImage") != 0 ||
           rpc_call_metadata(&call->rpc, "run-bin").len != 0;
}

/* The call was routed to the strand of the run that it names, or to that of no run. */
static enum err find_run(struct call *call)
{
    struct span id = rpc_call_metadata(&call->rpc, "run-bin");
    if (call->run == NULL && !needs_run(call))
        return ERR_OK;
    if (call->run == NULL && id.len != RUN_ID_SIZE)
        return fail_quiet(ERR_INVALID, "metadata run-bin must be the %d-byte id of Runs.Open",
                          RUN_ID_SIZE);
    if (call->run == NULL && call->routed != NULL && span_eq(id, SPAN(call->routed->id)))
        call->run = run_keep(call->routed);
    if (call->run == NULL || (call->principal->role != AUTH_SERVER &&
                              strcmp(call->run->station.uri, call->principal->uri) != 0)) {
        run_drop(&call->run);
        return fail_quiet(
            ERR_NOT_FOUND, "no such run of %s on this connection%s", call->principal->uri,
            call->server->log == NULL || tlog_clock_settled(call->server->log, LATELY_US)
                ? ""
                : "; the server's clock was set lately, which may have ended it");
    }
    run_own(call->run);
    describe_run(call);
    if (call->run->over)
        return fail_quiet(call->run->why, "this run is over: %s", call->run->words);
    return ERR_OK;
}

static enum err take_reports(struct call *call)
{
    struct span bytes = rpc_call_metadata(&call->rpc, "reports-bin");
    if (bytes.len == 0)
        return ERR_OK;
    AUTO(rpc_drop) ProtobufCMessage *message = NULL;
    if (rpc_unpack(&hallmark__v1__arrow_reports__descriptor, bytes, &message) != ERR_OK)
        return fail_quiet(ERR_INVALID, "metadata reports-bin is not an ArrowReports");
    const Hallmark__V1__ArrowReports *reports = (const Hallmark__V1__ArrowReports *)message;
    return run_reports(call->run, reports->reports, reports->n_reports, call->rpc.deadline_ms);
}

static enum method_effect effect_of(const struct call *call)
{
    return method_effect(call->rpc.method);
}

/* A client whose answer was lost must be able to retry without doing it twice. */
static enum err check_key(const struct call *call)
{
    if (effect_of(call) == METHOD_READS || call->principal->role == AUTH_SERVER ||
        call->rpc.idempotency_key.len == STORE_CALL_KEY_SIZE)
        return ERR_OK;
    return fail_quiet(ERR_INVALID, "%s changes something: it needs an idempotency key",
                      call->rpc.method);
}

static enum err find_answer(struct store_tx *tx, void *context)
{
    return replay_find(tx, context);
}

/* Looks for a stored answer of the same key. For a call that takes a stream no message has
 * arrived yet, so its change looks. */
static enum err find_stored(struct call *call)
{
    return !replay_keeps(call) || call->method->shape == AUTH_STREAM
               ? ERR_OK
               : call_read(call, find_answer, call);
}

/* The same for a staged answer, which waits for the run's next change. */
static enum err find_staged(struct call *call)
{
    uint8_t digest[SHA256_SIZE];
    if (call->run == NULL || !replay_keeps(call))
        return ERR_OK;
    replay_digest(call, digest);
    enum err e =
        staged_find(&call->run->staged, call->rpc.idempotency_key, digest, &call->stored);
    call->replayed = e == ERR_OK;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err admit_to_run(struct call *call)
{
    TRY(find_run(call));
    TRY(find_staged(call));
    if (call->run == NULL || call->replayed)
        return ERR_OK;
    if (effect_of(call) != METHOD_READS)
        TRY(run_charge(call->run, 1));
    return take_reports(call);
}

/* Is it the call's turn, after what it reported? */
static enum err take_turn(struct call *call)
{
    if (call->run == NULL || call->replayed)
        return ERR_OK;
    if (call->run->over) /* by one of the reports */
        return fail_quiet(call->run->why, "this run is over: %s", call->run->words);
    if (call->row == NULL || call->principal->role == AUTH_SERVER)
        return ERR_OK;
    return flow_accept(&call->run->flow, call->row->arrow);
}

static enum err admit(struct call *call)
{
    call->row = flow_row_of_method(call->rpc.method);
    describe(call);
    if (call->session != NULL && atomic_load(&call->session->ending))
        return fail_quiet(ERR_REVOKED, "certificate revoked");
    TRY(auth_allow(call->principal, call->rpc.method, &call->method));
    TRY(check_key(call));
    TRY(find_stored(call));
    return call->replayed || !is_of_run(call->rpc.method, call->row) ? ERR_OK
                                                                     : admit_to_run(call);
}

/* For handlers that have nothing to change. */
static enum err settle(struct call *call)
{
    if (call->settled || effect_of(call) == METHOD_READS)
        return ERR_OK;
    return effect_of(call) == METHOD_NOTES && !call->run->over
               ? settle_later(call)
               : call_change(call, NULL, NULL, NULL);
}

/* A reader that disconnects, or whose deadline passes, was not refused. */
static bool is_reader_gone(const struct call *call, enum err e)
{
    return call->method != NULL && effect_of(call) == METHOD_READS &&
           (e == ERR_CANCELLED || e == ERR_CLOSED || e == ERR_DEADLINE ||
            (e == ERR_UNAVAILABLE && call->rpc.streaming != NULL));
}

/* Anyone can cause refusals, so they are rate-limited. */
static bool is_left_out(struct call *call, const char *words)
{
    char all[FAIL_WORDS_MAX + RPC_METHOD_MAX];
    if (call->session == NULL || call->must_enter || client_may_enter(call->session->client))
        return false;
    snprintf(all, sizeof(all), "%s: %s", call->rpc.method, words);
    client_leave_out(call->session->client, call->rpc.err, all);
    return true;
}

static enum err enter_refusal(struct call *call, enum err e, const char *words)
{
    event_text(&call->event, EVENT_KIND, "refusal");
    event_outcome(&call->event, e, words);
    log_line(LOG_LEVEL_WARN, "refused: %s %s: %s: %s", call->principal->uri, call->rpc.method,
             err_text(e), words);
    settle_note(call);
    if (call->run != NULL && !call->run->over && run_flush(call->run) != ERR_OK)
        log_line(LOG_LEVEL_INFO, "call: the run's entries come with its end");
    return event_write(call->server, &call->event, &call->log_index);
}

static void refuse(struct call *call, enum err e)
{
    if (is_reader_gone(call, e))
        return;
    char words[FAIL_WORDS_MAX];
    snprintf(words, sizeof(words), "%s", fail_words());
    call->rpc.err = e;
    if (call->pending != 0) /* it has its entry: nothing was refused */
        return;
    if (call->run_lost)
        run_end(call->run, e, words);
    if (!is_left_out(call, words)) {
        call->logged = enter_refusal(call, e, words) == ERR_OK;
        if (!call->logged)
            log_line(LOG_LEVEL_ERROR, "call: the refusal could not be logged");
    }
    fail_set(words);
}

/* The change is durable, or staged: now the run is changed. */
static void follow(struct call *call)
{
    struct run *run = call->opened != NULL ? call->opened : call->run;
    if (run != NULL)
        run_own(run);
    if (run != NULL && call->principal->role != AUTH_SERVER)
        run->until_ms = call->rpc.deadline_ms;
    if (call->opened != NULL)
        run_opened(call->opened, call->session);
    if (call->revoked != NULL)
        session_close_all_of(call->server, call->revoked, "certificate revoked");
    if (call->row == NULL || call->run == NULL)
        return;
    if (call->row->arrow == 31) {
        uint8_t digests[2][SHA256_SIZE];
        sha256_of(call->rpc.payload, digests[0]);
        sha256_of(buf_span(&call->rpc.response), digests[1]);
        run_transcript(call->run, 31, SPAN(digests[0]), SPAN(digests[1]));
    }
    if (call->principal->role !=
        AUTH_SERVER) /* run_advance() does that for the server's own calls */
        flow_done(&call->run->flow);
}

/* Puts the stored answer in place of a new one. */
static void repeat_answer(struct call *call)
{
    run_drop(&call->opened);
    buf_free(&call->rpc.response);
    call->rpc.response = buf_take(&call->stored);
}

/* OpenSSL and protobuf-c tell of missing memory as of a malformed input (common/host/memory.h),
 * and OpenSSL of a signature that was not made before the deadline as of a failed one. */
static enum err cause_of(const struct call *call, enum err e)
{
    if (e != ERR_OK && call->pending == 0 && memory_missed())
        return fail(ERR_MEMORY, "call: no memory: %.200s", fail_words());
    return e == ERR_HSM && rpc_now_ms() >= call->rpc.deadline_ms
               ? fail_quiet(ERR_DEADLINE, "deadline exceeded while waiting for the HSM")
               : e;
}

static void serve(struct call *call)
{
    if (call->rpc.err == ERR_OK)
        call->rpc.err = take_turn(call);
    if (call->rpc.err == ERR_OK && !call->replayed)
        rpc_dispatch(call->server->services, &call->rpc);
    if (call->rpc.err == ERR_OK && !call->replayed)
        call->rpc.err = settle(call);
    if (call->rpc.err != ERR_OK && call->pending == 0)
        replay_again(call);
    if (call->rpc.err == ERR_OK && call->replayed)
        repeat_answer(call);
    else if (call->rpc.err == ERR_OK)
        follow(call);
}

/* What the HSM does, and what memory is missed, from here on this thread is the call's. */
static void take_thread(const struct call *call)
{
    memory_clear();
    (void)hsm_operations_take(NULL, 0);
    hsm_wanted(call->rpc.deadline_ms, call->rpc.over);
}

void call_admit(struct call *call)
{
    fail_clear();
    take_thread(call);
    call->rpc.user = call;
    call->started_us = clock_us();
    call->rpc.err = cause_of(call, admit(call));
    hsm_wanted(0, NULL);
}

bool call_reported(const struct call *call)
{
    return call->rpc.err == ERR_OK && call->run != NULL && !call->replayed &&
           call->principal->role != AUTH_SERVER &&
           rpc_call_metadata(&call->rpc, "reports-bin").len != 0;
}

void call_finish(struct call *call, Hallmark__V1__FrameResponse *response)
{
    take_thread(call);
    serve(call);
    hsm_wanted(0, NULL);
    if (call->rpc.err != ERR_OK)
        refuse(call, cause_of(call, call->rpc.err));
    else
        settle_point(call, "inside");
    answer_of(call, response);
}

void call_serve(struct call *call, Hallmark__V1__FrameResponse *response)
{
    call_admit(call);
    call_finish(call, response);
}

void call_end(struct call *call)
{
    buf_free(&call->stored);
    run_drop(&call->opened);
    run_drop(&call->run);
    rpc_call_fini(&call->rpc);
}
