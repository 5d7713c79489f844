#include "oem-server/net/inside.h"

#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "common/wss/stream.h"

enum { CLOSE_GOING_AWAY = 1001, CLOSE_POLICY = 1008 }; /* RFC 6455 7.4.1 */
enum { GOODBYE_S = 1 };

/* One call, from the frame to its answer. */
struct job {
    struct net *net;
    struct session *session;
    struct wss_conn *conn;
    struct peer_event event;
    struct run *run;
    struct wss_stream *stream; /* NULL: the call is unary */
    bool streams;              /* counted among its session's streams */
};

static X509 *read_certificate(struct span der)
{
    const uint8_t *p = der.ptr;
    return d2i_X509(NULL, &p, (long)der.len);
}

static enum err add_chain(SSL_CTX *tls, struct ca *ca)
{
    X509 *leaf = read_certificate(ca_web_server(ca)),
         *issuing = read_certificate(ca_issuing(ca));
    X509 *root = read_certificate(ca_root(ca));
    X509_STORE *trusted = SSL_CTX_get_cert_store(tls);
    bool ok = leaf != NULL && issuing != NULL && root != NULL &&
              SSL_CTX_use_certificate(tls, leaf) == 1 && SSL_CTX_clear_chain_certs(tls) == 1 &&
              SSL_CTX_add1_chain_cert(tls, issuing) == 1 &&
              X509_STORE_add_cert(trusted, root) == 1 &&
              X509_STORE_add_cert(trusted, issuing) == 1;
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
    TRY(add_chain(tls, net->server->ca));
    TRY(hsm_key_evp(net->server->hsm, HSM_TLS, CA_KEY_WEB_SERVER, &key));
    int ok = SSL_CTX_use_PrivateKey(tls, key);
    EVP_PKEY_free(key);
    return ok == 1 ? ERR_OK
                   : fail(ERR_TLS,
                          "net: the TLS key in the HSM is not the WebServer certificate's");
}

/* The registry is asked on a worker; calls that come before its answer wait behind it. */
static void admit(void *context)
{
    struct session *session = context;
    if (session_admit(session) != ERR_OK)
        wss_conn_close(session->conn, CLOSE_POLICY, fail_words());
    session_drop(&session);
}

static enum err on_accept(void *context, struct wss_conn *conn, const struct wss_peer *peer)
{
    struct net *net = context;
    struct session *session = NULL;
    TRY(session_open(net->server, conn, peer->certificate, &session));
    struct session *kept = session_keep(session);
    enum err e = strand_submit(session->strand, admit, kept);
    if (e != ERR_OK) {
        session_drop(&kept);
        session_closed(session);
        return e;
    }
    wss_conn_set_user(conn, session);
    return ERR_OK;
}

static void on_closed(void *context, struct wss_conn *conn, const char *reason)
{
    log_line(LOG_LEVEL_DEBUG, "net: %s: %s", wss_conn_address(conn), reason);
    session_closed(wss_conn_user(conn));
    struct net *net = context;
    pthread_mutex_lock(&net->lock);
    pthread_cond_broadcast(&net->idle);
    pthread_mutex_unlock(&net->lock);
}

static void job_free(struct job *job)
{
    struct net *net = job->net;
    wss_stream_free(job->stream);
    if (job->streams)
        session_stream_end(job->session);
    peer_event_free(&job->event);
    run_drop(&job->run);
    session_drop(&job->session);
    wss_conn_drop(&job->conn);
    free(job);
    pthread_mutex_lock(&net->lock);
    if (--net->open == 0)
        pthread_cond_broadcast(&net->idle);
    pthread_mutex_unlock(&net->lock);
}

static void refuse(struct wss_conn *conn, uint32_t stream, enum err e)
{
    Hallmark__V1__FrameResponse response = HALLMARK__V1__FRAME_RESPONSE__INIT;
    char words[FAIL_WORDS_MAX];
    snprintf(words, sizeof(words), "%s", fail_words());
    response.stream = stream;
    response.status = err_status(e);
    response.code = (uint32_t)e;
    response.message = words;
    if (wss_respond(conn, &response) != ERR_OK)
        log_line(LOG_LEVEL_DEBUG, "net: the caller is gone");
}

static enum err stream_send(void *stream, struct span message)
{
    return wss_stream_send(stream, message, false);
}

static enum err stream_receive(void *stream, struct buf *message_out, bool *end_out)
{
    return wss_stream_receive(stream, message_out, end_out);
}

static enum err stream_check(void *stream)
{
    return wss_stream_check(stream);
}

static const struct rpc_streaming streaming = { stream_send, stream_receive, stream_check };

