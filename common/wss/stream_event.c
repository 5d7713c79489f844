/* SPDX-License-Identifier: MIT */
/*
 * stream_event: the I/O thread's side of streaming calls: what arrives on them, and their ends.
 * Called under conn->lock. What it keeps for a reader is bounded by the credit granted, and on
 * a connection that was not admitted yet by the meter of its sender (test_wss_stream).
 */
#include "common/wss/stream_inside.h"

#include <stdlib.h>

void item_free(struct item *item)
{
    if (item->meter != NULL)
        meter_give(item->meter, item->message.len);
    buf_free(&item->message);
    free(item);
}

struct wss_stream *stream_new(struct wss_conn *conn, uint64_t deadline_ms)
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

void stream_drop(struct wss_stream *s)
{
    if (atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    while (s->head != NULL) {
        struct item *item = s->head;
        s->head = item->next;
        item_free(item);
    }
    buf_free(&s->answer);
    wss_conn_drop(&s->conn);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

void stream_list(struct wss_stream *s)
{
    s->next = s->conn->streams;
    s->conn->streams = s;
}

/* Grants the connection's credit for unread messages again. */
static void unread(struct wss_stream *s)
{
    pthread_mutex_lock(&s->lock);
    for (const struct item *item = s->head; item != NULL; item = item->next)
        peer_consumed(s->conn->peer, s->id, item->message.len);
    pthread_mutex_unlock(&s->lock);
}

void stream_unlist(struct wss_stream *s)
{
    struct wss_stream **at = &s->conn->streams;
    while (*at != NULL && *at != s)
        at = &(*at)->next;
    if (*at == s)
        *at = s->next;
    if (s->conn->peer != NULL)
        unread(s);
}

static struct wss_stream *find(struct wss_conn *conn, uint32_t id)
{
    struct wss_stream *s = conn->streams;
    while (s != NULL && s->id != id)
        s = s->next;
    return s;
}

void stream_over(struct wss_stream *s, enum err e, const char *words)
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

/* Over the meter the call ends; what was taken stays until the stream is freed. */
static enum err item_make(struct wss_conn *conn, const Hallmark__V1__FrameData *data,
                          struct item **item_out)
{
    struct item *item = calloc(1, sizeof(*item));
    struct span payload = span_of(data->payload.data, data->payload.len);
    if (item == NULL || buf_copy(&item->message, payload) != ERR_OK) {
        free(item);
        return fail(ERR_MEMORY, "no memory for a message");
    }
    if (conn->early != NULL && !meter_take(conn->early, payload.len)) {
        item_free(item);
        return fail_quiet(ERR_EXHAUSTED,
                          "too many bytes of messages before the connection was admitted");
    }
    item->meter = conn->early;
    *item_out = item;
    return ERR_OK;
}

static void item_add(struct wss_stream *s, struct item *item, bool last)
{
    pthread_mutex_lock(&s->lock);
    *s->tail = item;
    s->tail = &item->next;
    s->their_end = s->their_end || last;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static bool is_over(struct wss_stream *s)
{
    pthread_mutex_lock(&s->lock);
    bool over = s->over;
    pthread_mutex_unlock(&s->lock);
    return over;
}

/* false: it will not be read. */
static bool take_message(struct wss_stream *s, const Hallmark__V1__FrameData *data)
{
    struct item *item = NULL;
    if (is_over(s))
        return false;
    enum err e = item_make(s->conn, data, &item);
    if (e == ERR_OK)
        item_add(s, item, data->end_stream);
    else
        stream_over(s, e, fail_words());
    return e == ERR_OK;
}

/* What no stream reads: the connection's credit is shared by all, so it is granted again. */
static void stream_message(struct wss_conn *conn, struct wss_stream *s,
                           const Hallmark__V1__FrameData *data)
{
    if (s == NULL || !take_message(s, data))
        peer_consumed(conn->peer, data->stream, data->payload.len);
}

void stream_event(struct wss_conn *conn, struct peer_event *event)
{
    struct wss_stream *s = find(conn, event->stream);
    if (event->kind == PEER_DATA) {
        stream_message(conn, s, event->frame->data);
    } else if (event->kind == PEER_CREDIT && s != NULL) {
        pthread_mutex_lock(&s->lock);
        s->credit = true;
        pthread_cond_broadcast(&s->changed);
        pthread_mutex_unlock(&s->lock);
    } else if (event->kind == PEER_CANCELLED && s != NULL) {
        stream_over(s, ERR_CANCELLED, "cancelled by the caller, or its deadline has passed");
    }
}

void stream_end_all(struct wss_conn *conn, const char *words)
{
    for (struct wss_stream *s = conn->streams; s != NULL; s = s->next)
        stream_over(s, ERR_CLOSED, words);
}
