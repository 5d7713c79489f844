/* SPDX-License-Identifier: MIT */
/*
 * stream: the open calls of a connection, their messages and their credit. Called by peer.c and
 * common/wss under the connection's lock. It must not send without credit, nor accept more than
 * it granted (test_peer_stream).
 */
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "common/rpc/inside.h"

typedef Hallmark__V1__Frame frame;

enum { STREAMS_FIRST = 2 }; /* doubled until RPC_STREAMS_MAX */

struct stream *stream_find(const struct streams *streams, uint32_t id)
{
    for (size_t i = 0; i < streams->count; i++)
        if (streams->slot[i].id == id)
            return &streams->slot[i];
    return NULL;
}

struct stream *stream_slot(struct streams *streams)
{
    struct stream *free_one = stream_find(streams, 0);
    if (free_one != NULL || streams->count == RPC_STREAMS_MAX)
        return free_one;
    size_t count = streams->count == 0 ? STREAMS_FIRST : 2 * streams->count;
    struct stream *grown = realloc(streams->slot, count * sizeof(*grown));
    if (grown == NULL)
        return NULL;
    for (size_t i = streams->count; i < count; i++)
        grown[i] = (struct stream){ 0 };
    free_one = &grown[streams->count];
    *streams = (struct streams){ grown, count };
    return free_one;
}

bool stream_late(const struct stream *s, uint64_t now_ms)
{
    return s->id != 0 && now_ms >= s->deadline_ms;
}

uint64_t stream_earliest(const struct streams *streams, uint64_t wake_ms)
{
    for (size_t i = 0; i < streams->count; i++)
        if (stream_late(&streams->slot[i], wake_ms))
            wake_ms = streams->slot[i].deadline_ms;
    return wake_ms;
}

unsigned stream_count(const struct streams *streams)
{
    unsigned open = 0;
    for (size_t i = 0; i < streams->count; i++)
        open += streams->slot[i].id != 0;
    return open;
}

static const struct lane fresh_in = { 0, RPC_CREDIT_MESSAGES, RPC_CREDIT_BYTES, false, false };

struct stream stream_of(const struct peer *p, uint32_t id, uint64_t deadline_ms, void *tag)
{
    return (struct stream){ id, deadline_ms, tag, p->queue.queued, p->first, fresh_in };
}

/* Ours or theirs, by the parity of its number; NULL if it has ended. */
static struct stream *find_any(struct peer *p, uint32_t id)
{
    return id == 0 ? NULL : stream_find(id % 2 == p->next_id % 2 ? &p->ours : &p->theirs, id);
}

static bool was_used(const struct peer *p, uint32_t id)
{
    return id != 0 && (id % 2 == p->next_id % 2 ? id < p->next_id : id <= p->last_theirs);
}

static enum err send_credit(struct peer *p, uint32_t stream, uint32_t messages, size_t bytes)
{
    Hallmark__V1__FrameCredit credit = HALLMARK__V1__FRAME_CREDIT__INIT;
    credit.stream = stream;
    credit.messages = messages;
    credit.bytes = (uint32_t)bytes;
    frame f = HALLMARK__V1__FRAME__INIT;
    f.kind_case = HALLMARK__V1__FRAME__KIND_CREDIT;
    f.credit = &credit;
    return peer_owe(p, &f);
}

/* DATA that crossed the end of its stream is not consumed by any caller, so its credit is
 * granted again here. */
static enum err take_stray(struct peer *p, size_t bytes)
{
    if (bytes > p->in_bytes)
        return peer_violation(p, CLOSE_PROTOCOL, "DATA beyond the credit granted");
    return bytes == 0 ? ERR_OK : send_credit(p, 0, 0, bytes);
}

enum err stream_data(struct peer *p, frame **f)
{
    const Hallmark__V1__FrameData *data = (*f)->data;
    struct stream *s = find_any(p, data->stream);
    if (s == NULL && was_used(p, data->stream))
        return take_stray(p, data->payload.len);
    if (s == NULL || s->in.ended || data->sequence != s->in.sequence)
        return peer_violation(p, CLOSE_PROTOCOL, "DATA out of sequence or on no stream");
    if (s->in.messages == 0 || data->payload.len > s->in.bytes ||
        data->payload.len > p->in_bytes)
        return peer_violation(p, CLOSE_PROTOCOL, "DATA beyond the credit granted");
    s->in.sequence++;
    s->in.messages--;
    s->in.bytes -= data->payload.len;
    p->in_bytes -= data->payload.len;
    s->in.ended = data->end_stream;
    struct peer_event event = { .kind = PEER_DATA,
                                .stream = s->id,
                                .deadline_ms = s->deadline_ms,
                                .tag = s->tag,
                                .frame = TAKE(*f) };
    return queue_event(&p->queue, &event);
}

static enum err refresh(struct peer *p, struct stream *s)
{
    if (s->id == 0 || !s->out.starved || s->out.messages == 0)
        return ERR_OK;
    s->out.starved = false;
    struct peer_event event = {
        .kind = PEER_CREDIT, .stream = s->id, .deadline_ms = s->deadline_ms, .tag = s->tag
    };
    return queue_event(&p->queue, &event);
}

static enum err refresh_all(struct peer *p, const struct streams *streams)
{
    for (size_t i = 0; i < streams->count; i++)
        TRY(refresh(p, &streams->slot[i]));
    return ERR_OK;
}

