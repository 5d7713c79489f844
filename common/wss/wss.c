/* SPDX-License-Identifier: MIT */
/*
 * wss: the carrier's thread, its event loop and libwebsockets' context. Called by both programs
 * to start and stop. Nothing that runs on the I/O thread may block.
 */
#include "common/wss/wss.h"

#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "common/wss/conn.h"

enum {
    CHUNK = 16384,       /* bytes written or read at once: a TLS record */
    RX_KEPT = 4096,      /* bytes of every connection's receive buffer */
    HEADERS_MAX = 16384, /* of a request: above that lws closes without a callback */
    PULSE_S = 1
};

static void lws_words(int level, const char *line)
{
    size_t len = strcspn(line, "\n");
    log_line((level & LLL_ERR) != 0 ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, "lws: %.*s", (int)len,
             line);
}

/* lws 4.1.6 does not shorten libev's timer for a timeout of its own that comes before another;
 * it looks for timeouts that are due after each event. So this timer makes one event a second.
 */
static void on_pulse(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    (void)loop, (void)events;
    struct wss *wss = lws_container_of(timer, struct wss, pulse);
    lws_cancel_service(wss->lws);
    listen_resume(&wss->listening);
}

static void on_wake(struct ev_loop *loop, struct ev_async *wake, int events)
{
    (void)loop, (void)events;
    wss_woken(lws_container_of(wake, struct wss, wake));
}

static void on_idle(struct ev_loop *loop, struct ev_prepare *idle, int events)
{
    (void)loop, (void)events;
    const struct wss_handler *handler =
        &lws_container_of(idle, struct wss, idle)->config.handler;
    if (handler->idle != NULL)
        handler->idle(handler->context);
}

static void *run(void *arg)
{
    struct wss *wss = arg;
    wss->io = pthread_self();
    ev_prepare_init(&wss->idle, on_idle);
    ev_prepare_start(wss->loop, &wss->idle);
    ev_timer_init(&wss->pulse, on_pulse, PULSE_S, PULSE_S);
    ev_timer_start(wss->loop, &wss->pulse);
    while (!atomic_load(&wss->stopping))
        ev_run(wss->loop, EVRUN_ONCE);
    lws_context_destroy(wss->lws);
    return NULL;
}

static void fill_protocols(struct wss *wss)
{
    wss->protocols[0] = (struct lws_protocols){ .name = "http-only", .callback = wss_callback };
    wss->protocols[1] = (struct lws_protocols){
        .name = RPC_SUBPROTOCOL,
        .callback = wss_callback,
        .per_session_data_size = sizeof(struct wss_conn *),
        .rx_buffer_size = RX_KEPT,
        .tx_packet_size = CHUNK,
    };
}

/* With the option lws 4.1.6 asks OpenSSL for new numbers of its ex_data at every context, and
 * then finds no data for a handshake of another context. So the option is given once in a
 * process. */
static struct lws_context *create_context(const struct lws_context_creation_info *info)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static bool ready;
    struct lws_context_creation_info once = *info;
    pthread_mutex_lock(&lock);
    if (ready)
        once.options &= ~(uint64_t)LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    struct lws_context *context = lws_create_context(&once);
    ready = ready || context != NULL;
    pthread_mutex_unlock(&lock);
    return context;
}

