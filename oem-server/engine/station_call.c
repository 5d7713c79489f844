/* SPDX-License-Identifier: MIT */
/*
 * station_call: the server's calls to the station: arrows 3, 15, 19, 23 and 30, and the end of
 * a run. Called on the run's strand; the answer arrives on the I/O thread, which only posts it
 * to the strand. A call must not leave before the entries of all that led to it are durable
 * (run_flush()).
 */
#include <stdlib.h>
#include <string.h>

#include "common/host/p256.h"
#include "oem-server/call/settle.h"

enum { OPERATIONS_MAX = 4, OWN_CALL_MIN_MS = 5000 };

/* What a call of the station starts here is part of what the station waits for, so the call's
 * deadline applies to it too; a minimum applies if that is about to pass. */
uint64_t run_deadline_ms(const struct run *run)
{
    uint64_t least = rpc_now_ms() + OWN_CALL_MIN_MS;
    return run->until_ms > least ? run->until_ms : least;
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

static void told(void *context, const Hallmark__V1__FrameResponse *response)
{
    (void)context, (void)response; /* its result is not used */
}

void run_tell_end(struct run *run, enum err e, const char *words)
{
    Hallmark__V1__EndRunRequest in = HALLMARK__V1__END_RUN_REQUEST__INIT;
    in.status = err_status(e);
    in.code = (uint32_t)e;
    in.message = (char *)(uintptr_t)words;
    AUTO(buf_free) struct buf payload = { 0 };
    if (run->conn == NULL || rpc_pack(&in.base, &payload) != ERR_OK)
        return;
    if (ask_station(run, "hallmark.v1.RunControl/End", 0, buf_span(&payload), told, NULL) !=
        ERR_OK)
        log_line(LOG_LEVEL_INFO, "run: the station has disconnected and was not told: %s",
                 words);
}

/* The answer to a call to the station, on its way to the run's strand. */
struct arrival {
    struct run *run; /* kept */
    const struct flow_row *row;
    struct buf request;
    struct buf response;
    const char *operations[OPERATIONS_MAX]; /* of the HSM, for the request */
    size_t operation_count;
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

/* Stages the entry of an arrow that the station served. */
static enum err stage_arrival(struct arrival *a)
{
    struct run *run = a->run;
    uint8_t digests[2][SHA256_SIZE];
    char method[64];
    sha256_of(buf_span(&a->request), digests[0]);
    sha256_of(buf_span(&a->response), digests[1]);
    flow_method(a->row, method);
    struct event event;
    event_init(&event, "arrow", "oem-server", a->err, a->words);
    event_run(&event, run);
    event_text(&event, EVENT_METHOD, method);
    event_bytes(&event, EVENT_REQUEST_SHA256, SPAN(digests[0]));
    if (a->err == ERR_OK)
        event_bytes(&event, EVENT_RESPONSE_SHA256, SPAN(digests[1]));
    event_operations(&event, a->operations, a->operation_count);
    event.pb.arrow = a->row->arrow;
    event.pb.took_us = (uint32_t)(event.pb.time_us - a->started_us);
    if (a->err == ERR_OK && a->row->head == FLOW_P)
        run_transcript(run, a->row->arrow, SPAN(digests[0]), SPAN(digests[1]));
    return staged_add(&run->staged, &event.pb, false, NULL);
}

static void check_arrival(struct arrival *a)
{
    if (a->err != ERR_OK)
        return;
    a->err = run_answer(a->row, buf_span(&a->response));
    if (a->err != ERR_OK)
        snprintf(a->words, sizeof(a->words), "%s", fail_words());
}

static void on_arrival(struct run *run, void *context)
{
    struct arrival *a = context;
    run_own(run);
    if (!run->over) {
        check_arrival(a);
        enum err staged = stage_arrival(a);
        if (a->err == ERR_OK && staged == ERR_OK) {
            flow_done(&run->flow);
            run_advance(run);
        } else if (a->err == ERR_OK) {
            run_fail(run, staged);
        } else {
            run_end(run, a->err, a->words);
        }
    }
    arrival_free(a);
}

/* I/O thread: posts the answer to the run's strand. */
static void on_answer(void *context, const Hallmark__V1__FrameResponse *response)
{
    struct arrival *a = context;
    a->err = err_from_wire(response->code != 0 ? response->code : response->status,
                           response->status);
    snprintf(a->words, sizeof(a->words), "%s", response->message);
    if (a->err == ERR_OK)
        a->err = buf_copy(&a->response, span_of(response->payload.data, response->payload.len));
    if (run_post(a->run, on_arrival, a) != ERR_OK)
        arrival_free(a);
}

/* Makes the request, and notes what the HSM did for it. */
static enum err make_request(struct arrival *a)
{
    (void)hsm_operations_take(NULL, 0);
    hsm_wanted(run_deadline_ms(a->run), NULL);
    enum err e = run_request(a->run, a->row, &a->request);
    hsm_wanted(0, NULL);
    size_t count = hsm_operations_take(a->operations, OPERATIONS_MAX);
    a->operation_count = count < OPERATIONS_MAX ? count : OPERATIONS_MAX;
    return e;
}

enum err run_call_station(struct run *run, const struct flow_row *row)
{
    run_own(run);
    struct arrival *a = calloc(1, sizeof(*a));
    if (a == NULL)
        return fail(ERR_MEMORY, "run: no memory for a call");
    a->run = run_keep(run);
    a->row = row;
    a->started_us = event_now_us();
    char method[64];
    flow_method(row, method);
    enum err e = make_request(a);
    if (e == ERR_OK)
        e = run_flush(run);
    if (e == ERR_OK)
        e = ask_station(run, method, (uint32_t)(run_deadline_ms(run) - rpc_now_ms()),
                        buf_span(&a->request), on_answer, a);
    if (e != ERR_OK)
        arrival_free(a);
    return e;
}
