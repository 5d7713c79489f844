/* SPDX-License-Identifier: MIT */
/*
 * Lines, and what is repeated over them. Called by the programs' threads. Nothing may be
 * repeated whose connection was not lost, nor on a connection that the line was not moved to.
 */
#include <openssl/rand.h>
#include <stdio.h>

#include "common/client/inside.h"
#include "common/host/log.h"
#include "common/rpc/method.h"
#include "common/rpc/retry.h"

/* Under the lock. */
static bool stands(const struct client_line *line)
{
    return line->conn != NULL && line->conn == line->client->conn;
}

static struct wss_conn *present(struct client *client)
{
    pthread_mutex_lock(&client->lock);
    struct wss_conn *conn = client->conn == NULL ? NULL : wss_conn_keep(client->conn);
    pthread_mutex_unlock(&client->lock);
    return conn;
}

void client_line_open(struct client *client, struct client_line *line)
{
    line->client = client;
    line->conn = present(client);
}

void client_line_close(struct client_line *line)
{
    wss_conn_drop(&line->conn);
}

bool client_line_lost(const struct client_line *line)
{
    pthread_mutex_lock(&line->client->lock);
    bool lost = !stands(line);
    pthread_mutex_unlock(&line->client->lock);
    return lost;
}

enum err client_line_check(const struct client_line *line)
{
    pthread_mutex_lock(&line->client->lock);
    enum err e = stands(line) ? ERR_OK : client_missing(line->client);
    pthread_mutex_unlock(&line->client->lock);
    return e;
}

enum err client_line_move(struct client_line *line, uint64_t until_ms)
{
    struct wss_conn *next = NULL;
    if (!client_line_lost(line))
        return ERR_OK;
    while (next == NULL) {
        TRY(client_await(line->client, until_ms));
        next = present(line->client);
    }
    if (line->replace != NULL) {
        line->replace(line, next);
        return ERR_OK;
    }
    wss_conn_drop(&line->conn);
    line->conn = next;
    return ERR_OK;
}

/* What was attempted failed with its connection, perhaps just before the event of that loss.
 * false: no such event came. */
static bool await_loss(struct client_line *line)
{
    uint64_t deadline_ms = rpc_now_ms() + CLIENT_LOSS_MS;
    bool in_time = true;
    pthread_mutex_lock(&line->client->lock);
    while (stands(line) && in_time)
        in_time = client_wait(&line->client->changed, &line->client->lock, deadline_ms);
    pthread_mutex_unlock(&line->client->lock);
    return in_time;
}

/* One attempt; *lost_out: it was lost with the connection, and the result says why. A server
 * that revokes this client answers its calls before it closes: that end says more. */
static enum err attempt_once(struct client_line *line, const struct client_again *again,
                             const Hallmark__V1__FrameRequest *request, client_attempt *attempt,
                             void *context, bool *lost_out)
{
    *lost_out = false;
    TRY(again->attempts == 1 ? client_line_check(line)
                             : client_line_move(line, again->until_ms));
    enum err e = attempt(context, line, request);
    if (!again_may(e, true) && e != ERR_UNAUTHENTICATED)
        return e;
    char words[FAIL_WORDS_MAX];
    snprintf(words, sizeof(words), "%s", fail_words());
    *lost_out = await_loss(line);
    return *lost_out ? client_line_check(line) : fail_quiet(e, "%s", words);
}

enum err client_repeat(struct client_line *line, const struct client_again *again,
                       Hallmark__V1__FrameRequest *request, client_attempt *attempt,
                       void *context)
{
    uint8_t key[RPC_IDEMPOTENCY_KEY_SIZE];
    bool lost;
    enum err e;
    if (RAND_bytes(key, sizeof(key)) != 1)
        return fail_quiet(ERR_INTERNAL, "no random bytes");
    if (method_effect(request->method) != METHOD_READS)
        request->idempotency_key = (ProtobufCBinaryData){ sizeof(key), key };
    unsigned made = 0;
    do {
        e = attempt_once(line, again, request, attempt, context, &lost);
        made++;
    } while (lost && e == ERR_CLOSED && made != again->attempts);
    if (!lost || e != ERR_CLOSED || made == 1)
        return e;
    char words[FAIL_WORDS_MAX];
    snprintf(words, sizeof(words), "%s", fail_words());
    return fail_quiet(e, "%.300s: lost at each of %u attempts", words, made);
}
