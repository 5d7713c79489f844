/* SPDX-License-Identifier: MIT */
#include "station-agent/svc/svc.h"

#include <string.h>

#include "common/host/log.h"

static void say_hello(struct unit *unit, const Hallmark__V1__HelloRequest *in)
{
    const Hallmark__V1__BoardState *state = in->state;
    bool has = state != NULL;
    unit_say(unit, "DevAuth %.15s%s%s%s%s", in->version,
             has && state->auth_key ? ", has AUTHKEY" : "",
             has && state->rotpk_slots == 3   ? ", has ROTPK"
             : has && state->rotpk_slots != 0 ? ", has half of ROTPK"
                                              : "",
             has && state->lock_armed != 0 ? ", lock armed" : "",
             has && state->shared_key ? ", has AES_NuLink3" : "");
}

/* Arrow 7. The board that talks must be the board on the probe. */
static enum err host_hello(struct rpc_call *call, const Hallmark__V1__HelloRequest *in,
                           Hallmark__V1__HelloResponse *out)
{
    struct unit *unit = call->user;
    uint8_t uid[UID_SIZE], nonce[NONCE_SIZE];
    TRY(unit_field(in->uid, "uid", uid, sizeof(uid)));
    TRY(unit_field(in->nonce, "nonce", nonce, sizeof(nonce)));
    if (!span_eq(SPAN(uid), SPAN(unit->uid)))
        return fail_quiet(ERR_MISMATCH, "DevAuth reports another UID than SWD reads");
    if (in->pdid != unit->pdid)
        return fail_quiet(ERR_MISMATCH, "DevAuth reports PDID %08x, SWD reads %08x", in->pdid,
                          unit->pdid);
    say_hello(unit, in);
    TRY(rpc_bytes(call, &out->run_id, SPAN(unit->run_id)));
    return rpc_bytes(call, &out->server_nonce, SPAN(unit->server_nonce));
}

/* Arrow 12. */
static enum err host_put_signature(struct rpc_call *call,
                                   const Hallmark__V1__PutSignatureRequest *in,
                                   Hallmark__V1__PutSignatureResponse *out)
{
    (void)out;
    struct unit *unit = call->user;
    return unit_field(in->signature, "signature", unit->signature, P256_SIGNATURE_SIZE);
}

RPC_HANDLER(host, Host, hello, Hello, Hello)
RPC_HANDLER(host, Host, put_signature, PutSignature, PutSignature)

Hallmark__V1__Host_Service svc_host = HALLMARK__V1__HOST__INIT(host__);
