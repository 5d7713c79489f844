/* SPDX-License-Identifier: MIT */
/*
 * stream: streaming calls for blocking threads. The functions of wss_stream are called by
 * workers and by clients' threads, the others on the I/O thread under conn->lock. s->lock
 * protects the fields of a stream after it; it is taken after conn->lock and must not be held
 * while waiting for that.
 */
#include "common/wss/stream.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/host/log.h"
#include "common/rpc/rpc.h"
#include "common/wss/conn.h"

struct item {
    struct item *next;
    struct buf message;
};

struct wss_stream {
    atomic_uint refs; /* the owner's, and on the client the pending answer's */
    struct wss_conn *conn;
    uint32_t id;
    uint64_t deadline_ms;
    bool our_end;            /* used by the owner: it has sent its last message */
    struct wss_stream *next; /* in conn->streams, under conn->lock */

    pthread_mutex_t lock;
    pthread_cond_t changed; /* on CLOCK_MONOTONIC */
    struct item *head, **tail;
    bool their_end; /* the peer sends no more */
    bool credit;    /* sending may be tried again */
    bool over;      /* no more events come */
    enum err err;   /* why, if over */
    char words[FAIL_WORDS_MAX];
    struct buf answer;
};

static struct wss_stream *stream_new(struct wss_conn *conn, uint64_t deadline_ms)
{
    struct wss_stream *s = calloc(1, sizeof(*s));
    pthread_condattr_t clock;
    if (s == NULL)
        return NULL;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, &clock);
    pthread_condattr_destroy(&clock);
    atomic_init(&s->refs, 1);
    s->conn = wss_conn_keep(conn);
    s->deadline_ms = deadline_ms;
    s->tail = &s->head;
    return s;
}

static void stream_drop(struct wss_stream *s)
{
    if (atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    while (s->head != NULL) {
        struct item *item = s->head;
        s->head = item->next;
        buf_free(&item->message);
        free(item);
    }
    buf_free(&s->answer);
    wss_conn_drop(&s->conn);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static void list(struct wss_stream *s)
{
    s->next = s->conn->streams;
    s->conn->streams = s;
}

static void unlist(struct wss_stream *s)
{
    for (struct wss_stream **at = &s->conn->streams; *at != NULL; at = &(*at)->next) {
        if (*at == s) {
            *at = s->next;
            return;
        }
    }
}

static struct wss_stream *find(struct wss_conn *conn, uint32_t id)
{
    struct wss_stream *s = conn->streams;
    while (s != NULL && s->id != id)
        s = s->next;
    return s;
}

static void end(struct wss_stream *s, enum err e, const char *words)
{
    pthread_mutex_lock(&s->lock);
    if (!s->over) {
        s->over = s->their_end = true;
        s->err = e;
        snprintf(s->words, sizeof(s->words), "%s", words);
    }
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static void take_message(struct wss_stream *s, struct peer_event *event)
{
    const Hallmark__V1__FrameData *data = event->frame->data;
    struct item *item = calloc(1, sizeof(*item));
    if (item == NULL ||
        buf_copy(&item->message, span_of(data->payload.data, data->payload.len)) != ERR_OK) {
        free(item);
        end(s, ERR_MEMORY, "no memory for a message");
        return;
    }
    pthread_mutex_lock(&s->lock);
    *s->tail = item;
    s->tail = &item->next;
    s->their_end = s->their_end || data->end_stream;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

void stream_event(struct wss_conn *conn, struct peer_event *event)
{
    struct wss_stream *s = find(conn, event->stream);
    if (s == NULL) {
        /* No stream reads it, and the connection's credit is shared by all: it is granted
         * again. */
        if (event->kind == PEER_DATA)
            peer_consumed(conn->peer, event->stream, event->frame->data->payload.len);
        return;
    }
    if (event->kind == PEER_DATA) {
        take_message(s, event);
    } else if (event->kind == PEER_CREDIT) {
        pthread_mutex_lock(&s->lock);
        s->credit = true;
        pthread_cond_broadcast(&s->changed);
        pthread_mutex_unlock(&s->lock);
    } else if (event->kind == PEER_CANCELLED) {
        end(s, ERR_CANCELLED, "cancelled by the caller, or its deadline has passed");
    }
}

void stream_end_all(struct wss_conn *conn, const char *words)
{
    for (struct wss_stream *s = conn->streams; s != NULL; s = s->next)
        end(s, ERR_CLOSED, words);
}

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
    end(s, e, response->message);
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
        list(s);
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
    list(s);
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
    consumed(s, item->message.len);
    buf_free(message_out);
    *message_out = buf_take(&item->message);
    free(item);
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

/* Under conn->lock: grants the connection's credit for unread messages again. */
static void unread(struct wss_stream *s)
{
    pthread_mutex_lock(&s->lock);
    for (const struct item *item = s->head; item != NULL; item = item->next)
        peer_consumed(s->conn->peer, s->id, item->message.len);
    pthread_mutex_unlock(&s->lock);
}

void wss_stream_free(struct wss_stream *s)
{
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->conn->lock);
    unlist(s);
    if (s->conn->peer != NULL) {
        unread(s);
        peer_cancel(s->conn->peer, s->id, "no longer wanted");
    }
    pthread_mutex_unlock(&s->conn->lock);
    conn_wake(s->conn);
    stream_drop(s);
}
