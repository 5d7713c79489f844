/* SPDX-License-Identifier: MIT */
#include "oem-server/ctl/remote.h"

#include <errno.h>
#include <netdb.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/host/backoff.h"
#include "common/host/clock.h"
#include "common/host/log.h"
#include "common/rpc/method.h"
#include "common/rpc/retry.h"
#include "common/wss/wss.h"
#include "oem-server/ctl/credential.h"
#include "oem-server/ctl/details.h"
#include "oem-server/ctl/remote_tls.h"

enum { CONNECT_TIMEOUT_MS = 10000, CALL_TIMEOUT_MS = 30000, LOSS_MS = 2000 };
enum { ATTEMPTS = 4, BACKOFF_MS = 200, BACKOFF_CAP_MS = 1000 };

struct remote {
    struct settings settings;
    struct server_url address;
    unsigned timeout_ms;
    struct remote_tls tls;
    struct wss *wss;
    pthread_mutex_t lock; /* protects what follows, which the I/O thread writes */
    pthread_cond_t changed;
    struct wss_conn *conn; /* kept; NULL: not open */
    bool over;             /* the latest attempt to connect, or its connection, has ended */
    enum err why;          /* ERR_UNAVAILABLE: another attempt may succeed */
    char reason[256];      /* a message */
    struct backoff backoff;
    struct ctl_pending *pending; /* of the command; or NULL */
};

/* A call that waits for its answer. */
struct waiting {
    struct remote *remote;
    bool done;
    enum err err;
    char words[FAIL_WORDS_MAX];
    struct buf response;
    struct ctl_pending pending;
};

