/* SPDX-License-Identifier: MIT */
/*
 * conn_close: how this end closes a connection. Called by the programs on any thread, and by
 * the carrier on the I/O thread. What is queued must be sent before the close frame.
 */
#include <stdio.h>

#include "common/wss/conn.h"

/* Closes when what is queued has been sent. Under conn->lock. */
void conn_fault(struct wss_conn *conn, unsigned code, const char *reason)
{
    if (conn->close_code != 0)
        return;
    conn->close_code = code;
    snprintf(conn->close_reason, sizeof(conn->close_reason), "%s", reason);
}

void conn_violation(struct wss_conn *conn, enum err e)
{
    const struct wss_handler *handler = &conn->wss->config.handler;
    if (conn->accepted && handler->violation != NULL)
        handler->violation(handler->context, conn, e, conn->close_reason);
}

void wss_conn_close(struct wss_conn *conn, unsigned code, const char *reason)
{
    pthread_mutex_lock(&conn->lock);
    conn_fault(conn, code, reason);
    pthread_mutex_unlock(&conn->lock);
    conn_wake(conn);
}

void wss_conn_go_away(struct wss_conn *conn, const char *reason, uint32_t drain_ms)
{
    pthread_mutex_lock(&conn->lock);
    if (conn->peer != NULL)
        peer_go_away(conn->peer, reason, drain_ms);
    pthread_mutex_unlock(&conn->lock);
    conn_wake(conn);
}
