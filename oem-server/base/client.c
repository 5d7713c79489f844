/* SPDX-License-Identifier: MIT */
/*
 * client: what one principal uses over all its connections, compared with its rows of the
 * budget: slots in the pools, bytes, runs, and entries that cost it nothing. Called by session,
 * run, call and net; server->lock protects it. A success must never be left out of the log:
 * over budget the call is refused (test_call_budget).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "oem-server/base/base.h"

static const struct budget_rate refusal_rate = { BUDGET_REFUSALS, BUDGET_REFUSAL_MS };
static const struct budget_rate open_rate = { BUDGET_OPENS, BUDGET_OPEN_MS };
static const struct budget_rate closing_rate = { BUDGET_CLOSINGS, BUDGET_CLOSING_MS };

static void client_free(struct client *client)
{
    share_drop(&client->calls);
    share_drop(&client->streams);
    free(client);
}

static struct client *client_new(struct server *server, const char *uri)
{
    struct client *client = calloc(1, sizeof(*client));
    if (client == NULL)
        return NULL;
    client->server = server;
    snprintf(client->uri, sizeof(client->uri), "%s", uri);
    client->received.max = BUDGET_RECEIVED;
    client->received.all = &server->received;
    client->early.max = BUDGET_EARLY;
    client->early.all = &server->early;
    client->unsent.max = BUDGET_UNREAD;
    client->unsent.all = &server->unsent;
    client->calls = share_new(server->work);
    client->streams = share_new(server->streams);
    if (client->calls != NULL && client->streams != NULL)
        return client;
    client_free(client);
    return NULL;
}

/* Under server->lock. */
static struct client *find(struct server *server, const char *uri)
{
    struct client *client = server->clients;
    while (client != NULL && strcmp(client->uri, uri) != 0)
        client = client->next;
    return client;
}

/* Under server->lock: found or made, with a reference. */
static enum err keep(struct server *server, const char *uri, struct client **client_out)
{
    struct client *client = find(server, uri);
    if (client == NULL) {
        client = client_new(server, uri);
        if (client == NULL)
            return fail(ERR_MEMORY, "client: no memory");
        client->next = server->clients;
        server->clients = client;
    }
    client->refs++;
    *client_out = client;
    return ERR_OK;
}

/* Under server->lock. */
static enum err enter(struct server *server, const char *uri, struct client **client_out)
{
    struct client *client = NULL;
    TRY(keep(server, uri, &client));
    if (client->connections == BUDGET_CONNECTIONS) {
        client->refs--; /* not the last: each connection has one */
        return fail_quiet(ERR_EXHAUSTED, "%u connections of one principal: close some",
                          client->connections);
    }
    client->connections++;
    *client_out = client;
    return ERR_OK;
}

enum err client_enter(struct server *server, const char *uri, struct client **client_out)
{
    pthread_mutex_lock(&server->lock);
    enum err e = enter(server, uri, client_out);
    pthread_mutex_unlock(&server->lock);
    return e;
}

enum err client_find(struct server *server, const char *uri, struct client **client_out)
{
    pthread_mutex_lock(&server->lock);
    enum err e = keep(server, uri, client_out);
    pthread_mutex_unlock(&server->lock);
    return e;
}

/* Under server->lock: true if the client can be forgotten. A principal that reconnects finds
 * its rate limit as it left it. */
static bool is_done(struct client *client)
{
    uint64_t now = rpc_now_ms();
    return client->refs == 0 && client->runs == 0 && client->left_out == 0 &&
           budget_left(&client->refusals, refusal_rate, now) == BUDGET_REFUSALS &&
           budget_left(&client->opens, open_rate, now) == BUDGET_OPENS &&
           budget_left(&client->closings, closing_rate, now) == BUDGET_CLOSINGS;
}

/* Under server->lock. */
static void sweep(struct server *server)
{
    for (struct client **at = &server->clients; *at != NULL;) {
        struct client *client = *at;
        if (!is_done(client)) {
            at = &client->next;
            continue;
        }
        *at = client->next;
        client_free(client);
    }
}

bool client_may_enter(struct client *client)
{
    pthread_mutex_lock(&client->server->lock);
    bool may = client->left_out == 0 && /* those are entered first */
               budget_take(&client->refusals, refusal_rate, rpc_now_ms());
    pthread_mutex_unlock(&client->server->lock);
    return may;
}

void client_leave_out(struct client *client, enum err e, const char *words)
{
    pthread_mutex_lock(&client->server->lock);
    client->left_out++;
    client->left_err = e;
    snprintf(client->left_words, sizeof(client->left_words), "%s", words);
    pthread_mutex_unlock(&client->server->lock);
}

/* Under server->lock: a client with refusals that were left out and may be entered now. */
static struct client *find_left_out(struct server *server, bool all)
{
    for (struct client *client = server->clients; client != NULL; client = client->next) {
        if (client->left_out != 0 &&
            (all || budget_left(&client->refusals, refusal_rate, rpc_now_ms()) != 0))
            return client;
    }
    return NULL;
}

