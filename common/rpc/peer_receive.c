/* SPDX-License-Identifier: MIT */
/* peer_receive: what each kind of frame that arrives does to a connection. Called by common/wss
 * under the connection's lock. It must not trust a field of a frame before its check. */
#include "common/host/log.h"
#include "common/host/memory.h"
#include "common/rpc/check.h"
#include "common/rpc/inside.h"
#include "common/rpc/rpc.h"

typedef Hallmark__V1__Frame frame;

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
    p->time_us = hello->time_us <= INT64_MAX ? (int64_t)hello->time_us : 0;
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

/* Nobody serves it, but a log may tell of it. */
static enum err refuse(struct peer *p, frame **f, enum err e, const char *words)
{
    uint32_t id = (*f)->request->stream;
    TRY(peer_respond_error(p, id, e, words));
    struct peer_event event = {
        .kind = PEER_REFUSED, .stream = id, .frame = TAKE(*f), .err = e, .words = words
    };
    return queue_event(&p->queue, &event);
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
        return refuse(p, f, ERR_INVALID, fault);
    if (p->refusing)
        return peer_respond_error(p, id, ERR_UNSEEN, "going away: draining");
    struct stream *s = stream_slot(&p->theirs);
    if (s == NULL)
        return refuse(p, f, ERR_EXHAUSTED, "too many open calls on this connection");
    uint32_t timeout = request->timeout_ms == 0 ? RPC_TIMEOUT_DEFAULT_MS : request->timeout_ms;
    if (timeout > RPC_TIMEOUT_MAX_MS)
        timeout = RPC_TIMEOUT_MAX_MS;
    *s = stream_of(p, id, now_ms + timeout, NULL);
    s->in.ended = request->end_stream;
    struct peer_event event = {
        .kind = PEER_REQUEST, .stream = id, .deadline_ms = s->deadline_ms, .frame = TAKE(*f)
    };
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
    struct peer_event event = {
        .kind = PEER_RESPONSE, .stream = id, .tag = s->tag, .frame = TAKE(*f)
    };
    TRY(queue_event(&p->queue, &event)); /* without memory it stays open: peer_fail_calls() */
    *s = (struct stream){ 0 };
    return ERR_OK;
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
    memory_clear();
    if (check_fields(&hallmark__v1__frame__descriptor, message, RPC_FRAME_FIELDS_MAX))
        f = hallmark__v1__frame__unpack(&rpc_allocator, message.len, message.ptr);
    if (f == NULL && memory_missed()) {
        p->close_code = CLOSE_TRY_AGAIN;
        return fail(ERR_MEMORY, "rpc: no memory for a frame");
    }
    if (f == NULL)
        return peer_violation(p, CLOSE_BAD_DATA, "message is not a Frame");
    return take_frame(p, &f, now_ms);
}
