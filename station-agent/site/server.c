/* SPDX-License-Identifier: MIT */
/*
 * The shared connection: opens it, receives its events on the I/O thread, and routes the
 * server's calls to channels. Called by sites.c and calls.c. An event's handler must not block,
 * and must not touch a channel without the lock.
 */

#include "station-agent/site/server.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/host/log.h"

enum { CLOSE_NORMAL = 1000, CLOSE_MS = 1000 };

static enum err tls_failure(const char *what, const char *file)
{
    unsigned long code = ERR_peek_error();
    const char *reason =
        ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);
    bool gone = ERR_SYSTEM_ERROR(code) && ERR_GET_REASON(code) == ENOENT;
    ERR_clear_error();
    return fail_quiet(gone ? ERR_NOT_FOUND : ERR_CONFIG, "%s %s: %s", what, file,
                      reason != NULL ? reason : "not what it should be");
}

static enum err set_up_tls(void *context, SSL_CTX *tls)
{
    const struct server_config *config = context;
    if (SSL_CTX_use_certificate_chain_file(tls, config->certificate_file) != 1)
        return tls_failure("certificate", config->certificate_file);
    if (SSL_CTX_use_PrivateKey_file(tls, config->key_file, SSL_FILETYPE_PEM) != 1)
        return tls_failure("key", config->key_file);
    if (SSL_CTX_check_private_key(tls) != 1)
        return tls_failure("key does not belong to the certificate:", config->key_file);
    if (SSL_CTX_load_verify_locations(tls, config->ca_file, NULL) != 1)
        return tls_failure("trusted root", config->ca_file);
    return ERR_OK;
}

/* A key that other users can read is not accepted. */
static enum err check_key(const char *file)
{
    struct stat about;
    if (stat(file, &about) == 0 && S_ISREG(about.st_mode) && (about.st_mode & 077) != 0)
        return fail_quiet(ERR_CONFIG, "key %s: others may read it; chmod 600", file);
    return ERR_OK;
}

/* wss gives no reason when the TLS set-up fails late, so the files are tested first. */
static enum err try_files(const struct server_config *config)
{
    struct server_config copy = *config;
    TRY(check_key(config->key_file));
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    if (tls == NULL)
        return fail_quiet(ERR_MEMORY, "no memory");
    enum err e = set_up_tls(&copy, tls);
    SSL_CTX_free(tls);
    return e;
}

static void opened(void *context, struct wss_conn *conn)
{
    struct server *server = context;
    wss_conn_set_user(conn, server); /* see lost() */
    pthread_mutex_lock(&server->lock);
    if (server->state != SERVER_OVER && server->conn == NULL) {
        server->conn = wss_conn_keep(conn);
        server->opened_ms = rpc_now_ms();
        server->connections++;
        server->state = SERVER_OPEN;
    }
    server_rouse(server);
    pthread_mutex_unlock(&server->lock);
}

/* Of the open connection, or of the attempt; not of one that was going away. */
static void lost(void *context, struct wss_conn *conn, const char *reason)
{
    struct server *server = context;
    enum err why = wss_why(server->wss, conn);
    bool stood = conn != NULL && wss_conn_user(conn) != NULL;
    pthread_mutex_lock(&server->lock);
    if (stood ? conn == server->conn : server->state == SERVER_CONNECTING)
        server_lose(server, why == ERR_UNAVAILABLE ? SERVER_LOST : SERVER_OVER, why, reason);
    pthread_mutex_unlock(&server->lock);
}

/* Calls in progress may end there; all others go over the next connection. */
static void going_away(void *context, struct wss_conn *conn, const char *reason)
{
    struct server *server = context;
    char words[SERVER_REASON_MAX];
    snprintf(words, sizeof(words), "the server is going away: %.200s", reason);
    pthread_mutex_lock(&server->lock);
    if (conn == server->conn)
        server_lose(server, SERVER_LOST, ERR_UNAVAILABLE, words);
    pthread_mutex_unlock(&server->lock);
}

static struct span run_of(const Hallmark__V1__FrameRequest *request)
{
    for (size_t i = 0; i < request->n_metadata; i++)
        if (strcmp(request->metadata[i]->key, "run-bin") == 0)
            return span_of(request->metadata[i]->value.data, request->metadata[i]->value.len);
    return (struct span){ NULL, 0 };
}

static struct channel *channel_of(const struct server *server, const struct wss_conn *conn,
                                  struct span run)
{
    for (struct channel *channel = server->channels; channel != NULL; channel = channel->next)
        if (channel->conn == conn && channel->has_run && span_eq(run, SPAN(channel->run_id)))
            return channel;
    return NULL;
}

