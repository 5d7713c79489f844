/* SPDX-License-Identifier: MIT */
/*
 * net: starts and ends the listener, and makes a session of each connection. The callbacks run
 * on the I/O thread, which must not wait: a worker asks the registry, and the TLS key has a
 * thread of its own (test_wss_strangers).
 */
#include "oem-server/net/inside.h"

#include <stdlib.h>

#include "common/host/clock.h"
#include "common/host/log.h"
#include "oem-server/run/run.h"

/* RFC 6455 7.4.1, and its IANA registry */
enum { CLOSE_GOING_AWAY = 1001, CLOSE_POLICY = 1008, CLOSE_TRY_AGAIN = 1013 };
enum {
    GOODBYE_S = 1,
    TLS_SIGN_MS =
        2000 /* how long the I/O thread waits for the HSM: all connections wait meanwhile */
};

static X509 *read_certificate(struct span der)
{
    const uint8_t *p = der.ptr;
    return d2i_X509(NULL, &p, (long)der.len);
}

/* Principals whose certificates are a CA's outside are known by its chain, too. */
static bool trust_outside(X509_STORE *trusted, const struct server *server)
{
    bool ok = true;
    if (server->ejbca == NULL ||
        !(ca_is_outside(server->ca, CA_STATION) || ca_is_outside(server->ca, CA_OPERATOR)))
        return true;
    STACK_OF(X509) *chain = ejbca_chain(server->ejbca);
    for (int i = 0; i < sk_X509_num(chain) && ok; i++)
        ok = X509_STORE_add_cert(trusted, sk_X509_value(chain, i)) == 1;
    return ok;
}

static enum err add_chain(SSL_CTX *tls, struct server *server)
{
    struct ca *ca = server->ca;
    X509 *leaf = read_certificate(ca_web_server(ca)),
         *issuing = read_certificate(ca_issuing(ca));
    X509 *root = read_certificate(ca_root(ca));
    X509_STORE *trusted = SSL_CTX_get_cert_store(tls);
    bool ok = leaf != NULL && issuing != NULL && root != NULL &&
              SSL_CTX_use_certificate(tls, leaf) == 1 && SSL_CTX_clear_chain_certs(tls) == 1 &&
              SSL_CTX_add1_chain_cert(tls, issuing) == 1 &&
              X509_STORE_add_cert(trusted, root) == 1 &&
              X509_STORE_add_cert(trusted, issuing) == 1 && trust_outside(trusted, server);
    X509_free(leaf);
    X509_free(issuing);
    X509_free(root);
    return ok ? ERR_OK : fail(ERR_TLS, "net: the server's certificates cannot be used");
}

/* The private key stays in the HSM: its EVP_PKEY signs there. */
static enum err setup_tls(void *context, SSL_CTX *tls)
{
    struct net *net = context;
    EVP_PKEY *key = NULL;
    TRY(add_chain(tls, net->server));
    TRY(hsm_key_evp_within(net->server->hsm, HSM_TLS, CA_KEY_WEB_SERVER, TLS_SIGN_MS, &key));
    int ok = SSL_CTX_use_PrivateKey(tls, key);
    EVP_PKEY_free(key);
    return ok == 1 ? ERR_OK
                   : fail(ERR_TLS,
                          "net: the TLS key in the HSM is not the WebServer certificate's");
}

/* Asks the registry, on a worker; calls that arrive before its answer wait behind it. */
static void admit(void *context)
{
    struct session *session = context;
    enum err e = session_admit(session);
    if (e != ERR_OK) /* 1008 tells a station not to reconnect */
        wss_conn_close(session->conn,
                       err_status(e) == ERR_UNAUTHENTICATED ? CLOSE_POLICY : CLOSE_TRY_AGAIN,
                       peer_words(e, fail_words()));
    else
        wss_conn_authenticated(session->conn);
    session_drop(&session);
}

/* The session is made, and its admission waits for a worker. */
static enum err begin_session(struct net *net, struct wss_conn *conn,
                              const struct wss_peer *peer, struct session **session_out)
{
    struct session *session = NULL;
    TRY(session_open(net->server, conn, peer->certificate, &session));
    struct session *kept = session_keep(session);
    enum err e = strand_submit(session->strand, admit, kept);
    if (e != ERR_OK) {
        session_drop(&kept);
        run_session_closed(session);
        return e;
    }
    *session_out = session;
    return ERR_OK;
}

