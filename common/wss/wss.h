/* SPDX-License-Identifier: MIT */
/*
 * wss: the WebSocket carrier of common/rpc, server and client side. The one folder besides
 * oem-server/net that includes libwebsockets.
 *
 * One struct wss is one I/O thread; it does I/O only. Callbacks run on it and must not block:
 * they hand work to other threads, which answer with wss_respond(). TLS 1.3 only, certificates
 * on both sides, no session tickets and no resumption, so each connection asks the registry
 * (tests/e2e/refusals/tls), no compression,
 * subprotocol RPC_SUBPROTOCOL; text frames are answered by close 1003, other protocol
 * violations as RFC 6455 7.4.1 has it.
 *
 * A struct wss_conn is reference-counted: callbacks lend it, wss_conn_keep() and
 * wss_conn_drop() hold it longer. Calls on a closed connection give ERR_CLOSED. Functions may
 * be called by any thread unless they say otherwise. Used by both programs.
 */
#pragma once

#include <openssl/ssl.h>

#include "common/host/meter.h"
#include "common/host/proxy.h"
#include "common/rpc/peer.h"

struct wss;
struct wss_conn;

/* The authenticated peer, as TLS proved it. Borrowed for the callback. */
struct wss_peer {
    X509 *certificate;
    char address[64];
};

struct wss_handler {
    void *context;
    /* Server: a handshake has passed TLS. An error closes the connection with 1008, or with
     * 1013 if it is temporary (UNAVAILABLE, RESOURCE_EXHAUSTED), with fail_words() as the
     * reason. */
    enum err (*accept)(void *context, struct wss_conn *conn, const struct wss_peer *peer);
    /* Client: HELLO has arrived, calls may be made. */
    void (*open)(void *context, struct wss_conn *conn);
    /* A call to serve. event is the callee's, to be freed with peer_event_free. */
    void (*request)(void *context, struct wss_conn *conn, struct peer_event *event);
    /* The call on stream was cancelled by its caller or missed its deadline. */
    void (*cancelled)(void *context, struct wss_conn *conn, uint32_t stream);
    /* The connection is gone; reason is for people. conn's user is not called again. */
    void (*closed)(void *context, struct wss_conn *conn, const char *reason);
    /* Server: TLS refused a peer before there was a connection. alert: OpenSSL's text; if a
     * certificate is not valid now, with its times and this clock's (tests/e2e/calendar). */
    void (*tls_refused)(void *context, const char *address, const char *alert);
    /* Server: an accepted peer broke the protocol or exceeded a limit, and its connection is
     * being closed; or a call of it was answered and is not to be served, because it is
     * malformed or one too many. e and words say what. */
    void (*violation)(void *context, struct wss_conn *conn, enum err e, const char *words);
    /* The peer takes no new calls on conn; calls that it will not process end with ERR_UNSEEN.
     */
    void (*going_away)(void *context, struct wss_conn *conn, const char *reason);
    /* All received frames were passed on, and the I/O thread is about to wait. */
    void (*idle)(void *context);
};

/* Gives the context its certificate and key (from a file or an HSM) and its trust anchors. */
typedef enum err wss_tls_setup(void *context, SSL_CTX *tls);

/* Server: limits for peers that TLS has not authenticated yet. 0: a default. */
struct wss_limits {
    unsigned handshakes_address, handshakes_all; /* waiting or in progress */
    unsigned handshake_s;                        /* from the connection to its end */
    unsigned signing_percent; /* of the I/O thread's time, for addresses that are not known */
};

struct wss_config {
    bool server;
    const char
        *address;  /* server: interface or address to bind, NULL for all; client: host name */
    uint16_t port; /* server: 0 for any free one, see wss_port() */
    struct proxy proxy; /* client: over this one; port 0: directly */
    wss_tls_setup *tls_setup;
    void *tls_context;
    const char *software; /* of our HELLO */
    struct wss_limits limits;
    struct wss_handler handler;
};

/* config is copied, its strings are lent. *wss_out is the caller's, for wss_stop(). ERR_IO:
 * listening on the address fails, or a thread or a library does not start; ERR_CONFIG: no such
 * name; ERR_TLS. */
enum err wss_start(const struct wss_config *config, struct wss **wss_out);
uint16_t wss_port(const struct wss *wss);

/* Closes all connections and joins the thread. Connections that are kept stay valid: calls on
 * them give ERR_CLOSED. wss_stop() does the same and frees the carrier; all connections must
 * have been dropped before. */
void wss_shutdown(struct wss *wss);
void wss_stop(struct wss *wss); /* NULL is fine */

/* Server: calls tls_setup again, for new connections; open ones are not affected
 * (tests/e2e/renewal). */
void wss_renew(struct wss *wss);

/* Client: connects once, to the addresses of config.address, or of its proxy, in turn; open or
 * closed is called.
 * With an attempt under way it does nothing more. Waits for the resolver of names, so not in a
 * callback. ERR_UNAVAILABLE: it knows no such name, and closed is not called. */
enum err wss_connect(struct wss *wss);

/* Client, in closed: why the connection ended. ERR_UNAVAILABLE: another attempt may succeed.
 * Otherwise it will not: ERR_TLS (one side does not trust the other's certificate), ERR_DENIED
 * (the server refuses this client), ERR_PROTO (it speaks another protocol). */
enum err wss_why(struct wss *wss, struct wss_conn *conn);

/* References, any thread. wss_conn_drop() sets the pointer to NULL; NULL inside is fine. */
struct wss_conn *wss_conn_keep(struct wss_conn *conn);
void wss_conn_drop(struct wss_conn **conn);
void wss_conn_set_user(struct wss_conn *conn, void *user); /* in accept or open only */
/* In accept: adds the connection's unsent bytes to total, until closed has been called. */
void wss_conn_count_unsent(struct wss_conn *conn, struct meter *total);
/* In accept: charges bytes of incomplete messages to meter, until closed is called; over its
 * limit the connection is closed with 1013. NULL: they are not charged. */
void wss_conn_meter_received(struct wss_conn *conn, struct meter *meter);
/* In accept: charges messages of streams that arrive before wss_conn_authenticated() to meter,
 * until they are read or their stream is freed; over its limit the call ends with
 * ERR_EXHAUSTED. The meter outlives the connection's streams. */
void wss_conn_meter_early(struct wss_conn *conn, struct meter *meter);
void *wss_conn_user(const struct wss_conn *conn);
/* The peer has been authenticated: new connections from its address do not wait behind those of
 * unknown addresses, within a rate limit. */
void wss_conn_authenticated(struct wss_conn *conn);
const char *wss_conn_address(const struct wss_conn *conn);
/* Client, in open: the server's clock when it sent its HELLO, microseconds since 1970; 0: it
 * told none. */
int64_t wss_conn_time_us(struct wss_conn *conn);
size_t wss_message_max(struct wss_conn *conn); /* bytes of a payload that its peer takes */

/* Called once, on the I/O thread, after wss_call() has returned. response is borrowed. */
typedef void wss_done(void *context, const Hallmark__V1__FrameResponse *response);

/* request is copied. If wss_call() gives an error, done is not called. ERR_CLOSED,
 * ERR_EXHAUSTED, ERR_LIMIT as peer_call(). */
enum err wss_call(struct wss_conn *conn, const Hallmark__V1__FrameRequest *request,
                  wss_done *done, void *context);
enum err wss_respond(struct wss_conn *conn, const Hallmark__V1__FrameResponse *response);
void wss_conn_close(struct wss_conn *conn, unsigned code, const char *reason);
void wss_conn_go_away(struct wss_conn *conn, const char *reason, uint32_t drain_ms);
