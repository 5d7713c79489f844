/* SPDX-License-Identifier: MIT */
/*
 * run: one board's run in memory, and the server's own arrows, which advance it. Called by net
 * and the handlers on the run's strand. A run must never move past an arrow whose entry cannot
 * be written.
 */
#include "oem-server/run/run.h"

#include <stdlib.h>
#include <string.h>

#include "common/core/sign.h"
#include "common/host/hex.h"
#include "common/host/log.h"
#include "common/host/p256.h"
#include "hallmark/v1/operator.pb-c.h"

enum { OWN_CALL_MIN_MS = 5000 };

static struct run *run_alloc(struct session *session)
{
    struct run *run = calloc(1, sizeof(*run));
    if (run == NULL)
        return NULL;
    run->strand = strand_of(session->client->calls);
    if (run->strand == NULL) {
        free(run);
        return NULL;
    }
    atomic_init(&run->refs, 1);
    staged_init(&run->staged);
    atomic_init(&run->end.failed_ms, 0);
    run->server = session->server;
    run->client = session->client;
    run->flow = flow_start(FLOW_SERVER);
    return run;
}

enum err run_new(struct session *session, struct run **run_out)
{
    TRY(client_run_new(session->client));
    *run_out = run_alloc(session);
    if (*run_out != NULL)
        return ERR_OK;
    client_run_gone(session->client);
    return fail(ERR_MEMORY, "runs: no memory for a run");
}

struct strand *run_strand(struct run *run)
{
    return run->strand;
}

void run_own(const struct run *run)
{
    if (!run->listed || strand_is_current(run->strand))
        return;
    log_line(LOG_LEVEL_ERROR, "run: used on a thread that is not on its strand: stopping");
    abort();
}

struct post {
    struct run *run;
    run_fn *fn;
    void *context;
};

static void run_posted(void *context)
{
    struct post *post = context;
    post->fn(post->run, post->context);
    run_drop(&post->run);
    free(post);
}

enum err run_post(struct run *run, run_fn *fn, void *context)
{
    struct post *post = malloc(sizeof(*post));
    if (post == NULL)
        return fail(ERR_MEMORY, "run: no memory for its work");
    *post = (struct post){ run_keep(run), fn, context };
    enum err e = strand_submit_due(run->strand, run_posted, post);
    if (e != ERR_OK) {
        run_drop(&post->run);
        free(post);
    }
    return e;
}

struct run *run_keep(struct run *run)
{
    atomic_fetch_add(&run->refs, 1);
    return run;
}

static void run_free(void *context)
{
    struct run *run = context;
    staged_free(&run->staged);
    hsm_agreement_free(run->agreement);
    hsm_unit_key_free(run->boot_key);
    buf_free(&run->agreed.wrapped);
    buf_free(&run->web_server);
    buf_free(&run->certificate);
    order_free(&run->order);
    strand_drop(&run->strand);
    wss_conn_drop(&run->conn);
    client_run_gone(run->client);
    wipe(run, sizeof(*run));
    free(run);
}

/* The I/O thread, too, drops runs, and must not wait for the HSM that destroys their keys. */
void run_drop(struct run **run_pointer)
{
    struct run *run = TAKE(*run_pointer);
    if (run == NULL || atomic_fetch_sub(&run->refs, 1) != 1)
        return;
    bool has_keys = run->agreement != NULL || run->boot_key != NULL;
    bool has_workers = run->server->work != NULL; /* until server_drain() */
    if (!has_keys || !has_workers || strand_is_current(run->strand) ||
        strand_submit_due(run->strand, run_free, run) != ERR_OK)
        run_free(run);
}

struct unit_run run_unit(const struct run *run)
{
    return (struct unit_run){ &run->server->limits, run->uid, run->id };
}

struct sign_run run_sign(const struct run *run)
{
    return (struct sign_run){ SPAN(run->id), SPAN(run->uid), SPAN(run->board_nonce) };
}

void run_boot_scope(const struct run *run, char scope[static 80])
{
    char uid[2 * UID_SIZE + 1];
    if (run->order.boot_key_scope == HALLMARK__V1__BOOT_KEY_SCOPE__BOOT_KEY_SCOPE_ORDER)
        snprintf(scope, 80, "order/%s", run->order.name);
    else
        snprintf(scope, 80, "unit/%s", hex_of(SPAN(run->uid), uid));
}

void run_transcript(struct run *run, uint8_t arrow, struct span request_sha256,
                    struct span response_sha256)
{
    uint8_t input[3 * SHA256_SIZE + 1];
    run_own(run);
    struct wr w = wr_of(input, sizeof(input));
    sign_transcript(&w, SPAN(run->transcript), arrow, request_sha256, response_sha256);
    sha256_of(wr_done(&w), run->transcript);
}

void event_run(struct event *event, const struct run *run)
{
    event_text(event, EVENT_PEER, run->peer);
    event_text(event, EVENT_ORDER, run->order.name);
    event_bytes(event, EVENT_UID, SPAN(run->uid));
    event_bytes(event, EVENT_RUN_ID, SPAN(run->id));
}

/* What a call of the station starts here is part of what the station waits for, so the call's
 * deadline applies to it too; a minimum applies if that is about to pass. */
uint64_t run_deadline_ms(const struct run *run)
{
    uint64_t least = rpc_now_ms() + OWN_CALL_MIN_MS;
    return run->until_ms > least ? run->until_ms : least;
}
