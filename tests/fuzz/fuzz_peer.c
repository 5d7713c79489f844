/* SPDX-License-Identifier: MIT */
/* The whole state machine with time: the input says, step by step, what two peers and the wire
 * between them do. world.c says what must hold after each step. */
#include <string.h>

#include "tests/fuzz/world.h"

enum { STEPS_MAX = 400, RAW_MAX = 64 };

static char method[] = "hallmark.v1.Log/Follow";

/* Lengths that meet the limits: nothing, a little, a credit's worth in three. */
static size_t length_of(uint8_t choice)
{
    static const size_t lengths[] = { 0, 1, 100, 5000, 349525, 3, 0, (1 << 20) + 1 };
    return lengths[choice % COUNT(lengths)];
}

static struct span payload_of(uint8_t choice)
{
    static uint8_t zeros[(1 << 20) + 1];
    return span_of(zeros, length_of(choice));
}

static uint32_t timeout_of(uint8_t choice)
{
    static const uint32_t timeouts[] = { 0, 1, 50, 1000, 30000, 600000 };
    return timeouts[choice % COUNT(timeouts)];
}

static void step_call(struct world *w, struct world_end *e, struct rd *r)
{
    (void)w;
    if (e->call_count == WORLD_CALLS_MAX)
        return;
    struct world_call *call = &e->calls[e->call_count++];
    uint8_t how = rd_u8(r);
    Hallmark__V1__FrameRequest request = HALLMARK__V1__FRAME_REQUEST__INIT;
    struct span payload = payload_of(how >> 1 & 3);
    request.method = method;
    request.timeout_ms = timeout_of(how >> 3);
    request.end_stream = (how & 1) != 0;
    request.payload = (ProtobufCBinaryData){ payload.len, (uint8_t *)(uintptr_t)payload.ptr };
    call->made = peer_call(e->peer, &request, call, w->now_ms) == ERR_OK;
    call->stream = call->made ? request.stream : 0;
}

/* A call that this end serves, or any number at all. */
static uint32_t served_stream(const struct world_end *e, uint8_t choice)
{
    uint32_t stream = e->served[choice % RPC_STREAMS_MAX].stream;
    return stream != 0 ? stream : choice;
}

static void step_respond(struct world *w, struct world_end *e, struct rd *r)
{
    (void)w;
    Hallmark__V1__FrameResponse response = HALLMARK__V1__FRAME_RESPONSE__INIT;
    response.stream = served_stream(e, rd_u8(r));
    struct span payload = payload_of(rd_u8(r));
    response.payload = (ProtobufCBinaryData){ payload.len, (uint8_t *)(uintptr_t)payload.ptr };
    enum err result = peer_respond(e->peer, &response);
    FUZZ_CHECK(result == ERR_OK || result == ERR_EXHAUSTED);
    for (size_t i = 0; i < RPC_STREAMS_MAX; i++)
        if (e->served[i].stream == response.stream)
            e->served[i] = (struct world_served){ 0 };
}

static void step_send(struct world *w, struct world_end *e, struct rd *r)
{
    (void)w;
    uint8_t which = rd_u8(r), how = rd_u8(r);
    uint32_t stream = which & 1 ? served_stream(e, which >> 1) : 0;
    if (stream == 0 && e->call_count != 0)
        stream = e->calls[(which >> 1) % e->call_count].stream;
    enum err result = peer_send(e->peer, stream, payload_of(how & 7), (how & 8) != 0);
    FUZZ_CHECK(result == ERR_OK || result == ERR_BUSY || result == ERR_CLOSED ||
               result == ERR_LIMIT || result == ERR_EXHAUSTED || result == ERR_UNIMPLEMENTED);
}

static void step_consume(struct world *w, struct world_end *e, struct rd *r)
{
    (void)w;
    uint8_t choice = rd_u8(r);
    if (e->owed_count != 0)
        world_consume(e, choice % e->owed_count);
}

static void step_cancel(struct world *w, struct world_end *e, struct rd *r)
{
    (void)w;
    uint8_t choice = rd_u8(r);
    if (e->call_count != 0)
        peer_cancel(e->peer, e->calls[choice % e->call_count].stream, "fuzz");
}

/* Time goes for both ends at once; after it no deadline lies in the past. */
static void step_time(struct world *w, struct world_end *e, struct rd *r)
{
    (void)e;
    w->now_ms += timeout_of(rd_u8(r));
    for (size_t i = 0; i < 2; i++) {
        peer_tick(w->end[i].peer, w->now_ms);
        FUZZ_CHECK(peer_wake_ms(w->end[i].peer) > w->now_ms ||
                   peer_close_code(w->end[i].peer) != 0);
    }
}

static void step_go_away(struct world *w, struct world_end *e, struct rd *r)
{
    (void)w, (void)r;
    peer_go_away(e->peer, "fuzz", 1000);
}

static void step_deliver(struct world *w, struct world_end *e, struct rd *r)
{
    (void)r;
    world_carry(w);
    if (e->wire_count == 0)
        return;
    AUTO(buf_free) struct buf message = { 0 };
    world_pop(e, 0, &message);
    world_receive(w, e, buf_span(&message));
}

static void step_settle(struct world *w, struct world_end *e, struct rd *r)
{
    (void)e, (void)r;
    world_settle(w);
}

