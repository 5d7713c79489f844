/* SPDX-License-Identifier: MIT */
/*
 * serve: takes a call from its frame to its answer, or to its cancellation. Frames arrive on
 * the I/O thread, which must not wait; calls run on the strand of their run or connection. A
 * job belongs to exactly one strand; net->lock protects the sessions' lists of jobs.
 */
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "common/wss/stream.h"
#include "oem-server/engine/engine.h"
#include "oem-server/net/inside.h"

/* The budget says what a stream's credit lets wait. */
_Static_assert(BUDGET_STREAM_MIB << 20 == RPC_CREDIT_BYTES, "a row of oem-server/budget");

struct job {
    struct job *next; /* of its session, under net->lock */
    struct net *net;
    struct session *session;
    struct wss_conn *conn;
    struct peer_event event;
    struct run *run;
    struct wss_stream *stream; /* NULL: the call is unary */
    struct call *call;         /* while it runs */
    size_t received;           /* bytes charged to its principal until it is done */
    struct strand *strand;     /* where it waits or runs, under net->lock */
    atomic_int over;           /* an enum err: why its answer is no longer wanted */
};

static void job_list(struct job *job)
{
    struct net *net = job->net;
    pthread_mutex_lock(&net->lock);
    net->open++;
    job->next = job->session->jobs;
    job->session->jobs = job;
    pthread_mutex_unlock(&net->lock);
}

static void job_unlist(struct job *job)
{
    struct net *net = job->net;
    pthread_mutex_lock(&net->lock);
    struct job **at = &job->session->jobs;
    while (*at != job)
        at = &(*at)->next;
    *at = job->next;
    if (--net->open == 0)
        pthread_cond_broadcast(&net->idle);
    pthread_mutex_unlock(&net->lock);
}

static void job_free(struct job *job)
{
    wss_stream_free(job->stream);
    job_unlist(job);
    strand_drop(&job->strand);
    peer_event_free(&job->event);
    meter_give(&job->session->client->received, job->received);
    run_drop(&job->run);
    session_drop(&job->session);
    wss_conn_drop(&job->conn);
    free(job);
}

static void refuse(struct wss_conn *conn, uint32_t stream, enum err cause)
{
    enum err e = peer_err(cause);
    Hallmark__V1__FrameResponse response = HALLMARK__V1__FRAME_RESPONSE__INIT;
    char words[FAIL_WORDS_MAX];
    snprintf(words, sizeof(words), "%s", peer_words(cause, fail_words()));
    response.stream = stream;
    response.status = err_status(e);
    response.code = (uint32_t)e;
    response.message = words;
    response.retry_after_ms = rpc_retry_after_ms(e);
    if (wss_respond(conn, &response) != ERR_OK)
        log_line(LOG_LEVEL_DEBUG, "net: the client has disconnected");
}

static void refuse_job(struct job *job, enum err e)
{
    refusal_call(job->net, job->session, job->event.frame->request->method, e);
    refuse(job->conn, job->event.stream, e);
    job_free(job);
}

static enum err stream_send(void *context, struct span message)
{
    struct job *job = context;
    TRY(client_check(job->session->client));
    return wss_stream_send(job->stream, message, false);
}

static enum err stream_receive(void *context, struct buf *message_out, bool *end_out)
{
    const struct job *job = context;
    TRY(wss_stream_receive(job->stream, message_out, end_out));
    if (!*end_out)
        call_received(job->call, buf_span(message_out));
    return ERR_OK;
}

static enum err stream_check(void *context)
{
    const struct job *job = context;
    return wss_stream_check(job->stream);
}

static enum err stream_room(void *context, size_t *bytes_out)
{
    const struct job *job = context;
    return wss_stream_room(job->stream, bytes_out);
}

static const struct rpc_streaming streaming = { stream_send, stream_receive, stream_room,
                                                stream_check };

