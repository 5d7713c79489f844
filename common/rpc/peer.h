/* SPDX-License-Identifier: MIT */
/*
 * peer: one end of one connection: gRPC's semantics over whole messages, without I/O.
 *
 * The carrier feeds received messages to peer_receive(), sends what peer_pull() gives, calls
 * peer_tick() when the time of peer_wake_ms() has come, and calls peer_next_event() after each
 * of these until it gives false. Time is milliseconds of any monotonic clock. Not thread safe:
 * its carrier's thread owns it. Deadlines are enforced here at both ends. A protocol violation
 * gives ERR_PROTO and the WebSocket close code in peer_close_code() (test_peer).
 *
 * Used by common/wss; the wire is specified in common/rpc/README.md.
 */
#pragma once

#include "common/host/meter.h"
#include "common/host/own.h"
#include "common/rpc/limits.h"
#include "hallmark/v1/frame.pb-c.h"

enum peer_side {
    PEER_CLIENT,
    PEER_SERVER
}; /* who opened the connection; fixes stream parity */

struct peer;

enum peer_event_kind {
    PEER_OPEN,     /* the peer's HELLO has arrived */
    PEER_REQUEST,  /* a call to serve: frame->request */
    PEER_RESPONSE, /* the answer to our call tag: frame->response, also for a missed deadline */
    PEER_DATA,     /* a message of a streaming call, ours (tag) or theirs: frame->data */
    PEER_CREDIT,   /* a stream on which peer_send() gave ERR_BUSY may be tried again */
    PEER_CANCELLED, /* the call being served on stream was cancelled or missed its deadline */
    PEER_GOING_AWAY,
    PEER_REFUSED, /* a call that was answered and is not to be served, malformed or one too
                   * many: frame->request, with err and words */
};

struct peer_event {
    enum peer_event_kind kind;
    uint32_t stream;
    uint64_t deadline_ms;       /* PEER_REQUEST: absolute, on the carrier's clock */
    void *tag;                  /* PEER_RESPONSE: what peer_call() was given */
    Hallmark__V1__Frame *frame; /* owned by the event; NULL for PEER_CANCELLED */
    enum err err;               /* PEER_REFUSED: the answer, and its message: a constant */
    const char *words;
};
void peer_event_free(struct peer_event *event); /* wipes payloads */

/* A peer is made at the start of a connection and queues its HELLO; NULL for peer_free() is
 * fine. */
struct peer *peer_new(enum peer_side side, const char *software,
                      uint64_t now_ms); /* NULL: no memory */
void peer_free(struct peer *peer);

/* The time of day that the server's HELLO told, microseconds since 1970; 0: none. A peer makes
 * no use of it. */
int64_t peer_time_us(const struct peer *peer);

/* The carrier's calls. peer_receive(): a message has arrived; an error ends the connection with
 * peer_close_code(). peer_pull(): the next message to send, for buf_free(). peer_tick():
 * enforces deadlines. peer_next_event(): the next event, for peer_event_free(); false: none. */
enum err peer_receive(struct peer *peer, struct span message, uint64_t now_ms);
bool peer_pull(struct peer *peer, struct buf *message_out); /* false: nothing to send now */
bool peer_has_output(const struct peer *peer);
void peer_tick(struct peer *peer, uint64_t now_ms);
uint64_t peer_wake_ms(const struct peer *peer); /* when to tick; UINT64_MAX: no need */
bool peer_next_event(struct peer *peer, struct peer_event *event_out);
unsigned
peer_close_code(const struct peer *peer); /* after an error: RFC 6455 7.4.1; 0 if none */

/* Starts a call. ERR_EXHAUSTED: the peer's HELLO allows no more open calls (max_streams), or
 * RPC_STREAMS_MAX are open. request->stream is chosen here; timeout_ms 0 means the default.
 * With end_stream the request is the only message of this side; without it peer_send() follows.
 * A request over the peer's message limit is ERR_LIMIT here; later results arrive as PEER_DATA
 * and, last, PEER_RESPONSE with tag (test_peer). */
enum err peer_call(struct peer *peer, Hallmark__V1__FrameRequest *request, void *tag,
                   uint64_t now_ms);
void peer_cancel(struct peer *peer, uint32_t stream, const char *reason); /* a call of ours */

/* Sends a message on a stream, ours or theirs; end: it is this side's last. ERR_BUSY: the
 * receiver has granted no credit for it, PEER_CREDIT will come; ERR_CLOSED: the stream is over.
 * ERR_UNIMPLEMENTED: the peer's HELLO has no streams, or has not arrived. A payload of more
 * than peer_message_max() bytes is ERR_LIMIT: it is over the peer's message limit, or over the
 * credit that its HELLO gives a call or the connection, so it would wait without end
 * (test_peer_stream). */
enum err peer_send(struct peer *peer, uint32_t stream, struct span payload, bool end);
size_t peer_message_max(const struct peer *peer);
/* How large a message may be now; with ERR_BUSY none, and PEER_CREDIT will come. */
enum err peer_room(struct peer *peer, uint32_t stream, size_t *room_out);

/* A PEER_DATA of so many payload bytes has been processed: grants its credit again. */
void peer_consumed(struct peer *peer, uint32_t stream, size_t bytes);

/* Adds this peer's unsent bytes to total, for as long as it lives: for a limit on several
 * peers. */
void peer_count_unsent(struct peer *peer, struct meter *total);

/* Answers the call on response->stream. Does nothing if that call has ended (its caller
 * cancelled it). */
enum err peer_respond(struct peer *peer, Hallmark__V1__FrameResponse *response);

void peer_go_away(struct peer *peer, const char *reason,
                  uint32_t drain_ms);              /* refuse new calls */
unsigned peer_open_calls(const struct peer *peer); /* both ways: 0 means drained */
/* The connection is lost: ends our calls with e, or with ERR_UNSEEN if their request was not
 * pulled. Calls above the last stream of the peer's GOAWAY end with ERR_UNSEEN, too
 * (test_peer). */
void peer_fail_calls(struct peer *peer, enum err e, const char *words);
