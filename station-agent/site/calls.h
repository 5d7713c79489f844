/* SPDX-License-Identifier: MIT */
/*
 * calls: each site's channel to the server, over the one connection that all sites share.
 *
 * The connection's I/O thread routes the server's calls by their metadata "run-bin" to the
 * channel that opened that run, into an inbox of bounded size; the site's thread serves them
 * there. A call for no run of ours is answered NOT_FOUND, one too many RESOURCE_EXHAUSTED; one
 * that the server cancels is dropped.
 *
 * struct server reconnects when the connection is lost (common/client), but a channel belongs
 * to the connection on which it was opened, as its run does: once that is lost, or drains, all
 * calls here give ERR_CLOSED, or the error of the server's refusal if it refuses this station
 * (test_site_calls). Only calls that outlive the run continue over the next one.
 *
 * A channel is used by its site's thread only. It borrows the server, which outlives it. Used
 * in this folder.
 */
#pragma once

#include "common/host/proxy.h"
#include "common/rpc/peer.h"
#include "common/rpc/rpc.h"

enum {
    CHANNEL_INBOX_MAX = 4,    /* the server calls one arrow at a time; more is a fault */
    CHANNEL_WAIT_MS = 120000, /* for the server's next arrow: its HSM or CA may be slow */
    CHANNEL_CALL_MS = 60000,
};

struct output;

struct server_config {
    const char *host;
    uint16_t port;
    const struct proxy *proxy;    /* to the server; port 0: none */
    const char *ca_file;          /* PEM: the roots we trust */
    const char *certificate_file; /* PEM: our certificate, then its issuer's */
    const char *key_file;
    uint32_t reconnect_ms; /* how long to try for a connection, each time; 0: once, at start */
    struct output *output; /* of lost connections; NULL: none */
    size_t sites;          /* that will use it */
};

struct server; /* the connection, and the next one */
struct channel;

/* Waits for the first connection, at most config->reconnect_ms. */
enum err server_open(const struct server_config *config, struct server **server_out);
void server_close(struct server *server); /* NULL is fine; its channels are closed before */

/* Wait for a connection, until that moment of rpc_now_ms() at most. ERR_OK: there is one.
 * ERR_CLOSED: none, now or for good. Else the error of its refusal. */
enum err server_await(struct server *server, uint64_t until_ms);
void server_used(struct server *server); /* a run has ended: the next wait is short */

enum err channel_open(struct server *server, struct channel **channel_out);
void channel_close(
    struct channel *channel); /* answers what is left in the inbox; NULL is fine */

struct channel_call {
    const char *method;
    struct span payload;
    struct span reports; /* for metadata "reports-bin"; empty: none */
    uint32_t timeout_ms;
    bool opens_run; /* it is Runs.Open: from its answer on, the channel has that run, if any */
    bool of_unit;   /* names a unit by UID: it is not the run's, and does not name that */
    uint64_t until_ms; /* 0: ends with its connection. Else, unless it only reads, it is made
                        * again with the same key on connections that come until then */
};
/* Calls the server and waits. A refusal gives its code, and its message as fail_words().
 * ERR_DEADLINE: no answer in time; ERR_CLOSED: the connection is lost. */
enum err channel_call(struct channel *channel, const struct channel_call *call,
                      struct buf *response_out);

/* Is there room on the connection for one call more than each site's own? */
bool channel_has_spare(const struct channel *channel);
/* A call whose answer is wanted later; it ends with its connection. NULL: it could not be sent.
 * channel_end() waits for the answer and frees it, and is called before channel_close(). */
struct pending *channel_begin(struct channel *channel, const struct channel_call *call);
enum err channel_end(struct pending **pending, struct buf *response_out);

/* Waits for the server's next call. The event is the caller's, and must be answered.
 * ERR_DEADLINE: none came; ERR_CLOSED: the connection is lost. */
enum err channel_next(struct channel *channel, uint32_t timeout_ms,
                      struct peer_event *event_out);
/* Answers it: with the payload if e is ERR_OK, else with e and fail_words(). */
void channel_answer(struct channel *channel, uint32_t stream, enum err e, struct span payload);

enum err channel_check(struct channel *channel);   /* ERR_OK, or why its connection is lost */
bool channel_lost(struct channel *channel);        /* it is; NULL: there was none */
bool channel_moved(const struct channel *channel); /* it continues over another one */
