/* SPDX-License-Identifier: MIT */
/*
 * The shared connection: opens it, and routes the server's calls to channels, on the I/O
 * thread. Called by sites.c and calls.c. An event's handler must not block, and must not touch
 * a channel without the lock.
 */

#include "station-agent/site/server.h"

#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "station-agent/site/output.h"

enum { BACKOFF_MS = 250, BACKOFF_CAP_MS = 5000 };

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
        if (channel->line.conn == conn && channel->has_run &&
            span_eq(run, SPAN(channel->run_id)))
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
        client_refuse(conn, stream, e, fail_words());
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
        if (channel->line.conn == conn)
            drop(channel, stream);
    pthread_mutex_unlock(&server->lock);
}

static void changed(void *context)
{
    struct server *server = context;
    pthread_mutex_lock(&server->lock);
    for (struct channel *channel = server->channels; channel != NULL; channel = channel->next)
        pthread_cond_broadcast(&channel->changed);
    pthread_mutex_unlock(&server->lock);
}

static void news(void *context, const struct client_news *news)
{
    const struct server *server = context;
    if (server->config.output != NULL)
        output_connection(server->config.output, news);
}

static enum err connect_to(struct server *server)
{
    const struct client_config config = {
        .host = server->config.host,
        .port = server->config.port,
        .proxy = server->config.proxy,
        .ca_file = server->config.ca_file,
        .certificate_file = server->config.certificate_file,
        .key_file = server->config.key_file,
        .software = "station-agent/" HALLMARK_VERSION,
        .self = "station",
        .patience_ms = server->config.reconnect_ms,
        .backoff_ms = BACKOFF_MS,
        .backoff_cap_ms = BACKOFF_CAP_MS,
        .handler = { .context = server,
                     .request = requested,
                     .cancelled = cancelled,
                     .changed = changed,
                     .news = news },
    };
    TRY(client_open(&config, &server->client));
    TRY(client_await(server->client, UINT64_MAX));
    char words[CLIENT_CLOCK_WORDS_MAX];
    if (server->config.output != NULL && client_clock_differs(server->client, words))
        output_warning(server->config.output, words);
    return ERR_OK;
}

enum err server_open(const struct server_config *config, struct server **server_out)
{
    struct server *server = calloc(1, sizeof(*server));
    if (server == NULL)
        return fail_quiet(ERR_MEMORY, "no memory");
    server->config = *config;
    pthread_mutex_init(&server->lock, NULL);
    enum err e = connect_to(server);
    if (e != ERR_OK)
        server_close(server);
    else
        *server_out = server;
    return e;
}

void server_close(struct server *server)
{
    if (server == NULL)
        return;
    client_close(server->client);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

enum err server_await(struct server *server, uint64_t until_ms)
{
    return client_await(server->client, until_ms);
}

void server_used(struct server *server)
{
    client_used(server->client);
}
