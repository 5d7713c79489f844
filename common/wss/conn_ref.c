/* SPDX-License-Identifier: MIT */
/*
 * conn_ref: what everybody may do with a connection: keep it, ask whose it is, wake the I/O
 * thread for it. Any thread.
 */
#include <stdlib.h>

#include "common/wss/conn.h"

struct wss_conn *wss_conn_keep(struct wss_conn *conn)
{
    atomic_fetch_add(&conn->refs, 1);
    return conn;
}

void wss_conn_drop(struct wss_conn **conn_pointer)
{
    struct wss_conn *conn = *conn_pointer;
    *conn_pointer = NULL;
    if (conn == NULL || atomic_fetch_sub(&conn->refs, 1) != 1)
        return;
    peer_free(conn->peer);
    buf_free(&conn->rx);
    pthread_mutex_destroy(&conn->lock);
    free(conn);
}

void wss_conn_set_user(struct wss_conn *conn, void *user)
{
    conn->user = user;
}

void wss_conn_count_unsent(struct wss_conn *conn, struct meter *total)
{
    pthread_mutex_lock(&conn->lock);
    peer_count_unsent(conn->peer, total);
    pthread_mutex_unlock(&conn->lock);
}

void wss_conn_meter_early(struct wss_conn *conn, struct meter *meter)
{
    pthread_mutex_lock(&conn->lock);
    conn->early = meter;
    pthread_mutex_unlock(&conn->lock);
}

void *wss_conn_user(const struct wss_conn *conn)
{
    return conn->user;
}

int64_t wss_conn_time_us(struct wss_conn *conn)
{
    pthread_mutex_lock(&conn->lock);
    int64_t time_us = conn->peer == NULL ? 0 : peer_time_us(conn->peer);
    pthread_mutex_unlock(&conn->lock);
    return time_us;
}

const char *wss_conn_address(const struct wss_conn *conn)
{
    return conn->address;
}

/* The thread that finds the list empty wakes the I/O thread, unless it is the I/O thread. */
void conn_wake(struct wss_conn *conn)
{
    struct wss *wss = conn->wss;
    bool here = pthread_equal(wss->io, pthread_self()) != 0;
    if ((here && wss->served == conn) || atomic_exchange(&conn->woken, true))
        return;
    struct wss_conn *head = atomic_load(&wss->woken);
    wss_conn_keep(conn);
    do
        conn->next_woken = head;
    while (!atomic_compare_exchange_weak(&wss->woken, &head, conn));
    if (head == NULL && !here)
        ev_async_send(wss->loop, &wss->wake);
}