static struct call call_for(struct job *job, struct rpc_metadata *metadata)
{
    const Hallmark__V1__FrameRequest *request = job->event.frame->request;
    for (size_t i = 0; i < request->n_metadata; i++)
        metadata[i] = (struct rpc_metadata){ request->metadata[i]->key,
                                             span_of(request->metadata[i]->value.data,
                                                     request->metadata[i]->value.len) };
    return (struct call){
        .rpc = { .method = request->method,
                 .payload = span_of(request->payload.data, request->payload.len),
                 .idempotency_key =
                     span_of(request->idempotency_key.data, request->idempotency_key.len),
                 .metadata = metadata,
                 .metadata_count = request->n_metadata,
                 .answer_max = wss_message_max(job->conn),
                 .deadline_ms = job->event.deadline_ms,
                 .over = &job->over,
                 .streaming = job->stream == NULL ? NULL : &streaming,
                 .stream = job },
        .server = job->net->server,
        .principal = &job->session->principal,
        .session = job->session,
        .routed = job->run,
        .peer = wss_conn_address(job->conn),
    };
}

static void run_call(struct job *job)
{
    struct rpc_metadata metadata[RPC_METADATA_MAX];
    struct call call = call_for(job, metadata);
    Hallmark__V1__FrameResponse response;
    job->call = &call;
    engine_serve(&call, &response);
    response.stream = job->event.stream;
    bool goes_on = call.rpc.err == ERR_OK && call.run != NULL;
    if (goes_on) /* the server's own arrows that follow are durable before the answer leaves */
        run_advance_own(call.run);
    if (wss_respond(job->conn, &response) != ERR_OK)
        log_line(LOG_LEVEL_DEBUG, "net: the client of %s has disconnected", call.rpc.method);
    if (goes_on)
        run_advance(call.run);
    if (call.rpc.err == ERR_OK && call.opened != NULL)
        run_start(call.opened);
    call_end(&call);
}

/* Before it runs: is its answer still wanted, and is there room for it? */
static enum err check_job(const struct job *job)
{
    int over = atomic_load(&job->over);
    if (over != ERR_OK)
        return fail_quiet((enum err)over, "the call was given up while it waited");
    if (rpc_now_ms() >= job->event.deadline_ms)
        return fail_quiet(ERR_DEADLINE, "deadline exceeded while the call waited for its turn");
    return client_check(job->session->client);
}

static void serve(void *context)
{
    struct job *job = context;
    enum err e = check_job(job);
    if (e != ERR_OK) {
        refuse_job(job, e);
        return;
    }
    run_call(job);
    job_free(job);
}

/* A cancellation at this instant is either seen here, or finds the job on its strand. */
static enum err submit(struct job *job, struct strand *strand, work_job *run)
{
    struct net *net = job->net;
    pthread_mutex_lock(&net->lock);
    enum err e = (enum err)atomic_load(&job->over);
    if (e == ERR_OK) /* on_idle() wakes the workers, once for all frames that have arrived */
        e = job->stream == NULL ? strand_post(strand, run, job)
                                : strand_submit(strand, run, job);
    if (e == ERR_OK) {
        strand_drop(&job->strand);
        job->strand = strand_keep(strand);
    }
    pthread_mutex_unlock(&net->lock);
    return e;
}

/* Chooses where a call runs: a stream on a thread of the streams' pool, a run's call on the
 * run's strand. */
static enum err route(struct job *job)
{
    if (job->stream == NULL)
        return submit(job, job->run != NULL ? run_strand(job->run) : job->session->strand,
                      serve);
    AUTO(strand_drop) struct strand *own = strand_of(job->session->client->streams);
    return own == NULL ? fail(ERR_MEMORY, "net: no memory for a call")
                       : submit(job, own, serve);
}

/* Runs after admission: for a call that arrived before its session was admitted. */
static void route_late(void *context)
{
    struct job *job = context;
    if (!job->session->admitted) { /* that has its entry: session_admit() */
        refuse(job->conn, job->event.stream, fail_quiet(job->session->refused, "not admitted"));
        job_free(job);
        return;
    }
    enum err e = route(job);
    if (e != ERR_OK)
        refuse_job(job, e);
}

/* Charges the memory that the call holds, without its bookkeeping, which the limit of open
 * calls bounds. */
