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

static void caller_free(struct caller *caller)
{
    share_drop(&caller->calls);
    share_drop(&caller->streams);
    free(caller);
}

static struct caller *caller_new(struct server *server, const char *uri)
{
    struct caller *caller = calloc(1, sizeof(*caller));
    if (caller == NULL)
        return NULL;
    caller->server = server;
    snprintf(caller->uri, sizeof(caller->uri), "%s", uri);
    caller->received.max = BUDGET_RECEIVED;
    caller->received.all = &server->received;
    caller->unsent.max = BUDGET_UNREAD;
    caller->unsent.all = &server->unsent;
    caller->calls = share_new(server->work);
    caller->streams = share_new(server->streams);
    if (caller->calls != NULL && caller->streams != NULL)
        return caller;
    caller_free(caller);
    return NULL;
}

/* Under server->lock. */
static struct caller *find(struct server *server, const char *uri)
{
    struct caller *caller = server->callers;
    while (caller != NULL && strcmp(caller->uri, uri) != 0)
        caller = caller->next;
    return caller;
}

/* Under server->lock. */
static enum err enter(struct server *server, const char *uri, struct caller **caller_out)
{
    struct caller *caller = find(server, uri);
    if (caller == NULL) {
        caller = caller_new(server, uri);
        if (caller == NULL)
            return fail(ERR_MEMORY, "client: no memory for a caller");
        caller->next = server->callers;
        server->callers = caller;
    }
    if (caller->connections == BUDGET_CONNECTIONS)
        return fail_quiet(ERR_EXHAUSTED, "%u connections of one principal: close some",
                          caller->connections);
    caller->connections++;
    *caller_out = caller;
    return ERR_OK;
}

enum err caller_enter(struct server *server, const char *uri, struct caller **caller_out)
{
    pthread_mutex_lock(&server->lock);
    enum err e = enter(server, uri, caller_out);
    pthread_mutex_unlock(&server->lock);
    return e;
}

/* Under server->lock: true if the caller can be forgotten. A principal that reconnects finds
 * its rate limit as it left it. */
static bool is_done(struct caller *caller)
{
    uint64_t now = rpc_now_ms();
    return caller->connections == 0 && caller->runs == 0 && caller->left_out == 0 &&
           budget_left(&caller->refusals, refusal_rate, now) == BUDGET_REFUSALS &&
           budget_left(&caller->opens, open_rate, now) == BUDGET_OPENS;
}

/* Under server->lock. */
static void sweep(struct server *server)
{
    for (struct caller **at = &server->callers; *at != NULL;) {
        struct caller *caller = *at;
        if (!is_done(caller)) {
            at = &caller->next;
            continue;
        }
        *at = caller->next;
        caller_free(caller);
    }
}

bool caller_may_enter(struct caller *caller)
{
    pthread_mutex_lock(&caller->server->lock);
    bool may = caller->left_out == 0 && /* those are entered first */
               budget_take(&caller->refusals, refusal_rate, rpc_now_ms());
    pthread_mutex_unlock(&caller->server->lock);
    return may;
}

void caller_leave_out(struct caller *caller, enum err e, const char *words)
{
    pthread_mutex_lock(&caller->server->lock);
    caller->left_out++;
    caller->left_err = e;
    snprintf(caller->left_words, sizeof(caller->left_words), "%s", words);
    pthread_mutex_unlock(&caller->server->lock);
}

/* Under server->lock: a caller with refusals that were left out and may be entered now. */
static struct caller *find_left_out(struct server *server, bool all)
{
    for (struct caller *caller = server->callers; caller != NULL; caller = caller->next) {
        if (caller->left_out != 0 &&
            (all || budget_left(&caller->refusals, refusal_rate, rpc_now_ms()) != 0))
            return caller;
    }
    return NULL;
}

static bool take_left_out(struct server *server, bool all, struct caller *out)
{
    pthread_mutex_lock(&server->lock);
    struct caller *caller = find_left_out(server, all);
    if (caller != NULL) {
        out->left_out = caller->left_out;
        out->left_err = caller->left_err;
        memcpy(out->left_words, caller->left_words, sizeof(out->left_words));
        memcpy(out->uri, caller->uri, sizeof(out->uri));
        caller->left_out = 0;
        (void)budget_take(&caller->refusals, refusal_rate, rpc_now_ms());
    }
    pthread_mutex_unlock(&server->lock);
    return caller != NULL;
}

void callers_tell(struct server *server, bool all)
{
    struct caller left = { 0 };
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
    callers_tell(context, false);
}

void callers_watch(struct server *server)
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

void callers_free(struct server *server)
{
    while (server->callers != NULL) {
        struct caller *caller = server->callers;
        server->callers = caller->next;
        caller_free(caller);
    }
}

void caller_leave(struct caller **caller_pointer)
{
    struct caller *caller = TAKE(*caller_pointer);
    if (caller == NULL)
        return;
    struct server *server = caller->server;
    pthread_mutex_lock(&server->lock);
    caller->connections--;
    sweep(server);
    pthread_mutex_unlock(&server->lock);
}

enum err caller_check(struct caller *caller)
{
    size_t unread = atomic_load(&caller->unsent.used);
    size_t all = atomic_load(&caller->server->unsent.used);
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

enum err caller_receive(struct caller *caller, size_t bytes)
{
    return meter_take(&caller->received, bytes)
               ? ERR_OK
               : fail_quiet(
                     ERR_EXHAUSTED,
                     "calls of this principal with over %d MiB wait, or of all with over "
                     "%d MiB: wait for answers",
                     BUDGET_RECEIVED >> 20, BUDGET_RECEIVED_ALL >> 20);
}

/* Under server->lock. */
static enum err run_new(struct caller *caller)
{
    if (caller->runs == BUDGET_RUNS)
        return fail_quiet(ERR_EXHAUSTED, "%u runs of this station are open: end some",
                          caller->runs);
    if (caller->server->open_runs == BUDGET_RUNS_ALL)
        return fail_quiet(ERR_EXHAUSTED, "%u runs are open on this server: try later",
                          caller->server->open_runs);
    if (!budget_take(&caller->opens, open_rate, rpc_now_ms()))
        return fail_quiet(ERR_EXHAUSTED, "over %d calls of Runs.Open a minute: try later",
                          BUDGET_OPENS);
    caller->runs++;
    caller->server->open_runs++;
    return ERR_OK;
}

enum err caller_run_new(struct caller *caller)
{
    pthread_mutex_lock(&caller->server->lock);
    enum err e = run_new(caller);
    pthread_mutex_unlock(&caller->server->lock);
    return e;
}

void caller_run_gone(struct caller *caller)
{
    struct server *server = caller->server;
    pthread_mutex_lock(&server->lock);
    caller->runs--;
    server->open_runs--;
    pthread_mutex_unlock(&server->lock);
}
