/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "common/host/p256.h"
#include "oem-server/svc/answer.h"
#include "oem-server/svc/run.h"

enum {
    OPERATIONS_MAX = 16,
    DIGESTS_MAX = 8,
    TX_TIMEOUT_MS = 10000,
    ANSWERS_EXPIRE_EVERY = 1000
};

#define ANSWERS_KEPT_US (INT64_C(24) * 3600 * 1000000)

uint64_t svc_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

struct call *call_of(struct rpc_call *rpc)
{
    return rpc->user;
}

static unsigned time_left_ms(const struct call *call)
{
    uint64_t now = rpc_now_ms();
    if (call->rpc.deadline_ms <= now)
        return 1;
    uint64_t left = call->rpc.deadline_ms - now;
    return left < TX_TIMEOUT_MS ? (unsigned)left : TX_TIMEOUT_MS;
}

enum err svc_tx(struct call *call)
{
    if (call->tx != NULL)
        return ERR_OK;
    TRY(rpc_check(&call->rpc));
    return store_begin(call->server->store, time_left_ms(call), &call->tx);
}

/* Event fields point at memory that outlives the event but is const to us. */
static char *lend(const char *text)
{
    return (char *)(uintptr_t)text;
}

static ProtobufCBinaryData lend_bytes(const uint8_t *bytes, size_t len)
{
    return (ProtobufCBinaryData){ len, (uint8_t *)(uintptr_t)bytes };
}

enum err svc_digest(struct call *call, const char *name, struct span bytes)
{
    Hallmark__V1__Event *event = &call->event;
    if (event->digests == NULL)
        event->digests = rpc_alloc(&call->rpc, DIGESTS_MAX * sizeof(*event->digests));
    Hallmark__V1__Digest *digest = rpc_alloc(&call->rpc, sizeof(*digest) + SHA256_SIZE);
    if (event->digests == NULL || digest == NULL)
        return fail(ERR_MEMORY, "svc: no memory for an event");
    if (event->n_digests == DIGESTS_MAX)
        return fail(ERR_LIMIT, "svc: more than %d digests in an event", DIGESTS_MAX);
    hallmark__v1__digest__init(digest);
    uint8_t *sha256 = (uint8_t *)(digest + 1);
    sha256_of(bytes, sha256);
    digest->name = lend(name);
    digest->sha256 = lend_bytes(sha256, SHA256_SIZE);
    event->digests[event->n_digests++] = digest;
    return ERR_OK;
}

static void describe(struct call *call)
{
    Hallmark__V1__Event *event = &call->event;
    char *fingerprint = rpc_alloc(&call->rpc, 2 * SHA256_SIZE + 1);
    event_init(event, call->row != NULL ? "arrow" : "call", call->principal->uri, ERR_OK, "");
    event->peer = lend(call->peer);
    event->method = lend(call->rpc.method);
    if (call->principal->role != AUTH_SERVER && fingerprint != NULL)
        event->certificate = hex_of(SPAN(call->principal->certificate_sha256), fingerprint);
    if (call->row != NULL)
        event->arrow = call->row->arrow;
}

static void describe_run(struct call *call)
{
    const struct run *run = call->run;
    call->event.order = lend(run->order.name);
    call->event.uid = lend_bytes(run->uid, UID_SIZE);
    call->event.run_id = lend_bytes(run->id, RUN_ID_SIZE);
}

static bool is_of_run(const char *method, const struct flow_row *row)
{
    if (row != NULL)
        return row->arrow >= FLOW_FIRST_OF_RUN;
    return strncmp(method, "hallmark.v1.Runs/", 17) == 0 &&
           strcmp(method, "hallmark.v1.Runs/Open") != 0;
}

static enum err find_run(struct call *call)
{
    if (call->run == NULL) {
        struct span id = rpc_call_metadata(&call->rpc, "run-bin");
        if (id.len == 0 && strcmp(call->rpc.method, "hallmark.v1.Runs/Sealed") == 0)
            return ERR_OK; /* for a unit that its UID names alone */
        if (id.len != RUN_ID_SIZE)
            return fail_quiet(ERR_INVALID,
                              "metadata run-bin must be the %d-byte id of Runs.Open",
                              RUN_ID_SIZE);
        call->run = run_find(call->server, id.ptr);
    }
    if (call->run == NULL && strcmp(call->rpc.method, "hallmark.v1.Runs/Sealed") == 0)
        return ERR_OK; /* it may come when the run's connection is gone: the store knows */
    if (call->run == NULL || (call->principal->role != AUTH_SERVER &&
                              strcmp(call->run->station.uri, call->principal->uri) != 0))
        return fail_quiet(ERR_NOT_FOUND, "no such run of %s", call->principal->uri);
    describe_run(call);
    if (call->run->over)
        return fail_quiet(call->run->why, "this run is over: %s", call->run->words);
    return ERR_OK;
}

