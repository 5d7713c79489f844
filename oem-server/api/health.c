/* SPDX-License-Identifier: MIT */
/*
 * Health: whether the server works, and what it has done. Called by operators, auditors and
 * monitoring. It must not wait for an HSM or a disk that is unresponsive.
 */
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/stop.h"
#include "oem-server/api/services.h"
#include "oem-server/run/run.h"

struct checking {
    struct server *server;
    uint32_t unlocked;
    int64_t now_us, lag_us;
};

static enum err count(struct store_tx *tx, void *context)
{
    struct checking *c = context;
    c->now_us = store_now_us(tx);
    TRY(tlog_anchor_lag(c->server->log, tx, &c->lag_us));
    return unit_count_unlocked(tx, &c->server->limits, &c->unlocked);
}

static enum err fill_anchor(struct rpc_call *rpc, const struct checking *c,
                            Hallmark__V1__CheckResponse *out)
{
    struct tlog_anchor_status status;
    tlog_anchor_look(c->server->log, &status);
    out->anchored = status.used;
    out->anchor_lag_s = (uint64_t)c->lag_us / 1000000;
    return rpc_text(rpc, &out->anchor_failing, status.words);
}

/* As long as the clock has not come to where the log was when it was set back. */
static uint64_t clock_behind_s(const struct checking *c)
{
    int64_t behind_us = tlog_clock_ahead_us(c->server->log) - c->now_us;
    return behind_us > UNIT_CLOCK_STEP_US ? (uint64_t)behind_us / 1000000 : 0;
}

static enum err fill_one(struct rpc_call *rpc, const struct server_expiring *from,
                         Hallmark__V1__Expiring **out)
{
    Hallmark__V1__Expiring *row = rpc_alloc(rpc, sizeof(*row));
    if (row == NULL)
        return fail(ERR_MEMORY, "health: no memory");
    hallmark__v1__expiring__init(row);
    row->not_after = (uint64_t)from->not_after;
    *out = row;
    TRY(rpc_text(rpc, &row->kind, from->kind));
    return rpc_text(rpc, &row->name, from->name);
}

/* Copied under the lock, so that no memory is asked for meanwhile. */
static enum err fill_expiring(struct rpc_call *rpc, struct server *server,
                              Hallmark__V1__CheckResponse *out)
{
    AUTO(free_drop) struct server_expiring *list = calloc(SERVER_EXPIRING_MAX, sizeof(*list));
    out->expiring = rpc_alloc(rpc, SERVER_EXPIRING_MAX * sizeof(*out->expiring));
    if (list == NULL || out->expiring == NULL)
        return fail(ERR_MEMORY, "health: no memory");
    pthread_mutex_lock(&server->lock);
    unsigned kept = server->expiring_kept;
    out->expiring_count = server->expiring_count;
    memcpy(list, server->expiring, kept * sizeof(*list));
    pthread_mutex_unlock(&server->lock);
    for (; out->n_expiring < kept; out->n_expiring++)
        TRY(fill_one(rpc, &list[out->n_expiring], &out->expiring[out->n_expiring]));
    return ERR_OK;
}

/* The operator is told what the log says: which token, what failed, since when, what to do. */
static enum err check_hsm(struct rpc_call *rpc, Hallmark__V1__CheckResponse *out)
{
    char words[HSM_WORDS_SIZE];
    struct hsm *hsm = call_of(rpc)->server->hsm;
    (void)hsm_check(hsm); /* what it finds is in hsm_health() */
    if (hsm_health(hsm, words) != ERR_OK)
        return fail_quiet(ERR_UNAVAILABLE, "the HSM: %s", words);
    return words[0] == '\0' ? ERR_OK : rpc_text(rpc, &out->hsm, words);
}

static enum err health_check(struct rpc_call *rpc, const Hallmark__V1__CheckRequest *in,
                             Hallmark__V1__CheckResponse *out)
{
    (void)in;
    struct call *call = call_of(rpc);
    struct server *server = call->server;
    struct checking c = { .server = server };
    struct store_health store;
    char words[SERVER_AILMENT_SIZE];
    if (server_ails(server, words) != AILMENT_NONE) /* this call must not wait there, too */
        return fail_quiet(ERR_UNAVAILABLE, "%s", words);
    TRY(check_hsm(rpc, out));
    TRY(call_read(call, count, &c));
    pthread_mutex_lock(&server->lock);
    out->runs = server->runs.count;
    out->connections = server->session_count;
    pthread_mutex_unlock(&server->lock);
    out->unlocked = c.unlocked;
    out->clock_behind_s = clock_behind_s(&c);
    out->time_us = (uint64_t)c.now_us;
    TRY(fill_expiring(rpc, server, out));
    out->ending = run_count_ending(server);
    out->announces_points = stop_announces();
    store_health(server->store, &store);
    out->commit_ms = (uint32_t)(store.took_ms < UINT32_MAX ? store.took_ms : UINT32_MAX);
    out->changes = atomic_load(&server->changes);
    out->hsm_operations = hsm_operations_total();
    TRY(fill_anchor(rpc, &c, out));
    return rpc_text(rpc, &out->version, HALLMARK_VERSION);
}

RPC_HANDLER(health, Health, check, Check, Check)

Hallmark__V1__Health_Service health_service = HALLMARK__V1__HEALTH__INIT(health__);
