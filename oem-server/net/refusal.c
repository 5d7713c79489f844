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

struct breach {
    struct session *session;
    enum err err;
    char words[160];
};

static void log_breach(void *context)
{
    struct breach *b = context;
    struct session *session = b->session;
    if (!caller_may_enter(session->caller))
        caller_leave_out(session->caller, b->err, b->words);
    else if (event_simple(session->server, "refusal", session->principal.uri,
                          wss_conn_address(session->conn), b->err, b->words) != ERR_OK)
        log_line(LOG_LEVEL_ERROR, "net: the refusal could not be logged");
    session_drop(&b->session);
    free(b);
}

/* At most once for a connection: it is being closed. */
void refusal_breach(void *context, struct wss_conn *conn, enum err e, const char *words)
{
    (void)context;
    struct session *session = wss_conn_user(conn);
    struct breach *b = session == NULL ? NULL : calloc(1, sizeof(*b));
    if (b == NULL)
        return;
    b->session = session_keep(session);
    b->err = e;
    snprintf(b->words, sizeof(b->words), "%s", words);
    if (strand_submit(session->strand, log_breach, b) != ERR_OK) {
        log_line(LOG_LEVEL_ERROR, "net: a refusal could not be logged: %s", words);
        session_drop(&b->session);
        free(b);
    }
}

struct tls_refusal {
    struct net *net;
    char address[64];
    char words[160];
};

static void log_tls_refusal(void *context)
{
    struct tls_refusal *r = context;
    log_line(LOG_LEVEL_WARN, "refused: %s: %s", r->address, r->words);
    if (event_simple(r->net->server, "tls", "", r->address, ERR_TLS, r->words) != ERR_OK)
        log_line(LOG_LEVEL_ERROR, "net: the refusal could not be logged");
    free(r);
}

/* Rate-limited; the next entry says how many were left out. */
void refusal_tls(void *context, const char *address, const char *alert)
{
    struct net *net = context;
    uint64_t now = rpc_now_ms();
    if (now - net->window_ms >= 1000) {
        net->window_ms = now;
        net->refused = 0;
    }
    if (net->refused++ >= BUDGET_TLS_REFUSALS) {
        net->suppressed++;
        return;
    }
    struct tls_refusal *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return;
    r->net = net;
    snprintf(r->address, sizeof(r->address), "%s", address);
    snprintf(r->words, sizeof(r->words), "TLS handshake refused: %s", alert);
    if (net->suppressed != 0)
        snprintf(r->words, sizeof(r->words), "TLS handshake refused: %s (and %u more)", alert,
                 net->suppressed);
    net->suppressed = 0;
    if (strand_submit(net->strand, log_tls_refusal, r) != ERR_OK)
        free(r);
}
