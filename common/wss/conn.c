/* SPDX-License-Identifier: MIT */
/*
 * conn: sending, timers and events of a connection. Called on the I/O thread, and by any thread
 * for calls and answers. conn->lock protects the peer and its streams, and must not be held
 * while a handler of the program runs.
 */
#include "common/wss/conn.h"

#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "common/rpc/rpc.h"

enum {
    BURST_MAX = 16,         /* messages that a connection may send before others */
    TX_KEPT_MAX = 64 << 10, /* bytes of a send buffer worth keeping */
    LINGER_MS = 2000
};

static void on_timer(struct ev_loop *loop, struct ev_timer *timer, int events);

struct wss_conn *conn_new(struct wss *wss, struct lws *wsi, const char *address)
{
    struct wss_conn *conn = calloc(1, sizeof(*conn));
    if (conn == NULL)
        return NULL;
    conn->peer = peer_new(wss->config.server ? PEER_SERVER : PEER_CLIENT, wss->config.software,
                          rpc_now_ms());
    if (conn->peer == NULL || pthread_mutex_init(&conn->lock, NULL) != 0) {
        peer_free(conn->peer);
        free(conn);
        return NULL;
    }
    atomic_init(&conn->refs, 1);
    conn->wss = wss;
    conn->wsi = wsi;
    conn->timer_ms = UINT64_MAX;
    ev_timer_init(&conn->timer, on_timer, 0, 0);
    snprintf(conn->address, sizeof(conn->address), "%s", address);
    return conn;
}

void wss_conn_authenticated(struct wss_conn *conn)
{
    pthread_mutex_lock(&conn->lock);
    conn->early = NULL;
    pthread_mutex_unlock(&conn->lock);
    admission_know(&conn->wss->admission, conn->address);
}

/* A timer that fires too early is harmless; so it is left alone while it is not too late. */
static void set_timer(struct wss_conn *conn, uint64_t wake_ms)
{
    if (wake_ms >= conn->timer_ms)
        return;
    uint64_t now = rpc_now_ms();
    conn->timer_ms = wake_ms;
    ev_timer_stop(conn->wss->loop, &conn->timer);
    ev_timer_init(&conn->timer, on_timer, wake_ms > now ? (double)(wake_ms - now) / 1e3 : 0, 0);
    ev_timer_start(conn->wss->loop, &conn->timer);
}

/* Ends a close in time, whatever the peer reads or answers. */
static void end_by(struct wss_conn *conn, unsigned ms)
{
    conn->gone_by_ms = rpc_now_ms() + ms;
    set_timer(conn, conn->gone_by_ms);
}

/* Called from the timer and not in a callback of lws, so the socket can be closed here, and
 * conn with it. */