/* Takes the event into the inbox of its channel. */
static enum err deliver(struct channel *channel, struct peer_event *event)
{
    if (channel == NULL)
        return fail_quiet(ERR_NOT_FOUND, "no position of this station has this run");
    if (channel->waiting == CHANNEL_INBOX_MAX)
        return fail_quiet(ERR_EXHAUSTED, "position has %d calls waiting", CHANNEL_INBOX_MAX);
    channel->inbox[channel->waiting++] = *event;
    event->frame = NULL;
    pthread_cond_broadcast(&channel->changed);
    return ERR_OK;
}

static void requested(void *context, struct wss_conn *conn, struct peer_event *event)
{
    struct server *server = context;
    uint32_t stream = event->stream;
    pthread_mutex_lock(&server->lock);
    enum err e = deliver(channel_of(server, conn, run_of(event->frame->request)), event);
    pthread_mutex_unlock(&server->lock);
    peer_event_free(event);
    if (e != ERR_OK)
        channel_refuse(conn, stream, e, fail_words());
}

static void drop(struct channel *channel, uint32_t stream)
{
    for (size_t i = 0; i < channel->waiting; i++) {
        if (channel->inbox[i].stream != stream)
            continue;
        peer_event_free(&channel->inbox[i]);
        channel->waiting--;
        memmove(&channel->inbox[i], &channel->inbox[i + 1],
                (channel->waiting - i) * sizeof(channel->inbox[0]));
        return;
    }
}

static void cancelled(void *context, struct wss_conn *conn, uint32_t stream)
{
    struct server *server = context;
    pthread_mutex_lock(&server->lock);
    for (struct channel *channel = server->channels; channel != NULL; channel = channel->next)
        if (channel->conn == conn)
            drop(channel, stream);
    pthread_mutex_unlock(&server->lock);
}

static enum err await_first(struct server *server)
{
    pthread_mutex_lock(&server->lock);
    while (server->state != SERVER_OPEN && server->state != SERVER_OVER)
        pthread_cond_wait(&server->changed, &server->lock);
    enum err e = server->connections != 0 ? ERR_OK : server->err;
    if (e != ERR_OK)
        e = fail_quiet(e, "%s", server->reason);
    pthread_mutex_unlock(&server->lock);
    return e;
}

static enum err connect_to(struct server *server)
{
    struct wss_config config = {
        .address = server->config.host,
        .port = server->config.port,
        .tls_setup = set_up_tls,
        .tls_context = &server->config,
        .software = "station-agent/" HALLMARK_VERSION,
        .handler = { .context = server,
                     .open = opened,
                     .request = requested,
                     .cancelled = cancelled,
                     .closed = lost,
                     .going_away = going_away },
    };
    TRY(wss_start(&config, &server->wss));
    server->lost_ms = rpc_now_ms();
    server->kept = pthread_create(&server->keeper, NULL, keeper_run, server) == 0;
    return server->kept ? await_first(server)
                        : fail_quiet(ERR_MEMORY, "no thread for the connection");
}

enum err server_open(const struct server_config *config, struct server **server_out)
{
    TRY(try_files(config));
    struct server *server = calloc(1, sizeof(*server));
    if (server == NULL)
        return fail_quiet(ERR_MEMORY, "no memory");
    server->config = *config;
    server->backoff = backoff_of(SERVER_BACKOFF_MS, SERVER_BACKOFF_CAP_MS, backoff_seed());
    pthread_mutex_init(&server->lock, NULL);
    enum err e = channel_condition(&server->changed);
    if (e == ERR_OK)
        e = connect_to(server);
    if (e != ERR_OK) {
        server_close(server);
        return e;
    }
    *server_out = server;
    return ERR_OK;
}

/* The close frame must be sent before the I/O thread ends. */
static void say_goodbye(struct server *server)
{
    uint64_t deadline_ms = rpc_now_ms() + CLOSE_MS;
    bool in_time = true;
    pthread_mutex_lock(&server->lock);
    if (server->conn != NULL)
        wss_conn_close(server->conn, CLOSE_NORMAL, "done");
    while (server->state == SERVER_OPEN && in_time)
        in_time = channel_wait(&server->changed, &server->lock, deadline_ms);
    pthread_mutex_unlock(&server->lock);
}

static void dismiss_keeper(struct server *server)
{
    pthread_mutex_lock(&server->lock);
    server->closing = true;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
    pthread_join(server->keeper, NULL);
}

void server_close(struct server *server)
{
    if (server == NULL)
        return;
    if (server->kept)
        dismiss_keeper(server);
    say_goodbye(server);
    wss_stop(server->wss);
    wss_conn_drop(&server->conn);
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->lock);
    free(server);
}
