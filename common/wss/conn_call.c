/* SPDX-License-Identifier: MIT */
/*
 * conn_call: calls over a connection and answers to its peer's. Any thread; what a call ends
 * with comes on the I/O thread.
 */
#include <stdlib.h>

#include "common/host/log.h"
#include "common/rpc/rpc.h"
#include "common/wss/conn.h"

/* A call of this end that waits for its answer. */
struct pending {
    wss_done *done;
    void *context;
};

void conn_answer(struct peer_event *event)
{
    struct pending *pending = event->tag;
    pending->done(pending->context, event->frame->response);
    free(pending);
    peer_event_free(event);
}

enum err conn_call(struct wss_conn *conn, Hallmark__V1__FrameRequest *request, wss_done *done,
                   void *context)
{
    if (conn->peer == NULL || conn->closing)
        return fail_quiet(ERR_CLOSED, "wss: connection closed: %s", conn->close_reason);
    struct pending *pending = malloc(sizeof(*pending));
    if (pending == NULL)
        return fail(ERR_MEMORY, "wss: no memory for a call");
    *pending = (struct pending){ done, context };
    enum err e = peer_call(conn->peer, request, pending, rpc_now_ms());
    if (e != ERR_OK)
        free(pending);
    return e;
}

enum err wss_call(struct wss_conn *conn, const Hallmark__V1__FrameRequest *request,
                  wss_done *done, void *context)
{
    Hallmark__V1__FrameRequest copy = *request;
    copy.end_stream = true;
    pthread_mutex_lock(&conn->lock);
    enum err e = conn_call(conn, &copy, done, context);
    pthread_mutex_unlock(&conn->lock);
    TRY(e);
    conn_wake(conn);
    return ERR_OK;
}

enum err wss_respond(struct wss_conn *conn, const Hallmark__V1__FrameResponse *response)
{
    Hallmark__V1__FrameResponse copy = *response;
    pthread_mutex_lock(&conn->lock);
    enum err e = conn->peer == NULL ? fail_quiet(ERR_CLOSED, "wss: connection closed")
                                    : peer_respond(conn->peer, &copy);
    pthread_mutex_unlock(&conn->lock);
    conn_wake(conn);
    return e;
}
