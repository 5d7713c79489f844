/* SPDX-License-Identifier: MIT */
/*
 * A site's calls to the server and the server's calls to it, over the shared connection. Called
 * by one site's thread each, and by the connection's I/O thread for what arrives. Nothing here
 * may hold the lock while it waits for a peer.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "common/rpc/method.h"
#include "hallmark/v1/runs.pb-c.h"
#include "station-agent/site/server.h"

/* A call whose answer is wanted later. */
struct pending {
    struct client_call call;
};

void channel_answer(struct channel *channel, uint32_t stream, enum err e, struct span payload)
{
    if (e != ERR_OK) {
        client_refuse(channel->line.conn, stream, e, fail_words());
        return;
    }
    AUTO(buf_free) struct buf copy = { 0 };
    Hallmark__V1__FrameResponse response = HALLMARK__V1__FRAME_RESPONSE__INIT;
    if (buf_copy(&copy, payload) != ERR_OK) {
        client_refuse(channel->line.conn, stream, ERR_MEMORY, "no memory for the answer");
        return;
    }
    response.stream = stream;
    response.payload = (ProtobufCBinaryData){ copy.len, copy.ptr };
    if (wss_respond(channel->line.conn, &response) != ERR_OK)
        log_line(LOG_LEVEL_WARN, "site: an answer was not sent: %s", fail_words());
}

static void refuse_all(struct wss_conn *conn, struct peer_event *inbox, size_t waiting)
{
    for (size_t i = 0; i < waiting; i++) {
        client_refuse(conn, inbox[i].stream, ERR_NOT_FOUND, "this run has ended");
        peer_event_free(&inbox[i]);
    }
}

/* What waits is of the old connection. */
static void channel_replace(struct client_line *line, struct wss_conn *next)
{
    static_assert(offsetof(struct channel, line) == 0, "a channel begins with its line");
    struct channel *channel = (struct channel *)line;
    struct peer_event inbox[CHANNEL_INBOX_MAX];
    pthread_mutex_lock(&channel->server->lock);
    struct wss_conn *old = line->conn;
    size_t waiting = channel->waiting;
    memcpy(inbox, channel->inbox, sizeof(inbox));
    channel->waiting = 0;
    line->conn = next;
    pthread_mutex_unlock(&channel->server->lock);
    channel->moved = true;
    refuse_all(old, inbox, waiting);
    wss_conn_drop(&old);
}

enum err channel_open(struct server *server, struct channel **channel_out)
{
    TRY(server_await(server, 0));
    struct channel *channel = calloc(1, sizeof(*channel));
    if (channel == NULL || client_condition(&channel->changed) != ERR_OK) {
        free(channel);
        return fail_quiet(ERR_MEMORY, "no memory");
    }
    channel->server = server;
    channel->line.replace = channel_replace;
    client_line_open(server->client, &channel->line);
    pthread_mutex_lock(&server->lock);
    channel->next = server->channels;
    server->channels = channel;
    pthread_mutex_unlock(&server->lock);
    *channel_out = channel;
    return ERR_OK;
}

static void unlink_channel(struct channel *channel)
{
    pthread_mutex_lock(&channel->server->lock);
    struct channel **place = &channel->server->channels;
    while (*place != channel)
        place = &(*place)->next;
    *place = channel->next;
    pthread_mutex_unlock(&channel->server->lock);
}

void channel_close(struct channel *channel)
{
    if (channel == NULL)
        return;
    unlink_channel(channel);
    refuse_all(channel->line.conn, channel->inbox, channel->waiting);
    client_line_close(&channel->line);
    pthread_cond_destroy(&channel->changed);
    free(channel);
}

/* Done on the I/O thread: the server's first call of the run may be the very next message. */
static void enter_run(void *context, const Hallmark__V1__FrameResponse *response)
{
    struct channel *channel = context;
    if (response->status != 0)
        return;
    Hallmark__V1__OpenResponse *open = hallmark__v1__open_response__unpack(
        NULL, response->payload.len, response->payload.data);
    if (open == NULL)
        return; /* the site's thread says so */
    if (open->run_id.len == RUN_ID_SIZE) {
        pthread_mutex_lock(&channel->server->lock);
        memcpy(channel->run_id, open->run_id.data, RUN_ID_SIZE);
        channel->has_run = true;
        pthread_mutex_unlock(&channel->server->lock);
    }
    hallmark__v1__open_response__free_unpacked(open, NULL);
}

