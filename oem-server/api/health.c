/* SPDX-License-Identifier: MIT */
/*
 * Health: whether the server works, and what it has done. Called by operators, auditors and
 * monitoring. It must not wait for an HSM that is unresponsive.
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
    char words[HSM_UNRESPONSIVE_SIZE];
    if (hsm_unresponsive(SERVER_UNRESPONSIVE_MS, words) !=
        0) /* this call must not be blocked there, too */
        return fail_quiet(ERR_UNAVAILABLE, "the HSM is unresponsive: %s", words);
    TRY(check_hsm(rpc, out));
    TRY(call_read(call, count, &c));
    pthread_mutex_lock(&server->lock);
    out->runs = server->runs.count;
    out->connections = server->session_count;
    pthread_mutex_unlock(&server->lock);
    out->unlocked = c.unlocked;
    out->clock_behind_s = clock_behind_s(&c);
    out->ending = run_count_ending(server);
    out->announces_points = stop_announces();
    out->changes = atomic_load(&server->changes);
    out->hsm_operations = hsm_operations_total();
    return rpc_text(rpc, &out->version, HALLMARK_VERSION);
}

RPC_HANDLER(health, Health, check, Check, Check)

Hallmark__V1__Health_Service health_service = HALLMARK__V1__HEALTH__INIT(health__);
