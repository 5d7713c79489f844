/* SPDX-License-Identifier: MIT */
/*
 * callback: libwebsockets' callbacks: connections, frames, closes. Called by libwebsockets on
 * the I/O thread. It must not block, and must not pass on a frame of a peer that was not
 * accepted.
 */
#include "common/wss/conn.h"
#include "common/wss/http.h"

#include <string.h>

#include "common/host/log.h"

static struct wss *wss_of(struct lws *wsi)
{
    return lws_context_user(lws_get_context(wsi));
}

/* A refusal by policy is permanent; a lack of resources is temporary. */
static unsigned refusal_code(enum err e)
{
    uint32_t status = err_status(e);
    return status == ERR_EXHAUSTED || status == ERR_UNAVAILABLE
               ? WSS_CLOSE_TRY_AGAIN
               : LWS_CLOSE_STATUS_POLICY_VIOLATION;
}

static int establish(struct lws *wsi, struct wss_conn **slot)
{
    struct wss *wss = wss_of(wsi);
    connect_made(wss);
    handshake_done(&wss->handshake, wsi);
    X509 *certificate = NULL;
    bool ok = tls_peer_ok(lws_get_ssl(wsi), &certificate);
    struct wss_peer peer = { .certificate = certificate };
    lws_get_peer_simple(wsi, peer.address, sizeof(peer.address));
    address_unmap(peer.address);
    struct wss_conn *conn = ok ? conn_new(wss, wsi, peer.address) : NULL;
    *slot = conn;
    if (conn == NULL) {
        X509_free(certificate);
        return -1;
    }
    conn->accepted = true;
    if (!wss->config.server)
        close_frame_watch(conn);
    conn_begin(conn);
    enum err e = wss->config.handler.accept == NULL
                     ? ERR_OK
                     : wss->config.handler.accept(wss->config.handler.context, conn, &peer);
    if (e != ERR_OK) {
        conn->accepted = false;
        pthread_mutex_lock(&conn->lock);
        AUTO(buf_free) struct buf hello = { 0 };
        while (peer_pull(conn->peer,
                         &hello)) /* a refused peer gets the close frame and nothing else */
            ;
        conn_fault(conn, refusal_code(e), fail_words());
        pthread_mutex_unlock(&conn->lock);
    }
    X509_free(certificate);
    conn_end(conn);
    return 0;
}

static int receive(struct lws *wsi, struct wss_conn *conn, struct span piece)
{
    if (conn->leaving)
        return 0;
    conn_begin(conn);
    if (!lws_frame_is_binary(wsi)) {
        pthread_mutex_lock(&conn->lock);
        conn_fault(conn, LWS_CLOSE_STATUS_UNACCEPTABLE_OPCODE, "text frames are refused");
        pthread_mutex_unlock(&conn->lock);
        log_line(LOG_LEVEL_WARN, "wss: %s: text frame refused", conn->address);
        conn_violation(conn, ERR_INVALID);
    } else if (conn->close_code == 0 && conn->accepted) {
        bool last = lws_is_final_fragment(wsi) != 0 && lws_remaining_packet_payload(wsi) == 0;
        enum err e = conn_feed(conn, piece, last);
        if (e != ERR_OK)
            conn_violation(conn, e);
        else if (last)
            conn_events(conn);
    }
    conn_end(conn);
    return 0;
}

/* The peer's close frame: a two-byte code and a text. */
static void peer_close(struct wss_conn *conn, struct span body)
{
    struct rd r = rd_of(body);
    (void)rd_u16be(&r);
    unsigned code = close_frame_code(conn, body);
    int len = (int)(r.rest.len < WSS_REASON_MAX - 24 ? r.rest.len : WSS_REASON_MAX - 24);
    char reason[WSS_REASON_MAX + 1];
    conn->leaving = true; /* lws answers, and reads no more */
    close_frame_forget(conn);
    if (r.err != ERR_OK)
        return;
    snprintf(reason, sizeof(reason), "closed by the peer (%u): %.*s", code, len,
             (const char *)r.rest.ptr);
    pthread_mutex_lock(&conn->lock);
    conn->by_peer = conn->close_code == 0;
    conn_fault(conn, code, reason);
    pthread_mutex_unlock(&conn->lock);
}

void wss_woken(struct wss *wss)
{
    conn_attend_woken(wss);
    if (atomic_exchange(&wss->renewing, false) &&
        wss->config.tls_setup(wss->config.tls_context, wss->tls) != ERR_OK)
        log_line(LOG_LEVEL_ERROR, "wss: the new certificate is not used");
    connect_go_on(wss);
}

static int on_connection(struct lws *wsi, enum lws_callback_reasons reason,
                         struct wss_conn **slot, struct span in)
{
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        return establish(wsi, slot);
    case LWS_CALLBACK_RECEIVE:
    case LWS_CALLBACK_CLIENT_RECEIVE:
        return *slot == NULL ? -1 : receive(wsi, *slot, in);
    case LWS_CALLBACK_SERVER_WRITEABLE:
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return *slot == NULL ? -1 : conn_write(*slot);
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        if (*slot != NULL)
            peer_close(*slot, in);
        return 0;
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_CLIENT_CLOSED:
        if (*slot != NULL)
            conn_closed(TAKE(*slot));
        return 0;
    default:
        return 0;
    }
}

int wss_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                 size_t len)
{
    switch (reason) {
    case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS:
    case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_CLIENT_VERIFY_CERTS:
        return tls_prepare(wss_of(wsi), user) == ERR_OK ? 0 : 1;
    case LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION: /* len: OpenSSL's verdict */
        trust_server(wss_of(wsi), len != 0, user);
        return 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        connect_failed(wss_of(wsi), wsi, in);
        return 0;
    case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
        handshake_add(&wss_of(wsi)->handshake, wsi);
        return 0;
    case LWS_CALLBACK_WSI_DESTROY: /* lws does not report all handshakes that ended early */
        handshake_done(&wss_of(wsi)->handshake, wsi);
        if (wsi == wss_of(wsi)->attempt)
            connect_failed(wss_of(wsi), wsi,
                           "the server closed the connection in the handshake");
        return 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return http_confirm_upgrade(wsi);
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION: /* without our subprotocol lws picks row 0 */
        return strcmp(lws_get_protocol(wsi)->name, RPC_SUBPROTOCOL) == 0 ? 0 : 1;
    case LWS_CALLBACK_HTTP:
        return http_refuse_request(wsi);
    default:
        if (user == NULL)
            return 0;
        return on_connection(wsi, reason, user, span_of(in, len));
    }
}
