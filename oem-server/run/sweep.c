/* SPDX-License-Identifier: MIT */
/*
 * sweep: ends expired runs, flushes late entries, enters alarms and removes stored answers that
 * have expired. Called by server.c; the
 * work is done on a strand of the pool, one sweep at a time. It must never end a run whose
 * lease is valid: the store decides, by its own clock (test_run).
 */
#include "oem-server/run/sweep.h"

#include <stdlib.h>
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "common/host/stop.h"
#include "oem-server/run/expiry.h"
#include "oem-server/run/run.h"
#include "oem-server/run/seizure.h"

enum { SWEEP_MS = 5000 };

#define JUST_US    (INT64_C(60) * 1000000)
#define HOUR_US    (INT64_C(3600) * 1000000)
#define ANSWERS_US (INT64_C(1000000) * SERVER_ANSWERS_S)

/* Runs that are ended by a change of the server's own. */
struct ends {
    struct server *server;
    struct store_tx *tx;
    enum err reason;
    const char *words;
    struct buf ids; /* RUN_ID_SIZE each */
    unsigned count;
    enum err err;
};

static enum err enter_end(struct ends *ends, const uint8_t uid[static UID_SIZE],
                          const struct unit_holder *holder, const char *order)
{
    struct event event;
    char words[160];
    snprintf(words, sizeof(words), "station %s: %s", holder->station, ends->words);
    event_init(&event, "run", "oem-server", ends->reason, words);
    event_text(&event, EVENT_ORDER, order);
    event_bytes(&event, EVENT_UID, span_of(uid, UID_SIZE));
    event_bytes(&event, EVENT_RUN_ID, SPAN(holder->run_id));
    return tlog_append(ends->server->log, ends->tx, &event.pb, NULL);
}

static void on_ended(void *context, const uint8_t uid[static UID_SIZE],
                     const struct unit_holder *holder, const char *order)
{
    struct ends *ends = context;
    if (ends->err == ERR_OK)
        ends->err = buf_append(&ends->ids, SPAN(holder->run_id));
    if (ends->err == ERR_OK)
        ends->err = enter_end(ends, uid, holder, order);
    ends->count++;
}

static void ends_begin(struct ends *ends, struct store_tx *tx)
{
    ends->tx = tx;
    ends->err = ERR_OK;
    ends->count = 0;
    buf_free(&ends->ids);
}

static enum err end_old(struct store_tx *tx, void *context)
{
    struct ends *ends = context;
    char words[180];
    struct event event;
    unsigned before;
    ends_begin(ends, tx);
    do { /* a page at a time */
        before = ends->count;
        TRY(unit_end_runs_of(tx, ends->server->config->name, on_ended, ends));
        TRY(ends->err);
    } while (ends->count - before == UNIT_PAGE_MAX);
    snprintf(words, sizeof(words), "start of %.40s: %u runs ended with the last stop%s%s",
             ends->server->config->name, ends->count,
             ends->server->config->policy.two_person ? "; two_person = yes" : "",
             stop_announces() ? "; points are announced: a test can stop this server" : "");
    event_init(&event, "start", "oem-server", ERR_OK, words);
    return tlog_append(ends->server->log, tx, &event.pb, NULL);
}

enum err sweep_start(struct server *server)
{
    struct ends ends = { .server = server,
                         .reason = ERR_ABORTED,
                         .words = "the server was restarted" };
    enum err e = server_do(server, end_old, &ends, 0);
    buf_free(&ends.ids);
    return e;
}

enum err sweep_adopt(struct server *server, struct store_tx *tx,
                     struct order_adopted *adopted_out)
{
    struct ends ends = { .server = server,
                         .reason = ERR_ABORTED,
                         .words = "the store was adopted" };
    ends_begin(&ends, tx);
    enum err e = order_adopt(tx, on_ended, &ends, adopted_out);
    buf_free(&ends.ids);
    return e == ERR_OK ? ends.err : e;
}

/* --- The clock. --------------------------------------------------------------------------- */

struct setting {
    struct server *server;
    bool set;
};

static enum err find_set(struct store_tx *tx, void *context)
{
    struct setting *setting = context;
    setting->set = tlog_clock_is_set(setting->server->log, tx);
    return ERR_OK;
}

