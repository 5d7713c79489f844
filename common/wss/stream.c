/* SPDX-License-Identifier: MIT */
/*
 * stream: streaming calls for blocking threads. Called by workers and by clients' threads; what
 * the I/O thread does is in stream_event.c.
 */
#include <stdlib.h>
#include <time.h>

#include "common/rpc/rpc.h"
#include "common/wss/stream_inside.h"

/* The answer to a call of this end: releases the pending reference. */
static void answered(void *context, const Hallmark__V1__FrameResponse *response)
{
    struct wss_stream *s = context;
    enum err e = err_from_wire(response->code != 0 ? response->code : response->status,
                               response->status);
    pthread_mutex_lock(&s->lock);
    if (e == ERR_OK && !s->over)
        e = buf_copy(&s->answer, span_of(response->payload.data, response->payload.len));
    pthread_mutex_unlock(&s->lock);
    stream_over(s, e, response->message);
    stream_drop(s);
}

enum err wss_stream_open(struct wss_conn *conn, const Hallmark__V1__FrameRequest *request,
                         struct wss_stream **stream_out)
{
    uint32_t timeout = request->timeout_ms == 0 ? RPC_TIMEOUT_DEFAULT_MS : request->timeout_ms;
    struct wss_stream *s = stream_new(conn, rpc_now_ms() + timeout);
    if (s == NULL)
        return fail(ERR_MEMORY, "wss: no memory for a stream");
    Hallmark__V1__FrameRequest copy = *request;
    copy.end_stream = false;
    atomic_fetch_add(&s->refs, 1);
    pthread_mutex_lock(&conn->lock);
    enum err e = conn_call(conn, &copy, answered, s);
    s->id = copy.stream;
    if (e == ERR_OK)
        stream_list(s);
    pthread_mutex_unlock(&conn->lock);
    if (e != ERR_OK) {
        stream_drop(s);
        stream_drop(s);
        return e;
    }
    conn_wake(conn);
    *stream_out = s;
    return ERR_OK;
}

enum err wss_stream_accept(struct wss_conn *conn, const struct peer_event *event,
                           struct wss_stream **stream_out)
{
    struct wss_stream *s = stream_new(conn, event->deadline_ms);
    if (s == NULL)
        return fail(ERR_MEMORY, "wss: no memory for a stream");
    s->id = event->stream;
    s->their_end = event->frame->request->end_stream;
    pthread_mutex_lock(&conn->lock);
    stream_list(s);
    pthread_mutex_unlock(&conn->lock);
    *stream_out = s;
    return ERR_OK;
}

/* Under s->lock: wait for the next change. */
static enum err wait_change(struct wss_stream *s)
{
    struct timespec until = { (time_t)(s->deadline_ms / 1000),
                              (long)(s->deadline_ms % 1000) * 1000000 };
    return pthread_cond_timedwait(&s->changed, &s->lock, &until) == 0
               ? ERR_OK
               : fail_quiet(ERR_DEADLINE, "deadline exceeded");
}

static enum err why_over(const struct wss_stream *s)
{
    return fail_quiet(s->err == ERR_OK ? ERR_CLOSED : s->err, "%s",
                      s->words[0] == '\0' ? "the call is over" : s->words);
}

static enum err wait_credit(struct wss_stream *s)
{
    enum err e = ERR_OK;
    pthread_mutex_lock(&s->lock);
    while (!s->credit && !s->over && e == ERR_OK)
        e = wait_change(s);
    if (s->over)
        e = why_over(s);
    pthread_mutex_unlock(&s->lock);
    return e;
}

/* The peer's state says that the stream has ended, and the I/O thread will soon say why. */
static enum err wait_end(struct wss_stream *s)
{
    enum err e = ERR_OK;
    pthread_mutex_lock(&s->lock);
    while (!s->over && e == ERR_OK)
        e = wait_change(s);
    if (s->over)
        e = why_over(s);
    pthread_mutex_unlock(&s->lock);
    return e;
}

size_t wss_message_max(struct wss_conn *conn)
{
    pthread_mutex_lock(&conn->lock);
    size_t most = conn->peer == NULL ? RPC_MESSAGE_MAX : peer_message_max(conn->peer);
    pthread_mutex_unlock(&conn->lock);
    return most;
}