static void reports_drop(Hallmark__V1__ArrowReports **reports)
{
    hallmark__v1__arrow_reports__free_unpacked(*reports, NULL);
}

static enum err take_reports(struct call *call)
{
    struct span bytes = rpc_call_metadata(&call->rpc, "reports-bin");
    if (bytes.len == 0)
        return ERR_OK;
    AUTO(reports_drop)
    Hallmark__V1__ArrowReports *reports =
        hallmark__v1__arrow_reports__unpack(NULL, bytes.len, bytes.ptr);
    if (reports == NULL)
        return fail_quiet(ERR_INVALID, "metadata reports-bin is not an ArrowReports");
    return run_reports(call, reports->reports, reports->n_reports);
}

/* A caller whose answer was lost must be able to ask again without doing it twice. */
static enum err check_key(const struct call *call)
{
    if (call->method->effect != AUTH_CHANGES || call->principal->role == AUTH_SERVER ||
        call->rpc.idempotency_key.len != 0)
        return ERR_OK;
    return fail_quiet(ERR_INVALID, "%s changes something: it needs an idempotency key",
                      call->rpc.method);
}

/* Of a stream nothing has come yet: its handler looks when all has. */
static enum err find_answer(struct call *call)
{
    if (call->method->shape == AUTH_STREAM)
        return ERR_OK;
    TRY(replay_find(call));
    store_rollback(&call->tx);
    return ERR_OK;
}

static enum err admit(struct call *call)
{
    call->row = flow_row_of_method(call->rpc.method);
    describe(call);
    TRY(auth_allow(call->principal, call->rpc.method, &call->method));
    TRY(check_key(call));
    TRY(find_answer(call));
    if (call->replayed || !is_of_run(call->rpc.method, call->row))
        return ERR_OK;
    TRY(find_run(call));
    if (call->run == NULL)
        return ERR_OK;
    TRY(take_reports(call));
    if (call->row == NULL || call->principal->role == AUTH_SERVER)
        return ERR_OK;
    return flow_accept(&call->run->flow, call->row->arrow);
}

static void note_operations(struct call *call)
{
    const char *names[OPERATIONS_MAX];
    size_t count = hsm_operations_take(names, OPERATIONS_MAX);
    if (count > OPERATIONS_MAX)
        count = OPERATIONS_MAX;
    char **list = rpc_alloc(&call->rpc, OPERATIONS_MAX * sizeof(*list));
    for (size_t i = 0; list != NULL && i < count; i++)
        list[i] = lend(names[i]);
    call->event.hsm_operations = list;
    call->event.n_hsm_operations = list == NULL ? 0 : count;
}

/* The event's digests of what travelled; both live in the arena. */
static enum err note_payloads(struct call *call)
{
    uint8_t *digests = rpc_alloc(&call->rpc, 2 * SHA256_SIZE);
    if (digests == NULL)
        return fail(ERR_MEMORY, "svc: no memory for an event");
    sha256_of(call->rpc.payload, digests);
    call->event.request_sha256 = lend_bytes(digests, SHA256_SIZE);
    if (call->rpc.err == ERR_OK) {
        sha256_of(buf_span(&call->rpc.response), digests + SHA256_SIZE);
        call->event.response_sha256 = lend_bytes(digests + SHA256_SIZE, SHA256_SIZE);
    }
    call->event.took_us = (uint32_t)(svc_now_us() - call->started_us);
    note_operations(call);
    return ERR_OK;
}

/* State, event and answer become durable together, or, given up in time, none of them. */
static enum err settle(struct call *call)
{
    if (call->method->effect == AUTH_READS) {
        store_rollback(&call->tx);
        return ERR_OK;
    }
    TRY(rpc_check(&call->rpc));
    TRY(note_payloads(call));
    TRY(svc_tx(call));
    TRY(tlog_append(call->server->log, call->tx, &call->event, &call->log_index));
    TRY(replay_keep(call));
    if (call->log_index % ANSWERS_EXPIRE_EVERY == 0)
        TRY(store_answers_expire(call->tx, (int64_t)svc_now_us() - ANSWERS_KEPT_US));
    TRY(store_commit(&call->tx));
    call->logged = true;
    return ERR_OK;
}

