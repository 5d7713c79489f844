/* SPDX-License-Identifier: MIT */
/* peer: calls, answers, deadlines and GOAWAY of one connection. What arrives is in
 * peer_receive.c. Called by common/wss under the connection's lock. It must do no I/O. */
#include "common/rpc/peer.h"

#include <stdlib.h>
#include <string.h>

#include "common/host/clock.h"
#include "common/host/log.h"
#include "common/rpc/check.h"
#include "common/rpc/inside.h"
#include "common/rpc/rpc.h"

typedef Hallmark__V1__Frame frame;

bool peer_has_output(const struct peer *p)
{
    return p->queue.out_head != NULL;
}

bool peer_pull(struct peer *p, struct buf *message_out)
{
    return queue_pull(&p->queue, message_out);
}

bool peer_next_event(struct peer *p, struct peer_event *event_out)
{
    return queue_next_event(&p->queue, event_out);
}

static enum err send_hello(struct peer *p, const char *software)
{
    Hallmark__V1__FrameHello hello = HALLMARK__V1__FRAME_HELLO__INIT;
    char *text = strdup(software);
    if (text == NULL)
        return ERR_MEMORY;
    hello.version = RPC_VERSION;
    hello.software = text;
    hello.max_message = RPC_MESSAGE_MAX;
    hello.max_streams = RPC_STREAMS_MAX;
    hello.features = RPC_FEATURE_STREAMING;
    hello.credit_messages = RPC_CREDIT_MESSAGES;
    hello.credit_bytes = RPC_CREDIT_BYTES;
    hello.connection_credit_bytes = RPC_CONNECTION_CREDIT_BYTES;
    if (p->side == PEER_SERVER) /* a client compares its own with it */
        hello.time_us = clock_real_us();
    frame f = HALLMARK__V1__FRAME__INIT;
    f.kind_case = HALLMARK__V1__FRAME__KIND_HELLO;
    f.hello = &hello;
    enum err e = peer_frame(p, &f);
    free(text);
    return e;
}

struct peer *peer_new(enum peer_side side, const char *software, uint64_t now_ms)
{
    struct peer *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return NULL;
    p->side = side;
    p->next_id = side == PEER_CLIENT ? 1 : 2;
    p->hello_by_ms = now_ms + RPC_HELLO_TIMEOUT_MS;
    p->peer_max_message = RPC_MESSAGE_MAX;
    p->peer_max_streams = RPC_STREAMS_MAX;
    p->in_bytes = RPC_CONNECTION_CREDIT_BYTES;
    p->window = SIZE_MAX;
    queue_init(&p->queue);
    if (send_hello(p, software) != ERR_OK) {
        peer_free(p);
        return NULL;
    }
    return p;
}

int64_t peer_time_us(const struct peer *p)
{
    return p->time_us;
}

void peer_free(struct peer *p)
{
    if (p == NULL)
        return;
    queue_fini(&p->queue);
    free(p->ours.slot);
    free(p->theirs.slot);
    free(p);
}

enum err peer_call(struct peer *p, Hallmark__V1__FrameRequest *request, void *tag,
                   uint64_t now_ms)
{
    if (p->leaving)
        return fail_quiet(ERR_UNSEEN, "rpc: the peer is going away");
    if (stream_count(&p->ours) >= p->peer_max_streams)
        return fail(ERR_EXHAUSTED,
                    "rpc: %u calls are open on this connection, as many as the peer takes",
                    p->peer_max_streams);
    struct stream *s = stream_slot(&p->ours);
    if (s == NULL)
        return fail(ERR_MEMORY, "rpc: no memory for a call");
    if (request->timeout_ms == 0)
        request->timeout_ms = RPC_TIMEOUT_DEFAULT_MS;
    request->stream = p->next_id;
    frame f = HALLMARK__V1__FRAME__INIT;
    f.kind_case = HALLMARK__V1__FRAME__KIND_REQUEST;
    f.request = request;
    TRY(peer_frame(p, &f));
    *s = stream_of(p, p->next_id, now_ms + request->timeout_ms, tag);
    s->out.ended = request->end_stream;
    p->next_id += 2;
    return ERR_OK;
}

static void send_cancel(struct peer *p, uint32_t id, const char *reason)
{
    char text[RPC_MESSAGE_TEXT_MAX];
    Hallmark__V1__FrameCancel cancel = HALLMARK__V1__FRAME_CANCEL__INIT;
    check_words(reason, text);
    cancel.stream = id;
    cancel.reason = text;
    frame f = HALLMARK__V1__FRAME__INIT;
    f.kind_case = HALLMARK__V1__FRAME__KIND_CANCEL;
    f.cancel = &cancel;
    if (peer_frame(p, &f) != ERR_OK)
        log_line(LOG_LEVEL_WARN, "rpc: CANCEL of stream %u was not sent", id);
}