static enum err enter_set(struct store_tx *tx, void *context)
{
    const struct setting *setting = context;
    return tlog_clock_enter(setting->server->log, tx, "oem-server " HALLMARK_VERSION);
}

/* Before the leases that it ends: their entries follow that of the cause. */
static enum err sweep_clock(struct server *server)
{
    struct setting setting = { .server = server };
    TRY(store_read(server->store, find_set, &setting, rpc_now_ms() + SWEEP_MS));
    return setting.set ? server_do(server, enter_set, &setting, 0) : ERR_OK;
}

/* --- Leases. ------------------------------------------------------------------------------ */

struct look {
    struct server *server;
    bool due;
};

static enum err find_expired(struct store_tx *tx, void *context)
{
    struct look *look = context;
    return unit_any_expired(tx, &look->due);
}

static enum err end_expired(struct store_tx *tx, void *context)
{
    struct ends *ends = context;
    unsigned before;
    ends_begin(ends, tx);
    do { /* a page at a time */
        before = ends->count;
        TRY(unit_end_expired(tx, on_ended, ends));
        TRY(ends->err);
    } while (ends->count - before == UNIT_PAGE_MAX);
    return ERR_OK;
}

static enum err sweep_leases(struct server *server)
{
    struct look look = { .server = server };
    struct ends ends = { .server = server,
                         .reason = ERR_DEADLINE,
                         .words = tlog_clock_settled(server->log, JUST_US)
                                      ? "the run's time is over"
                                      : "the run's time is over: the server's clock was set" };
    TRY(store_read(server->store, find_expired, &look, rpc_now_ms() + SWEEP_MS));
    if (!look.due)
        return ERR_OK;
    enum err e = server_do(server, end_expired, &ends, 0);
    for (size_t at = 0; e == ERR_OK && at + RUN_ID_SIZE <= ends.ids.len; at += RUN_ID_SIZE)
        run_end_of_id(server, ends.ids.ptr + at, ends.reason, ends.words, true);
    buf_free(&ends.ids);
    return e;
}

/* --- Alarms. ------------------------------------------------------------------------------ */

static enum err was_told(void *context, uint64_t index, struct span entry)
{
    (void)index, (void)entry;
    *(bool *)context = true;
    return ERR_OK;
}

/* true if this unit had no alarm within the last hour. One that is still to come was entered
 * before the clock was set back, and counts for nothing. */
static enum err is_silent(struct store_tx *tx, const struct unit *unit, bool *silent_out)
{
    const struct store_log_search search = { .unit = unit->uid,
                                             .kind = "alarm",
                                             .time_us = store_now_us(tx) - HOUR_US,
                                             .until_us =
                                                 store_now_us(tx) + UNIT_CLOCK_STEP_US };
    bool told = false;
    TRY(store_log_find(tx, &search, 0, 1, was_told, &told));
    *silent_out = !told;
    return ERR_OK;
}

static enum err enter_alarm(struct store_tx *tx, struct server *server, const struct unit *unit)
{
    struct event event;
    char words[160];
    int64_t for_us = store_now_us(tx) - unit->changed_us;
    if (for_us >= 0)
        snprintf(words, sizeof(words),
                 "station %s: committed for %lld minutes without a lock statement",
                 unit->station, (long long)(for_us / 60000000));
    else
        snprintf(words, sizeof(words),
                 "station %s: committed without a lock statement, before the server's clock "
                 "was set back",
                 unit->station);
    event_init(&event, "alarm", "oem-server", ERR_NOT_LOCKED, words);
    event.pb.time_us = (uint64_t)store_now_us(tx); /* what is_silent() compares */
    event_text(&event, EVENT_ORDER, unit->order);
    event_bytes(&event, EVENT_UID, SPAN(unit->uid));
    return tlog_append(server->log, tx, &event.pb, NULL);
}

static enum err one_unlocked(struct store_tx *tx, struct look *look, const uint8_t *uid,
                             bool write)
{
    struct unit unit;
    bool silent = false;
    TRY(unit_get(tx, uid, &unit));
    TRY(is_silent(tx, &unit, &silent));
    look->due = look->due || silent;
    return silent && write ? enter_alarm(tx, look->server, &unit) : ERR_OK;
}

