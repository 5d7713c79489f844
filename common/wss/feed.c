/* SPDX-License-Identifier: MIT */
/*
 * feed: collects the pieces of a received message until it is complete. Called by callback.c on
 * the I/O thread. What it keeps must be bounded twice: by the size of one message, and by the
 * meter of its sender (test_wss_http).
 */
#include "common/host/log.h"
#include "common/rpc/rpc.h"
#include "common/wss/conn.h"

void wss_conn_meter_received(struct wss_conn *conn, struct meter *meter)
{
    conn->received = meter;
}

/* I/O thread: the message in rx is complete, or will not become complete. */
void conn_empty_rx(struct wss_conn *conn)
{
    if (conn->received != NULL)
        meter_give(conn->received, conn->rx.len);
    buf_free(&conn->rx);
}

static enum err no_room(struct wss_conn *conn, enum err e, const char *why)
{
    pthread_mutex_lock(&conn->lock);
    conn_fault(conn, WSS_CLOSE_TRY_AGAIN, why);
    pthread_mutex_unlock(&conn->lock);
    return fail_quiet(e, "wss: %s: %s", conn->address, why);
}

/* A piece of an incomplete message. Without it the rest is no message: the connection ends. */
static enum err add_piece(struct wss_conn *conn, struct span piece)
{
    if (conn->received != NULL && !meter_take(conn->received, piece.len))
        return no_room(conn, ERR_EXHAUSTED, "too many bytes of messages that are not whole");
    if (buf_append(&conn->rx, piece) == ERR_OK)
        return ERR_OK;
    if (conn->received != NULL)
        meter_give(conn->received, piece.len);
    return no_room(conn, ERR_MEMORY, "no memory for a message");
}

enum err conn_feed(struct wss_conn *conn, struct span fragment, bool last)
{
    if (fragment.len > RPC_MESSAGE_MAX - conn->rx.len) {
        pthread_mutex_lock(&conn->lock);
        conn_fault(conn, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, "message over the limit");
        pthread_mutex_unlock(&conn->lock);
        return fail(ERR_LIMIT, "wss: %s: message over %d bytes", conn->address,
                    RPC_MESSAGE_MAX);
    }
    bool whole = last && conn->rx.len == 0;
    if (!whole)
        TRY(add_piece(conn, fragment));
    if (!last)
        return ERR_OK;
    pthread_mutex_lock(&conn->lock);
    enum err e = peer_receive(conn->peer, whole ? fragment : buf_span(&conn->rx), rpc_now_ms());
    if (e != ERR_OK) {
        unsigned code = peer_close_code(conn->peer);
        conn_fault(conn, code == 0 ? LWS_CLOSE_STATUS_UNEXPECTED_CONDITION : code,
                   fail_words());
    }
    pthread_mutex_unlock(&conn->lock);
    conn_empty_rx(conn);
    return e;
}
