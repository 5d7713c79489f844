/* SPDX-License-Identifier: MIT */
/*
 * stream: one streaming call, at either end, for a thread that may block.
 *
 * The I/O thread fills it, its owner empties it. What waits is bounded by the credit granted
 * (common/rpc/limits.h), so a slow reader blocks its own writer only. A wait ends at the latest
 * with the call's deadline, its cancellation or the connection's loss (test_wss_stream). One
 * owner thread at a time; freeing a client's stream before its end cancels the call.
 */
#pragma once

#include "common/wss/wss.h"

struct wss_stream;

/* Client: calls request->method; messages may follow. *stream_out is the caller's, for
 * wss_stream_free(). */
enum err wss_stream_open(struct wss_conn *conn, const Hallmark__V1__FrameRequest *request,
                         struct wss_stream **stream_out);

/* Server: takes over the call that event announces. Called in wss_handler.request, before it
 * returns. */
enum err wss_stream_accept(struct wss_conn *conn, const struct peer_event *event,
                           struct wss_stream **stream_out);

/* Waits for credit, and gives how large a message may be now; not 0. */
enum err wss_stream_room(struct wss_stream *stream, size_t *room_out);

/* Waits for credit. end: nothing follows from this side. */
enum err wss_stream_send(struct wss_stream *stream, struct span message, bool end);

/* Waits for the next message; end_out without one when the other side has sent its last. On the
 * client the end is the answer: see wss_stream_finish. */
enum err wss_stream_receive(struct wss_stream *stream, struct buf *message_out, bool *end_out);

/* Client: waits for the answer and returns its status, with its message in fail_words().
 * payload_out may be NULL. */
enum err wss_stream_finish(struct wss_stream *stream, struct buf *payload_out);

/* ERR_OK while the call is open; else why it ended, with a message. Does not wait. */
enum err wss_stream_check(struct wss_stream *stream);

void wss_stream_free(struct wss_stream *stream); /* NULL is fine */