static void linger(struct wss_conn *conn)
{
    if (rpc_now_ms() < conn->gone_by_ms)
        set_timer(conn, conn->gone_by_ms + 1);
    else if (conn->wsi != NULL)
        lws_set_timeout(conn->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

static void on_timer(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    (void)loop, (void)events;
    struct wss_conn *conn = lws_container_of(timer, struct wss_conn, timer);
    conn->timer_ms = UINT64_MAX;
    if (conn->gone_by_ms != 0) {
        linger(conn);
        return;
    }
    conn_begin(conn);
    pthread_mutex_lock(&conn->lock);
    if (conn->peer != NULL)
        peer_tick(conn->peer, rpc_now_ms());
    pthread_mutex_unlock(&conn->lock);
    conn_events(conn);
    conn_end(conn);
}

static bool send_message(struct wss_conn *conn, struct span message)
{
    struct buf *tx = &conn->wss->tx;
    if (buf_resize(tx, LWS_PRE) != ERR_OK || buf_append(tx, message) != ERR_OK)
        return false;
    int sent = lws_write(conn->wsi, tx->ptr + LWS_PRE, message.len, LWS_WRITE_BINARY);
    wipe(tx->ptr, tx->len);
    if (tx->cap > TX_KEPT_MAX)
        buf_free(tx);
    return sent >= (int)message.len;
}

/* Send what is queued, until lws holds bytes back or others should have their turn. false: the
 * connection is broken. A connection that is closing writes only when it is WRITEABLE: the
 * peer's close frame may have come. */
static bool flush(struct wss_conn *conn, bool closing_too)
{
    for (unsigned i = 0; i < BURST_MAX && lws_partial_buffered(conn->wsi) == 0; i++) {
        AUTO(buf_free) struct buf message = { 0 };
        pthread_mutex_lock(&conn->lock);
        bool have = (closing_too || conn->close_code == 0) && peer_pull(conn->peer, &message);
        pthread_mutex_unlock(&conn->lock);
        if (!have)
            return true;
        if (!send_message(conn, buf_span(&message)))
            return false;
    }
    return true;
}

/* Under conn->lock. Closes over what no frame of the peer has shown: its HELLO is late, or it
 * does not read its answers. ERR_OK: there is nothing of that kind, or it was seen before. */
static enum err take_silence(struct wss_conn *conn)
{
    unsigned code = peer_close_code(conn->peer);
    if (code == 0 || conn->close_code != 0)
        return ERR_OK;
    bool late = code == WSS_CLOSE_TRY_AGAIN;
    conn_fault(conn, code, late ? "no HELLO in time" : "the peer does not read");
    return late ? ERR_DEADLINE : ERR_EXHAUSTED;
}

/* Output is written immediately: most sockets take it, and waiting for poll would cost a
 * wake-up for each message. What a socket does not take, and closing, waits for WRITEABLE. */
static void attend(struct wss_conn *conn)
{
    if (conn->wsi == NULL || conn->leaving)
        return;
    if (!flush(conn, false)) {
        lws_set_timeout(conn->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
        return;
    }
    pthread_mutex_lock(&conn->lock);
    enum err silence = take_silence(conn);
    bool write = conn->close_code != 0 || peer_has_output(conn->peer);
    bool closing = conn->close_code != 0;
    uint64_t wake = peer_wake_ms(conn->peer);
    pthread_mutex_unlock(&conn->lock);
    if (silence != ERR_OK)
        conn_violation(conn, silence);
    if (closing && conn->gone_by_ms == 0)
        end_by(conn, RPC_HANGUP_MS);
    if (write)
        lws_callback_on_writable(conn->wsi);
    set_timer(conn, wake);
}

/* Takes the list; from then on each connection may be put in it again. */
static void empty_woken(struct wss *wss, void (*each)(struct wss_conn *conn))
{
    struct wss_conn *conn = atomic_exchange(&wss->woken, NULL);
    while (conn != NULL) {
        struct wss_conn *next = conn->next_woken;
        atomic_store(&conn->woken, false);
        each(conn);
        wss_conn_drop(&conn);
        conn = next;
    }
}

void conn_attend_woken(struct wss *wss)
{
    empty_woken(wss, attend);
}

static void forget(struct wss_conn *conn)
{
    (void)conn;
}

void conn_forget_woken(struct wss *wss)
{
    empty_woken(wss, forget);
}

void conn_begin(struct wss_conn *conn)
{
    conn->wss->served = conn;
}

void conn_end(struct wss_conn *conn)
{
    conn->wss->served = NULL;
    attend(conn);
    conn_attend_woken(conn->wss);
}

/* Once lws has the close frame, it reads and drops what arrives until the peer's close frame,
 * or for LINGER_MS. A second -1 would close the socket; unread bytes would then make it a
 * reset, by which the peer may lose the close frame. */
int conn_write(struct wss_conn *conn)
{
    if (conn->leaving)
        return 0;
    if (!flush(conn, true))
        return -1;
    pthread_mutex_lock(&conn->lock);
    bool more = peer_has_output(conn->peer) || lws_partial_buffered(conn->wsi) != 0;
    unsigned code = conn->close_code;
    pthread_mutex_unlock(&conn->lock);
    if (more)
        lws_callback_on_writable(conn->wsi);
    if (more || code == 0)
        return 0;
    conn->leaving = true;
    close_frame_forget(conn);
    end_by(conn, LINGER_MS);
    lws_close_reason(conn->wsi, (enum lws_close_status)code, (uint8_t *)conn->close_reason,
                     strlen(conn->close_reason));
    return -1;
}

static void conn_refused(struct wss_conn *conn, struct peer_event *event)
{
    const struct wss_handler *handler = &conn->wss->config.handler;
    if (conn->accepted && handler->violation != NULL)
        handler->violation(handler->context, conn, event->err, event->words);
    peer_event_free(event);
}

void conn_events(struct wss_conn *conn)
{
    const struct wss_handler *handler = &conn->wss->config.handler;
    for (;;) {
        struct peer_event event;
        pthread_mutex_lock(&conn->lock);
        bool have = conn->peer != NULL && peer_next_event(conn->peer, &event);
        pthread_mutex_unlock(&conn->lock);
        if (!have)
            return;
        if (event.kind == PEER_DATA || event.kind == PEER_CREDIT ||
            event.kind == PEER_CANCELLED) {
            pthread_mutex_lock(&conn->lock);
            stream_event(conn, &event);
            pthread_mutex_unlock(&conn->lock);
        }
        if (event.kind == PEER_GOING_AWAY && handler->going_away != NULL)
            handler->going_away(handler->context, conn, event.frame->go_away->reason);
        if (event.kind == PEER_RESPONSE)
            conn_answer(&event);
        else if (event.kind == PEER_REQUEST && handler->request != NULL)
            handler->request(handler->context, conn, &event);
        else if (event.kind == PEER_OPEN && handler->open != NULL)
            handler->open(handler->context, conn);
        else if (event.kind == PEER_CANCELLED && handler->cancelled != NULL)
            handler->cancelled(handler->context, conn, event.stream);
        else if (event.kind == PEER_REFUSED)
            conn_refused(conn, &event);
        else
            peer_event_free(&event);
    }
}

void conn_closed(struct wss_conn *conn)
{
    char reason[sizeof(conn->close_reason)];
    ev_timer_stop(conn->wss->loop, &conn->timer);
    close_frame_forget(conn);
    conn->wsi = NULL;
    conn_empty_rx(conn);
    pthread_mutex_lock(&conn->lock);
    snprintf(reason, sizeof(reason), "%s",
             conn->close_reason[0] != '\0' ? conn->close_reason : "connection lost");
    conn->closing = true;
    peer_fail_calls(conn->peer, ERR_CLOSED, reason);
    stream_end_all(conn, reason);
    pthread_mutex_unlock(&conn->lock);
    conn_events(conn);
    pthread_mutex_lock(&conn->lock);
    struct peer *peer = TAKE(conn->peer);
    pthread_mutex_unlock(&conn->lock);
    peer_free(peer);
    if (conn->accepted && conn->wss->config.handler.closed != NULL)
        conn->wss->config.handler.closed(conn->wss->config.handler.context, conn, reason);
    struct wss *wss = conn->wss;
    wss_conn_drop(&conn);
    conn_attend_woken(wss);
}
