#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/host/log.h"
#include "hallmark/v1/runs.pb-c.h"
#include "station-agent/site/server.h"

/* A call of ours that is not answered yet. The I/O thread fills it in, once. */
struct pending {
    struct line *line;
    bool opens_run;
    bool answered;
    enum err err;
    char words[FAIL_WORDS_MAX];
    struct buf response;
};

enum err line_condition(pthread_cond_t *condition)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    int refused = pthread_cond_init(condition, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return refused == 0 ? ERR_OK : fail_quiet(ERR_MEMORY, "no memory for a condition");
}

bool line_wait(pthread_cond_t *condition, pthread_mutex_t *lock, uint64_t deadline_ms)
{
    struct timespec until = {
        .tv_sec = (time_t)(deadline_ms / 1000),
        .tv_nsec = (long)(deadline_ms % 1000) * 1000000,
    };
    return pthread_cond_timedwait(condition, lock, &until) == 0;
}

void line_words(const char *text, char *out, size_t size)
{
    size_t len = 0;
    for (; text != NULL && text[len] != '\0' && len + 1 < size; len++) {
        unsigned char c = (unsigned char)text[len];
        out[len] = c < 0x20 || c == 0x7f ? ' ' : (char)c;
    }
    out[len] = '\0';
}

void line_refuse(struct wss_conn *conn, uint32_t stream, enum err e, const char *words)
{
    char text[RPC_MESSAGE_TEXT_MAX];
    Hallmark__V1__FrameResponse response = HALLMARK__V1__FRAME_RESPONSE__INIT;
    line_words(words[0] != '\0' ? words : err_text(e), text, sizeof(text));
    response.stream = stream;
    response.status = err_status(e);
    response.code = (uint32_t)e;
    response.message = text;
    if (wss_respond(conn, &response) != ERR_OK)
        log_line(LOG_LEVEL_WARN, "site: an answer was not sent: %s", fail_words());
}

void line_answer(struct line *line, uint32_t stream, enum err e, struct span payload)
{
    if (e != ERR_OK) {
        line_refuse(line->server->conn, stream, e, fail_words());
        return;
    }
    AUTO(buf_free) struct buf copy = { 0 };
    Hallmark__V1__FrameResponse response = HALLMARK__V1__FRAME_RESPONSE__INIT;
    if (buf_copy(&copy, payload) != ERR_OK) {
        line_refuse(line->server->conn, stream, ERR_MEMORY, "no memory for the answer");
        return;
    }
    response.stream = stream;
    response.payload = (ProtobufCBinaryData){ copy.len, copy.ptr };
    if (wss_respond(line->server->conn, &response) != ERR_OK)
        log_line(LOG_LEVEL_WARN, "site: an answer was not sent: %s", fail_words());
}

enum err line_open(struct server *server, struct line **line_out)
{
    struct line *line = calloc(1, sizeof(*line));
    if (line == NULL || line_condition(&line->changed) != ERR_OK) {
        free(line);
        return fail_quiet(ERR_MEMORY, "no memory");
    }
    line->server = server;
    pthread_mutex_lock(&server->lock);
    line->next = server->lines;
    server->lines = line;
    pthread_mutex_unlock(&server->lock);
    *line_out = line;
    return ERR_OK;
}

static void unlink_line(struct line *line)
{
    pthread_mutex_lock(&line->server->lock);
    struct line **place = &line->server->lines;
    while (*place != line)
        place = &(*place)->next;
    *place = line->next;
    pthread_mutex_unlock(&line->server->lock);
}

void line_close(struct line *line)
{
    if (line == NULL)
        return;
    unlink_line(line);
    for (size_t i = 0; i < line->waiting; i++) {
        line_refuse(line->server->conn, line->inbox[i].stream, ERR_NOT_FOUND,
                    "this run has ended");
        peer_event_free(&line->inbox[i]);
    }
    pthread_cond_destroy(&line->changed);
    free(line);
}

/* Done on the I/O thread: the server's first call of the run may be the very next message. */
static void enter_run(struct line *line, ProtobufCBinaryData payload)
{
    Hallmark__V1__OpenResponse *open =
        hallmark__v1__open_response__unpack(NULL, payload.len, payload.data);
    if (open == NULL)
        return; /* the site's thread says so */
    if (open->run_id.len == RUN_ID_SIZE) {
        memcpy(line->run_id, open->run_id.data, RUN_ID_SIZE);
        line->has_run = true;
    }
    hallmark__v1__open_response__free_unpacked(open, NULL);
}

static void fill(struct pending *pending, const Hallmark__V1__FrameResponse *response)
{
    pending->answered = true;
    if (response->status != 0) {
        pending->err = err_from_wire(response->code, response->status);
        line_words(response->message, pending->words, sizeof(pending->words));
        return;
    }
    pending->err =
        buf_copy(&pending->response, span_of(response->payload.data, response->payload.len));
    if (pending->err == ERR_OK && pending->opens_run)
        enter_run(pending->line, response->payload);
}