static void on_open(void *context, struct wss_conn *conn)
{
    struct remote *r = context;
    wss_conn_set_user(conn, r); /* see on_closed() */
    pthread_mutex_lock(&r->lock);
    if (r->conn == NULL)
        r->conn = wss_conn_keep(conn);
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

/* Under the lock. */
static void end(struct remote *r, enum err why, const char *reason)
{
    r->over = true;
    r->why = why;
    snprintf(r->reason, sizeof(r->reason), "%s", reason == NULL ? "" : reason);
    pthread_cond_broadcast(&r->changed);
}

/* For the connection in use, or the attempt; others are ignored. */
static void on_closed(void *context, struct wss_conn *conn, const char *reason)
{
    struct remote *r = context;
    enum err why = wss_why(r->wss, conn);
    bool stood = conn != NULL && wss_conn_user(conn) != NULL;
    pthread_mutex_lock(&r->lock);
    if (!stood || conn == r->conn)
        end(r, why, reason);
    pthread_mutex_unlock(&r->lock);
}

/* An open call may end on this connection; the next one uses another. */
static void on_going_away(void *context, struct wss_conn *conn, const char *reason)
{
    struct remote *r = context;
    pthread_mutex_lock(&r->lock);
    if (conn == r->conn)
        end(r, ERR_UNAVAILABLE, reason);
    pthread_mutex_unlock(&r->lock);
}

/* The server calls stations only, so an operator's client refuses calls. */
static void on_request(void *context, struct wss_conn *conn, struct peer_event *event)
{
    (void)context;
    Hallmark__V1__FrameResponse refusal = HALLMARK__V1__FRAME_RESPONSE__INIT;
    char words[] = "oemctl serves nothing";
    refusal.stream = event->stream;
    refusal.status = ERR_UNIMPLEMENTED;
    refusal.message = words;
    if (wss_respond(conn, &refusal) != ERR_OK)
        log_line(LOG_LEVEL_DEBUG, "ctl: a call by the server went unanswered");
    peer_event_free(event);
}

static void on_cancelled(void *context, struct wss_conn *conn, uint32_t stream)
{
    (void)context, (void)conn, (void)stream;
}

static enum err lost(const struct remote *r)
{
    const char *distrust = atomic_load(&r->tls.distrust);
    if (distrust != NULL)
        return fail_quiet(ERR_TLS, "%s: the server's certificate: %s", r->settings.server,
                          distrust);
    return fail_quiet(r->why, "%s: %s", r->settings.server, r->reason);
}

static enum err wait_open(struct remote *r)
{
    struct timespec until = clock_after_ms(CONNECT_TIMEOUT_MS);
    int late = 0;
    enum err e = ERR_OK;
    pthread_mutex_lock(&r->lock);
    while (r->conn == NULL && !r->over && late == 0)
        late = pthread_cond_timedwait(&r->changed, &r->lock, &until);
    if (r->conn == NULL && r->over)
        e = lost(r);
    else if (r->conn == NULL)
        e = fail_quiet(ERR_DEADLINE, "%s: no connection in %d ms", r->settings.server,
                       CONNECT_TIMEOUT_MS);
    pthread_mutex_unlock(&r->lock);
    return e;
}

static enum err ensure_open(struct remote *r)
{
    pthread_mutex_lock(&r->lock);
    bool usable = r->conn != NULL && !r->over;
    if (!usable && r->conn != NULL)
        wss_conn_drop(&r->conn);
    if (!usable)
        r->over = false;
    pthread_mutex_unlock(&r->lock);
    if (usable)
        return ERR_OK;
    TRY(wss_connect(r->wss));
    return wait_open(r);
}

static void pause_ms(unsigned ms)
{
    const struct timespec until = clock_after_ms(ms);
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        ;
}

static enum err connect_patiently(struct remote *r)
{
    enum err e = ensure_open(r);
    for (int attempt = 1; attempt < ATTEMPTS && e == ERR_UNAVAILABLE; attempt++) {
        pause_ms(backoff_next_ms(&r->backoff));
        e = ensure_open(r);
    }
    return e;
}

/* A call has ended with its connection; waits for the reason of that end, and whether it is
 * permanent. */
static enum err learn_why(struct remote *r)
{
    struct timespec until = clock_after_ms(LOSS_MS);
    int late = 0;
    pthread_mutex_lock(&r->lock);
    while (!r->over && late == 0)
        late = pthread_cond_timedwait(&r->changed, &r->lock, &until);
    if (!r->over)
        end(r, ERR_UNAVAILABLE, "connection lost");
    enum err e = r->why == ERR_UNAVAILABLE ? ERR_OK : lost(r);
    pthread_mutex_unlock(&r->lock);
    return e;
}

/* Checked here for a clear message: the carrier would only let the connection time out. */
static enum err check_name(const struct server_url *address)
{
    struct addrinfo *found = NULL;
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    int problem = getaddrinfo(address->host, NULL, &hints, &found);
    if (problem != 0)
        return fail_quiet(ERR_UNAVAILABLE, "%s: %s", address->host, gai_strerror(problem));
    freeaddrinfo(found);
    return ERR_OK;
}

static enum err start(struct remote *r)
{
    const struct wss_config config = {
        .address = r->address.host,
        .port = r->address.port,
        .tls_setup = remote_tls_setup,
        .tls_context = &r->tls,
        .software = "oemctl/" HALLMARK_VERSION,
        .handler = { .context = r,
                     .open = on_open,
                     .request = on_request,
                     .cancelled = on_cancelled,
                     .closed = on_closed,
                     .going_away = on_going_away },
    };
    return wss_start(&config, &r->wss);
}

static void init_locks(struct remote *r)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&r->changed, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&r->lock, NULL);
}

enum err remote_open(const struct ctl *ctl, struct remote **remote_out)
{
    AUTO(remote_close) struct remote *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return fail_quiet(ERR_MEMORY, "no memory for a connection");
    init_locks(r);
    r->backoff = backoff_of(BACKOFF_MS, BACKOFF_CAP_MS, backoff_seed());
    r->tls.settings = &r->settings;
    r->tls.address = &r->address;
    r->settings = ctl->wanted;
    r->pending = ctl->pending;
    r->timeout_ms = ctl->timeout_s == 0 ? CALL_TIMEOUT_MS : ctl->timeout_s * 1000;
    TRY(settings_complete(&r->settings, ctl->config));
    TRY(server_url_parse(r->settings.server, &r->address));
    TRY(credential_key_load(r->settings.key, &r->tls.key));
    TRY(remote_tls_check(&r->tls));
    TRY(check_name(&r->address));
    TRY(start(r));
    TRY(connect_patiently(r));
    *remote_out = TAKE(r);
    return ERR_OK;
}

void remote_close(struct remote **remote)
{
    struct remote *r = *remote;
    if (r == NULL)
        return;
    if (r->conn != NULL)
        wss_conn_drop(&r->conn);
    wss_stop(r->wss);
    EVP_PKEY_free(r->tls.key);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    free(r);
    *remote = NULL;
}

const struct settings *remote_settings(const struct remote *remote)
{
    return &remote->settings;
}