/* A message to send; or, without one, a question how large it may be. */
struct attempt {
    const struct span *message;
    bool last;
    size_t *room;
};

static enum err try_once(struct wss_stream *s, const struct attempt *a)
{
    struct peer *peer = s->conn->peer;
    if (peer == NULL)
        return fail_quiet(ERR_CLOSED, "wss: connection closed");
    return a->message == NULL ? peer_room(peer, s->id, a->room)
                              : peer_send(peer, s->id, *a->message, a->last);
}

static enum err try_now(struct wss_stream *s, const struct attempt *a)
{
    pthread_mutex_lock(&s->conn->lock);
    pthread_mutex_lock(&s->lock);
    s->credit = false;
    pthread_mutex_unlock(&s->lock);
    enum err e = try_once(s, a);
    pthread_mutex_unlock(&s->conn->lock);
    return e;
}

static enum err try_until_credit(struct wss_stream *s, const struct attempt *a)
{
    enum err e;
    TRY(wss_stream_check(s));
    while ((e = try_now(s, a)) == ERR_BUSY)
        TRY(wait_credit(s));
    if (e == ERR_CLOSED && !s->our_end)
        TRY(wait_end(s));
    return e;
}

enum err wss_stream_room(struct wss_stream *s, size_t *room_out)
{
    return try_until_credit(s, &(struct attempt){ .room = room_out });
}

enum err wss_stream_send(struct wss_stream *s, struct span message, bool last)
{
    TRY(try_until_credit(s, &(struct attempt){ .message = &message, .last = last }));
    s->our_end = last;
    conn_wake(s->conn);
    return ERR_OK;
}

static void consumed(struct wss_stream *s, size_t len)
{
    pthread_mutex_lock(&s->conn->lock);
    if (s->conn->peer != NULL)
        peer_consumed(s->conn->peer, s->id, len);
    pthread_mutex_unlock(&s->conn->lock);
    conn_wake(s->conn);
}

/* The message is the reader's now: its bytes go off the meter, and its credit is granted again.
 */
static void item_take(struct wss_stream *s, struct item *item, struct buf *message_out)
{
    size_t len = item->message.len;
    buf_free(message_out);
    *message_out = buf_take(&item->message);
    if (item->meter != NULL)
        meter_give(item->meter, len);
    free(item);
    consumed(s, len);
}

enum err wss_stream_receive(struct wss_stream *s, struct buf *message_out, bool *end_out)
{
    enum err e = ERR_OK;
    *end_out = false;
    pthread_mutex_lock(&s->lock);
    while (s->head == NULL && !s->their_end && e == ERR_OK)
        e = wait_change(s);
    struct item *item = s->head;
    if (item != NULL) {
        s->head = item->next;
        if (s->head == NULL)
            s->tail = &s->head;
        e = ERR_OK;
    } else if (e == ERR_OK) {
        *end_out = true;
        e = s->over && s->err != ERR_OK ? why_over(s) : ERR_OK;
    }
    pthread_mutex_unlock(&s->lock);
    if (item == NULL)
        return e;
    item_take(s, item, message_out);
    return ERR_OK;
}

enum err wss_stream_finish(struct wss_stream *s, struct buf *payload_out)
{
    enum err e = ERR_OK;
    pthread_mutex_lock(&s->lock);
    while (!s->over && e == ERR_OK)
        e = wait_change(s);
    if (s->over && s->err != ERR_OK)
        e = why_over(s);
    if (e == ERR_OK && payload_out != NULL)
        e = buf_copy(payload_out, buf_span(&s->answer));
    pthread_mutex_unlock(&s->lock);
    return e;
}

enum err wss_stream_check(struct wss_stream *s)
{
    pthread_mutex_lock(&s->lock);
    enum err e = s->over ? why_over(s) : ERR_OK;
    pthread_mutex_unlock(&s->lock);
    if (e == ERR_OK && rpc_now_ms() >= s->deadline_ms)
        return fail_quiet(ERR_DEADLINE, "deadline exceeded");
    return e;
}

void wss_stream_free(struct wss_stream *s)
{
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->conn->lock);
    stream_unlist(s);
    if (s->conn->peer != NULL)
        peer_cancel(s->conn->peer, s->id, "no longer wanted");
    pthread_mutex_unlock(&s->conn->lock);
    conn_wake(s->conn);
    stream_drop(s);
}
