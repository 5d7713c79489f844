/* SPDX-License-Identifier: MIT */
/*
 * client: the connection of a program to the server, made again after each loss, and the
 * calls over it.
 *
 * A thread of the client, the keeper, connects as long as there is no connection: after waits
 * with jitter (common/host/backoff.h), until patience_ms after the loss, or until the server
 * refuses this client, which lasts (common/wss/close_reason.h). A connection that the server
 * drains (GOAWAY) counts as lost, but calls in progress on it still get their answers.
 *
 * A caller has a line: it stays on the connection where it was opened until it is moved to the
 * next one, so that what belongs to a connection ends with it. A call that is lost with its
 * connection is repeated on the next one, with the same idempotency key, as often and as long
 * as its caller allows; an answer, and a refusal, is final (test_client).
 *
 * Any thread, but a line is one thread's. No lock of the client is held while a function of
 * the program is called. Used by oemctl and by the station's agent; both link the real server
 * of common/wss in test_client.
 */
#pragma once

#include <pthread.h>

#include "common/host/log.h"
#include "common/rpc/rpc.h"
#include "common/wss/wss.h"

enum {
    CLIENT_CONNECT_MS = 10000, /* for one attempt, to the server's HELLO */
    CLIENT_LOSS_MS = 2000,     /* from a call's end with its connection to the event of that */
    CLIENT_REASON_MAX = 400,   /* bytes of a message, NUL included */
};

enum client_news_kind {
    CLIENT_NEWS_LOST, /* there is no connection: another attempt comes in wait_ms */
    CLIENT_NEWS_OPEN, /* again; the first connection is not told if its first attempt made it */
    CLIENT_NEWS_OVER  /* and no attempt follows */
};

/* Borrowed for the callback. */
struct client_news {
    enum client_news_kind kind;
    const char *host;
    uint16_t port;
    const char *words;         /* of the loss, or of the latest attempt */
    unsigned attempts;         /* since the loss */
    uint32_t wait_ms, left_ms; /* to the next attempt; until no more are made */
};

/* NULL for what the program does not want. */
struct client_handler {
    void *context;
    /* A call by the server, on the I/O thread, as wss_handler has it. NULL: they are refused.
     */
    void (*request)(void *context, struct wss_conn *conn, struct peer_event *event);
    void (*cancelled)(void *context, struct wss_conn *conn, uint32_t stream);
    /* There is a connection, or none any more: lines may be lost. Any thread; must not block.
     */
    void (*changed)(void *context);
    /* On the keeper's thread, which does nothing else meanwhile: may block. */
    void (*news)(void *context, const struct client_news *news);
};

/* Strings and key are borrowed until client_close(). */
struct client_config {
    const char *host;
    uint16_t port;
    const struct proxy *proxy;    /* over this one; NULL: directly */
    const char *ca_file;          /* PEM: the roots that the server's certificate may lead to */
    const char *certificate_file; /* PEM: our certificate, then its issuer's */
    const char *key_file;         /* PEM; others may not read it */
    EVP_PKEY *key;                /* the key itself, if the program has read that file */
    const char *software;         /* of HELLO */
    const char *self;             /* "station": for messages, what the server refuses */
    uint32_t patience_ms;         /* how long to try for a connection, each time; 0: once */
    uint32_t backoff_ms, backoff_cap_ms;
    struct client_handler handler;
};

struct client;

/* Checks the files and begins to connect. ERR_CONFIG, ERR_NOT_FOUND: a file will not do; its
 * name is in the message. */
enum err client_open(const struct client_config *config, struct client **client_out);
void client_close(struct client *client); /* NULL is fine; its lines are closed before */

/* Waits for a connection, until that moment of rpc_now_ms() at most. ERR_OK: there is one.
 * ERR_CLOSED: none, now or for good, but there was one. Before the first: the error of the
 * latest attempt. The server refuses this client: the error of that. */
enum err client_await(struct client *client, uint64_t until_ms);

/* Does this computer's clock differ by more than CLIENT_CLOCK_S from the server's, as it was
 * when the latest connection was made? Then in words, with both times. What differs by less
 * than a certificate's validity is refused by nobody, so it is only told (tests/e2e/calendar).
 */
enum { CLIENT_CLOCK_S = 60, CLIENT_CLOCK_WORDS_MAX = 240 };
bool client_clock_differs(struct client *client, char words[static CLIENT_CLOCK_WORDS_MAX]);

void client_used(struct client *client); /* it is of use: the next wait is short */

/* A caller's place on a connection. */
struct client_line {
    struct client *client;
    struct wss_conn *conn; /* kept; NULL: opened without one */
    /* Puts next, which is then the line's, in the place of conn, and drops that. NULL: the
     * line's own thread is the only one that reads conn. */
    void (*replace)(struct client_line *line, struct wss_conn *next);
};

/* On the present connection; without one the line is lost from the start. */
void client_line_open(struct client *client, struct client_line *line);
void client_line_close(struct client_line *line);
bool client_line_lost(const struct client_line *line);
enum err client_line_check(const struct client_line *line); /* ERR_OK, or as client_await() */

/* If the line is lost, takes it to the next connection, and waits for that as client_await()
 * does. */
enum err client_line_move(struct client_line *line, uint64_t until_ms);

/* How often a call may be made. Once: it ends with the line's connection. */
struct client_again {
    unsigned attempts; /* 0: no limit but the time */
    uint64_t until_ms; /* moment of rpc_now_ms() until which a connection is waited for */
};

/* One attempt at what belongs to request, over line->conn. */
typedef enum err client_attempt(void *context, struct client_line *line,
                                const Hallmark__V1__FrameRequest *request);

/* Gives the request its idempotency key, if the method changes something, and makes attempts
 * until one gives another result than a loss of the connection (common/rpc/retry.h). ERR_CLOSED
 * or the error of the server's refusal: the last one did not. */
enum err client_repeat(struct client_line *line, const struct client_again *again,
                       Hallmark__V1__FrameRequest *request, client_attempt *attempt,
                       void *context);

/* Called on the I/O thread with each answer, before the next message, under no lock. */
struct client_hook {
    wss_done *answered;
    void *context;
};

/* A call in progress; the I/O thread fills it in, once. */
struct client_call {
    struct client *client;
    struct client_hook hook;
    pthread_cond_t answered;
    bool done; /* this and what follows under the client's lock, until it is true */
    enum err err;
    char words[FAIL_WORDS_MAX]; /* the peer's, printable */
    struct buf response;
};

/* client_call_begin() sends it on the line's connection; call, all zero before, stays where it
 * is until client_call_end() has waited for its answer. The error is the answer's, with its
 * message. hook: NULL for none. */
enum err client_call_begin(struct client_line *line, const Hallmark__V1__FrameRequest *request,
                           const struct client_hook *hook, struct client_call *call);
enum err client_call_end(struct client_call *call, struct buf *response_out);

/* Both, by client_repeat(). */
enum err client_call(struct client_line *line, const struct client_again *again,
                     Hallmark__V1__FrameRequest *request, const struct client_hook *hook,
                     struct buf *response_out);

/* Answers a call of the server with e and a message, made printable; "": e's own text. */
void client_refuse(struct wss_conn *conn, uint32_t stream, enum err e, const char *words);

/* Waits for a condition on CLOCK_MONOTONIC. false: the moment has come. */
enum err client_condition(pthread_cond_t *condition); /* initialises it so */
bool client_wait(pthread_cond_t *condition, pthread_mutex_t *lock, uint64_t until_ms);