static enum err make_context(struct wss *wss)
{
    const struct wss_config *config = &wss->config;
    wss->loop = ev_loop_new(EVFLAG_AUTO);
    if (wss->loop == NULL)
        return fail(ERR_IO, "wss: libev does not start");
    ev_async_init(&wss->wake, on_wake);
    ev_async_start(wss->loop, &wss->wake);
    void *loops[] = { wss->loop };
    struct lws_context_creation_info info = {
        .port = config->server ? CONTEXT_PORT_NO_LISTEN_SERVER : CONTEXT_PORT_NO_LISTEN,
        .protocols = wss->protocols,
        .user = wss,
        .foreign_loops = loops,
        .alpn = "http/1.1",
        .timeout_secs = wss->admission.limits.handshake_s,
        .retry_and_idle_policy = &wss->keepalive,
        .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT |
                   LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                   LWS_SERVER_OPTION_LIBEV,
        .pt_serv_buf_size = CHUNK,
        .max_http_header_data = HEADERS_MAX,
        .http_proxy_address = ":0", /* none: else lws takes what http_proxy says */
    };
    if (config->server) {
        /* lws 4.1.6 makes a client context for a server too, and loses it; ours is freed. */
        wss->unused = SSL_CTX_new(TLS_client_method());
        info.provided_client_ssl_ctx = wss->unused;
        info.options |= LWS_SERVER_OPTION_CREATE_VHOST_SSL_CTX |
                        LWS_SERVER_OPTION_REQUIRE_VALID_OPENSSL_CLIENT_CERT;
    }
    lws_set_log_level(LLL_ERR | LLL_WARN, lws_words);
    wss->lws = create_context(&info);
    if (wss->lws == NULL)
        return fail(ERR_IO, "wss: libwebsockets does not start (is its libev plug-in there?)");
    wss->vhost = lws_create_vhost(wss->lws, &info);
    if (wss->vhost == NULL) {
        lws_context_destroy(wss->lws);
        return fail(ERR_IO, "wss: TLS cannot be set up: see the lines before");
    }
    admission_start(&wss->admission, wss->loop, wss->vhost);
    listen_start(&wss->listening, wss->loop, &wss->admission);
    return ERR_OK;
}

static struct wss_limits limits_of(const struct wss_config *config)
{
    struct wss_limits l = config->limits;
    l.handshakes_address = l.handshakes_address != 0 ? l.handshakes_address : 64;
    l.handshakes_all = l.handshakes_all != 0 ? l.handshakes_all : 512;
    l.handshake_s = l.handshake_s != 0 ? l.handshake_s : 10;
    l.signing_percent = l.signing_percent != 0 ? l.signing_percent : 25;
    return l;
}

enum err wss_start(const struct wss_config *config, struct wss **wss_out)
{
    struct wss *wss = calloc(1, sizeof(*wss));
    if (wss == NULL)
        return fail(ERR_MEMORY, "wss: no memory");
    wss->config = *config;
    wss->keepalive = (lws_retry_bo_t){
        .secs_since_valid_ping = RPC_PING_MS / 1000,
        .secs_since_valid_hangup = (RPC_PING_MS + RPC_HANGUP_MS) / 1000,
    };
    handshake_init(&wss->handshake);
    const struct wss_limits limits = limits_of(config);
    admission_init(&wss->admission, &limits);
    fill_protocols(wss);
    enum err e = ERR_OK;
    if (config->server)
        e = listen_open(&wss->listening, config->address, config->port);
    if (e == ERR_OK)
        e = make_context(wss);
    if (e == ERR_OK && pthread_create(&wss->thread, NULL, run, wss) != 0) {
        lws_context_destroy(wss->lws);
        e = fail(ERR_IO, "wss: cannot start a thread");
    }
    if (e != ERR_OK) {
        if (wss->loop != NULL)
            ev_loop_destroy(wss->loop);
        listen_close(&wss->listening);
        SSL_CTX_free(wss->unused);
        free(wss);
        return e;
    }
    *wss_out = wss;
    return ERR_OK;
}

uint16_t wss_port(const struct wss *wss)
{
    return listen_port(&wss->listening);
}

void wss_renew(struct wss *wss)
{
    atomic_store(&wss->renewing, true);
    ev_async_send(wss->loop, &wss->wake);
}

void wss_shutdown(struct wss *wss)
{
    if (wss->joined)
        return;
    atomic_store(&wss->stopping, true);
    ev_async_send(wss->loop, &wss->wake);
    pthread_join(wss->thread, NULL);
    wss->joined = true;
    listen_close(&wss->listening);
    admission_close(&wss->admission);
    conn_forget_woken(wss);
}

void wss_stop(struct wss *wss)
{
    if (wss == NULL)
        return;
    wss_shutdown(wss);
    conn_forget_woken(wss);
    ev_loop_destroy(wss->loop); /* only now: other threads may wake the loop until here */
    connect_forget(wss);
    buf_free(&wss->tx);
    SSL_CTX_free(wss->unused);
    OPENSSL_cleanse(&wss->config.proxy, sizeof(wss->config.proxy));
    free(wss);
}
