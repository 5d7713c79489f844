/* SPDX-License-Identifier: MIT */
/*
 * end: the ends of runs, and what is written then. Called on the run's strand; the _later()
 * functions from any thread. The end of a run must never be lost, because its unit would stay
 * held until the lease expires (test_run).
 */
#include <stdlib.h>
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "oem-server/run/run.h"

struct ending {
    enum err err;
    bool recorded;
    char words[FAIL_WORDS_MAX];
};

static enum err enter_end(struct store_tx *tx, const struct run *run)
{
    struct event event;
    event_init(&event, "run", run->station.uri, run->end.err, run->end.words);
    event_run(&event, run);
    event.pb.arrow = flow_finished(&run->flow) ? 0 : run->flow.next;
    return tlog_append(run->server->log, tx, &event.pb, NULL);
}

/* Removes the holder. The staged entries are written first, as refused ones if the station was
 * revoked. */
static enum err write_end(struct store_tx *tx, void *context)
{
    const struct run *run = context;
    bool ended;
    enum err e = run_station_check(tx, run);
    if (e != ERR_OK && err_status(e) != ERR_UNAUTHENTICATED)
        return e;
    TRY(staged_write(&run->staged, run->server, run->station.uri, e != ERR_OK, tx));
    if (run->end.recorded)
        return ERR_OK;
    TRY(unit_end_run(tx, run->uid, run->id, &ended));
    return enter_end(tx, run);
}

/* Until this has worked the run stays listed, with its entries, and waits for run_end_waiting()
 * or run_end_drain(). On its strand, or when there are no strands any more. */
static enum err try_to_write(struct run *run)
{
    bool has_to = run->staged.count != 0 || !run->end.recorded;
    enum err e = has_to ? server_do(run->server, write_end, run, 0) : ERR_OK;
    if (e != ERR_OK) {
        atomic_store(&run->end.failed_ms, rpc_now_ms());
        return e;
    }
    staged_free(&run->staged);
    run_unlist(run);
    return ERR_OK;
}

/* told: the message for the station. */
static void end_with(struct run *run, const struct ending *ending, const char *told)
{
    run_own(run);
    if (run->over)
        return;
    run->over = true;
    run->why = ending->err == ERR_OK ? ERR_PRECONDITION : ending->err;
    snprintf(run->words, sizeof(run->words), "%s", told);
    run->end.err = ending->err;
    run->end.recorded = ending->recorded;
    snprintf(run->end.words, sizeof(run->end.words), "%s", ending->words);
    if (ending->err != ERR_OK)
        log_line(LOG_LEVEL_WARN, "run: %s: ended: %s", run->order.name, ending->words);
    if (try_to_write(run) != ERR_OK)
        log_line(LOG_LEVEL_ERROR,
                 "run: its end and %u entries cannot be recorded now, and are tried again: %s",
                 run->staged.count, fail_words());
    if (ending->err != ERR_OK)
        run_tell_end(run, ending->err, run->words);
}

void run_end(struct run *run, enum err e, const char *words)
{
    struct ending ending = { .err = e };
    snprintf(ending.words, sizeof(ending.words), "%s", words);
    end_with(run, &ending, ending.words);
}

void run_fail(struct run *run, enum err e)
{
    struct ending ending = { .err = e };
    snprintf(ending.words, sizeof(ending.words), "%s", fail_words());
    end_with(run, &ending, peer_words(e, ending.words));
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

static void end_now(struct run *run, void *context)
{
    struct ending *ending = context;
    end_with(run, ending, ending->words);
    free(ending);
}

static void write_again(struct run *run, void *context)
{
    (void)context;
    if (try_to_write(run) == ERR_OK)
        log_line(LOG_LEVEL_INFO, "run: %s: its end is recorded now", run->order.name);
}

void run_end_waiting(struct server *server)
{
    uint64_t now = rpc_now_ms();
    struct run *run;
    while ((run = run_take_ending(server, now)) != NULL) {
        if (run_post(run, write_again, NULL) != ERR_OK)
            atomic_store(&run->end.failed_ms, now);
        run_drop(&run);
    }
}

/* Nothing is lost in silence: what cannot be written now, the log of the process has. */
void run_end_drain(struct server *server)
{
    char run_id[2 * RUN_ID_SIZE + 1], uid[2 * UID_SIZE + 1];
    struct run *run;
    while ((run = run_take_ending(server, UINT64_MAX)) != NULL) {
        if (try_to_write(run) != ERR_OK) {
            log_line(
                LOG_LEVEL_ERROR,
                "run: %s of unit %s: its end and %u entries could not be recorded: %s; its "
                "unit is freed when the server starts again",
                hex_of(SPAN(run->id), run_id), hex_of(SPAN(run->uid), uid), run->staged.count,
                fail_words());
            run_unlist(run);
        }
        run_drop(&run);
    }
}

void run_end_later(struct run *run, enum err e, const char *words, bool recorded)
{
    struct ending *ending = calloc(1, sizeof(*ending));
    if (ending == NULL) {
        log_line(LOG_LEVEL_ERROR, "run: no memory to end it: %s", words);
        return;
    }
    *ending = (struct ending){ .err = e, .recorded = recorded };
    snprintf(ending->words, sizeof(ending->words), "%s", words);
    if (run_post(run, end_now, ending) != ERR_OK)
        free(ending);
}

void run_end_of_id(struct server *server, const uint8_t id[static RUN_ID_SIZE], enum err e,
                   const char *words, bool recorded)
{
    AUTO(run_drop) struct run *run = run_find(server, id);
    if (run != NULL)
        run_end_later(run, e, words, recorded);
}

static void flush_now(struct run *run, void *context)
{
    (void)context;
    atomic_store(&run->flush_due, false);
    enum err e = run->over ? ERR_OK : run_flush(run);
    if (e != ERR_OK)
        run_fail(run, e);
}

void run_flush_later(struct run *run)
{
    if (run_post(run, flush_now, NULL) != ERR_OK)
        log_line(LOG_LEVEL_WARN, "run: its entries wait on: %s", fail_words());
}

void run_session_closed(struct session *session)
{
    struct run *run;
    session_gone(session);
    while ((run = run_take_of(session)) != NULL) {
        run_end_later(run, ERR_CLOSED, "the station's connection was lost", false);
        run_drop(&run);
    }
    session_drop(&session);
}

void run_opened(struct run *run, struct session *session)
{
    if (run->supersedes)
        run_end_of_id(run->server, run->superseded_run, ERR_ABORTED, RUN_SUPERSEDED, false);
    if (session != NULL)
        run->conn = wss_conn_keep(session->conn);
    if (!run_list(run, session))
        run_end_later(run, ERR_CLOSED, "the station's connection was lost", false);
}
