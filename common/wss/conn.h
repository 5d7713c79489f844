/* SPDX-License-Identifier: MIT */
/* conn: one WebSocket connection, and the carrier's state. For wss/ only; the contract is
 * wss.h's. Fields above lock belong to the I/O thread unless they say otherwise. */
#pragma once

#include <ev.h>
#include <libwebsockets.h>
#include <pthread.h>
#include <stdatomic.h>

#include "common/wss/admission.h"
#include "common/wss/close_reason.h"
#include "common/wss/handshakes.h"
#include "common/wss/listen.h"
#include "common/wss/stream.h"
#include "common/wss/wss.h"

enum {
    WSS_REASON_MAX = 120,       /* RFC 6455 5.5: control frames carry at most 125 bytes */
    WSS_CLOSE_FRAME_MAX = 127,  /* with its header */
    WSS_CLOSE_TRY_AGAIN = 1013, /* IANA, WebSocket Close Code Number Registry */
    TLS_WORDS_MAX = 280         /* of why a certificate is not accepted */
};

struct wss_conn {
    atomic_uint refs;
    struct wss *wss;
    struct lws *wsi; /* I/O thread only; NULL once closed */
    struct wss_conn *next_woken;
    atomic_bool woken;      /* it is in wss->woken */
    struct buf rx;          /* the pieces of a message that arrives in several */
    struct meter *received; /* where these count; or NULL */
    struct ev_timer timer;
    uint64_t
        timer_ms; /* when it fires, at the latest when peer needs it; UINT64_MAX: not set */
    char address[64];
    void *user;
    bool accepted;
    bool leaving; /* I/O thread: the close frame, or the answer to the peer's, is on its way */
    struct ev_io readable;             /* a client's: see close_frame.c */
    uint8_t tail[WSS_CLOSE_FRAME_MAX]; /* of the latest TLS record, of so many bytes */
    size_t tail_len;
    uint64_t gone_by_ms; /* closing: the socket's end, whatever the peer does; 0: it is not */

    pthread_mutex_t lock; /* protects what follows */
    struct peer *peer;    /* NULL once closed */
    struct wss_stream *streams;
    struct meter *early; /* where messages of streams count before admission; or NULL */
    bool closing;        /* its calls are being failed: no new one may start */
    unsigned close_code;
    bool by_peer; /* it sent that code */
    char close_reason[WSS_REASON_MAX + 1];
};

struct wss {
    struct wss_config config;
    struct ev_loop *loop; /* the I/O thread's */
    struct ev_async wake; /* any thread: look at woken and the flags below */
    struct ev_prepare idle;
    struct ev_timer pulse;
    struct lws_context *lws;
    struct lws_vhost *vhost;
    struct lws_protocols protocols[3];
    lws_retry_bo_t keepalive;
    SSL_CTX *unused; /* a server's, see make_context() */
    pthread_t thread;
    pthread_t io; /* the same, as pthread_self() gives it: set before the first connection */
    bool joined;
    atomic_bool stopping;
    atomic_bool renewing; /* tls_setup is to be called again */
    SSL_CTX *tls;         /* libwebsockets' own */
    /* A client's: addresses to connect to, from wss_connect(), or NULL. */
    _Atomic(struct addrinfo *) resolved;
    /* I/O thread, of the attempt under way: */
    struct addrinfo *addresses;   /* owned */
    struct addrinfo *address;     /* the one being tried, or next; NULL: no attempt */
    struct lws *attempt;          /* the connection being made; NULL once it stands or failed */
    bool refused;                 /* it failed, and that was seen */
    struct wss_ending ending;     /* I/O thread: of the latest attempt that failed, and */
    char distrust[TLS_WORDS_MAX]; /* why its server is not trusted, in words; or empty */

    struct listen_set listening;    /* of a server, and */
    struct admission admission;     /* the same, before a handshake begins */
    struct handshake_set handshake; /* I/O thread */
    struct wss_conn *served;        /* I/O thread: attended when its callback ends, not woken */
    struct buf tx;                  /* I/O thread: the message being written */