/* Reading: looks whether there is a unit for an alarm. Writing: enters one for each. */
static enum err each_unlocked(struct store_tx *tx, struct look *look, bool write)
{
    AUTO(buf_free) struct buf uids = { 0 };
    uint8_t after[UID_SIZE];
    bool first = true;
    look->due = false;
    do { /* a page at a time */
        TRY(unit_list_unlocked(tx, &look->server->limits, first ? NULL : after, &uids));
        for (size_t at = 0; at < uids.len && (write || !look->due); at += UID_SIZE)
            TRY(one_unlocked(tx, look, uids.ptr + at, write));
        if (uids.len != 0)
            memcpy(after, uids.ptr + uids.len - UID_SIZE, UID_SIZE);
        first = false;
    } while (uids.len == (size_t)UNIT_PAGE_MAX * UID_SIZE && (write || !look->due));
    return ERR_OK;
}

static enum err find_unlocked(struct store_tx *tx, void *context)
{
    return each_unlocked(tx, context, false);
}

static enum err enter_alarms(struct store_tx *tx, void *context)
{
    return each_unlocked(tx, context, true);
}

static enum err sweep_unlocked(struct server *server)
{
    struct look look = { .server = server };
    uint64_t now = rpc_now_ms();
    unsigned every = server->config->policy.unlocked_s * 500u; /* half of it, but */
    if (now - server->alarmed_ms < (every < SERVER_ALARM_MS ? every : SERVER_ALARM_MS))
        return ERR_OK;
    server->alarmed_ms = now;
    TRY(store_read(server->store, find_unlocked, &look, now + SWEEP_MS));
    return look.due ? server_do(server, enter_alarms, &look, 0) : ERR_OK;
}

/* --- Answers. ----------------------------------------------------------------------------- */

static enum err find_old_answers(struct store_tx *tx, void *context)
{
    struct look *look = context;
    return store_answers_old(tx, ANSWERS_US, &look->due);
}

static enum err expire_answers(struct store_tx *tx, void *context)
{
    (void)context;
    return store_answers_expire(tx, ANSWERS_US, SERVER_ANSWERS_STEP, NULL);
}

/* One step: however many there are, calls wait behind a short change only. A clock that was set
 * makes answers old that were given a moment ago. */
static enum err sweep_answers(struct server *server)
{
    struct look look = { .server = server };
    if (!tlog_clock_settled(server->log, ANSWERS_US))
        return ERR_OK;
    TRY(store_read(server->store, find_old_answers, &look, rpc_now_ms() + SWEEP_MS));
    return look.due ? server_do(server, expire_answers, NULL, 0) : ERR_OK;
}

/* --- The sweep. --------------------------------------------------------------------------- */

static void flush_late(struct server *server)
{
    uint64_t now = rpc_now_ms();
    struct run *run;
    while (now > SERVER_FLUSH_MS &&
           (run = run_take_late(server, now - SERVER_FLUSH_MS)) != NULL) {
        run_flush_later(run);
        run_drop(&run);
    }
}

static void sweep(void *context)
{
    struct server *server = context;
    flush_late(server);
    run_end_waiting(server);
    if (sweep_clock(server) != ERR_OK)
        log_line(LOG_LEVEL_WARN, "sweep: the clock is looked at later: %s", fail_words());
    if (sweep_leases(server) != ERR_OK)
        log_line(LOG_LEVEL_WARN, "sweep: leases are looked at later: %s", fail_words());
    if (sweep_unlocked(server) != ERR_OK)
        log_line(LOG_LEVEL_WARN, "sweep: alarms are entered later: %s", fail_words());
    if (sweep_answers(server) != ERR_OK)
        log_line(LOG_LEVEL_WARN, "sweep: old answers are removed later: %s", fail_words());
    if (expiry_sweep(server) != ERR_OK)
        log_line(LOG_LEVEL_WARN, "sweep: what expires is looked at later: %s", fail_words());
    if (seizure_go_on(server) != ERR_OK)
        log_line(LOG_LEVEL_WARN, "run: a seizure goes on later: %s", fail_words());
    atomic_store(&server->sweeping, false);
}

void sweep_watch(struct server *server)
{
    if (atomic_exchange(&server->sweeping, true))
        return;
    AUTO(strand_drop) struct strand *strand = strand_new(server->work);
    if (strand == NULL || strand_submit(strand, sweep, server) != ERR_OK)
        atomic_store(&server->sweeping, false);
}