void peer_cancel(struct peer *p, uint32_t stream, const char *reason)
{
    struct stream *s = stream == 0 ? NULL : stream_find(&p->ours, stream);
    if (s == NULL)
        return;
    send_cancel(p, s->id, reason);
    if (stream_fail(p, s, ERR_CANCELLED, reason) != ERR_OK)
        *s = (struct stream){ 0 };
}

enum err peer_owe_response(struct peer *p, const Hallmark__V1__FrameResponse *response)
{
    char text[RPC_MESSAGE_TEXT_MAX];
    Hallmark__V1__FrameResponse clean = *response;
    check_words(response->message, text);
    clean.message = text;
    frame f = HALLMARK__V1__FRAME__INIT;
    f.kind_case = HALLMARK__V1__FRAME__KIND_RESPONSE;
    f.response = &clean;
    return peer_owe(p, &f);
}

enum err peer_respond_error(struct peer *p, uint32_t stream, enum err e, const char *words)
{
    Hallmark__V1__FrameResponse response = HALLMARK__V1__FRAME_RESPONSE__INIT;
    response.stream = stream;
    response.status = err_status(e);
    response.code = (uint32_t)e;
    response.message = (char *)(uintptr_t)words;
    response.retry_after_ms = rpc_retry_after_ms(e);
    return peer_owe_response(p, &response);
}

enum err peer_respond(struct peer *p, Hallmark__V1__FrameResponse *response)
{
    struct stream *s = stream_find(&p->theirs, response->stream);
    if (response->stream == 0 || s == NULL)
        return ERR_OK;
    *s = (struct stream){ 0 };
    enum err e = peer_owe_response(p, response);
    if (e == ERR_LIMIT) /* the answer does not fit: the caller must still get an error */
        return peer_respond_error(p, response->stream, e,
                                  "the answer is over the message limit");
    return e;
}

static void miss_ours(struct peer *p, struct stream *s)
{
    send_cancel(p, s->id, "deadline exceeded");
    if (stream_fail(p, s, ERR_DEADLINE, "deadline exceeded") != ERR_OK)
        *s = (struct stream){ 0 };
}

static void miss_theirs(struct peer *p, struct stream *s)
{
    uint32_t id = s->id;
    *s = (struct stream){ 0 };
    if (peer_respond_error(p, id, ERR_DEADLINE, "deadline exceeded") != ERR_OK ||
        queue_event(&p->queue, &(struct peer_event){ .kind = PEER_CANCELLED, .stream = id }) !=
            ERR_OK)
        log_line(LOG_LEVEL_WARN, "rpc: stream %u timed out and its end could not be sent", id);
}

void peer_tick(struct peer *p, uint64_t now_ms)
{
    if (p->hello_by_ms != 0 && now_ms >= p->hello_by_ms && p->close_code == 0)
        p->close_code = CLOSE_TRY_AGAIN; /* a slow peer or network: nothing was said wrong */
    for (size_t i = 0; i < p->ours.count; i++)
        if (stream_late(&p->ours.slot[i], now_ms))
            miss_ours(p, &p->ours.slot[i]);
    for (size_t i = 0; i < p->theirs.count; i++)
        if (stream_late(&p->theirs.slot[i], now_ms))
            miss_theirs(p, &p->theirs.slot[i]);
}

uint64_t peer_wake_ms(const struct peer *p)
{
    uint64_t wake_ms = p->hello_by_ms != 0 ? p->hello_by_ms : UINT64_MAX;
    return stream_earliest(&p->theirs, stream_earliest(&p->ours, wake_ms));
}

unsigned peer_close_code(const struct peer *p)
{
    return p->close_code;
}

void peer_go_away(struct peer *p, const char *reason, uint32_t drain_ms)
{
    char text[RPC_MESSAGE_TEXT_MAX];
    Hallmark__V1__FrameGoAway away = HALLMARK__V1__FRAME_GO_AWAY__INIT;
    check_words(reason, text);
    p->refusing = true;
    away.last_stream = p->last_theirs;
    away.reason = text;
    away.drain_ms = drain_ms;
    frame f = HALLMARK__V1__FRAME__INIT;
    f.kind_case = HALLMARK__V1__FRAME__KIND_GO_AWAY;
    f.go_away = &away;
    if (peer_frame(p, &f) != ERR_OK)
        log_line(LOG_LEVEL_WARN, "rpc: GOAWAY was not sent");
}

unsigned peer_open_calls(const struct peer *p)
{
    return stream_count(&p->ours) + stream_count(&p->theirs);
}

void peer_fail_calls(struct peer *p, enum err e, const char *words)
{
    for (size_t i = 0; i < p->ours.count; i++) {
        struct stream *s = &p->ours.slot[i];
        enum err why = s->request > p->queue.pulled ? ERR_UNSEEN : e;
        if (s->id != 0 && stream_fail(p, s, why, words) != ERR_OK)
            *s = (struct stream){ 0 };
    }
}
