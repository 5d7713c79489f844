/* SPDX-License-Identifier: MIT */
/*
 * queue: frames to send and events to report. Called by peer.c and stream.c. It must not grow
 * beyond RPC_OUT_BYTES_MAX (test_peer: unread_answers_are_bounded), and wipes payloads when it
 * frees them.
 */
#include "common/rpc/queue.h"

#include <stdlib.h>

#include "common/host/log.h"

struct queue_message {
    struct queue_message *next;
    struct buf bytes;
};

struct queue_event {
    struct queue_event *next;
    struct peer_event event;
};

void queue_init(struct queue *q)
{
    *q = (struct queue){ 0 };
    q->out_tail = &q->out_head;
    q->event_tail = &q->event_head;
}

void queue_fini(struct queue *q)
{
    struct peer_event event;
    while (queue_next_event(q, &event))
        peer_event_free(&event);
    struct buf message = { 0 };
    while (queue_pull(q, &message))
        buf_free(&message);
}

void peer_event_free(struct peer_event *event)
{
    if (event->frame == NULL)
        return;
    ProtobufCBinaryData *payload = NULL;
    if (event->frame->kind_case == HALLMARK__V1__FRAME__KIND_REQUEST)
        payload = &event->frame->request->payload;
    else if (event->frame->kind_case == HALLMARK__V1__FRAME__KIND_RESPONSE)
        payload = &event->frame->response->payload;
    else if (event->frame->kind_case == HALLMARK__V1__FRAME__KIND_DATA)
        payload = &event->frame->data->payload;
    if (payload != NULL && payload->len != 0)
        wipe(payload->data, payload->len);
    hallmark__v1__frame__free_unpacked(event->frame, NULL);
    event->frame = NULL;
}

enum err queue_event(struct queue *q, const struct peer_event *event)
{
    struct queue_event *node = malloc(sizeof(*node));
    if (node == NULL) {
        struct peer_event lost = *event;
        peer_event_free(&lost);
        return fail(ERR_MEMORY, "rpc: no memory for an event");
    }
    *node = (struct queue_event){ NULL, *event };
    *q->event_tail = node;
    q->event_tail = &node->next;
    return ERR_OK;
}

bool queue_next_event(struct queue *q, struct peer_event *event_out)
{
    struct queue_event *node = q->event_head;
    if (node == NULL)
        return false;
    *event_out = node->event;
    q->event_head = node->next;
    if (q->event_head == NULL)
        q->event_tail = &q->event_head;
    free(node);
    return true;
}

void queue_count(struct queue *q, struct meter *total)
{
    q->total = total;
    meter_add(total, q->out_bytes);
}

enum err queue_frame(struct queue *q, const Hallmark__V1__Frame *f, size_t max)
{
    size_t len = hallmark__v1__frame__get_packed_size(f);
    if (len > max)
        return fail(ERR_LIMIT, "rpc: message of %zu bytes, the peer takes %zu", len, max);
    if (len > RPC_OUT_BYTES_MAX - q->out_bytes)
        return fail(ERR_EXHAUSTED, "rpc: %zu unsent bytes: the peer does not read",
                    q->out_bytes);
    struct queue_message *node = calloc(1, sizeof(*node));
    if (node == NULL || buf_resize(&node->bytes, len) != ERR_OK) {
        free(node);
        return fail(ERR_MEMORY, "rpc: no memory for a message of %zu bytes", len);
    }
    hallmark__v1__frame__pack(f, node->bytes.ptr);
    *q->out_tail = node;
    q->out_tail = &node->next;
    q->out_bytes += len;
    if (q->total != NULL)
        meter_add(q->total, len);
    q->queued++;
    return ERR_OK;
}

bool queue_pull(struct queue *q, struct buf *message_out)
{
    struct queue_message *node = q->out_head;
    if (node == NULL)
        return false;
    q->out_head = node->next;
    if (q->out_head == NULL)
        q->out_tail = &q->out_head;
    q->out_bytes -= node->bytes.len;
    if (q->total != NULL)
        meter_give(q->total, node->bytes.len);
    q->pulled++;
    buf_free(message_out);
    *message_out = buf_take(&node->bytes);
    free(node);
    return true;
}
