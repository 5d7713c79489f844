/* SPDX-License-Identifier: MIT */
/*
 * Health: whether the server works, and what it has done. Called by operators, auditors and
 * monitoring. It must not wait for an HSM that is unresponsive.
 */
#include "common/host/log.h"
#include "oem-server/api/services.h"

struct checking {
    struct server *server;
    uint32_t unlocked;
};

static enum err count(struct store_tx *tx, void *context)
{
    struct checking *c = context;
    return unit_count_unlocked(tx, &c->server->limits, &c->unlocked);
}

static enum err health_check(struct rpc_call *rpc, const Hallmark__V1__CheckRequest *in,
                             Hallmark__V1__CheckResponse *out)
{
    (void)in;
    struct call *call = call_of(rpc);
    struct server *server = call->server;
    struct checking c = { .server = server };
    char words[HSM_HUNG_WORDS];
    if (hsm_hung(SERVER_HUNG_MS, words) != 0) /* this call must not be blocked there, too */
        return fail_quiet(ERR_UNAVAILABLE, "the HSM is unresponsive: %s", words);
    TRY(hsm_check(server->hsm));
    TRY(call_read(call, count, &c));
    pthread_mutex_lock(&server->lock);
    out->runs = server->runs.count;
    out->connections = server->session_count;
    pthread_mutex_unlock(&server->lock);
    out->unlocked = c.unlocked;
    out->changes = atomic_load(&server->changes);
    out->hsm_operations = hsm_operations_total();
    return rpc_text(rpc, &out->version, HALLMARK_VERSION);
}

RPC_HANDLER(health, Health, check, Check, Check)

Hallmark__V1__Health_Service health_service = HALLMARK__V1__HEALTH__INIT(health__);
