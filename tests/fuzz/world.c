/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/world.h"

#include <string.h>

static struct world_end *other(struct world *w, const struct world_end *e)
{
    return &w->end[e == &w->end[0] ? 1 : 0];
}

void world_open(struct world *w)
{
    for (size_t i = 0; i < 2; i++)
        memset(&w->end[i], 0, offsetof(struct world_end, owed));
    w->now_ms = 1000;
    w->honest = true;
    w->end[0].peer = peer_new(PEER_CLIENT, "client", w->now_ms);
    w->end[1].peer = peer_new(PEER_SERVER, "server", w->now_ms);
    FUZZ_CHECK(w->end[0].peer != NULL && w->end[1].peer != NULL);
}

static struct world_served *served_find(struct world_end *e, uint32_t stream)
{
    for (size_t i = 0; i < RPC_STREAMS_MAX; i++)
        if (e->served[i].stream == stream)
            return &e->served[i];
    return NULL;
}

static void on_request(struct world *w, struct world_end *e, const struct peer_event *event)
{
    struct world_served *free_slot = served_find(e, 0);
    FUZZ_CHECK(free_slot != NULL);
    FUZZ_CHECK(event->stream % 2 == (e == &w->end[1] ? 1 : 0));
    FUZZ_CHECK(event->stream > e->last_theirs);
    FUZZ_CHECK(event->deadline_ms > w->now_ms);
    FUZZ_CHECK(event->deadline_ms <= w->now_ms + RPC_TIMEOUT_MAX_MS);
    e->last_theirs = event->stream;
    *free_slot = (struct world_served){ event->stream, event->frame->request->end_stream };
}

static void on_data(struct world_end *e, const struct peer_event *event)
{
    const Hallmark__V1__FrameData *data = event->frame->data;
    FUZZ_CHECK(data->stream == event->stream);
    if (event->tag == NULL) {
        struct world_served *s = served_find(e, event->stream);
        FUZZ_CHECK(event->stream != 0 && s != NULL && !s->ended);
        s->ended = data->end_stream;
    } else {
        const struct world_call *call = event->tag;
        FUZZ_CHECK(call->made && call->answers == 0);
    }
    FUZZ_CHECK(e->owed_count < WORLD_OWED_MAX);
    e->owed[e->owed_count++] = (struct world_owed){ event->stream, data->payload.len };
}

static void on_event(struct world *w, struct world_end *e, const struct peer_event *event)
{
    struct world_call *call = event->tag;
    struct world_served *s;
    switch (event->kind) {
    case PEER_OPEN:
        FUZZ_CHECK(!e->opened);
        e->opened = true;
        break;
    case PEER_REQUEST:
        on_request(w, e, event);
        break;
    case PEER_RESPONSE:
        FUZZ_CHECK(call >= e->calls && call < e->calls + e->call_count);
        FUZZ_CHECK(call->made && call->answers == 0);
        call->answers++;
        break;
    case PEER_DATA:
        on_data(e, event);
        break;
    case PEER_CANCELLED:
        s = served_find(e, event->stream);
        FUZZ_CHECK(event->stream != 0 && s != NULL);
        *s = (struct world_served){ 0 };
        break;
    case PEER_REFUSED: /* answered already, and no client of ours sends one */
        FUZZ_CHECK(!w->honest && event->stream != 0 && event->tag == NULL);
        break;
    case PEER_CREDIT:
    case PEER_GOING_AWAY:
        break;
    }
}

static void check_lane(const struct lane *in, const struct lane *out)
{
    FUZZ_CHECK(in->messages <= RPC_CREDIT_MESSAGES && in->bytes <= RPC_CREDIT_BYTES);
    FUZZ_CHECK(out->messages <= RPC_CREDIT_MAX && out->bytes <= RPC_CREDIT_MAX);
}

static unsigned check_streams(const struct world *w, const struct streams *streams,
                              uint32_t parity)
{
    unsigned open = 0;
    FUZZ_CHECK(streams->count <= RPC_STREAMS_MAX);
    for (size_t i = 0; i < streams->count; i++) {
        const struct stream *s = &streams->slot[i];
        if (s->id == 0)
            continue;
        open++;
        FUZZ_CHECK(s->id % 2 == parity);
        FUZZ_CHECK(s->deadline_ms <= w->now_ms + RPC_TIMEOUT_MAX_MS);
        for (size_t k = i + 1; k < streams->count; k++)
            FUZZ_CHECK(streams->slot[k].id != s->id);
        check_lane(&s->in, &s->out);
    }
    return open;
}