static bool take_left_out(struct server *server, bool all, struct client *out)
{
    pthread_mutex_lock(&server->lock);
    struct client *client = find_left_out(server, all);
    if (client != NULL) {
        out->left_out = client->left_out;
        out->left_err = client->left_err;
        memcpy(out->left_words, client->left_words, sizeof(out->left_words));
        memcpy(out->uri, client->uri, sizeof(out->uri));
        client->left_out = 0;
        (void)budget_take(&client->refusals, refusal_rate, rpc_now_ms());
    }
    pthread_mutex_unlock(&server->lock);
    return client != NULL;
}

void clients_append(struct server *server, bool all)
{
    struct client left = { 0 };
    while (take_left_out(server, all, &left)) {
        char words[FAIL_WORDS_MAX];
        snprintf(words, sizeof(words), "%u more refusals of %s, last: %s", left.left_out,
                 left.uri[0] != '\0' ? "this principal" : "strangers", left.left_words);
        log_line(LOG_LEVEL_WARN, "refused: %s: %s", left.uri, words);
        if (event_simple(server, "refusal", left.uri, "", left.left_err, words) != ERR_OK)
            log_line(LOG_LEVEL_ERROR, "client: the refusals could not be logged");
    }
}

static void tell(void *context)
{
    clients_append(context, false);
}

void clients_watch(struct server *server)
{
    pthread_mutex_lock(&server->lock);
    sweep(server);
    bool some = find_left_out(server, false) != NULL;
    pthread_mutex_unlock(&server->lock);
    if (!some)
        return;
    AUTO(strand_drop) struct strand *strand = strand_new(server->work);
    if (strand == NULL || strand_submit(strand, tell, server) != ERR_OK)
        log_line(LOG_LEVEL_WARN, "client: refusals that were left out are entered later");
}

void clients_free(struct server *server)
{
    while (server->clients != NULL) {
        struct client *client = server->clients;
        server->clients = client->next;
        client_free(client);
    }
}

static void give_back(struct client **client_pointer, unsigned connections)
{
    struct client *client = TAKE(*client_pointer);
    if (client == NULL)
        return;
    struct server *server = client->server;
    pthread_mutex_lock(&server->lock);
    client->connections -= connections;
    client->refs--;
    sweep(server);
    pthread_mutex_unlock(&server->lock);
}

void client_leave(struct client **client_pointer)
{
    give_back(client_pointer, 1);
}

void client_drop(struct client **client_pointer)
{
    give_back(client_pointer, 0);
}

enum err client_check(struct client *client)
{
    size_t unread = atomic_load(&client->unsent.used);
    size_t all = atomic_load(&client->server->unsent.used);
    if (unread > BUDGET_UNREAD)
        return fail_quiet(ERR_EXHAUSTED,
                          "%zu MiB of answers wait on this principal's connections, the limit "
                          "is %d: read them first",
                          unread >> 20, BUDGET_UNREAD >> 20);
    if (all > BUDGET_UNREAD_ALL && unread > BUDGET_UNREAD_FREE)
        return fail_quiet(ERR_EXHAUSTED,
                          "%zu MiB of answers wait on all connections, the limit is %d, and "
                          "%zu KiB on this principal's: read them first",
                          all >> 20, BUDGET_UNREAD_ALL >> 20, unread >> 10);
    return ERR_OK;
}

enum err client_receive(struct client *client, size_t bytes)
{
    return meter_take(&client->received, bytes)
               ? ERR_OK
               : fail_quiet(
                     ERR_EXHAUSTED,
                     "calls of this principal with over %d MiB wait, or of all with over "
                     "%d MiB: wait for answers",
                     BUDGET_RECEIVED >> 20, BUDGET_RECEIVED_ALL >> 20);
}

/* Under server->lock. */
static enum err run_new(struct client *client)
{
    if (client->runs == BUDGET_RUNS)
        return fail_quiet(ERR_EXHAUSTED, "%u runs of this station are open: end some",
                          client->runs);
    if (client->server->open_runs == BUDGET_RUNS_ALL)
        return fail_quiet(ERR_EXHAUSTED, "%u runs are open on this server: try later",
                          client->server->open_runs);
    if (!budget_take(&client->opens, open_rate, rpc_now_ms()))
        return fail_quiet(ERR_EXHAUSTED, "over %d calls of Runs.Open a minute: try later",
                          BUDGET_OPENS);
    client->runs++;
    client->server->open_runs++;
    return ERR_OK;
}

enum err client_run_new(struct client *client)
{
    pthread_mutex_lock(&client->server->lock);
    enum err e = run_new(client);
    pthread_mutex_unlock(&client->server->lock);
    return e;
}

enum err client_closing_new(struct client *client)
{
    pthread_mutex_lock(&client->server->lock);
    bool may = budget_take(&client->closings, closing_rate, rpc_now_ms());
    pthread_mutex_unlock(&client->server->lock);
    return may ? ERR_OK
               : fail_quiet(ERR_EXHAUSTED,
                            "over %d calls of Runs.Commit, Booted, Locked and Sealed a minute: "
                            "try later",
                            BUDGET_CLOSINGS);
}

void client_run_gone(struct client *client)
{
    struct server *server = client->server;
    pthread_mutex_lock(&server->lock);
    client->runs--;
    server->open_runs--;
    pthread_mutex_unlock(&server->lock);
}
