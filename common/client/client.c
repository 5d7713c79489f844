/* SPDX-License-Identifier: MIT */
/*
 * Opens and closes the client, and receives its connection's events. Called by the programs,
 * and by the carrier on the I/O thread, where nothing may block. An event of a connection that
 * is not the present one must not change the state.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/client/inside.h"
#include "common/host/clean.h"
#include "common/host/clock.h"
#include "common/host/log.h"

enum { CLOSE_NORMAL = 1000, CLOSE_MS = 1000 };

/* Of the server's clock, before ours; 0 if it told no time. */
static int64_t clock_ahead_us(struct wss_conn *conn)
{
    int64_t theirs_us = wss_conn_time_us(conn);
    return theirs_us == 0 ? 0 : theirs_us - (int64_t)clock_real_us();
}

static void opened(void *context, struct wss_conn *conn)
{
    struct client *client = context;
    int64_t ahead_us = clock_ahead_us(conn);
    wss_conn_set_user(conn, client); /* see lost() */
    pthread_mutex_lock(&client->lock);
    if (client->state != CLIENT_OVER && client->conn == NULL) {
        client->conn = wss_conn_keep(conn);
        client->opened_ms = rpc_now_ms();
        client->connections++;
        client->ahead_us = ahead_us;
        client->state = CLIENT_OPEN;
    }
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->lock);
    client_tell(client);
}

/* Of the open connection, or of the attempt; not of one that was going away. */
static void lost(void *context, struct wss_conn *conn, const char *reason)
{
    struct client *client = context;
    enum err why = wss_why(client->wss, conn);
    bool stood = conn != NULL && wss_conn_user(conn) != NULL;
    pthread_mutex_lock(&client->lock);
    bool present = stood ? conn == client->conn : client->state == CLIENT_CONNECTING;
    if (present)
        client_lose(client, why == ERR_UNAVAILABLE ? CLIENT_LOST : CLIENT_OVER, why, reason);
    pthread_mutex_unlock(&client->lock);
    if (present)
        client_tell(client);
}

/* Calls in progress may end there; all others go over the next connection. */
static void going_away(void *context, struct wss_conn *conn, const char *reason)
{
    struct client *client = context;
    char words[CLIENT_REASON_MAX];
    snprintf(words, sizeof(words), "the server is going away: %.200s", reason);
    pthread_mutex_lock(&client->lock);
    bool present = conn == client->conn;
    if (present)
        client_lose(client, CLIENT_LOST, ERR_UNAVAILABLE, words);
    pthread_mutex_unlock(&client->lock);
    if (present)
        client_tell(client);
}

void client_refuse(struct wss_conn *conn, uint32_t stream, enum err e, const char *words)
{
    char text[RPC_MESSAGE_TEXT_MAX];
    Hallmark__V1__FrameResponse response = HALLMARK__V1__FRAME_RESPONSE__INIT;
    clean_put(text, sizeof(text), words[0] != '\0' ? words : err_text(e));
    response.stream = stream;
    response.status = err_status(e);
    response.code = (uint32_t)e;
    response.message = text;
    if (wss_respond(conn, &response) != ERR_OK)
        log_line(LOG_LEVEL_WARN, "client: an answer was not sent: %s", fail_words());
}

static void requested(void *context, struct wss_conn *conn, struct peer_event *event)
{
    const struct client_handler *handler = &((struct client *)context)->config.handler;
    if (handler->request != NULL) {
        handler->request(handler->context, conn, event);
        return;
    }
    client_refuse(conn, event->stream, ERR_UNIMPLEMENTED, "this client serves nothing");
    peer_event_free(event);
}

static void cancelled(void *context, struct wss_conn *conn, uint32_t stream)
{
    const struct client_handler *handler = &((struct client *)context)->config.handler;
    if (handler->cancelled != NULL)
        handler->cancelled(handler->context, conn, stream);
}

static enum err start(struct client *client)
{
    struct wss_config config = {
        .address = client->config.host,
        .port = client->config.port,
        .tls_setup = credentials_set,
        .tls_context = &client->config,
        .software = client->config.software,
        .handler = { .context = client,
                     .open = opened,
                     .request = requested,
                     .cancelled = cancelled,
                     .closed = lost,
                     .going_away = going_away },
    };
    if (client->config.proxy != NULL)
        config.proxy = *client->config.proxy;
    TRY(wss_start(&config, &client->wss));
    client->lost_ms = rpc_now_ms();
    client->kept = pthread_create(&client->keeper, NULL, keeper_run, client) == 0;
    return client->kept ? ERR_OK : fail_quiet(ERR_MEMORY, "no thread for the connection");
}

enum err client_open(const struct client_config *config, struct client **client_out)
{
    TRY(credentials_check(config));
    struct client *client = calloc(1, sizeof(*client));
    if (client == NULL)
        return fail_quiet(ERR_MEMORY, "no memory");
    client->config = *config;
    client->backoff = backoff_of(config->backoff_ms, config->backoff_cap_ms, backoff_seed());
    pthread_mutex_init(&client->lock, NULL);
    enum err e = client_condition(&client->changed);
    if (e == ERR_OK)
        e = start(client);
    if (e != ERR_OK) {
        client_close(client);
        return e;
    }
    *client_out = client;
    return ERR_OK;
}

/* The close frame must be sent before the I/O thread ends. */
static void say_goodbye(struct client *client)
{
    uint64_t deadline_ms = rpc_now_ms() + CLOSE_MS;
    bool in_time = true;
    pthread_mutex_lock(&client->lock);
    if (client->conn != NULL)
        wss_conn_close(client->conn, CLOSE_NORMAL, "done");
    while (client->state == CLIENT_OPEN && in_time)
        in_time = client_wait(&client->changed, &client->lock, deadline_ms);
    pthread_mutex_unlock(&client->lock);
}

static void dismiss_keeper(struct client *client)
{
    pthread_mutex_lock(&client->lock);
    client->closing = true;
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->lock);
    pthread_join(client->keeper, NULL);
}

void client_close(struct client *client)
{
    if (client == NULL)
        return;
    if (client->kept)
        dismiss_keeper(client);
    say_goodbye(client);
    wss_stop(client->wss);
    wss_conn_drop(&client->conn);
    pthread_cond_destroy(&client->changed);
    pthread_mutex_destroy(&client->lock);
    free(client);
}
