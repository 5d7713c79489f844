/* SPDX-License-Identifier: MIT */
#include "oem-server/svc/run.h"

#include <stdlib.h>
#include <string.h>

#include "common/core/sign.h"
#include "common/host/log.h"
#include "common/host/p256.h"

enum { OWN_CALL_MIN_MS = 5000 };

struct run *run_new(struct session *session)
{
    struct run *run = calloc(1, sizeof(*run));
    if (run == NULL)
        return NULL;
    run->strand = strand_of(session->caller->calls);
    if (run->strand == NULL) {
        free(run);
        return NULL;
    }
    atomic_init(&run->refs, 1);
    run->server = session->server;
    run->flow = flow_start(FLOW_SERVER);
    return run;
}

struct strand *run_strand(struct run *run)
{
    return run->strand;
}

struct run *run_keep(struct run *run)
{
    atomic_fetch_add(&run->refs, 1);
    return run;
}

void run_drop(struct run **run_pointer)
{
    struct run *run = TAKE(*run_pointer);
    if (run == NULL || atomic_fetch_sub(&run->refs, 1) != 1)
        return;
    hsm_agreement_free(run->agreement);
    buf_free(&run->boot_key);
    buf_free(&run->shared_key);
    buf_free(&run->web_server);
    buf_free(&run->certificate);
    store_order_free(&run->order);
    strand_drop(&run->strand);
    wss_conn_drop(&run->conn);
    wipe(run->tag_server, sizeof(run->tag_server));
    free(run);
}

/* False: the station's connection is gone already, so nobody else will cut this run. */
static bool run_list(struct run *run, struct session *session)
{
    struct server *server = run->server;
    pthread_mutex_lock(&server->lock);
    bool there = session != NULL && !session->gone;
    run->session = there ? session : NULL;
    run->next = server->runs;
    server->runs = run_keep(run);
    server->run_count++;
    pthread_mutex_unlock(&server->lock);
    return there;
}

void run_unlist(struct run *run)
{
    struct server *server = run->server;
    struct run *found = NULL;
    pthread_mutex_lock(&server->lock);
    for (struct run **at = &server->runs; *at != NULL; at = &(*at)->next) {
        if (*at == run) {
            found = run;
            *at = run->next;
            server->run_count--;
            break;
        }
    }
    pthread_mutex_unlock(&server->lock);
    run_drop(&found);
}

struct run *run_find(struct server *server, const uint8_t id[static RUN_ID_SIZE])
{
    struct run *found = NULL;
    pthread_mutex_lock(&server->lock);
    for (struct run *run = server->runs; run != NULL && found == NULL; run = run->next)
        if (memcmp(run->id, id, RUN_ID_SIZE) == 0)
            found = run_keep(run);
    pthread_mutex_unlock(&server->lock);
    return found;
}

struct run *run_find_uid(struct server *server, const uint8_t uid[static UID_SIZE])
{
    struct run *found = NULL;
    pthread_mutex_lock(&server->lock);
    for (struct run *run = server->runs; run != NULL && found == NULL; run = run->next)
        if (memcmp(run->uid, uid, UID_SIZE) == 0)
            found = run_keep(run);
    pthread_mutex_unlock(&server->lock);
    return found;
}

struct sign_run run_sign(const struct run *run)
{
    return (struct sign_run){ SPAN(run->id), SPAN(run->uid), SPAN(run->board_nonce) };
}

void run_transcript(struct run *run, uint8_t arrow, struct span request_sha256,
                    struct span response_sha256)
{
    uint8_t input[3 * SHA256_SIZE + 1];
    struct wr w = wr_of(input, sizeof(input));
    sign_transcript(&w, SPAN(run->transcript), arrow, request_sha256, response_sha256);
    sha256_of(wr_done(&w), run->transcript);
}

/* The unit's reservation goes back to the order; a unit that is done stays done. */
static enum err cut_unit(struct run *run, enum err e, const char *words)
{
    AUTO(store_rollback) struct store_tx *tx = NULL;
    struct store_unit unit = { 0 };
    TRY(store_begin(run->server->store, 10000, &tx));
    TRY(store_unit_get(tx, run->uid, &unit));
    enum err result = ERR_OK;
    if (unit.state == STORE_UNIT_OPEN && memcmp(unit.run_id, run->id, RUN_ID_SIZE) == 0) {
        unit.state = run->scrap ? STORE_UNIT_FAILED : STORE_UNIT_CUT;
        result = store_unit_put(tx, &unit);
    }
    store_unit_free(&unit);
    TRY(result);
    Hallmark__V1__Event event;
    event_init(&event, "run", run->station.uri, e, words);
    event_run(&event, run);
    event.arrow = flow_finished(&run->flow) ? 0 : run->flow.next;
    TRY(tlog_append(run->server->log, tx, &event, NULL));
    return store_commit(&tx);
}

