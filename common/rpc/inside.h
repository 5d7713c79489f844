/* SPDX-License-Identifier: MIT */
/* inside: the structures that peer.c, peer_receive.c and stream.c share. For rpc/ only; the
 * contract is peer.h's. */
#pragma once

#include "common/rpc/queue.h"

enum {
    CLOSE_PROTOCOL = 1002,
    CLOSE_BAD_DATA = 1007,
    CLOSE_POLICY = 1008,
    CLOSE_TOO_BIG = 1009,
    CLOSE_TRY_AGAIN = 1013
}; /* RFC 6455 7.4.1, and its IANA registry */

/* For protobuf-c's unpack functions: common/host/memory.h knows of what it could not give. What
 * it gave is freed with no allocator named. */
extern ProtobufCAllocator rpc_allocator;

/* What one direction of a stream may still send: its credit. */
struct lane {
    uint32_t sequence; /* of the next DATA */
    uint32_t messages; /* credit left */
    size_t bytes;
    bool ended;
    bool starved; /* blocked on flow control: peer_send() gave ERR_BUSY, so a PEER_CREDIT is due
                   */
};

/* An open call. Ours: tag is set. Theirs: it is being served. */
struct stream {
    uint32_t id; /* 0: free slot */
    uint64_t deadline_ms;
    void *tag;
    uint64_t request; /* ours: its number among the frames ever queued */
    struct lane out, in;
};

/* Grows with the number of open calls, because most connections have few and many have none. */
struct streams {
    struct stream *slot; /* moves when it grows */
    size_t count;        /* at most RPC_STREAMS_MAX */
};

struct peer {
    enum peer_side side;
    uint64_t hello_by_ms; /* 0: it has arrived */
    int64_t time_us;      /* of the peer's HELLO; 0: not told */
    uint32_t next_id;     /* of our calls */
    uint32_t last_theirs;
    uint32_t peer_max_message;
    uint32_t peer_max_streams;
    bool refusing;   /* we sent GOAWAY */
    bool leaving;    /* they did */
    bool takes_data; /* HELLO.features */
    unsigned close_code;
    struct lane first; /* what a new stream may send: the peer's HELLO */
    size_t window; /* the most that HELLO's credit lets one message carry; SIZE_MAX: no bound */
    size_t out_bytes; /* connection credit left: to send, */
    size_t in_bytes;  /* and granted to the peer */
    struct streams ours, theirs;
    struct queue queue;
};

enum err peer_frame(struct peer *p, const Hallmark__V1__Frame *f); /* queue it to be sent */
/* The same for a frame that the peer waits for: if it does not fit, because the peer does not
 * read, the connection ends. */
enum err peer_owe(struct peer *p, const Hallmark__V1__Frame *f);
enum err peer_violation(struct peer *p, unsigned close_code, const char *what);

/* The answer to a call of theirs; its message is cleaned, whatever its source. */
enum err peer_owe_response(struct peer *p, const Hallmark__V1__FrameResponse *response);
enum err peer_respond_error(struct peer *p, uint32_t stream, enum err e, const char *words);

/* Open calls: found by number (NULL: none), added, and looked through for deadlines. Pointers
 * are valid until the next stream_slot(). */
struct stream *stream_find(const struct streams *streams, uint32_t id);
struct stream *stream_slot(struct streams *streams); /* a free one; NULL: too many */
bool stream_late(const struct stream *s, uint64_t now_ms);
uint64_t stream_earliest(const struct streams *streams, uint64_t wake_ms); /* or wake_ms */
unsigned stream_count(const struct streams *streams); /* how many are open */
/* Of ours: its request is the frame queued last. */
struct stream stream_of(const struct peer *p, uint32_t id, uint64_t deadline_ms, void *tag);
enum err stream_data(struct peer *p, Hallmark__V1__Frame **f); /* takes the frame */
enum err stream_credit(struct peer *p, const Hallmark__V1__FrameCredit *credit);
/* Ends a call of ours with a response made here: for a missed deadline or a lost connection. */
enum err stream_fail(struct peer *p, struct stream *s, enum err e, const char *words);
