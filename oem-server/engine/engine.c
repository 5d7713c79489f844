/* SPDX-License-Identifier: MIT */
/*
 * engine: the server's own arrows, and its calls to the station (3, 15, 19, 23 and 30). Called
 * on the run's strand; the answer of a station arrives on the I/O thread, which only posts it
 * to the strand. A call must not leave before the entries of all that led to it are durable
 * (run_flush()).
 */
#include "oem-server/engine/engine.h"

#include <stdlib.h>
#include <string.h>

#include "common/host/clock.h"
#include "common/host/log.h"
#include "common/host/p256.h"
#include "common/host/stop.h"
#include "oem-server/engine/request.h"

enum { OPERATIONS_MAX = 4 };

/* An arrow of the server's own. */
static void own_point(const struct run *run, const struct flow_row *row, const char *moment)
{
    stop_at_call(row->method, row->arrow, moment, SPAN(run->uid));
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
    uint64_t started_us; /* of clock_us() */
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
    event.pb.took_us = event_took_us(a->started_us);
    if (a->err == ERR_OK && a->row->head == FLOW_P)
        run_transcript(run, a->row->arrow, SPAN(digests[0]), SPAN(digests[1]));
    return staged_add(&run->staged, &event.pb, false, NULL);
}

static void check_arrival(struct arrival *a)
{
    if (a->err != ERR_OK)
        return;
    a->err = request_check_answer(a->row, buf_span(&a->response));
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
            own_point(run, a->row, "after");
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
    enum err e = request_make(a->run, a->row, &a->request);
    hsm_wanted(0, NULL);
    size_t count = hsm_operations_take(a->operations, OPERATIONS_MAX);
    a->operation_count = count < OPERATIONS_MAX ? count : OPERATIONS_MAX;
    return e;
}

static enum err call_station(struct run *run, const struct flow_row *row)
{
    run_own(run);
    struct arrival *a = calloc(1, sizeof(*a));
    if (a == NULL)
        return fail(ERR_MEMORY, "run: no memory for a call");
    a->run = run_keep(run);
    a->row = row;
    a->started_us = clock_us();
    char method[64];
    flow_method(row, method);
    enum err e = make_request(a);
    if (e == ERR_OK)
        e = run_flush(run);
    if (e == ERR_OK)
        own_point(run, row, "before");
    if (e == ERR_OK)
        e = run_ask_station(run, method, (uint32_t)(run_deadline_ms(run) - rpc_now_ms()),
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
        .rpc = { .method = method, .deadline_ms = run_deadline_ms(run) },
        .server = run->server,
        .principal = &myself,
        .peer = "",
        .run = run_keep(run),
    };
    Hallmark__V1__FrameResponse response;
    own_point(run, row, "before");
    call_serve(&call, &response);
    enum err e = call.rpc.err;
    if (e == ERR_OK)
        own_point(run, row, "after");
    call_end(&call);
    return e;
}

void run_advance_own(struct run *run)
{
    run_own(run);
    while (!run->over && !run->flow.pending && !flow_finished(&run->flow)) {
        const struct flow_row *row = flow_row(run->flow.next);
        if (row->tail != FLOW_O || row->head != FLOW_O)
            return;
        run->flow.pending = true;
        enum err e = call_self(run, row);
        if (e == ERR_OK)
            flow_done(&run->flow);
        else
            run_fail(run, e);
    }
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
    run_own(run);
    if (run->over)
        return;
    enum err e = flow_advance(&run->flow, call_head, run);
    if (e != ERR_OK)
        run_fail(run, e);
}

static void start(struct run *run, void *context)
{
    (void)context;
    run_advance(run);
}

void run_start(struct run *run)
{
    if (run_post(run, start, NULL) != ERR_OK)
        log_line(LOG_LEVEL_ERROR, "run: not started: %s", fail_words());
}

void engine_serve(struct call *call, Hallmark__V1__FrameResponse *response)
{
    call_admit(call);
    if (call_reported(call))
        run_advance_own(call->run);
    call_finish(call, response);
}