static enum err ask_station(struct run *run, const char *method, uint32_t timeout_ms,
                            struct span payload, wss_done *answer, void *context)
{
    static char key[] = "run-bin";
    Hallmark__V1__Metadata id = HALLMARK__V1__METADATA__INIT;
    Hallmark__V1__Metadata *metadata[] = { &id };
    Hallmark__V1__FrameRequest request = HALLMARK__V1__FRAME_REQUEST__INIT;
    id.key = key;
    id.value = (ProtobufCBinaryData){ RUN_ID_SIZE, run->id };
    request.method = (char *)(uintptr_t)method;
    request.timeout_ms = timeout_ms;
    request.n_metadata = 1;
    request.metadata = metadata;
    request.payload = (ProtobufCBinaryData){ payload.len, (uint8_t *)(uintptr_t)payload.ptr };
    return wss_call(run->conn, &request, answer, context);
}

static void ended(void *context, const Hallmark__V1__FrameResponse *response)
{
    (void)context, (void)response; /* told; whether it listened changes nothing */
}

static void tell_station(struct run *run, enum err e, const char *words)
{
    Hallmark__V1__EndRunRequest in = HALLMARK__V1__END_RUN_REQUEST__INIT;
    in.status = err_status(e);
    in.code = (uint32_t)e;
    in.message = (char *)(uintptr_t)words;
    AUTO(buf_free) struct buf payload = { 0 };
    if (rpc_pack(&in.base, &payload) != ERR_OK)
        return;
    if (ask_station(run, "hallmark.v1.RunControl/End", 0, buf_span(&payload), ended, NULL) !=
        ERR_OK)
        log_line(LOG_LEVEL_INFO, "run: the station is gone and was not told: %s", words);
}

/* told: what the station may hear of it. */
static void end_with(struct run *run, enum err e, const char *words, const char *told)
{
    char all[FAIL_WORDS_MAX]; /* words may be fail_words() */
    if (run->over)
        return;
    run->over = true;
    run->why = e == ERR_OK ? ERR_PRECONDITION : e;
    snprintf(all, sizeof(all), "%s", words);
    snprintf(run->words, sizeof(run->words), "%s", told);
    if (e != ERR_OK) {
        log_line(LOG_LEVEL_WARN, "run: %s: ended: %s", run->order.name, all);
        if (cut_unit(run, e, all) != ERR_OK)
            log_line(LOG_LEVEL_ERROR, "run: its end could not be recorded");
        tell_station(run, e, run->words);
    }
    run_unlist(run);
}

void run_end(struct run *run, enum err e, const char *words)
{
    end_with(run, e, words, words);
}

void run_fail(struct run *run, enum err e)
{
    end_with(run, e, fail_words(), svc_words(e, fail_words()));
}

/* What a call of ours to the station came back with, on its way to the run's strand. */
struct arrival {
    struct run *run;
    const struct flow_row *row;
    struct buf request;
    struct buf response;
    enum err err;
    char words[FAIL_WORDS_MAX];
    uint64_t started_us;
};

static void arrival_free(struct arrival *a)
{
    run_drop(&a->run);
    buf_free(&a->request);
    buf_free(&a->response);
    free(a);
}

/* The event of an arrow that the station served. */
static enum err record_arrival(struct arrival *a)
{
    struct run *run = a->run;
    uint8_t digests[2][SHA256_SIZE];
    char method[64];
    sha256_of(buf_span(&a->request), digests[0]);
    sha256_of(buf_span(&a->response), digests[1]);
    flow_method(a->row, method);
    Hallmark__V1__Event event;
    event_init(&event, "arrow", "oem-server", a->err, a->words);
    event_run(&event, run);
    event.arrow = a->row->arrow;
    event.method = method;
    event.request_sha256 = (ProtobufCBinaryData){ SHA256_SIZE, digests[0] };
    if (a->err == ERR_OK)
        event.response_sha256 = (ProtobufCBinaryData){ SHA256_SIZE, digests[1] };
    event.took_us = (uint32_t)(event.time_us - a->started_us);
    if (a->err == ERR_OK && a->row->head == FLOW_P)
        run_transcript(run, a->row->arrow, SPAN(digests[0]), SPAN(digests[1]));
    return event_write(run->server, &event, NULL);
}

