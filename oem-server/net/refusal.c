/* SPDX-License-Identifier: MIT */
/*
 * refusal: makes log entries of protocol violations and failed TLS handshakes, on a worker.
 * Called by common/wss on the I/O thread, which must not wait. Anyone can cause them, so rate
 * limits apply, and entries that are left out are counted.
 */
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "oem-server/net/inside.h"

struct violation {
    struct session *session;
    enum err err;
    char words[160];
};

static void log_violation(void *context)
{
    struct violation *b = context;
    struct session *session = b->session;
    if (!client_may_enter(session->client))
        client_leave_out(session->client, b->err, b->words);
    else if (event_simple(session->server, "refusal", session->principal.uri,
                          wss_conn_address(session->conn), b->err, b->words) != ERR_OK)
        log_line(LOG_LEVEL_ERROR, "net: the refusal could not be logged");
    session_drop(&b->session);
    free(b);
}

/* Of a connection that is being closed, or of a malformed call. */
void refusal_violation(void *context, struct wss_conn *conn, enum err e, const char *words)
{
    (void)context;
    struct session *session = wss_conn_user(conn);
    struct violation *b = session == NULL ? NULL : calloc(1, sizeof(*b));
    if (b == NULL)
        return;
    b->session = session_keep(session);
    b->err = e;
    snprintf(b->words, sizeof(b->words), "%s", words);
    if (strand_submit(session->strand, log_violation, b) != ERR_OK) {
        log_line(LOG_LEVEL_ERROR, "net: a refusal could not be logged: %s", words);
        session_drop(&b->session);
        free(b);
    }
}

struct tls_refusal {
    struct net *net;
    char address[64];
    char words[360];
};

static void log_tls_refusal(void *context)
{
    struct tls_refusal *r = context;
    log_line(LOG_LEVEL_WARN, "refused: %s: %s", r->address, r->words);
    if (event_simple(r->net->server, "tls", "", r->address, ERR_TLS, r->words) != ERR_OK)
        log_line(LOG_LEVEL_ERROR, "net: the refusal could not be logged");
    free(r);
}

/* Anyone can cause these: all strangers together have the rate of one principal, and the next
 * entry says how many were left out. The I/O thread must not wait, so a worker writes. */
void refusal_tls(void *context, const char *address, const char *alert)
{
    struct net *net = context;
    char words[sizeof(((struct tls_refusal *)0)->words)];
    snprintf(words, sizeof(words), "TLS handshake refused: %s", alert);
    struct tls_refusal *r = client_may_enter(net->strangers) ? calloc(1, sizeof(*r)) : NULL;
    if (r == NULL) {
        client_leave_out(net->strangers, ERR_TLS, words);
        return;
    }
    r->net = net;
    snprintf(r->address, sizeof(r->address), "%s", address);
    memcpy(r->words, words, sizeof(words));
    if (strand_submit(net->strand, log_tls_refusal, r) != ERR_OK) {
        client_leave_out(net->strangers, ERR_TLS, words);
        free(r);
    }
}