bool channel_lost(struct channel *channel)
{
    return channel != NULL && client_line_lost(&channel->line);
}

bool channel_moved(const struct channel *channel)
{
    return channel->moved;
}

enum err channel_check(struct channel *channel)
{
    return client_line_check(&channel->line);
}

/* A call as a frame, which borrows from both. */
struct outgoing {
    Hallmark__V1__FrameRequest frame;
    Hallmark__V1__Metadata run, reports, *entries[2];
};

static ProtobufCBinaryData bytes_of(struct span span)
{
    return (ProtobufCBinaryData){ span.len, (uint8_t *)(uintptr_t)span.ptr };
}

static void add_entry(struct outgoing *out, Hallmark__V1__Metadata *entry, char *key,
                      struct span value)
{
    hallmark__v1__metadata__init(entry);
    entry->key = key;
    entry->value = bytes_of(value);
    out->entries[out->frame.n_metadata++] = entry;
}

static void outgoing_init(struct outgoing *out, const struct channel *channel,
                          const struct channel_call *call)
{
    static char run_key[] = "run-bin", reports_key[] = "reports-bin";
    hallmark__v1__frame_request__init(&out->frame);
    out->frame.metadata = out->entries;
    if (channel->has_run && !call->of_unit)
        add_entry(out, &out->run, run_key, SPAN(channel->run_id));
    if (call->reports.len != 0)
        add_entry(out, &out->reports, reports_key, call->reports);
    out->frame.method = (char *)(uintptr_t)call->method;
    out->frame.timeout_ms = call->timeout_ms;
    out->frame.payload = bytes_of(call->payload);
    out->frame.end_stream = true;
}

enum err channel_call(struct channel *channel, const struct channel_call *call,
                      struct buf *response_out)
{
    struct outgoing out;
    bool repeat = call->until_ms != 0 && method_effect(call->method) != METHOD_READS;
    const struct client_again again = { .attempts = repeat ? 0 : 1,
                                        .until_ms = call->until_ms };
    const struct client_hook hook = { enter_run, channel };
    char words[FAIL_WORDS_MAX];
    outgoing_init(&out, channel, call);
    enum err e = client_call(&channel->line, &again, &out.frame, call->opens_run ? &hook : NULL,
                             response_out);
    if (e == ERR_OK || channel_lost(channel))
        return e;
    snprintf(words, sizeof(words), "%s", fail_words());
    return fail_quiet(e, "server: %.380s", words);
}

/* Sites never wait for more than one call each, so one more has room if they are fewer than
 * the calls that a connection takes. */
bool channel_has_spare(const struct channel *channel)
{
    return channel->server->config.sites < RPC_STREAMS_MAX;
}

struct pending *channel_begin(struct channel *channel, const struct channel_call *call)
{
    struct outgoing out;
    struct pending *pending = calloc(1, sizeof(*pending));
    if (pending == NULL)
        return NULL;
    outgoing_init(&out, channel, call);
    if (channel_check(channel) == ERR_OK &&
        client_call_begin(&channel->line, &out.frame, NULL, &pending->call) == ERR_OK)
        return pending;
    free(pending);
    return NULL;
}

enum err channel_end(struct pending **pending, struct buf *response_out)
{
    enum err e = client_call_end(&(*pending)->call, response_out);
    free(*pending);
    *pending = NULL;
    return e;
}

static void take_oldest(struct channel *channel, struct peer_event *event_out)
{
    *event_out = channel->inbox[0];
    channel->waiting--;
    memmove(&channel->inbox[0], &channel->inbox[1],
            channel->waiting * sizeof(channel->inbox[0]));
}

enum err channel_next(struct channel *channel, uint32_t timeout_ms,
                      struct peer_event *event_out)
{
    struct server *server = channel->server;
    uint64_t deadline_ms = rpc_now_ms() + timeout_ms;
    bool in_time = true;
    pthread_mutex_lock(&server->lock);
    while (channel->waiting == 0 && !channel_lost(channel) && in_time)
        in_time = client_wait(&channel->changed, &server->lock, deadline_ms);
    bool got = channel->waiting != 0 && !channel_lost(channel);
    if (got)
        take_oldest(channel, event_out);
    pthread_mutex_unlock(&server->lock);
    if (got)
        return ERR_OK;
    TRY(channel_check(channel));
    return fail_quiet(ERR_DEADLINE, "the server did not call within %u s", timeout_ms / 1000);
}
