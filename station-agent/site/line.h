/*
 * line: each site's own line to the server, over the one connection that all sites share.
 *
 * The connection's I/O thread routes the server's calls by their metadata "run-bin" to the line
 * that opened that run, into an inbox of bounded size; the site's thread serves them there. A
 * call for no run of ours is answered NOT_FOUND, one too many RESOURCE_EXHAUSTED; one that its
 * caller gives up is dropped. Once the connection is lost every call here gives ERR_CLOSED.
 *
 * A line is used by its site's thread only. It borrows the server's connection, which outlives
 * it. Used in this folder.
 */
#pragma once

#include "common/rpc/peer.h"
#include "common/rpc/rpc.h"

enum {
    LINE_INBOX_MAX = 4, /* the server calls one arrow at a time; more is a fault */
    LINE_CONNECT_MS = 15000,
    LINE_WAIT_MS = 120000, /* for the server's next arrow: its HSM or CA may be slow */
    LINE_CALL_MS = 60000,
};

struct server_config {
    const char *host;
    uint16_t port;
    const char *ca_file;          /* PEM: the roots we trust */
    const char *certificate_file; /* PEM: our certificate, then its issuer's */
    const char *key_file;
};

struct server; /* the connection */
struct line;

enum err server_open(const struct server_config *config, struct server **server_out);
void server_close(struct server *server); /* NULL is fine; its lines are closed before */

enum err line_open(struct server *server, struct line **line_out);
void line_close(struct line *line); /* answers what is left in the inbox; NULL is fine */

struct line_call {
    const char *method;
    struct span payload;
    struct span reports; /* for metadata "reports-bin"; empty: none */
    uint32_t timeout_ms;
    bool changes;   /* something: carries an idempotency key */
    bool opens_run; /* it is Runs.Open: from its answer on, the line has that run */
};
/* Call the server and wait. A refusal gives its code, and its words as fail_words(). */
enum err line_call(struct line *line, const struct line_call *call, struct buf *response_out);

/* Wait for the server's next call; the event is the caller's, to be answered. */
enum err line_next(struct line *line, uint32_t timeout_ms, struct peer_event *event_out);
/* Answer it: with the payload if e is ERR_OK, else with e and fail_words(). */
void line_answer(struct line *line, uint32_t stream, enum err e, struct span payload);

bool line_lost(struct line *line); /* the connection to the server is gone; NULL: it is not */

/* A copy of a peer's words, short and printable. */
void line_words(const char *text, char *out, size_t size);
