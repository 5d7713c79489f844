/* SPDX-License-Identifier: MIT */
/*
 * queue: what a peer has yet to send and yet to tell, in order. For rpc/ only; peer.h's
 * contract.
 */
#pragma once

#include "common/rpc/peer.h"

struct queue_message;
struct queue_event;

struct queue {
    struct queue_message *out_head, **out_tail;
    size_t out_bytes;        /* at most RPC_OUT_BYTES_MAX */
    uint64_t queued, pulled; /* frames, ever */
    struct queue_event *event_head, **event_tail;
    /* Counts out_bytes too; NULL: nobody does. */
    struct meter *total;
};

void queue_init(struct queue *q);
void queue_fini(struct queue *q);
enum err queue_frame(struct queue *q, const Hallmark__V1__Frame *frame, size_t max);
void queue_count(struct queue *q, struct meter *total); /* from now on, and what is there */
bool queue_pull(struct queue *q, struct buf *message_out);
enum err queue_event(struct queue *q, const struct peer_event *event); /* event is moved */
bool queue_next_event(struct queue *q, struct peer_event *event_out);