static enum err charge(struct job *job)
{
    const Hallmark__V1__FrameRequest *request = job->event.frame->request;
    size_t bytes = request->payload.len;
    for (size_t i = 0; i < request->n_metadata; i++)
        bytes += request->metadata[i]->value.len;
    TRY(client_receive(job->session->client, bytes));
    job->received = bytes;
    return ERR_OK;
}

static enum err accept_call(struct job *job)
{
    const Hallmark__V1__FrameRequest *request = job->event.frame->request;
    const struct auth_method *method = auth_method_of(request->method);
    TRY(client_check(job->session->client));
    TRY(charge(job));
    if (method != NULL && method->shape == AUTH_STREAM)
        TRY(wss_stream_accept(job->conn, &job->event, &job->stream));
    else if (!request->end_stream)
        return fail_quiet(ERR_INVALID, "%s takes one message, not a stream", request->method);
    return job->session->admitted ? route(job) : submit(job, job->session->strand, route_late);
}

/* The run that the request names, if it was opened on this connection: a copy of a station, or
 * the station itself after a loss, has no part in it. */
static struct run *run_of(struct server *server, const struct wss_conn *conn,
                          const Hallmark__V1__FrameRequest *request)
{
    struct run *run = NULL;
    for (size_t i = 0; run == NULL && i < request->n_metadata; i++)
        if (strcmp(request->metadata[i]->key, "run-bin") == 0 &&
            request->metadata[i]->value.len == RUN_ID_SIZE)
            run = run_find(server, request->metadata[i]->value.data);
    if (run != NULL && run->conn != conn)
        run_drop(&run);
    return run;
}

void serve_request(void *context, struct wss_conn *conn, struct peer_event *event)
{
    struct net *net = context;
    struct session *session = wss_conn_user(conn);
    struct job *job = calloc(1, sizeof(*job));
    if (job == NULL) {
        enum err e = fail(ERR_MEMORY, "net: no memory for a call");
        refusal_call(net, session, event->frame->request->method, e);
        refuse(conn, event->stream, e);
        peer_event_free(event);
        return;
    }
    *job = (struct job){ .net = net,
                         .session = session_keep(session),
                         .conn = wss_conn_keep(conn),
                         .event = *event,
                         .run = run_of(net->server, conn, event->frame->request) };
    job_list(job);
    enum err e = accept_call(job);
    if (e != ERR_OK)
        refuse_job(job, e);
}

/* Under net->lock: the answer of job is no longer wanted. true: it will not run; the caller
 * frees it. */
static bool give_up(struct job *job, enum err why)
{
    atomic_store(&job->over, why);
    return job->strand != NULL && strand_withdraw(job->strand, job);
}

void serve_cancelled(void *context, struct wss_conn *conn, uint32_t stream)
{
    struct net *net = context;
    struct session *session = wss_conn_user(conn);
    if (session == NULL)
        return;
    pthread_mutex_lock(&net->lock);
    struct job *job = session->jobs;
    while (job != NULL && job->event.stream != stream)
        job = job->next;
    bool late = job != NULL && rpc_now_ms() >= job->event.deadline_ms;
    bool ours = job != NULL && give_up(job, late ? ERR_DEADLINE : ERR_CANCELLED);
    pthread_mutex_unlock(&net->lock);
    if (ours)
        job_free(job);
    else
        tlog_wake(
            net->server->log); /* a handler may wait there; it returns and frees its slot */
}

/* Takes a waiting job, which will not run; NULL: none is left. */
static struct job *withdraw_one(struct net *net, struct session *session)
{
    struct job *found = NULL;
    pthread_mutex_lock(&net->lock);
    for (struct job *job = session->jobs; job != NULL && found == NULL; job = job->next)
        if (atomic_load(&job->over) == ERR_OK && give_up(job, ERR_CLOSED))
            found = job;
    pthread_mutex_unlock(&net->lock);
    return found;
}

void serve_gone(struct net *net, struct session *session)
{
    for (struct job *job; (job = withdraw_one(net, session)) != NULL;)
        job_free(job);
    tlog_wake(net->server->log);
}
