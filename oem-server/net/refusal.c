/* SPDX-License-Identifier: MIT */
/*
 * refusal: makes log entries of what is refused before a handler sees it: failed TLS
 * handshakes, connections, protocol violations, calls. Called on the I/O thread, which must not
 * wait, and on workers; a worker writes. Anyone can cause them, so rate limits apply, and
 * entries that are left out are counted (test_call_budget).
 */
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "oem-server/net/inside.h"

/* Copies, as the connection may be gone when a worker writes. */
struct refusal {
    struct net *net;
    struct client *client;
    struct event event;
};

static void refusal_free(struct refusal *r)
{
    client_drop(&r->client);
    free(r);
}

static void log_refusal(void *context)
{
    struct refusal *r = context;
    const Hallmark__V1__Event *e = &r->event.pb;
    log_line(LOG_LEVEL_WARN, "refused: %s: %s%s%s", e->actor[0] == '\0' ? e->peer : e->actor,
             e->method, e->method[0] == '\0' ? "" : ": ", e->message);
    if (event_write(r->net->server, &r->event, NULL) != ERR_OK)
        log_line(LOG_LEVEL_ERROR, "net: the refusal could not be logged");
    refusal_free(r);
}

/* What is told of a refusal, borrowed. */
struct told {
    const char *kind, *uri, *address, *method;
    enum err err;
    const char *words;
};

static struct refusal *refusal_new(struct net *net, const struct told *told)
{
    struct refusal *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return NULL;
    r->net = net;
    if (client_find(net->server, told->uri, &r->client) != ERR_OK) {
        free(r);
        return NULL;
    }
    event_init(&r->event, told->kind, told->uri, told->err, told->words);
    event_text(&r->event, EVENT_PEER, told->address);
    event_text(&r->event, EVENT_METHOD, told->method);
    return r;
}

/* The strand is net's, as the principal's own may be full: that is refused, too. */
static void enter(struct net *net, struct client *client, const struct told *told)
{
    struct refusal *r = client_may_enter(client) ? refusal_new(net, told) : NULL;
    if (r != NULL && strand_submit(net->strand, log_refusal, r) == ERR_OK)
        return;
    if (r != NULL)
        refusal_free(r);
    char all[RPC_METHOD_MAX + FAIL_WORDS_MAX];
    snprintf(all, sizeof(all), "%s%s%s", told->method, told->method[0] == '\0' ? "" : ": ",
             told->words);
    client_leave_out(client, told->err, all);
}

/* The caller's message is still that of its own failure afterwards. */
static void enter_call(struct net *net, const struct session *session, const char *method,
                       enum err e, const char *words)
{
    char kept[FAIL_WORDS_MAX];
    snprintf(kept, sizeof(kept), "%s", words);
    const struct told told = {
        "refusal", session->principal.uri, wss_conn_address(session->conn), method, e, kept
    };
    enter(net, session->client, &told);
    fail_set(kept);
}

void refusal_violation(void *context, struct wss_conn *conn, enum err e, const char *words)
{
    const struct session *session = wss_conn_user(conn);
    if (session != NULL)
        enter_call(context, session, "", e, words);
}

void refusal_call(struct net *net, const struct session *session, const char *method,
                  enum err e)
{
    if (e == ERR_CANCELLED || e == ERR_CLOSED || e == ERR_DEADLINE)
        return; /* its client gave it up */
    enter_call(net, session, method, e, fail_words());
}

void refusal_connection(struct net *net, const struct wss_peer *peer, enum err e)
{
    struct auth_principal principal = { 0 };
    char words[FAIL_WORDS_MAX];
    struct client *client = NULL;
    snprintf(words, sizeof(words), "%s", fail_words());
    if (auth_principal_of(peer->certificate, net->server->config->trust_domain, &principal) !=
        ERR_OK)
        principal.uri[0] = '\0';
    const struct told told = { "refusal", principal.uri, peer->address, "", e, words };
    if (client_find(net->server, principal.uri, &client) == ERR_OK)
        enter(net, client, &told);
    else
        log_line(LOG_LEVEL_ERROR, "net: a refusal could not be logged: %s", words);
    client_drop(&client);
    fail_set(words);
}

/* All strangers together have the rate of one principal. */
void refusal_tls(void *context, const char *address, const char *alert)
{
    struct net *net = context;
    char words[360];
    snprintf(words, sizeof(words), "TLS handshake refused: %s", alert);
    const struct told told = { "tls", "", address, "", ERR_TLS, words };
    enter(net, net->strangers, &told);
}
