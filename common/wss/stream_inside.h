/* SPDX-License-Identifier: MIT */
/* stream_inside: what stream.c and stream_event.c share: a stream, and the messages that wait
 * in it. s->lock protects the fields after it; it is taken after conn->lock and must not be
 * held while waiting for that. */
#pragma once

#include "common/host/log.h"
#include "common/wss/conn.h"

struct item {
    struct item *next;
    struct buf message;
    struct meter *meter; /* that it is charged to; or NULL */
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

/* With one reference, for stream_drop(); NULL: no memory. */
struct wss_stream *stream_new(struct wss_conn *conn, uint64_t deadline_ms);
void stream_drop(struct wss_stream *s);

/* Under conn->lock: events of the connection reach the stream between these. What has not been
 * read then gives its credit back. */
void stream_list(struct wss_stream *s);
void stream_unlist(struct wss_stream *s);

/* No more events come, because of e. */
void stream_over(struct wss_stream *s, enum err e, const char *words);
void item_free(struct item *item); /* takes it off its meter */