/* A reader who leaves, or whose time is up, was not refused anything. */
static bool is_reader_gone(const struct call *call, enum err e)
{
    return call->method != NULL && call->method->effect == AUTH_READS &&
           (e == ERR_CANCELLED || e == ERR_CLOSED || e == ERR_DEADLINE ||
            (e == ERR_UNAVAILABLE && call->rpc.streaming != NULL));
}

/* Anyone can cause refusals, so they are rationed. */
static bool is_left_out(struct call *call, const char *words)
{
    char all[FAIL_WORDS_MAX + RPC_METHOD_MAX];
    if (call->session == NULL || caller_may_enter(call->session->caller))
        return false;
    snprintf(all, sizeof(all), "%s: %s", call->rpc.method, words);
    caller_leave_out(call->session->caller, call->rpc.err, all);
    return true;
}

static void refuse(struct call *call, enum err e)
{
    if (is_reader_gone(call, e))
        return;
    char words[FAIL_WORDS_MAX];
    snprintf(words, sizeof(words), "%s", fail_words());
    store_rollback(&call->tx);
    call->rpc.err = e;
    if (is_left_out(call, words)) {
        fail_set(words);
        return;
    }
    call->event.kind = lend("refusal");
    call->event.status = err_status(e);
    call->event.code = (uint32_t)e;
    call->event.message = words;
    log_line(LOG_LEVEL_WARN, "refused: %s %s: %s: %s", call->principal->uri, call->rpc.method,
             err_text(e), words);
    call->logged = note_payloads(call) == ERR_OK &&
                   event_write(call->server, &call->event, &call->log_index) == ERR_OK;
    if (!call->logged)
        log_line(LOG_LEVEL_ERROR, "svc: the refusal could not be logged");
    fail_set(words);
}

/* What was done is durable: the run follows. */
static void move(struct call *call)
{
    struct run *run = call->opened != NULL ? call->opened : call->run;
    if (run != NULL && call->principal->role != AUTH_SERVER)
        run->until_ms = call->rpc.deadline_ms;
    if (call->opened != NULL)
        run_opened(call->opened, call);
    if (call->finished && call->run != NULL)
        call->run->finished = true;
    if (call->sealed && call->run != NULL)
        run_end(call->run, ERR_OK, "sealed");
    if (call->revoked != NULL)
        session_close_all_of(call->server, call->revoked, "certificate revoked");
    if (call->row == NULL || call->run == NULL)
        return;
    if (call->row->arrow == 31)
        run_transcript(
            call->run, 31,
            span_of(call->event.request_sha256.data, call->event.request_sha256.len),
            span_of(call->event.response_sha256.data, call->event.response_sha256.len));
    if (call->principal->role != AUTH_SERVER) /* the server's own are moved by flow_advance */
        flow_done(&call->run->flow);
}

/* The stored answer in the place of one that was not made. */
static void repeat_answer(struct call *call)
{
    store_rollback(&call->tx);
    buf_free(&call->rpc.response);
    call->rpc.response = buf_take(&call->stored);
}

/* A signature that was waited for until the deadline comes back through OpenSSL as one that
 * failed. */
static enum err late_or(const struct call *call, enum err e)
{
    return e == ERR_HSM && rpc_now_ms() >= call->rpc.deadline_ms
               ? fail_quiet(ERR_DEADLINE, "deadline exceeded while the HSM was waited for")
               : e;
}

void call_serve(struct call *call, Hallmark__V1__FrameResponse *response)
{
    const char *unused[OPERATIONS_MAX];
    fail_clear();
    (void)hsm_operations_take(unused, OPERATIONS_MAX);
    hsm_wanted(call->rpc.deadline_ms, call->rpc.over);
    call->rpc.user = call;
    call->started_us = svc_now_us();
    call->rpc.err = admit(call);
    if (call->rpc.err == ERR_OK && !call->replayed)
        rpc_dispatch(svc_services(), &call->rpc);
    if (call->rpc.err == ERR_OK && !call->replayed)
        call->rpc.err = settle(call);
    if (call->rpc.err != ERR_OK)
        replay_again(call);
    if (call->rpc.err == ERR_OK && call->replayed)
        repeat_answer(call);
    else if (call->rpc.err == ERR_OK)
        move(call);
    hsm_wanted(0, NULL);
    if (call->rpc.err != ERR_OK)
        refuse(call, late_or(call, call->rpc.err));
    answer_of(call, response);
}

void call_end(struct call *call)
{
    store_rollback(&call->tx);
    buf_free(&call->stored);
    run_drop(&call->opened);
    run_drop(&call->run);
    rpc_call_fini(&call->rpc);
}