static void on_done(void *context, const Hallmark__V1__FrameResponse *response)
{
    struct waiting *w = context;
    pthread_mutex_lock(&w->remote->lock);
    w->err = err_from_wire(response->code, response->status);
    snprintf(w->words, sizeof(w->words), "%s", response->message);
    if (w->err == ERR_PENDING)
        w->pending = details_pending(response);
    if (w->err == ERR_OK)
        w->err = buf_copy(&w->response, span_of(response->payload.data, response->payload.len));
    w->done = true;
    pthread_cond_broadcast(&w->remote->changed);
    pthread_mutex_unlock(&w->remote->lock);
}

/* No time-out here: the carrier ends the call by its answer, its deadline or the connection's
 * loss. */
static enum err wait_done(struct waiting *w, struct buf *response_out)
{
    pthread_mutex_lock(&w->remote->lock);
    while (!w->done)
        pthread_cond_wait(&w->remote->changed, &w->remote->lock);
    pthread_mutex_unlock(&w->remote->lock);
    if (w->err == ERR_PENDING && w->remote->pending != NULL)
        *w->remote->pending = w->pending;
    if (w->err == ERR_OK)
        *response_out = buf_take(&w->response);
    buf_free(&w->response);
    return w->err == ERR_OK
               ? ERR_OK
               : fail_quiet(w->err, "%s", *w->words == '\0' ? err_text(w->err) : w->words);
}

static enum err call_once(struct remote *r, const Hallmark__V1__FrameRequest *request,
                          struct buf *response_out)
{
    struct waiting w = { .remote = r };
    TRY(wss_call(r->conn, request, on_done, &w));
    TRY(wait_done(&w, response_out));
    backoff_reset(&r->backoff);
    return ERR_OK;
}

/* A call was lost with its connection: waits before it is repeated, if it may be. */
static enum err prepare_again(struct remote *r, int attempt)
{
    char words[FAIL_WORDS_MAX];
    snprintf(words, sizeof(words), "%s", fail_words());
    TRY(learn_why(r));
    if (attempt == ATTEMPTS)
        return fail_quiet(ERR_CLOSED, "%.300s: lost at each of %d attempts", words, ATTEMPTS);
    pause_ms(backoff_next_ms(&r->backoff));
    return ERR_OK;
}

enum err remote_send(void *context, const char *method, struct span payload,
                     struct buf *response_out)
{
    struct remote *r = context;
    uint8_t key[RPC_IDEMPOTENCY_KEY_SIZE];
    Hallmark__V1__FrameRequest request = HALLMARK__V1__FRAME_REQUEST__INIT;
    if (RAND_bytes(key, sizeof(key)) != 1)
        return fail_quiet(ERR_INTERNAL, "no random bytes");
    request.method = (char *)(uintptr_t)method;
    request.payload.data = (uint8_t *)(uintptr_t)payload.ptr;
    request.payload.len = payload.len;
    request.timeout_ms = r->timeout_ms;
    request.end_stream = true;
    if (method_effect(method) != METHOD_READS)
        request.idempotency_key = (ProtobufCBinaryData){ sizeof(key), key };
    for (int attempt = 1;; attempt++) {
        TRY(connect_patiently(r));
        enum err e = call_once(r, &request, response_out);
        if (!again_may(e, true)) /* it changes nothing, or has its key */
            return e;
        TRY(prepare_again(r, attempt));
    }
}

enum err remote_stream(struct remote *r, const char *method, struct span payload,
                       uint32_t timeout_ms, struct wss_stream **stream_out)
{
    Hallmark__V1__FrameRequest request = HALLMARK__V1__FRAME_REQUEST__INIT;
    request.method = (char *)(uintptr_t)method;
    request.payload.data = (uint8_t *)(uintptr_t)payload.ptr;
    request.payload.len = payload.len;
    request.timeout_ms = timeout_ms == 0 ? r->timeout_ms : timeout_ms;
    uint8_t key[RPC_IDEMPOTENCY_KEY_SIZE];
    if (RAND_bytes(key, sizeof(key)) != 1)
        return fail_quiet(ERR_INTERNAL, "no random bytes");
    if (method_effect(method) != METHOD_READS)
        request.idempotency_key = (ProtobufCBinaryData){ sizeof(key), key };
    for (int attempt = 1;; attempt++) {
        TRY(connect_patiently(r));
        enum err e = wss_stream_open(r->conn, &request, stream_out);
        if (!again_may(e, true)) /* a call that fails here was not sent */
            return e;
        TRY(prepare_again(r, attempt));
    }
}
