/* SPDX-License-Identifier: MIT */
/* peer: calls, deadlines and GOAWAY of one connection. Called by common/wss under the
 * connection's lock. It must do no I/O, nor trust a field of a frame before its check. */
#include "common/rpc/peer.h"

#include <stdlib.h>
#include <string.h>

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

void peer_free(struct peer *p)
{
    if (p == NULL)
        return;
    queue_fini(&p->queue);
    free(p->ours.slot);
    free(p->theirs.slot);
    free(p);
}

/* Spent credit is granted again, but not more, so a message over the first grant would wait
 * without end. If a peer's HELLO grants nothing, its first grant shows how much. */
static size_t window_of(const Hallmark__V1__FrameHello *hello)
{
    size_t window = SIZE_MAX;
    if (hello->credit_bytes != 0)
        window = hello->credit_bytes;
    if (hello->connection_credit_bytes != 0 && hello->connection_credit_bytes < window)
        window = hello->connection_credit_bytes;
    return window;
}

static enum err take_hello(struct peer *p, const Hallmark__V1__FrameHello *hello)
{
    if (p->hello_by_ms == 0)
        return peer_violation(p, CLOSE_PROTOCOL, "second HELLO");
    if (hello->version != RPC_VERSION)
        return peer_violation(p, CLOSE_PROTOCOL, "HELLO names another version");
    if (hello->max_message < 1024 || hello->max_streams == 0)
        return peer_violation(p, CLOSE_PROTOCOL, "HELLO's limits are too small");
    if (hello->credit_messages > RPC_CREDIT_MAX || hello->credit_bytes > RPC_CREDIT_MAX ||
        hello->connection_credit_bytes > RPC_CREDIT_MAX)
        return peer_violation(p, CLOSE_PROTOCOL, "HELLO grants credit without end");
    p->hello_by_ms = 0;
    if (hello->max_message < p->peer_max_message)
        p->peer_max_message = hello->max_message;
    if (hello->max_streams < p->peer_max_streams)
        p->peer_max_streams = hello->max_streams;
    if ((hello->features & RPC_FEATURE_STREAMING) != 0) {
        p->takes_data = true;
        p->first =
            (struct lane){ 0, hello->credit_messages, hello->credit_bytes, false, false };
        p->out_bytes = hello->connection_credit_bytes;
        p->window = window_of(hello);
    }
    return queue_event(&p->queue, &(struct peer_event){ .kind = PEER_OPEN });
}

/* Its message is cleaned, whatever its source. */
static enum err owe_response(struct peer *p, const Hallmark__V1__FrameResponse *response)
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

static enum err respond_error(struct peer *p, uint32_t stream, enum err e, const char *words)
{
    Hallmark__V1__FrameResponse response = HALLMARK__V1__FRAME_RESPONSE__INIT;
    response.stream = stream;
    response.status = err_status(e);
    response.code = (uint32_t)e;
    response.message = (char *)(uintptr_t)words;
    response.retry_after_ms = rpc_retry_after_ms(e);
    return owe_response(p, &response);
}

/* Takes the frame: the event owns it. */
static enum err take_request(struct peer *p, frame **f, uint64_t now_ms)
{
    const Hallmark__V1__FrameRequest *request = (*f)->request;
    uint32_t id = request->stream;
    if (id % 2 != (p->side == PEER_SERVER ? 1 : 0) || id <= p->last_theirs)
        return peer_violation(p, CLOSE_PROTOCOL,
                              "stream number of the wrong side or used before");
    p->last_theirs = id;
    const char *fault = check_request(request);
    if (fault != NULL)
        return respond_error(p, id, ERR_INVALID, fault);
    if (p->refusing)
        return respond_error(p, id, ERR_UNSEEN, "going away: draining");
    struct stream *s = stream_slot(&p->theirs);
    if (s == NULL)
        return respond_error(p, id, ERR_EXHAUSTED, "too many open calls on this connection");
    uint32_t timeout = request->timeout_ms == 0 ? RPC_TIMEOUT_DEFAULT_MS : request->timeout_ms;
    if (timeout > RPC_TIMEOUT_MAX_MS)
        timeout = RPC_TIMEOUT_MAX_MS;
    *s = stream_of(p, id, now_ms + timeout, NULL);
    s->in.ended = request->end_stream;
    struct peer_event event = { PEER_REQUEST, id, s->deadline_ms, NULL, TAKE(*f) };
    return queue_event(&p->queue, &event);
}

