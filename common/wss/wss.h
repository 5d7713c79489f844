/* SPDX-License-Identifier: MIT */
/*
 * wss: the WebSocket carrier of common/rpc, server and client side. The one folder besides
 * oem-server/net that includes libwebsockets.
 *
 * One struct wss is one I/O thread; it does I/O only. Callbacks run on it and must not block:
 * they hand work to others, who answer with wss_respond() from any thread. TLS 1.3 only,
 * certificates on both sides, no session tickets (a resumed session would skip revocation), no
 * compression, subprotocol RPC_SUBPROTOCOL; text frames are closed with 1003, other breaches
 * per RFC 6455 7.4.1.
 *
 * A struct wss_conn is counted: callbacks lend it, wss_conn_keep/wss_conn_drop hold it longer.
 * Calls on a closed connection give ERR_CLOSED. Used by both programs.
 */
#pragma once

#include <openssl/ssl.h>

#include "common/host/meter.h"
#include "common/rpc/peer.h"

struct wss;
struct wss_conn;

/* Who is at the other end, as TLS proved it. Borrowed for the callback. */
struct wss_peer {
    X509 *certificate;
    char address[64];
};

struct wss_handler {
    void *context;
    /* Server: a handshake has passed TLS. Any error closes with 1008, or 1013 if something was
     * lacking (UNAVAILABLE, RESOURCE_EXHAUSTED), and fail_words() as reason. */
    enum err (*accept)(void *context, struct wss_conn *conn, const struct wss_peer *peer);
    /* Client: HELLO has come, calls may be made. */
    void (*open)(void *context, struct wss_conn *conn);
    /* A call to serve. event is the callee's, to be freed with peer_event_free. */
    void (*request)(void *context, struct wss_conn *conn, struct peer_event *event);
    /* The call on stream was given up by its caller or missed its deadline. */
    void (*cancelled)(void *context, struct wss_conn *conn, uint32_t stream);
    /* The connection is gone; reason is for people. conn's user is not called again. */
    void (*closed)(void *context, struct wss_conn *conn, const char *reason);
    /* Server: TLS refused a peer before any connection was. alert: OpenSSL's words. */
    void (*tls_refused)(void *context, const char *address, const char *alert);
    /* Server: an accepted peer broke the protocol and is being closed; e and words say how. */
    void (*breach)(void *context, struct wss_conn *conn, enum err e, const char *words);
    /* The peer takes no new calls on conn; those not looked at end by themselves. */
    void (*going_away)(void *context, struct wss_conn *conn, const char *reason);
    /* All that had come was handed on, and the I/O thread is about to wait for more. */
    void (*idle)(void *context);
};

/* Give the context its certificate and key (from a file or an HSM) and its trust anchors. */
typedef enum err wss_tls_setup(void *context, SSL_CTX *tls);

/* Server: what peers may have that TLS has not authenticated yet. Each 0: a default. */
struct wss_limits {
    unsigned handshakes_address, handshakes_all; /* not begun or not done */
    unsigned handshake_s;                        /* from the connection to its end */
    unsigned signing_percent; /* of the I/O thread's time, for addresses that are not known */
};

struct wss_config {
    bool server;
    const char
        *address;  /* server: interface or address to bind, NULL for all; client: host name */
    uint16_t port; /* server: 0 for any free one, see wss_port() */
    wss_tls_setup *tls_setup;
    void *tls_context;
    const char *software; /* of our HELLO */
    struct wss_limits limits;
    struct wss_handler handler;
};

enum err wss_start(const struct wss_config *config, struct wss **wss_out);
uint16_t wss_port(const struct wss *wss);

/* Closes all connections and joins the thread. Connections that are kept stay valid: calls on
 * them give ERR_CLOSED. wss_stop() does it too, and frees: nobody may hold a connection then.
 */
void wss_shutdown(struct wss *wss);
void wss_stop(struct wss *wss); /* NULL is fine */

/* Server: call tls_setup again, for connections from now on; those that are open go on. */
void wss_renew(struct wss *wss);

/* Client: connect once; open or closed is called. */
enum err wss_connect(struct wss *wss);

/* Client, in closed: may another attempt help? ERR_UNAVAILABLE: it may. Else it will not:
 * ERR_TLS (one side does not trust the other's certificate), ERR_DENIED (the server will not
 * have us), ERR_PROTO (it speaks something else). */
enum err wss_why(struct wss *wss, struct wss_conn *conn);

struct wss_conn *wss_conn_keep(struct wss_conn *conn);
void wss_conn_drop(struct wss_conn **conn);
void wss_conn_set_user(struct wss_conn *conn, void *user); /* in accept or open only */
/* In accept: total counts the connection's unsent bytes too, until closed has been called. */
void wss_conn_count_unsent(struct wss_conn *conn, struct meter *total);
/* In accept: bytes of messages that are not whole count there, until closed is called; what is
 * over its limit ends the connection with 1013. NULL: they do not count. */
void wss_conn_meter_received(struct wss_conn *conn, struct meter *meter);
void *wss_conn_user(const struct wss_conn *conn);
/* Any thread: its peer is one of ours. New connections from its address do not wait behind
 * those of unknown addresses, within a rate limit. */
void wss_conn_authenticated(struct wss_conn *conn);
const char *wss_conn_address(const struct wss_conn *conn);
size_t wss_message_max(struct wss_conn *conn); /* bytes of a payload that its peer takes */

/* Called on the I/O thread, once: response is borrowed. Never called before wss_call returns.
 */
typedef void wss_done(void *context, const Hallmark__V1__FrameResponse *response);

/* Any thread. request is copied. On an error at once, done is not called. */
enum err wss_call(struct wss_conn *conn, const Hallmark__V1__FrameRequest *request,
                  wss_done *done, void *context);
enum err wss_respond(struct wss_conn *conn, const Hallmark__V1__FrameResponse *response);
void wss_conn_close(struct wss_conn *conn, unsigned code, const char *reason);
void wss_conn_go_away(struct wss_conn *conn, const char *reason, uint32_t drain_ms);
