/* SPDX-License-Identifier: MIT */
/*
 * queue: the frames that a peer has to send and the events that it has to report, in order. For
 * rpc/ only; the contract is peer.h's.
 */
#pragma once

#include "common/rpc/peer.h"

struct queue_message;
struct queue_event;

struct queue {
    struct queue_message *out_head, **out_tail;
    size_t out_bytes;        /* at most RPC_OUT_BYTES_MAX */
    uint64_t queued, pulled; /* frames since the start */
    struct queue_event *event_head, **event_tail;
    /* Also counts out_bytes; NULL: none. */
    struct meter *total;
};

/* queue_fini() frees and wipes what is queued. ERR_LIMIT: a frame is larger than max;
 * ERR_EXHAUSTED: too many bytes are unsent; ERR_MEMORY. */
void queue_init(struct queue *q);
void queue_fini(struct queue *q);
enum err queue_frame(struct queue *q, const Hallmark__V1__Frame *frame, size_t max);
void queue_count(struct queue *q,
                 struct meter *total); /* from now on, and what is already queued */
bool queue_pull(struct queue *q, struct buf *message_out);
/* event is moved, and freed if it fails (ERR_MEMORY). */
enum err queue_event(struct queue *q, const struct peer_event *event);
bool queue_next_event(struct queue *q, struct peer_event *event_out);