static enum err on_accept(void *context, struct wss_conn *conn, const struct wss_peer *peer)
{
    struct net *net = context;
    struct session *session = NULL;
    enum err e = begin_session(net, conn, peer, &session);
    if (e != ERR_OK) {
        refusal_connection(net, peer, e);
        return e;
    }
    wss_conn_set_user(conn, session);
    wss_conn_count_unsent(conn, &session->client->unsent);
    wss_conn_meter_received(conn, &session->client->received);
    wss_conn_meter_early(conn, &session->client->early);
    if (atomic_load(&net->server->stopping)) /* it came after net_drain() told the others */
        wss_conn_go_away(conn, "the server is stopping", 0);
    return ERR_OK;
}

static void on_closed(void *context, struct wss_conn *conn, const char *reason)
{
    struct net *net = context;
    struct session *session = wss_conn_user(conn);
    log_line(LOG_LEVEL_DEBUG, "net: %s: %s", wss_conn_address(conn), reason);
    serve_gone(net, session);
    run_session_closed(session);
    pthread_mutex_lock(&net->lock);
    pthread_cond_broadcast(&net->idle);
    pthread_mutex_unlock(&net->lock);
}

static void on_idle(void *context)
{
    const struct net *net = context;
    work_rouse(net->server->work);
}

enum err net_start(struct server *server, struct net **net_out)
{
    struct net *net = calloc(1, sizeof(*net));
    if (net == NULL)
        return fail(ERR_MEMORY, "net: no memory");
    net->server = server;
    net->strand = strand_new(server->work);
    pthread_mutex_init(&net->lock, NULL);
    pthread_cond_init(&net->idle, NULL);
    struct wss_config config = {
        .server = true,
        .address = server->config->listen_address,
        .port = server->config->listen_port,
        .tls_setup = setup_tls,
        .tls_context = net,
        .software = "oem-server " HALLMARK_VERSION,
        .limits = { BUDGET_HANDSHAKES_ADDRESS, BUDGET_HANDSHAKES_ALL, BUDGET_HANDSHAKE_S,
                    BUDGET_SIGNING_PERCENT },
        .handler = { net, on_accept, NULL, serve_request, serve_cancelled, on_closed,
                     refusal_tls, refusal_violation, NULL, on_idle },
    };
    enum err e = net->strand == NULL ? fail(ERR_MEMORY, "net: no memory")
                                     : client_enter(server, "", &net->strangers);
    if (e == ERR_OK)
        e = wss_start(&config, &net->wss);
    if (e != ERR_OK) {
        net_free(net);
        return e;
    }
    *net_out = net;
    return ERR_OK;
}

uint16_t net_port(const struct net *net)
{
    return wss_port(net->wss);
}

void net_renew(struct net *net)
{
    wss_renew(net->wss);
}

void net_drain(struct net *net, unsigned timeout_ms)
{
    struct server *server = net->server;
    atomic_store(&server->stopping, true);
    pthread_mutex_lock(&server->lock);
    for (struct session *s = server->sessions; s != NULL; s = s->next)
        wss_conn_go_away(s->conn, "the server is stopping", timeout_ms);
    pthread_mutex_unlock(&server->lock);
    struct timespec until = clock_after_ms(timeout_ms);
    pthread_mutex_lock(&net->lock);
    while (net->open != 0 &&
           pthread_cond_clockwait(&net->idle, &net->lock, CLOCK_MONOTONIC, &until) == 0)
        ;
    pthread_mutex_unlock(&net->lock);
}

static unsigned close_all(struct server *server)
{
    pthread_mutex_lock(&server->lock);
    for (struct session *s = server->sessions; s != NULL; s = s->next)
        wss_conn_close(s->conn, CLOSE_GOING_AWAY, "the server is stopping");
    unsigned count = server->session_count;
    pthread_mutex_unlock(&server->lock);
    return count;
}

/* Each peer is told why; a connection that does not take the message in time is dropped. */
void net_close(struct net *net)
{
    struct timespec until = clock_after_ms(GOODBYE_S * 1000);
    pthread_mutex_lock(&net->lock);
    while (close_all(net->server) != 0 &&
           pthread_cond_clockwait(&net->idle, &net->lock, CLOCK_MONOTONIC, &until) == 0)
        ;
    pthread_mutex_unlock(&net->lock);
    wss_shutdown(net->wss);
}

void net_free(struct net *net)
{
    if (net == NULL)
        return;
    wss_stop(net->wss);
    client_leave(&net->strangers);
    strand_drop(&net->strand);
    pthread_cond_destroy(&net->idle);
    pthread_mutex_destroy(&net->lock);
    free(net);
}
