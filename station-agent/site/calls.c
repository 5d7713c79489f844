/* SPDX-License-Identifier: MIT */
/*
 * A site's calls to the server and the server's calls to it, over the shared connection. Called
 * by one site's thread each, and by the connection's I/O thread for what arrives. Nothing here
 * may hold the lock while it waits for a peer.
 */
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/host/log.h"
#include "common/rpc/method.h"
#include "common/rpc/retry.h"
#include "hallmark/v1/runs.pb-c.h"
#include "station-agent/site/server.h"

/* A call of ours that is not answered yet. The I/O thread fills it in, once. */
struct pending {
    struct channel *channel;
    bool opens_run;
    bool answered;
    enum err err;
    char words[FAIL_WORDS_MAX];
    struct buf response;
};

void channel_answer(struct channel *channel, uint32_t stream, enum err e, struct span payload)
{
    if (e != ERR_OK) {
        channel_refuse(channel->conn, stream, e, fail_words());
        return;
    }
    AUTO(buf_free) struct buf copy = { 0 };
    Hallmark__V1__FrameResponse response = HALLMARK__V1__FRAME_RESPONSE__INIT;
    if (buf_copy(&copy, payload) != ERR_OK) {
        channel_refuse(channel->conn, stream, ERR_MEMORY, "no memory for the answer");
        return;
    }
    response.stream = stream;
    response.payload = (ProtobufCBinaryData){ copy.len, copy.ptr };
    if (wss_respond(channel->conn, &response) != ERR_OK)
        log_line(LOG_LEVEL_WARN, "site: an answer was not sent: %s", fail_words());
}

enum err channel_open(struct server *server, struct channel **channel_out)
{
    TRY(server_await(server, 0));
    struct channel *channel = calloc(1, sizeof(*channel));
    if (channel == NULL || channel_condition(&channel->changed) != ERR_OK) {
        free(channel);
        return fail_quiet(ERR_MEMORY, "no memory");
    }
    channel->server = server;
    pthread_mutex_lock(&server->lock);
    channel->conn = server->conn == NULL ? NULL : wss_conn_keep(server->conn);
    channel->next = server->channels;
    server->channels = channel;
    pthread_mutex_unlock(&server->lock);
    *channel_out = channel;
    return ERR_OK;
}

static void unlink_channel(struct channel *channel)
{
    pthread_mutex_lock(&channel->server->lock);
    struct channel **place = &channel->server->channels;
    while (*place != channel)
        place = &(*place)->next;
    *place = channel->next;
    pthread_mutex_unlock(&channel->server->lock);
}

static void refuse_all(struct wss_conn *conn, struct peer_event *inbox, size_t waiting)
{
    for (size_t i = 0; i < waiting; i++) {
        channel_refuse(conn, inbox[i].stream, ERR_NOT_FOUND, "this run has ended");
        peer_event_free(&inbox[i]);
    }
}

void channel_close(struct channel *channel)
{
    if (channel == NULL)
        return;
    unlink_channel(channel);
    refuse_all(channel->conn, channel->inbox, channel->waiting);
    wss_conn_drop(&channel->conn);
    pthread_cond_destroy(&channel->changed);
    free(channel);
}

/* Done on the I/O thread: the server's first call of the run may be the very next message. */
static void enter_run(struct channel *channel, ProtobufCBinaryData payload)
{
    Hallmark__V1__OpenResponse *open =
        hallmark__v1__open_response__unpack(NULL, payload.len, payload.data);
    if (open == NULL)
        return; /* the site's thread says so */
    if (open->run_id.len == RUN_ID_SIZE) {
        memcpy(channel->run_id, open->run_id.data, RUN_ID_SIZE);
        channel->has_run = true;
    }
    hallmark__v1__open_response__free_unpacked(open, NULL);
}