static enum err take_response(struct peer *p, frame **f)
{
    uint32_t id = (*f)->response->stream;
    struct stream *s = stream_find(&p->ours, id);
    if (id == 0 || s == NULL) {
        if (id == 0 || id >= p->next_id || id % 2 != p->next_id % 2)
            return peer_violation(p, CLOSE_PROTOCOL, "answer to a call that was never made");
        return ERR_OK; /* it was cancelled; the answer crossed the CANCEL */
    }
    struct peer_event event = { PEER_RESPONSE, id, 0, s->tag, TAKE(*f) };
    *s = (struct stream){ 0 };
    return queue_event(&p->queue, &event);
}

static enum err take_cancel(struct peer *p, uint32_t id)
{
    struct stream *s = id == 0 ? NULL : stream_find(&p->theirs, id);
    if (s == NULL)
        return id != 0 && id <= p->last_theirs
                   ? ERR_OK
                   : peer_violation(p, CLOSE_PROTOCOL, "CANCEL of a call never made");
    *s = (struct stream){ 0 };
    return queue_event(&p->queue, &(struct peer_event){ .kind = PEER_CANCELLED, .stream = id });
}

/* Calls of ours above its last stream were not processed and will not be. */
static enum err take_go_away(struct peer *p, frame **f)
{
    uint32_t last = (*f)->go_away->last_stream;
    p->leaving = true;
    TRY(queue_event(&p->queue,
                    &(struct peer_event){ .kind = PEER_GOING_AWAY, .frame = TAKE(*f) }));
    for (size_t i = 0; i < p->ours.count; i++)
        if (p->ours.slot[i].id > last)
            TRY(stream_fail(p, &p->ours.slot[i], ERR_UNSEEN, "the peer is going away"));
    return ERR_OK;
}

static enum err take_frame(struct peer *p, frame **f, uint64_t now_ms)
{
    if (p->hello_by_ms != 0 && (*f)->kind_case != HALLMARK__V1__FRAME__KIND_HELLO)
        return peer_violation(p, CLOSE_PROTOCOL, "frame before HELLO");
    switch ((*f)->kind_case) {
    case HALLMARK__V1__FRAME__KIND_HELLO:
        return take_hello(p, (*f)->hello);
    case HALLMARK__V1__FRAME__KIND_REQUEST:
        return take_request(p, f, now_ms);
    case HALLMARK__V1__FRAME__KIND_RESPONSE:
        return take_response(p, f);
    case HALLMARK__V1__FRAME__KIND_CANCEL:
        return take_cancel(p, (*f)->cancel->stream);
    case HALLMARK__V1__FRAME__KIND_GO_AWAY:
        return take_go_away(p, f);
    case HALLMARK__V1__FRAME__KIND_DATA:
        return stream_data(p, f);
    case HALLMARK__V1__FRAME__KIND_CREDIT:
        return stream_credit(p, (*f)->credit);
    default:
        return ERR_OK; /* a kind of a later version */
    }
}

static void frame_drop(frame **f)
{
    struct peer_event holder = { .frame = *f };
    peer_event_free(&holder);
}

enum err peer_receive(struct peer *p, struct span message, uint64_t now_ms)
{
    if (message.len > RPC_MESSAGE_MAX)
        return peer_violation(p, CLOSE_TOO_BIG, "message over the limit");
    AUTO(frame_drop) frame *f = NULL;
    if (check_fields(&hallmark__v1__frame__descriptor, message, RPC_FRAME_FIELDS_MAX))
        f = hallmark__v1__frame__unpack(NULL, message.len, message.ptr);
    if (f == NULL)
        return peer_violation(p, CLOSE_BAD_DATA, "message is not a Frame");
    return take_frame(p, &f, now_ms);
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

enum err peer_respond(struct peer *p, Hallmark__V1__FrameResponse *response)
{
    struct stream *s = stream_find(&p->theirs, response->stream);
    if (response->stream == 0 || s == NULL)
        return ERR_OK;
    *s = (struct stream){ 0 };
    enum err e = owe_response(p, response);
    if (e == ERR_LIMIT) /* the answer does not fit: the caller must still get an error */
        return respond_error(p, response->stream, e, "the answer is over the message limit");
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
    if (respond_error(p, id, ERR_DEADLINE, "deadline exceeded") != ERR_OK ||
        queue_event(&p->queue, &(struct peer_event){ .kind = PEER_CANCELLED, .stream = id }) !=
            ERR_OK)
        log_line(LOG_LEVEL_WARN, "rpc: stream %u timed out and its end could not be sent", id);
}

void peer_tick(struct peer *p, uint64_t now_ms)
{
    if (p->hello_by_ms != 0 && now_ms >= p->hello_by_ms)
        p->close_code = CLOSE_PROTOCOL;
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