    _Atomic(struct wss_conn *) woken; /* have output, a close or a new deadline */
};

/* A connection with one reference, for wss_conn_drop(); NULL: no memory. conn_wake(): lets the
 * I/O thread look at it. */
struct wss_conn *conn_new(struct wss *wss, struct lws *wsi, const char *address);
void conn_wake(struct wss_conn *conn); /* any thread */

/* I/O thread. A callback that may make others speak begins and ends with these. */
void conn_begin(struct wss_conn *conn);
void conn_end(struct wss_conn *conn);
void conn_attend_woken(struct wss *wss);
void conn_forget_woken(struct wss *wss); /* after the I/O thread's end */

/* I/O thread. ERR_LIMIT, ERR_EXHAUSTED (its sender's meter) and protocol violations close the
 * connection. */
enum err conn_feed(struct wss_conn *conn, struct span fragment,
                   bool last);             /* a received piece */
void conn_empty_rx(struct wss_conn *conn); /* drops the pieces of an incomplete message */
int conn_write(struct wss_conn *conn);     /* WRITEABLE; nonzero closes */
void conn_fault(struct wss_conn *conn, unsigned code, const char *reason);
void conn_violation(struct wss_conn *conn, enum err e); /* I/O thread: tell of the fault */
void conn_events(struct wss_conn *conn);                /* hand on what the peer has found */
void conn_answer(struct peer_event *event); /* to the call of ours it is of; frees it */
void conn_closed(struct wss_conn *conn);    /* I/O thread: the socket is gone */

/* Under conn->lock: start a call; done is called on the I/O thread. request->stream is set. */
enum err conn_call(struct wss_conn *conn, Hallmark__V1__FrameRequest *request, wss_done *done,
                   void *context);

/* stream.c, under conn->lock */
void stream_event(struct wss_conn *conn,
                  struct peer_event *event); /* event stays the caller's */
void stream_end_all(struct wss_conn *conn, const char *words);

/* tls.c */
enum err tls_prepare(struct wss *wss, SSL_CTX *tls);
/* Of the alert that the server sent; words is returned. */
const char *tls_refusal(const struct wss *wss, char *words, size_t size);
bool tls_peer_ok(SSL *ssl, X509 **certificate_out); /* verified; certificate is the caller's */

/* trust.c, I/O thread: certificates that are not accepted because of a clock. trust_client(): a
 * server's verify callback, which gives ok back; trust_client_words(): what it has kept, or
 * NULL. trust_server(): a client's, to wss->distrust. trust_own(): the times of a client's own
 * certificate, to follow other words. */
void trust_init(void); /* once, before the first handshake */
int trust_client(int ok, X509_STORE_CTX *context);
const char *trust_client_words(const SSL *ssl);
void trust_server(struct wss *wss, bool ok, const X509_STORE_CTX *context);
void trust_own(const struct wss *wss, char out[static TLS_WORDS_MAX]);

/* close_frame.c, I/O thread: of a client's connection, from its making until it closes. The
 * code of the peer's close frame, whose body lws gives. */
void close_frame_watch(struct wss_conn *conn);
void close_frame_forget(struct wss_conn *conn);
unsigned close_frame_code(const struct wss_conn *conn, struct span body);

/* connect.c, I/O thread */
void connect_go_on(struct wss *wss); /* begins an attempt if one was asked for, or its next */
void connect_failed(struct wss *wss, struct lws *wsi, const char *words); /* wsi may be NULL */
void connect_made(struct wss *wss);
void connect_forget(struct wss *wss); /* after the I/O thread's end */

/* Turns "::ffff:a.b.c.d" into "a.b.c.d", in place. */
void address_unmap(char *address);

/* callback.c */
void wss_woken(struct wss *wss); /* I/O thread: handles woken connections and flags */
int wss_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                 size_t len);