static void serve(void *context)
{
    struct job *job = context;
    const Hallmark__V1__FrameRequest *request = job->event.frame->request;
    struct rpc_metadata metadata[RPC_METADATA_MAX];
    for (size_t i = 0; i < request->n_metadata; i++)
        metadata[i] = (struct rpc_metadata){ request->metadata[i]->key,
                                             span_of(request->metadata[i]->value.data,
                                                     request->metadata[i]->value.len) };
    struct call call = {
        .rpc = { .method = request->method,
                 .payload = span_of(request->payload.data, request->payload.len),
                 .idempotency_key =
                     span_of(request->idempotency_key.data, request->idempotency_key.len),
                 .metadata = metadata,
                 .metadata_count = request->n_metadata,
                 .deadline_ms = job->event.deadline_ms,
                 .streaming = job->stream == NULL ? NULL : &streaming,
                 .stream = job->stream },
        .server = job->net->server,
        .principal = &job->session->principal,
        .session = job->session,
        .peer = wss_conn_address(job->conn),
    };
    Hallmark__V1__FrameResponse response;
    call_serve(&call, &response);
    response.stream = job->event.stream;
    if (wss_respond(job->conn, &response) != ERR_OK)
        log_line(LOG_LEVEL_DEBUG, "net: the caller of %s is gone", request->method);
    struct run *run = call.opened != NULL ? call.opened : call.run;
    if (call.rpc.err == ERR_OK && run != NULL)
        run_advance(run);
    call_end(&call);
    job_free(job);
}

static struct run *run_of(struct server *server, const Hallmark__V1__FrameRequest *request)
{
    for (size_t i = 0; i < request->n_metadata; i++)
        if (strcmp(request->metadata[i]->key, "run-bin") == 0 &&
            request->metadata[i]->value.len == RUN_ID_SIZE)
            return run_find(server, request->metadata[i]->value.data);
    return NULL;
}

/* Where a call is served: a stream on a thread of its own pool, a run's call on the run's
 * strand. */
static enum err route(struct job *job)
{
    if (job->stream != NULL) {
        TRY(session_stream_begin(job->session));
        job->streams = true;
        AUTO(strand_drop) struct strand *own = strand_new(job->net->server->streams);
        return own == NULL ? fail(ERR_MEMORY, "net: no memory for a call")
                           : strand_submit(own, serve, job);
    }
    return strand_submit(job->run != NULL ? run_strand(job->run) : job->session->strand, serve,
                         job);
}

static void refuse_job(struct job *job, enum err e)
{
    refuse(job->conn, job->event.stream, e);
    job_free(job);
}

/* A call that came before its session was admitted has waited behind that. */
static void route_late(void *context)
{
    struct job *job = context;
    enum err e =
        job->session->admitted ? route(job) : fail_quiet(ERR_UNAUTHENTICATED, "refused");
    if (e != ERR_OK)
        refuse_job(job, e);
}

static enum err accept_call(struct job *job)
{
    const Hallmark__V1__FrameRequest *request = job->event.frame->request;
    const struct auth_method *method = auth_method_of(request->method);
    if (method != NULL && method->shape == AUTH_STREAM)
        TRY(wss_stream_accept(job->conn, &job->event, &job->stream));
    else if (!request->end_stream)
        return fail_quiet(ERR_INVALID, "%s takes one message, not a stream", request->method);
    return job->session->admitted ? route(job)
                                  : strand_submit(job->session->strand, route_late, job);
}

static void on_request(void *context, struct wss_conn *conn, struct peer_event *event)
{
    struct net *net = context;
    struct session *session = wss_conn_user(conn);
    struct job *job = calloc(1, sizeof(*job));
    if (job == NULL) {
        refuse(conn, event->stream, fail(ERR_MEMORY, "net: no memory for a call"));
        peer_event_free(event);
        return;
    }
    *job = (struct job){ .net = net,
                         .session = session_keep(session),
                         .conn = wss_conn_keep(conn),
                         .event = *event,
                         .run = run_of(net->server, event->frame->request) };
    pthread_mutex_lock(&net->lock);
    net->open++;
    pthread_mutex_unlock(&net->lock);
    enum err e = accept_call(job);
    if (e != ERR_OK)
        refuse_job(job, e);
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
        .handler = { net, on_accept, NULL, on_request, NULL, on_closed, refusal_tls,
                     refusal_breach },
    };
    enum err e = net->strand == NULL ? fail(ERR_MEMORY, "net: no memory")
                                     : wss_start(&config, &net->wss);
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
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += timeout_ms / 1000;
    pthread_mutex_lock(&net->lock);
    while (net->open != 0 && pthread_cond_timedwait(&net->idle, &net->lock, &until) == 0)
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

/* Each is told why; who does not take it in time is cut off. */
void net_close(struct net *net)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += GOODBYE_S;
    pthread_mutex_lock(&net->lock);
    while (close_all(net->server) != 0 &&
           pthread_cond_timedwait(&net->idle, &net->lock, &until) == 0)
        ;
    pthread_mutex_unlock(&net->lock);
    wss_shutdown(net->wss);
}

void net_free(struct net *net)
{
    if (net == NULL)
        return;
    wss_stop(net->wss);
    strand_drop(&net->strand);
    pthread_cond_destroy(&net->idle);
    pthread_mutex_destroy(&net->lock);
    free(net);
}