static void answered(void *context, const Hallmark__V1__FrameResponse *response)
{
    struct pending *pending = context;
    struct line *line = pending->line;
    pthread_mutex_lock(&line->server->lock);
    fill(pending, response);
    pthread_cond_broadcast(&line->changed);
    pthread_mutex_unlock(&line->server->lock);
}

/* Also its words, where it ends: every call finds out by itself that the line is dead. */
static enum err check_open(struct line *line)
{
    char reason[SERVER_REASON_MAX] = "";
    pthread_mutex_lock(&line->server->lock);
    bool open = line->server->state == SERVER_OPEN;
    memcpy(reason, line->server->reason, sizeof(reason));
    pthread_mutex_unlock(&line->server->lock);
    return open ? ERR_OK : fail_quiet(ERR_CLOSED, "connection to the server lost: %s", reason);
}

bool line_lost(struct line *line)
{
    return line != NULL && check_open(line) != ERR_OK;
}

static enum err send_call(struct line *line, const struct line_call *call,
                          struct pending *pending)
{
    uint8_t key[RPC_IDEMPOTENCY_KEY_SIZE];
    char run_key[] = "run-bin", reports_key[] = "reports-bin";
    char method[RPC_METHOD_MAX + 1];
    AUTO(buf_free) struct buf payload = { 0 };
    AUTO(buf_free) struct buf reports = { 0 };
    TRY(buf_copy(&payload, call->payload));
    TRY(buf_copy(&reports, call->reports));
    snprintf(method, sizeof(method), "%s", call->method);
    Hallmark__V1__Metadata run = HALLMARK__V1__METADATA__INIT;
    Hallmark__V1__Metadata report = HALLMARK__V1__METADATA__INIT;
    run.key = run_key;
    run.value = (ProtobufCBinaryData){ RUN_ID_SIZE, line->run_id };
    report.key = reports_key;
    report.value = (ProtobufCBinaryData){ reports.len, reports.ptr };
    Hallmark__V1__Metadata *entries[2];
    Hallmark__V1__FrameRequest request = HALLMARK__V1__FRAME_REQUEST__INIT;
    request.metadata = entries;
    if (line->has_run)
        entries[request.n_metadata++] = &run;
    if (reports.len != 0)
        entries[request.n_metadata++] = &report;
    if (call->changes) {
        if (RAND_bytes(key, sizeof(key)) != 1)
            return fail_quiet(ERR_INTERNAL, "no random bytes");
        request.idempotency_key = (ProtobufCBinaryData){ sizeof(key), key };
    }
    request.method = method;
    request.timeout_ms = call->timeout_ms;
    request.payload = (ProtobufCBinaryData){ payload.len, payload.ptr };
    request.end_stream = true;
    return wss_call(line->server->conn, &request, answered, pending);
}

/* An answer always comes: the connection's own, at the deadline or at its loss, if no other. */
static void await(struct pending *pending)
{
    struct line *line = pending->line;
    pthread_mutex_lock(&line->server->lock);
    while (!pending->answered)
        pthread_cond_wait(&line->changed, &line->server->lock);
    pthread_mutex_unlock(&line->server->lock);
}

enum err line_call(struct line *line, const struct line_call *call, struct buf *response_out)
{
    struct pending pending = { .line = line, .opens_run = call->opens_run };
    TRY(check_open(line));
    TRY(send_call(line, call, &pending));
    await(&pending);
    if (pending.err != ERR_OK) {
        TRY(check_open(line));
        return fail_quiet(pending.err, "server: %s",
                          pending.words[0] != '\0' ? pending.words : err_text(pending.err));
    }
    buf_free(response_out);
    *response_out = pending.response;
    return ERR_OK;
}

static void take_oldest(struct line *line, struct peer_event *event_out)
{
    *event_out = line->inbox[0];
    line->waiting--;
    memmove(&line->inbox[0], &line->inbox[1], line->waiting * sizeof(line->inbox[0]));
}

enum err line_next(struct line *line, uint32_t timeout_ms, struct peer_event *event_out)
{
    struct server *server = line->server;
    uint64_t deadline_ms = rpc_now_ms() + timeout_ms;
    bool in_time = true;
    pthread_mutex_lock(&server->lock);
    while (line->waiting == 0 && server->state == SERVER_OPEN && in_time)
        in_time = line_wait(&line->changed, &server->lock, deadline_ms);
    bool got = line->waiting != 0 && server->state == SERVER_OPEN;
    if (got)
        take_oldest(line, event_out);
    pthread_mutex_unlock(&server->lock);
    if (got)
        return ERR_OK;
    TRY(check_open(line));
    return fail_quiet(ERR_DEADLINE, "the server did not call within %u s", timeout_ms / 1000);
}