static void check_arrival(struct arrival *a)
{
    if (a->err != ERR_OK)
        return;
    a->err = run_answer(a->row, buf_span(&a->response));
    if (a->err != ERR_OK)
        snprintf(a->words, sizeof(a->words), "%s", fail_words());
}

static void on_arrival(void *context)
{
    struct arrival *a = context;
    if (!a->run->over) {
        check_arrival(a);
        enum err recorded = record_arrival(a);
        if (a->err == ERR_OK && recorded == ERR_OK) {
            flow_done(&a->run->flow);
            run_advance(a->run);
        } else if (a->err == ERR_OK) {
            run_fail(a->run, recorded);
        } else {
            run_end(a->run, a->err, a->words);
        }
    }
    arrival_free(a);
}

/* I/O thread: hand the answer to the run's strand. */
static void on_answer(void *context, const Hallmark__V1__FrameResponse *response)
{
    struct arrival *a = context;
    a->err = err_from_wire(response->code != 0 ? response->code : response->status,
                           response->status);
    snprintf(a->words, sizeof(a->words), "%s", response->message);
    if (a->err == ERR_OK)
        a->err = buf_copy(&a->response, span_of(response->payload.data, response->payload.len));
    if (strand_submit_due(a->run->strand, on_arrival, a) != ERR_OK)
        arrival_free(a);
}

/* What a call of the station's sets going here is part of what it waits for, so its deadline
 * holds for that too; but what was answered in its last moment still gets some time. */
static uint64_t own_deadline_ms(const struct run *run)
{
    uint64_t least = rpc_now_ms() + OWN_CALL_MIN_MS;
    return run->until_ms > least ? run->until_ms : least;
}

static enum err call_station(struct run *run, const struct flow_row *row)
{
    struct arrival *a = calloc(1, sizeof(*a));
    if (a == NULL)
        return fail(ERR_MEMORY, "run: no memory for a call");
    a->run = run_keep(run);
    a->row = row;
    a->started_us = svc_now_us();
    enum err e = run_request(run, row, &a->request);
    char method[64];
    flow_method(row, method);
    if (e == ERR_OK)
        e = ask_station(run, method, (uint32_t)(own_deadline_ms(run) - rpc_now_ms()),
                        buf_span(&a->request), on_answer, a);
    if (e != ERR_OK)
        arrival_free(a);
    return e;
}

static const struct auth_principal myself = { .role = AUTH_SERVER,
                                              .name = "oem-server",
                                              .uri = "oem-server" };

/* o -> o: through the same pipeline, in memory. */
static enum err call_self(struct run *run, const struct flow_row *row)
{
    char method[64];
    flow_method(row, method);
    struct call call = {
        .rpc = { .method = method, .deadline_ms = own_deadline_ms(run) },
        .server = run->server,
        .principal = &myself,
        .peer = "",
        .run = run_keep(run),
    };
    Hallmark__V1__FrameResponse response;
    call_serve(&call, &response);
    enum err e = call.rpc.err;
    call_end(&call);
    return e;
}

static enum err call_head(void *context, const struct flow_row *row,
                          enum flow_progress *progress)
{
    struct run *run = context;
    if (row->head == FLOW_O)
        return call_self(run, row);
    *progress = FLOW_PENDING;
    return call_station(run, row);
}

void run_advance(struct run *run)
{
    if (run->over)
        return;
    enum err e = flow_advance(&run->flow, call_head, run);
    if (e != ERR_OK)
        run_fail(run, e);
}

struct ending {
    struct run *run;
    enum err err;
    char words[FAIL_WORDS_MAX];
};

static void end_now(void *context)
{
    struct ending *ending = context;
    run_end(ending->run, ending->err, ending->words);
    run_drop(&ending->run);
    free(ending);
}

void run_end_later(struct run *run, enum err e, const char *words)
{
    struct ending *ending = calloc(1, sizeof(*ending));
    if (ending == NULL) {
        log_line(LOG_LEVEL_ERROR, "run: no memory to end it: %s", words);
        return;
    }
    ending->run = run_keep(run);
    ending->err = e;
    snprintf(ending->words, sizeof(ending->words), "%s", words);
    if (strand_submit_due(run->strand, end_now, ending) != ERR_OK) {
        run_drop(&ending->run);
        free(ending);
    }
}

void run_opened(struct run *run, struct call *call)
{
    AUTO(run_drop) struct run *older = run_find_uid(run->server, run->uid);
    if (older != NULL)
        run_end_later(older, ERR_ABORTED, "superseded by a new run of the same board");
    if (call->session != NULL)
        run->conn = wss_conn_keep(call->session->conn);
    if (!run_list(run, call->session))
        run_end_later(run, ERR_CLOSED, "the station's connection is gone");
}