static void fill(struct pending *pending, const Hallmark__V1__FrameResponse *response)
{
    pending->answered = true;
    if (response->status != 0) {
        pending->err = err_from_wire(response->code, response->status);
        printable_copy(response->message, pending->words, sizeof(pending->words));
        return;
    }
    pending->err =
        buf_copy(&pending->response, span_of(response->payload.data, response->payload.len));
    if (pending->err == ERR_OK && pending->opens_run)
        enter_run(pending->channel, response->payload);
}

static void answered(void *context, const Hallmark__V1__FrameResponse *response)
{
    struct pending *pending = context;
    struct channel *channel = pending->channel;
    pthread_mutex_lock(&channel->server->lock);
    fill(pending, response);
    pthread_cond_broadcast(&channel->changed);
    pthread_mutex_unlock(&channel->server->lock);
}

/* Under the lock. */
static bool stands(const struct channel *channel)
{
    return channel->conn != NULL && channel->conn == channel->server->conn;
}

bool channel_lost(struct channel *channel)
{
    if (channel == NULL)
        return false;
    pthread_mutex_lock(&channel->server->lock);
    bool lost = !stands(channel);
    pthread_mutex_unlock(&channel->server->lock);
    return lost;
}

bool channel_moved(const struct channel *channel)
{
    return channel->moved;
}

enum err channel_check(struct channel *channel)
{
    return channel_lost(channel) ? server_lost(channel->server) : ERR_OK;
}

/* A call that failed with its connection, just before the event of that loss. */
static bool await_loss(struct channel *channel)
{
    uint64_t deadline_ms = rpc_now_ms() + CHANNEL_LOSS_MS;
    bool in_time = true;
    pthread_mutex_lock(&channel->server->lock);
    while (stands(channel) && in_time)
        in_time = channel_wait(&channel->changed, &channel->server->lock, deadline_ms);
    pthread_mutex_unlock(&channel->server->lock);
    return in_time;
}

enum err channel_move(struct channel *channel, uint64_t until_ms)
{
    struct server *server = channel->server;
    struct peer_event inbox[CHANNEL_INBOX_MAX];
    struct wss_conn *next = NULL;
    if (!channel_lost(channel))
        return ERR_OK;
    while (next == NULL) {
        TRY(server_await(server, until_ms));
        pthread_mutex_lock(&server->lock);
        next = server->conn == NULL ? NULL : wss_conn_keep(server->conn);
        pthread_mutex_unlock(&server->lock);
    }
    pthread_mutex_lock(&server->lock);
    struct wss_conn *old = channel->conn;
    size_t waiting = channel->waiting;
    memcpy(inbox, channel->inbox, sizeof(inbox));
    channel->waiting = 0;
    channel->conn = next;
    pthread_mutex_unlock(&server->lock);
    channel->moved = true;
    refuse_all(old, inbox, waiting);
    wss_conn_drop(&old);
    return ERR_OK;
}

/* A call that changes something carries an idempotency key. */
static bool changes(const struct channel_call *call)
{
    return method_effect(call->method) != METHOD_READS;
}

static enum err send_call(struct channel *channel, const struct channel_call *call,
                          uint8_t key[static RPC_IDEMPOTENCY_KEY_SIZE], struct pending *pending)
{
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
    run.value = (ProtobufCBinaryData){ RUN_ID_SIZE, channel->run_id };
    report.key = reports_key;
    report.value = (ProtobufCBinaryData){ reports.len, reports.ptr };
    Hallmark__V1__Metadata *entries[2];
    Hallmark__V1__FrameRequest request = HALLMARK__V1__FRAME_REQUEST__INIT;
    request.metadata = entries;
    if (channel->has_run && !call->of_unit)
        entries[request.n_metadata++] = &run;
    if (reports.len != 0)
        entries[request.n_metadata++] = &report;
    if (changes(call))
        request.idempotency_key = (ProtobufCBinaryData){ RPC_IDEMPOTENCY_KEY_SIZE, key };
    request.method = method;
    request.timeout_ms = call->timeout_ms;
    request.payload = (ProtobufCBinaryData){ payload.len, payload.ptr };
    request.end_stream = true;
    return wss_call(channel->conn, &request, answered, pending);
}