static void check_end(const struct world *w, const struct world_end *e)
{
    const struct peer *p = e->peer;
    uint32_t mine = p->side == PEER_CLIENT ? 1 : 0;
    unsigned ours = check_streams(w, &p->ours, mine);
    unsigned theirs = check_streams(w, &p->theirs, 1 - mine);
    FUZZ_CHECK(peer_open_calls(p) == ours + theirs);
    FUZZ_CHECK(p->in_bytes <= RPC_CONNECTION_CREDIT_BYTES && p->out_bytes <= RPC_CREDIT_MAX);
    FUZZ_CHECK(p->queue.out_bytes <= RPC_OUT_BYTES_MAX);
    FUZZ_CHECK(p->queue.event_head == NULL);
    FUZZ_CHECK(peer_has_output(p) == (p->queue.out_bytes != 0));
    FUZZ_CHECK(ours + theirs == 0 || peer_wake_ms(p) != UINT64_MAX);
    for (size_t i = 0; i < RPC_STREAMS_MAX; i++)
        FUZZ_CHECK(e->served[i].stream == 0 ||
                   stream_find(&e->peer->theirs, e->served[i].stream) != NULL);
}

void world_check(struct world *w)
{
    for (size_t i = 0; i < 2; i++) {
        struct world_end *e = &w->end[i];
        struct peer_event event;
        while (peer_next_event(e->peer, &event)) {
            on_event(w, e, &event);
            peer_event_free(&event);
        }
        if (peer_close_code(e->peer) != 0)
            e->broken = true;
        check_end(w, e);
    }
}

void world_receive(struct world *w, struct world_end *e, struct span message)
{
    if (e->broken)
        return;
    enum err result = peer_receive(e->peer, message, w->now_ms);
    FUZZ_CHECK(result != ERR_PROTO || !w->honest);
    FUZZ_CHECK(result == ERR_OK || result == ERR_PROTO || result == ERR_EXHAUSTED);
    FUZZ_CHECK(result == ERR_OK || peer_close_code(e->peer) != 0);
    if (result != ERR_OK)
        e->broken = true;
}

void world_carry(struct world *w)
{
    for (size_t i = 0; i < 2; i++) {
        struct world_end *to = other(w, &w->end[i]);
        while (to->wire_count < WORLD_WIRE_MAX &&
               peer_pull(w->end[i].peer, &to->wire[to->wire_count]))
            to->wire_count++;
    }
}

void world_pop(struct world_end *e, size_t index, struct buf *message_out)
{
    buf_free(message_out);
    *message_out = e->wire[index];
    memmove(&e->wire[index], &e->wire[index + 1],
            (e->wire_count - index - 1) * sizeof(e->wire[0]));
    e->wire[--e->wire_count] = (struct buf){ 0 };
}

void world_consume(struct world_end *e, size_t index)
{
    struct world_owed owed = e->owed[index];
    memmove(&e->owed[index], &e->owed[index + 1],
            (e->owed_count - index - 1) * sizeof(e->owed[0]));
    e->owed_count--;
    peer_consumed(e->peer, owed.stream, owed.bytes);
}

static bool settle_once(struct world *w)
{
    bool moved = false;
    for (size_t i = 0; i < 2; i++) {
        struct world_end *e = &w->end[i];
        while (e->wire_count != 0) {
            AUTO(buf_free) struct buf message = { 0 };
            world_pop(e, 0, &message);
            world_receive(w, e, buf_span(&message));
            world_check(w);
            moved = true;
        }
        for (; e->owed_count != 0; moved = true)
            world_consume(e, 0);
    }
    world_carry(w);
    return moved;
}

/* What was granted is all there again: nothing was lost on streams that ended early. */
static void check_credit_restored(const struct world *w)
{
    for (size_t i = 0; i < 2; i++) {
        FUZZ_CHECK(w->end[i].peer->in_bytes == RPC_CONNECTION_CREDIT_BYTES);
        FUZZ_CHECK(w->end[i].peer->out_bytes == RPC_CONNECTION_CREDIT_BYTES);
    }
}

void world_settle(struct world *w)
{
    world_carry(w);
    while (settle_once(w))
        ;
    if (w->honest && !w->end[0].broken && !w->end[1].broken)
        check_credit_restored(w);
}

void world_close(struct world *w)
{
    for (size_t i = 0; i < 2; i++)
        peer_fail_calls(w->end[i].peer, ERR_CLOSED, "the end");
    world_check(w);
    for (size_t i = 0; i < 2; i++) {
        struct world_end *e = &w->end[i];
        for (size_t k = 0; k < e->call_count; k++)
            FUZZ_CHECK(!e->calls[k].made || e->calls[k].answers == 1);
        while (e->wire_count != 0)
            buf_free(&e->wire[--e->wire_count]);
        peer_free(e->peer);
    }
}
