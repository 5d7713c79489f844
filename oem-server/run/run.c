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

static struct run *run_alloc(struct session *session)
{
    struct run *run = calloc(1, sizeof(*run));
    if (run == NULL)
        return NULL;
    run->strand = strand_of(session->caller->calls);
    if (run->strand == NULL) {
        free(run);
        return NULL;
    }
    atomic_init(&run->refs, 1);
    staged_init(&run->staged);
    atomic_init(&run->end.failed_ms, 0);
    run->server = session->server;
    run->caller = session->caller;
    run->flow = flow_start(FLOW_SERVER);
    return run;
}

enum err run_new(struct session *session, struct run **run_out)
{
    TRY(caller_run_new(session->caller));
    *run_out = run_alloc(session);
    if (*run_out != NULL)
        return ERR_OK;
    caller_run_gone(session->caller);
    return fail(ERR_MEMORY, "runs: no memory for a run");
}

enum err run_charge(struct run *run, size_t entries)
{
    run_own(run);
    if (entries <= BUDGET_RUN_ENTRIES - run->entries) {
        run->entries += (unsigned)entries;
        return ERR_OK;
    }
    enum err e = fail_quiet(ERR_EXHAUSTED, "over %d entries of the event log for one run",
                            BUDGET_RUN_ENTRIES);
    run_fail(run, e);
    return fail_quiet(e, "%s", run->words);
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

void run_drop(struct run **run_pointer)
{
    struct run *run = TAKE(*run_pointer);
    if (run == NULL || atomic_fetch_sub(&run->refs, 1) != 1)
        return;
    staged_free(&run->staged);
    hsm_agreement_free(run->agreement);
    hsm_unit_key_free(run->boot_key);
    buf_free(&run->agreed.wrapped);
    buf_free(&run->web_server);
    buf_free(&run->certificate);
    order_free(&run->order);
    strand_drop(&run->strand);
    wss_conn_drop(&run->conn);
    caller_run_gone(run->caller);
    wipe(run, sizeof(*run));
    free(run);
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

static const struct auth_principal myself = { .role = AUTH_SERVER,
                                              .name = "oem-server",
                                              .uri = "oem-server" };

/* o -> o: through the same pipeline, in memory. */
static enum err call_self(struct run *run, const struct flow_row *row)
{
    char method[64];
    flow_method(row, method);
    struct call call = {
        .rpc = { .method = method, .deadline_ms = run_deadline_ms(run) },
        .server = run->server,
        .principal = &myself,
        .peer = "",
        .run = run_keep(run),
    };
    Hallmark__V1__FrameResponse response;
    call_serve(&call, &response);
    enum err e = call.rpc.err;
    call_end(&call);
    return e;
}

void run_advance_own(struct run *run)
{
    run_own(run);
    while (!run->over && !run->flow.pending && !flow_finished(&run->flow)) {
        const struct flow_row *row = flow_row(run->flow.next);
        if (row->tail != FLOW_O || row->head != FLOW_O)
            return;
        run->flow.pending = true;
        enum err e = call_self(run, row);
        if (e == ERR_OK)
            flow_done(&run->flow);
        else
            run_fail(run, e);
    }
}

static enum err call_head(void *context, const struct flow_row *row,
                          enum flow_progress *progress)
{
    struct run *run = context;
    if (row->head == FLOW_O)
        return call_self(run, row);
    *progress = FLOW_PENDING;
    return run_call_station(run, row);
}

void run_advance(struct run *run)
{
    run_own(run);
    if (run->over)
        return;
    enum err e = flow_advance(&run->flow, call_head, run);
    if (e != ERR_OK)
        run_fail(run, e);
}

static void start(struct run *run, void *context)
{
    (void)context;
    run_advance(run);
}

void run_start(struct run *run)
{
    if (run_post(run, start, NULL) != ERR_OK)
        log_line(LOG_LEVEL_ERROR, "run: not started: %s", fail_words());
}
