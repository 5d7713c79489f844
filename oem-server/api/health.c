/* SPDX-License-Identifier: MIT */
/*
 * Health: whether the server works, and what it has done. Called by operators, auditors and
 * monitoring. It must not wait for an HSM or a disk that is unresponsive.
 */
#include "common/host/log.h"
#include "common/host/stop.h"
#include "oem-server/api/services.h"
#include "oem-server/run/run.h"

struct checking {
    struct server *server;
    uint32_t unlocked;
    int64_t now_us;
};

static enum err count(struct store_tx *tx, void *context)
{
    struct checking *c = context;
    c->now_us = store_now_us(tx);
    return unit_count_unlocked(tx, &c->server->limits, &c->unlocked);
}

/* As long as the clock has not come to where the log was when the server started. */
static uint64_t clock_behind_s(const struct checking *c)
{
    int64_t behind_us = atomic_load(&c->server->last_us) - c->now_us;
    return behind_us > UNIT_CLOCK_STEP_US ? (uint64_t)behind_us / 1000000 : 0;
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
    TRY(hsm_check(server->hsm));
    TRY(call_read(call, count, &c));
    pthread_mutex_lock(&server->lock);
    out->runs = server->runs.count;
    out->connections = server->session_count;
    pthread_mutex_unlock(&server->lock);
    out->unlocked = c.unlocked;
    out->clock_behind_s = clock_behind_s(&c);
    out->ending = run_count_ending(server);
    out->announces_points = stop_announces();
    store_health(server->store, &store);
    out->commit_ms = (uint32_t)(store.took_ms < UINT32_MAX ? store.took_ms : UINT32_MAX);
    out->changes = atomic_load(&server->changes);
    out->hsm_operations = hsm_operations_total();
    return rpc_text(rpc, &out->version, HALLMARK_VERSION);
}

RPC_HANDLER(health, Health, check, Check, Check)

Hallmark__V1__Health_Service health_service = HALLMARK__V1__HEALTH__INIT(health__);