/* There is an answer in any case: the connection itself makes one at the deadline or its loss.
 */
static void await(struct pending *pending)
{
    struct channel *channel = pending->channel;
    pthread_mutex_lock(&channel->server->lock);
    while (!pending->answered)
        pthread_cond_wait(&channel->changed, &channel->server->lock);
    pthread_mutex_unlock(&channel->server->lock);
}

static enum err call_once(struct channel *channel, const struct channel_call *call,
                          uint8_t key[static RPC_IDEMPOTENCY_KEY_SIZE],
                          struct buf *response_out)
{
    struct pending pending = { .channel = channel, .opens_run = call->opens_run };
    TRY(channel_check(channel));
    enum err e = send_call(channel, call, key, &pending);
    if (e == ERR_OK)
        await(&pending);
    else
        printable_copy(fail_words(), pending.words, sizeof(pending.words));
    if (e == ERR_OK)
        e = pending.err;
    if ((again_may(e, true) || e == ERR_UNAUTHENTICATED) && await_loss(channel))
        return server_lost(channel->server);
    if (e != ERR_OK)
        return fail_quiet(e, "server: %s",
                          pending.words[0] != '\0' ? pending.words : err_text(e));
    buf_free(response_out);
    *response_out = pending.response;
    return ERR_OK;
}

enum err channel_call(struct channel *channel, const struct channel_call *call,
                      struct buf *response_out)
{
    uint8_t key[RPC_IDEMPOTENCY_KEY_SIZE];
    if (RAND_bytes(key, sizeof(key)) != 1)
        return fail_quiet(ERR_INTERNAL, "no random bytes");
    enum err e = call_once(channel, call, key, response_out);
    while (e == ERR_CLOSED && changes(call) && call->until_ms != 0 && channel_lost(channel)) {
        TRY(channel_move(channel, call->until_ms));
        e = call_once(channel, call, key, response_out);
    }
    return e;
}

/* Sites never wait for more than one call each, so one more has room if they are fewer than
 * the calls that a connection takes. */
bool channel_has_spare(const struct channel *channel)
{
    return channel->server->config.sites < RPC_STREAMS_MAX;
}

struct pending *channel_begin(struct channel *channel, const struct channel_call *call)
{
    uint8_t key[RPC_IDEMPOTENCY_KEY_SIZE] = { 0 };
    struct pending *pending = calloc(1, sizeof(*pending));
    if (pending == NULL)
        return NULL;
    pending->channel = channel;
    if (channel_check(channel) == ERR_OK && send_call(channel, call, key, pending) == ERR_OK)
        return pending;
    free(pending);
    return NULL;
}

enum err channel_end(struct pending **pending, struct buf *response_out)
{
    struct pending *done = *pending;
    *pending = NULL;
    await(done);
    enum err e = done->err;
    buf_free(response_out);
    *response_out = done->response;
    free(done);
    return e;
}

static void take_oldest(struct channel *channel, struct peer_event *event_out)
{
    *event_out = channel->inbox[0];
    channel->waiting--;
    memmove(&channel->inbox[0], &channel->inbox[1],
            channel->waiting * sizeof(channel->inbox[0]));
}

enum err channel_next(struct channel *channel, uint32_t timeout_ms,
                      struct peer_event *event_out)
{
    struct server *server = channel->server;
    uint64_t deadline_ms = rpc_now_ms() + timeout_ms;
    bool in_time = true;
    pthread_mutex_lock(&server->lock);
    while (channel->waiting == 0 && stands(channel) && in_time)
        in_time = channel_wait(&channel->changed, &server->lock, deadline_ms);
    bool got = channel->waiting != 0 && stands(channel);
    if (got)
        take_oldest(channel, event_out);
    pthread_mutex_unlock(&server->lock);
    if (got)
        return ERR_OK;
    TRY(channel_check(channel));
    return fail_quiet(ERR_DEADLINE, "the server did not call within %u s", timeout_ms / 1000);
}
