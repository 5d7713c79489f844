/* SPDX-License-Identifier: MIT */
/*
 * KeyAgreement: arrows 28, 29, 31 and 33. Called on the run's strand. The private key and
 * AES_NuLink3 must not leave the HSM, except wrapped.
 */
#include <stdio.h>
#include <string.h>

#include "common/core/sign.h"
#include "common/host/log.h"
#include "common/host/p256.h"
#include "oem-server/api/services.h"
#include "oem-server/run/run.h"

static enum err key_agreement_generate_key(struct rpc_call *rpc,
                                           const Hallmark__V1__GenerateKeyRequest *in,
                                           Hallmark__V1__GenerateKeyResponse *out)
{
    (void)in, (void)out;
    struct run *run = call_of(rpc)->run;
    run_own(run);
    return hsm_agreement_make(run->server->hsm, &run->agreement);
}

static enum err key_agreement_derive_public_key(struct rpc_call *rpc,
                                                const Hallmark__V1__DerivePublicKeyRequest *in,
                                                Hallmark__V1__DerivePublicKeyResponse *out)
{
    (void)in;
    struct run *run = call_of(rpc)->run;
    run_own(run);
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
    run_own(run);
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

/* The values derived from AES_NuLink3, in the order of the messages. */
enum derived { OF_TARGET, OF_WRITE, OF_KEEP, OF_KCV, OF_LOCK, DERIVED };

static void write_input(struct wr *w, const struct run *run, enum derived what)
{
    static const enum sign_confirm tags[] = { [OF_TARGET] = SIGN_CONFIRM_TARGET,
                                              [OF_WRITE] = SIGN_CONFIRM_WRITE,
                                              [OF_KEEP] = SIGN_CONFIRM_KEEP };
    if (what == OF_KCV)
        sign_kcv(w, SPAN(run->uid));
    else if (what == OF_LOCK)
        sign_lock_tag(w, SPAN(run->uid), (uint8_t)run->order.lock_level);
    else
        sign_confirmation(w, tags[what], SPAN(run->id), SPAN(run->uid),
                          SPAN(run->server_public), SPAN(run->target_public));
}

static void take_derived(struct unit_agreement *agreed, uint8_t (*values)[16])
{
    memcpy(agreed->tag_target, values[OF_TARGET], CONFIRMATION_TAG_SIZE);
    memcpy(agreed->tag_write, values[OF_WRITE], CONFIRMATION_TAG_SIZE);
    memcpy(agreed->tag_keep, values[OF_KEEP], CONFIRMATION_TAG_SIZE);
    memcpy(agreed->kcv, values[OF_KCV], KCV_SIZE);
    memcpy(agreed->lock_tag, values[OF_LOCK], CONFIRMATION_TAG_SIZE);
    snprintf(agreed->kek, sizeof(agreed->kek), "%s", HSM_UNIT_KEK);
}

/* All in one session of the HSM. The results are stored with the receipt (Runs.Finish); nothing
 * is kept of a run that is not finished. The server's tags are sent only after the board's was
 * verified. */
static enum err key_agreement_derive_shared_key(struct rpc_call *rpc,
                                                const Hallmark__V1__DeriveSharedKeyRequest *in,
                                                Hallmark__V1__DeriveSharedKeyResponse *out)
{
    (void)in, (void)out;
    struct run *run = call_of(rpc)->run;
    run_own(run);
    uint8_t inputs[DERIVED][SIGN_STATEMENT_MAX], values[DERIVED][16];
    struct span messages[DERIVED];
    for (enum derived i = OF_TARGET; i < DERIVED; i++) {
        struct wr w = wr_of(inputs[i], SIGN_STATEMENT_MAX);
        write_input(&w, run, i);
        TRY(wr_end(&w));
        messages[i] = wr_done(&w);
    }
    enum err e = hsm_agreement_derive(run->agreement, run->target_public, messages, values,
                                      DERIVED, &run->agreed.wrapped);
    if (e == ERR_OK)
        take_derived(&run->agreed, values);
    wipe(values, sizeof(values)); /* some are there after a failure, too */
    TRY(e);
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