/* Doubled, cut short, out of turn or lost. */
static void step_spoil(struct world *w, struct world_end *e, struct rd *r)
{
    uint8_t how = rd_u8(r);
    world_carry(w);
    if (e->wire_count == 0)
        return;
    AUTO(buf_free) struct buf message = { 0 };
    w->honest = false;
    world_pop(e, (how >> 2) % e->wire_count, &message);
    if ((how & 3) == 1)
        world_receive(w, e, buf_span(&message));
    if ((how & 3) == 2)
        world_receive(w, e, span_of(message.ptr, message.len / 2));
    else if ((how & 3) != 3)
        world_receive(w, e, buf_span(&message));
}

static void step_raw(struct world *w, struct world_end *e, struct rd *r)
{
    struct span bytes = rd_take(r, rd_u8(r) % RAW_MAX);
    w->honest = false;
    world_receive(w, e, bytes);
}

/* A frame as it should be, with any field at any value. */
static void step_forge(struct world *w, struct world_end *e, struct rd *r)
{
    AUTO(buf_free) struct buf out = { 0 };
    uint8_t kind = rd_u8(r), how = rd_u8(r);
    uint32_t stream = rd_u8(r);
    uint32_t number = (how & 0x80) != 0 ? rd_u32le(r) : rd_u8(r);
    w->honest = false;
    switch (kind % 7) {
    case 0:
        frames_hello(&out, number, rd_u32le(r), rd_u32le(r));
        break;
    case 1:
        frames_request(&out, stream, method, payload_of(how & 7), (how & 8) != 0);
        break;
    case 2:
        frames_data(&out, stream, number, payload_of(how & 7), (how & 8) != 0);
        break;
    case 3:
        frames_response(&out, stream, number, payload_of(how & 7));
        break;
    case 4:
        frames_cancel(&out, stream);
        break;
    case 5:
        frames_credit(&out, stream, number, how & 0x40 ? number : how);
        break;
    default:
        frames_go_away(&out);
    }
    world_receive(w, e, buf_span(&out));
}

enum { CALL, RESPOND, SEND, CONSUME, CANCEL, TIME, AWAY, DELIVER, SETTLE, SPOIL, RAW, FORGE };

static void (*const steps[])(struct world *w, struct world_end *e, struct rd *r) = {
    [CALL] = step_call,       [RESPOND] = step_respond, [SEND] = step_send,
    [CONSUME] = step_consume, [CANCEL] = step_cancel,   [TIME] = step_time,
    [AWAY] = step_go_away,    [DELIVER] = step_deliver, [SETTLE] = step_settle,
    [SPOIL] = step_spoil,     [RAW] = step_raw,         [FORGE] = step_forge,
};

void fuzz_one(struct span input)
{
    static struct world w;
    struct rd r = rd_of(input);
    world_open(&w);
    for (int i = 0; i < STEPS_MAX && r.rest.len != 0; i++) {
        uint8_t what = rd_u8(&r);
        steps[(what & 0x7f) % COUNT(steps)](&w, &w.end[what >> 7], &r);
        world_check(&w);
    }
    if (w.honest)
        world_settle(&w);
    world_close(&w);
}

enum { AT_SERVER = 0x80, END = 1 };

#define SEED(name, ...)                                                                        \
    put(context, name, span_of((uint8_t[]){ __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ })))

void fuzz_seeds(fuzz_put *put, void *context)
{
    SEED("open", SETTLE);
    SEED("unary", SETTLE, CALL, END, SETTLE, RESPOND | AT_SERVER, 0, 2, SETTLE);
    SEED("both-call", SETTLE, CALL, END, CALL | AT_SERVER, END, SETTLE, RESPOND, 0, 0,
         RESPOND | AT_SERVER, 0, 0, SETTLE);
    SEED("client-streams", SETTLE, CALL, 0, SEND, 0, 2, SEND, 0, 8 | 3, SETTLE,
         RESPOND | AT_SERVER, 0, 1, SETTLE);
    SEED("server-streams", SETTLE, CALL, END, SETTLE, SEND | AT_SERVER, 1, 3, SEND | AT_SERVER,
         1, 3, SETTLE, RESPOND | AT_SERVER, 0, 0, SETTLE);
    SEED("credit-spent", SETTLE, CALL, 0, SEND, 0, 4, SEND, 0, 4, SEND, 0, 4, SEND, 0, 4,
         SETTLE, SEND, 0, 4);
    SEED("data-crosses-the-answer", SETTLE, CALL, 0, SETTLE, SEND, 0, 3, RESPOND | AT_SERVER, 0,
         0, DELIVER | AT_SERVER, SETTLE);
    SEED("deadline", SETTLE, CALL, END | 2 << 3, SETTLE, TIME, 2, SETTLE);
    SEED("cancel", SETTLE, CALL, 0, SETTLE, CANCEL, 0, SEND | AT_SERVER, 1, 2, SETTLE);
    SEED("go-away", SETTLE, CALL, END, SETTLE, AWAY | AT_SERVER, CALL, END, SETTLE,
         RESPOND | AT_SERVER, 0, 0, SETTLE);
    SEED("hello-late", TIME, 4);
    SEED("doubled", SETTLE, CALL, END, SPOIL | AT_SERVER, 1);
    SEED("cut-short", SETTLE, CALL, END, SPOIL | AT_SERVER, 2);
    SEED("raw", SETTLE, RAW | AT_SERVER, 4, 0x12, 0x02, 0x08, 0x01);
    SEED("forged-data", SETTLE, CALL, 0, SETTLE, FORGE | AT_SERVER, 2, 3, 1, 0);
    SEED("forged-credit", SETTLE, CALL, 0, FORGE, 5, 0x80, 1, 0xff, 0xff, 0xff, 0xff);
}
