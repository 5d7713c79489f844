/* SPDX-License-Identifier: MIT */
/*
 * The methods that DevAuth calls on the station. Called through rpc_dispatch() by site/. What
 * DevAuth reports of its chip must be compared with what SWD read, and not replace it.
 */
#include "station-agent/api/api.h"

#include <string.h>

#include "common/host/log.h"

static const char *rotpk_words(uint32_t slots)
{
    return slots == 3 ? ", has ROTPK" : slots != 0 ? ", has half of ROTPK" : "";
}

static void say_hello(struct unit *unit, const Hallmark__V1__HelloRequest *in)
{
    const Hallmark__V1__BoardState *state = in->state;
    if (state == NULL) {
        unit_say(unit, "DevAuth %.15s", in->version);
        return;
    }
    unit_say(unit, "DevAuth %.15s%s%s%s%s", in->version, state->auth_key ? ", has AUTHKEY" : "",
             rotpk_words(state->rotpk_slots),
             state->shared_key_slot != 0 ? ", has AES_NuLink3" : "",
             state->lock_begun ? ", lock writes made" : "");
}

/* Arrow 7, and the same outside a run. DevAuth must run on the board at the probe. */
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
    if (unit->devauth == NULL)
        return fail_quiet(ERR_PRECONDITION, "Hello came before DevAuth was loaded");
    unit->lock_begun = in->state != NULL && in->state->lock_begun;
    say_hello(unit, in);
    TRY(rpc_bytes(call, &out->run_id, SPAN(unit->run_id)));
    TRY(rpc_bytes(call, &out->server_nonce, SPAN(unit->server_nonce)));
    return rpc_bytes(call, &out->devauth_sha256, SPAN(unit->devauth->sha256));
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

Hallmark__V1__Host_Service host_service = HALLMARK__V1__HOST__INIT(host__);
