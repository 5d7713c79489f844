/* SPDX-License-Identifier: MIT */
/* KeyAgreement: arrows 28, 29, 31 and 33. */
#include <string.h>

#include "common/core/sign.h"
#include "common/host/log.h"
#include "common/host/p256.h"
#include "oem-server/svc/run.h"
#include "oem-server/svc/services.h"

static enum err key_agreement_generate_key(struct rpc_call *rpc,
                                           const Hallmark__V1__GenerateKeyRequest *in,
                                           Hallmark__V1__GenerateKeyResponse *out)
{
    (void)in, (void)out;
    struct run *run = call_of(rpc)->run;
    return hsm_agreement_make(run->server->hsm, &run->agreement);
}

static enum err key_agreement_derive_public_key(struct rpc_call *rpc,
                                                const Hallmark__V1__DerivePublicKeyRequest *in,
                                                Hallmark__V1__DerivePublicKeyResponse *out)
{
    (void)in;
    struct run *run = call_of(rpc)->run;
    TRY(hsm_agreement_public(run->agreement, run->server_public));
    return rpc_bytes(rpc, &out->public_key, SPAN(run->server_public));
}

static enum err
key_agreement_put_target_public_key(struct rpc_call *rpc,
                                    const Hallmark__V1__PutTargetPublicKeyRequest *in,
                                    Hallmark__V1__PutTargetPublicKeyResponse *out)
{
    (void)out;
    struct run *run = call_of(rpc)->run;
    struct span point = span_of(in->public_key.data, in->public_key.len);
    uint8_t statement[SIGN_STATEMENT_MAX], digest[SHA256_SIZE];
    struct wr w = wr_of(statement, sizeof(statement));
    TRY(p256_check_point(point));
    sign_target_agreement(&w, SPAN(run->id), SPAN(run->uid), SPAN(run->server_public), point);
    TRY(wr_end(&w));
    sha256_of(wr_done(&w), digest);
    if (p256_verify(SPAN(run->auth_public), digest,
                    span_of(in->signature.data, in->signature.len)) != ERR_OK)
        return fail_quiet(ERR_SIG, "the board's public key is not signed with its AUTHKEY");
    memcpy(run->target_public, point.ptr, point.len);
    return ERR_OK;
}

static void confirmation(struct wr *w, const struct run *run, enum sign_confirm whose)
{
    sign_confirmation(w, whose, SPAN(run->id), SPAN(run->uid), SPAN(run->server_public),
                      SPAN(run->target_public));
}

static enum err key_agreement_derive_shared_key(struct rpc_call *rpc,
                                                const Hallmark__V1__DeriveSharedKeyRequest *in,
                                                Hallmark__V1__DeriveSharedKeyResponse *out)
{
    (void)in, (void)out; /* the server's tag leaves only after the board's has been verified */
    struct run *run = call_of(rpc)->run;
    uint8_t inputs[2][SIGN_STATEMENT_MAX], tags[2][16];
    struct wr target = wr_of(inputs[0], SIGN_STATEMENT_MAX);
    struct wr server = wr_of(inputs[1], SIGN_STATEMENT_MAX);
    confirmation(&target, run, SIGN_CONFIRM_TARGET);
    confirmation(&server, run, SIGN_CONFIRM_SERVER);
    TRY(wr_end(&target));
    TRY(wr_end(&server));
    const struct span messages[2] = { wr_done(&target), wr_done(&server) };
    TRY(hsm_agreement_derive(run->agreement, run->target_public, messages, tags,
                             &run->shared_key));
    memcpy(run->tag_target, tags[0], sizeof(run->tag_target));
    memcpy(run->tag_server, tags[1], sizeof(run->tag_server));
    wipe(tags, sizeof(tags));
    hsm_agreement_free(TAKE(run->agreement));
    return ERR_OK;
}

RPC_HANDLER(key_agreement, KeyAgreement, generate_key, GenerateKey, GenerateKey)
RPC_HANDLER(key_agreement, KeyAgreement, derive_public_key, DerivePublicKey, DerivePublicKey)
RPC_HANDLER(key_agreement, KeyAgreement, put_target_public_key, PutTargetPublicKey,
            PutTargetPublicKey)
RPC_HANDLER(key_agreement, KeyAgreement, derive_shared_key, DeriveSharedKey, DeriveSharedKey)

Hallmark__V1__KeyAgreement_Service key_agreement_service =
    HALLMARK__V1__KEY_AGREEMENT__INIT(key_agreement__);
