/* SPDX-License-Identifier: MIT */
/* The decoder of Frames: one message for a peer that has seen HELLO and has calls under way, in
 * either role. Whatever it says, the peer takes it or names a close code. */
#include "common/rpc/inside.h"
#include "tests/fuzz/frames.h"
#include "tests/fuzz/fuzz.h"

static char method[] = "hallmark.v1.Health/Check";

static void receive(struct peer *p, const struct buf *message)
{
    FUZZ_CHECK(peer_receive(p, buf_span(message), 1) == ERR_OK);
}

/* Streams 1 and 3 are open, 1 or 2 by the other side; both may still carry DATA. */
static struct peer *peer_amid(enum peer_side side)
{
    AUTO(buf_free) struct buf message = { 0 };
    struct peer *p = peer_new(side, "fuzz", 0);
    FUZZ_CHECK(p != NULL);
    frames_hello(&message, 4, 1000, 2000);
    receive(p, &message);
    Hallmark__V1__FrameRequest request = HALLMARK__V1__FRAME_REQUEST__INIT;
    request.method = method;
    FUZZ_CHECK(peer_call(p, &request, p, 1) == ERR_OK);
    frames_request(&message, side == PEER_CLIENT ? 2 : 1, method, (struct span){ 0 }, false);
    receive(p, &message);
    return p;
}

static void drain(struct peer *p)
{
    AUTO(buf_free) struct buf message = { 0 };
    struct peer_event event;
    while (peer_next_event(p, &event)) {
        FUZZ_CHECK(event.kind != PEER_REQUEST ||
                   event.frame->request->n_metadata <= RPC_METADATA_MAX);
        peer_event_free(&event);
    }
    while (peer_pull(p, &message))
        FUZZ_CHECK(message.len <= RPC_MESSAGE_MAX);
}

static void one(enum peer_side side, struct span input)
{
    struct peer *p = peer_amid(side);
    enum err e = peer_receive(p, input, 2);
    unsigned code = peer_close_code(p);
    FUZZ_CHECK((e == ERR_PROTO) ==
               (code == CLOSE_PROTOCOL || code == CLOSE_BAD_DATA || code == CLOSE_TOO_BIG));
    FUZZ_CHECK(e == ERR_OK || e == ERR_PROTO);
    drain(p);
    peer_free(p);
}

void fuzz_one(struct span input)
{
    one(PEER_CLIENT, input);
    one(PEER_SERVER, input);
}

void fuzz_seeds(fuzz_put *put, void *context)
{
    AUTO(buf_free) struct buf out = { 0 };
    const struct span word = span_of("payload", 7);
    frames_hello(&out, 16, 1 << 20, 8 << 20);
    put(context, "hello", buf_span(&out));
    frames_request(&out, 3, method, word, true);
    put(context, "request", buf_span(&out));
    frames_request(&out, 4, method, word, false);
    put(context, "request-stream", buf_span(&out));
    frames_data(&out, 1, 0, word, true);
    put(context, "data", buf_span(&out));
    frames_response(&out, 1, 14, word);
    put(context, "response", buf_span(&out));
    frames_cancel(&out, 1);
    put(context, "cancel", buf_span(&out));
    frames_credit(&out, 0, 1, 4096);
    put(context, "credit", buf_span(&out));
    frames_go_away(&out);
    put(context, "go-away", buf_span(&out));
    put(context, "unknown-kind", span_of("\x7a\x02\x08\x01", 4));
}