static bool grant(size_t *credit, uint32_t more)
{
    if (more > RPC_CREDIT_MAX - *credit)
        return false;
    *credit += more;
    return true;
}

enum err stream_credit(struct peer *p, const Hallmark__V1__FrameCredit *credit)
{
    struct stream *s = find_any(p, credit->stream);
    if (credit->stream != 0 && s == NULL && was_used(p, credit->stream))
        return ERR_OK;
    if (credit->stream == 0) {
        if (!grant(&p->out_bytes, credit->bytes))
            return peer_violation(p, CLOSE_PROTOCOL, "CREDIT without end");
        TRY(refresh_all(p, &p->ours));
        return refresh_all(p, &p->theirs);
    }
    size_t messages = s == NULL ? 0 : s->out.messages;
    if (s == NULL || !grant(&s->out.bytes, credit->bytes) ||
        !grant(&messages, credit->messages))
        return peer_violation(p, CLOSE_PROTOCOL, "CREDIT on no stream or without end");
    s->out.messages = (uint32_t)messages;
    return refresh(p, s);
}

size_t peer_message_max(const struct peer *p)
{
    size_t most = p->peer_max_message - RPC_FRAME_OVERHEAD;
    return most < p->window ? most : p->window;
}

/* One of ours or theirs that may still be sent on. */
static enum err find_open(struct peer *p, uint32_t stream, struct stream **stream_out)
{
    struct stream *s = find_any(p, stream);
    if (s == NULL || s->out.ended)
        return fail_quiet(ERR_CLOSED, "rpc: stream %u is over", stream);
    if (!p->takes_data)
        return fail_quiet(ERR_UNIMPLEMENTED, "rpc: the peer takes no streams: HELLO.features");
    *stream_out = s;
    return ERR_OK;
}

enum err peer_room(struct peer *p, uint32_t stream, size_t *room_out)
{
    struct stream *s = NULL;
    TRY(find_open(p, stream, &s));
    size_t room = s->out.messages == 0 ? 0 : peer_message_max(p);
    room = s->out.bytes < room ? s->out.bytes : room;
    *room_out = p->out_bytes < room ? p->out_bytes : room;
    s->out.starved = *room_out == 0;
    return s->out.starved ? ERR_BUSY : ERR_OK;
}

enum err peer_send(struct peer *p, uint32_t stream, struct span payload, bool end)
{
    struct stream *s = NULL;
    TRY(find_open(p, stream, &s));
    if (payload.len > peer_message_max(p))
        return fail_quiet(ERR_LIMIT,
                          "rpc: message of %zu bytes on a stream, the peer takes %zu",
                          payload.len, peer_message_max(p));
    if (s->out.messages == 0 || payload.len > s->out.bytes || payload.len > p->out_bytes) {
        s->out.starved = true;
        return ERR_BUSY;
    }
    Hallmark__V1__FrameData data = HALLMARK__V1__FRAME_DATA__INIT;
    data.stream = stream;
    data.sequence = s->out.sequence;
    data.payload = (ProtobufCBinaryData){ payload.len, (uint8_t *)(uintptr_t)payload.ptr };
    data.end_stream = end;
    frame f = HALLMARK__V1__FRAME__INIT;
    f.kind_case = HALLMARK__V1__FRAME__KIND_DATA;
    f.data = &data;
    TRY(peer_frame(p, &f));
    s->out.sequence++;
    s->out.messages--;
    s->out.bytes -= payload.len;
    p->out_bytes -= payload.len;
    s->out.ended = end;
    return ERR_OK;
}

/* Grants both credits; if the frames cannot be queued, the connection ends (peer_owe). */
static enum err grant_anew(struct peer *p, struct stream *s, size_t bytes)
{
    p->in_bytes += bytes;
    if (bytes != 0)
        TRY(send_credit(p, 0, 0, bytes));
    if (s == NULL || s->in.ended)
        return ERR_OK;
    s->in.messages++;
    s->in.bytes += bytes;
    return send_credit(p, s->id, 1, bytes);
}

void peer_count_unsent(struct peer *p, struct meter *total)
{
    queue_count(&p->queue, total);
}

void peer_consumed(struct peer *p, uint32_t stream, size_t bytes)
{
    if (grant_anew(p, find_any(p, stream), bytes) != ERR_OK)
        log_line(LOG_LEVEL_WARN, "rpc: CREDIT of stream %u was not sent", stream);
}

enum err stream_fail(struct peer *p, struct stream *s, enum err e, const char *words)
{
    frame *f = malloc(sizeof(*f));
    Hallmark__V1__FrameResponse *response = malloc(sizeof(*response));
    char *text = strdup(words);
    if (f == NULL || response == NULL || text == NULL) {
        free(f);
        free(response);
        free(text);
        return fail(ERR_MEMORY, "rpc: no memory for an answer");
    }
    hallmark__v1__frame__init(f);
    hallmark__v1__frame_response__init(response);
    f->kind_case = HALLMARK__V1__FRAME__KIND_RESPONSE;
    f->response = response;
    response->stream = s->id;
    response->status = err_status(e);
    response->code = (uint32_t)e;
    response->message = text;
    struct peer_event event = {
        .kind = PEER_RESPONSE, .stream = s->id, .tag = s->tag, .frame = f
    };
    *s = (struct stream){ 0 };
    return queue_event(&p->queue, &event);
}
