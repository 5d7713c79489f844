/* SPDX-License-Identifier: MIT */
/*
 * session: one connection of a principal, from its certificate to its end. net makes and drops
 * it on the I/O thread, which must not wait: the registry is checked on the session's strand.
 */
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/memory.h"
#include "oem-server/base/base.h"

enum { ADMIT_MS = 2000 };

enum err principal_check(struct store_tx *tx, const struct auth_principal *principal)
{
    return principal->role == AUTH_SERVER
               ? ERR_OK
               : store_principal_check(tx, auth_role_number(principal->role), principal->name,
                                       principal->certificate_sha256);
}

static enum err check_session(struct store_tx *tx, void *session)
{
    return principal_check(tx, &((const struct session *)session)->principal);
}

static void session_list(struct session *session)
{
    struct server *server = session->server;
    pthread_mutex_lock(&server->lock);
    session->next = server->sessions;
    server->sessions = session;
    server->session_count++;
    pthread_mutex_unlock(&server->lock);
}

/* Writes an entry of its own, on a worker: why the connection was refused. */
static void log_refusal(struct session *session, enum err e)
{
    struct server *server = session->server;
    const char *actor = session->principal.uri, *peer = wss_conn_address(session->conn);
    char words[FAIL_WORDS_MAX];
    snprintf(words, sizeof(words), "%s", fail_words());
    if (!client_may_enter(session->client)) {
        client_leave_out(session->client, e, words);
        return;
    }
    log_line(LOG_LEVEL_WARN, "refused: %s: %s", peer, words);
    if (event_simple(server, "refusal", actor, peer, e, words) != ERR_OK)
        log_line(LOG_LEVEL_ERROR, "session: the refusal could not be logged");
    fail_set(words);
}

enum err session_admit(struct session *session)
{
    enum err e = session->unknown;
    if (e == ERR_OK)
        e = store_read(session->server->store, check_session, session, rpc_now_ms() + ADMIT_MS);
    else
        fail_set(session->words);
    if (e != ERR_OK) {
        session->refused = e;
        log_refusal(session, e);
        return e;
    }
    session->admitted = true;
    log_line(LOG_LEVEL_INFO, "connected: %s from %s", session->principal.uri,
             wss_conn_address(session->conn));
    return ERR_OK;
}

/* Sets the principal of the connection, with its share of the work. */
static enum err identify(struct session *session, X509 *certificate)
{
    struct server *server = session->server;
    memory_clear();
    session->unknown =
        auth_principal_of(certificate, server->config->trust_domain, &session->principal);
    if (session->unknown != ERR_OK && memory_missed())
        return fail(ERR_MEMORY, "session: no memory for a certificate");
    if (session->unknown != ERR_OK)
        snprintf(session->words, sizeof(session->words), "%s", fail_words());
    TRY(client_enter(server, session->principal.uri, &session->client));
    session->strand = strand_of(session->client->calls);
    return session->strand != NULL ? ERR_OK
                                   : fail(ERR_MEMORY, "session: no memory for a strand");
}

enum err session_open(struct server *server, struct wss_conn *conn, X509 *certificate,
                      struct session **session_out)
{
    struct session *session = calloc(1, sizeof(*session));
    if (session == NULL)
        return fail(ERR_MEMORY, "session: no memory for a connection");
    atomic_init(&session->refs, 1);
    session->server = server;
    session->conn = wss_conn_keep(conn);
    enum err e = identify(session, certificate);
    if (e != ERR_OK) {
        session_drop(&session);
        return e;
    }
    session_list(session);
    *session_out = session;
    return ERR_OK;
}

struct session *session_keep(struct session *session)
{
    atomic_fetch_add(&session->refs, 1);
    return session;
}

void session_drop(struct session **session_pointer)
{
    struct session *session = TAKE(*session_pointer);
    if (session == NULL || atomic_fetch_sub(&session->refs, 1) != 1)
        return;
    strand_drop(&session->strand);
    client_leave(&session->client);
    wss_conn_drop(&session->conn);
    free(session);
}

static void session_unlist(struct session *session)
{
    struct server *server = session->server;
    pthread_mutex_lock(&server->lock);
    session->gone = true;
    for (struct session **at = &server->sessions; *at != NULL; at = &(*at)->next) {
        if (*at == session) {
            *at = session->next;
            server->session_count--;
            break;
        }
    }
    pthread_mutex_unlock(&server->lock);
}

void session_gone(struct session *session)
{
    log_line(LOG_LEVEL_INFO, "disconnected: %s from %s", session->principal.uri,
             wss_conn_address(session->conn));
    session_unlist(session);
}

unsigned session_count_of(struct server *server, const char *uri)
{
    unsigned count = 0;
    pthread_mutex_lock(&server->lock);
    for (struct session *s = server->sessions; s != NULL; s = s->next)
        count += strcmp(s->principal.uri, uri) == 0 ? 1u : 0u;
    pthread_mutex_unlock(&server->lock);
    return count;
}

void session_close_all_of(struct server *server, const char *uri, const char *reason)
{
    pthread_mutex_lock(&server->lock);
    for (struct session *s = server->sessions; s != NULL; s = s->next)
        if (strcmp(s->principal.uri, uri) == 0) {
            atomic_store(&s->ending, true);
            wss_conn_close(s->conn, 1008, reason);
        }
    pthread_mutex_unlock(&server->lock);
}
