/* SPDX-License-Identifier: MIT */
/*
 * runs_finish: Runs.Finish: compares the device receipt with the run, field by field, and
 * verifies its signature, before the change. Called by stations on the run's strand. The
 * server's tag must not be sent before both tags match and the receipt is durable.
 */
#include <string.h>

#include "common/host/log.h"
#include "common/host/p256.h"
#include "oem-server/api/runs.h"
#include "oem-server/call/message.h"
#include "oem-server/run/run.h"

struct finishing {
    struct call *call;
    const Hallmark__V1__Receipt *receipt;
    struct buf packed;
    uint8_t packed_sha256[SHA256_SIZE];
    uint8_t sha256[SHA256_SIZE]; /* of what the board signed */
    uint8_t tag[CONFIRMATION_TAG_SIZE];
    Hallmark__V1__FinishResponse *out;
};

static void finishing_drop(struct finishing *f)
{
    buf_free(&f->packed);
    wipe(f->tag, sizeof(f->tag));
}

static enum err same(const char *what, const ProtobufCBinaryData *got, struct span want)
{
    return span_eq(span_in(got), want)
               ? ERR_OK
               : fail_quiet(ERR_MISMATCH, "receipt: %s is not this run's", what);
}

static enum err check_slot(const Hallmark__V1__Receipt *r)
{
    bool used = r->slot >= OTP_AES_FIRST && r->slot <= OTP_AES_LAST;
    if ((r->slot == 0 && r->slot_kcv.len == 0) || (used && r->slot_kcv.len == KCV_SIZE))
        return ERR_OK;
    return fail_quiet(ERR_MISMATCH,
                      "receipt: slot %u with a key check value of %zu bytes: want none, or a "
                      "slot from %d to %d with %d bytes",
                      r->slot, r->slot_kcv.len, OTP_AES_FIRST, OTP_AES_LAST, KCV_SIZE);
}

/* Compares with the expected values; rotpk_unproven, slot and its KCV are stated by the board.
 */
static enum err check_fields(const struct run *run, const Hallmark__V1__Receipt *r)
{
    uint8_t device[SHA256_SIZE], web[SHA256_SIZE], rotpk[SHA256_SIZE];
    sha256_of(buf_span(&run->certificate), device);
    sha256_of(buf_span(&run->web_server), web);
    sha256_of(SPAN(run->rotpk), rotpk);
    TRY(same("run id", &r->run_id, SPAN(run->id)));
    TRY(same("UID", &r->uid, SPAN(run->uid)));
    TRY(same("AUTHKEY", &r->auth_public_key, SPAN(run->auth_public)));
    TRY(same("device certificate", &r->device_certificate_sha256, SPAN(device)));
    TRY(same("WebServer certificate", &r->web_server_certificate_sha256, SPAN(web)));
    TRY(same("ROTPK", &r->rotpk_sha256, SPAN(rotpk)));
    TRY(same("firmware", &r->firmware_sha256, SPAN(run->order.firmware_sha256)));
    TRY(same("DevAuth", &r->devauth_sha256, SPAN(run->order.devauth_sha256)));
    TRY(same("transcript", &r->transcript_sha256, SPAN(run->transcript)));
    TRY(same("server nonce", &r->server_nonce, SPAN(run->server_nonce)));
    if (r->lock_level != run->order.lock_level)
        return fail_quiet(ERR_MISMATCH, "receipt: the lock level is not the order's");
    return check_slot(r);
}

static enum err check_receipt(struct finishing *f)
{
    const struct run *run = f->call->run;
    const Hallmark__V1__Receipt *r = f->receipt;
    TRY(check_fields(run, r));
    const struct statement s = statement_of_receipt(r);
    TRY(runs_verify(&s, run->auth_public, &r->signature, "receipt"));
    memcpy(f->sha256, s.sha256, SHA256_SIZE);
    return ERR_OK;
}

/* A unit is not finished with a firmware that was withdrawn during the run. */
static enum err check_firmware(struct store_tx *tx, const struct run *run)
{
    AUTO(image_free) struct image firmware = { 0 };
    TRY(image_info(tx, run->order.firmware_sha256, &firmware));
    return firmware.withdrawn ? fail_quiet(ERR_HELD, "the firmware was withdrawn: %s",
                                           firmware.withdrawn_reason)
                              : ERR_OK;
}

static enum err finish(struct store_tx *tx, void *context)
{
    struct finishing *f = context;
    const struct run *run = f->call->run;
    const Hallmark__V1__Receipt *r = f->receipt;
    struct unit_run unit_run = run_unit(run);
    struct unit_receipt receipt = { .receipt = buf_span(&f->packed),
                                    .lock_level = (uint32_t)r->lock_level,
                                    .rotpk_unproven = r->rotpk_unproven,
                                    .slot = r->slot };
    bool keep = false;
    TRY(check_firmware(tx, run));
    memcpy(receipt.sha256, f->sha256, SHA256_SIZE);
    memcpy(receipt.firmware_sha256, run->order.firmware_sha256, SHA256_SIZE);
    if (r->slot != 0)
        memcpy(receipt.slot_kcv, r->slot_kcv.data, KCV_SIZE);
    if (!run->finished)
        TRY(unit_agree(tx, &unit_run, &run->agreed));
    TRY(unit_finish(tx, &unit_run, &receipt, &keep, f->tag));
    event_digest(&f->call->event, "receipt", buf_span(&f->packed));
    event_digest_is(&f->call->event, "transcript", run->transcript);
    f->out->decision = keep ? HALLMARK__V1__KEY_DECISION__KEY_DECISION_KEEP
                            : HALLMARK__V1__KEY_DECISION__KEY_DECISION_WRITE;
    return rpc_bytes(&f->call->rpc, &f->out->confirmation_tag, SPAN(f->tag));
}

static enum err check_finish(struct finishing *f, const Hallmark__V1__FinishRequest *in)
{
    const struct run *run = f->call->run;
    if (!flow_finished(&run->flow))
        return fail_quiet(ERR_ORDER, "the run is at arrow %u, not past 33", run->flow.next);
    if (in->receipt == NULL)
        return fail_quiet(ERR_INVALID, "finish: no receipt");
    if (!ct_eq(span_in(&in->confirmation_tag), SPAN(run->agreed.tag_target)))
        return fail_quiet(ERR_SIG,
                          "finish: the board's confirmation tag is wrong: the two ends "
                          "do not share AES_NuLink3");
    TRY(rpc_pack(&in->receipt->base, &f->packed));
    sha256_of(buf_span(&f->packed), f->packed_sha256);
    if (run->finished && !span_eq(SPAN(run->receipt_sha256), SPAN(f->packed_sha256)))
        return fail_quiet(ERR_EXISTS, "finish: this run was finished with another receipt");
    return check_receipt(f);
}

enum err runs_finish(struct rpc_call *rpc, const Hallmark__V1__FinishRequest *in,
                     Hallmark__V1__FinishResponse *out)
{
    struct call *call = call_of(rpc);
    struct run *run = call->run;
    run_own(run);
    AUTO(finishing_drop)
    struct finishing f = { .call = call, .receipt = in->receipt, .out = out };
    TRY(check_finish(&f, in));
    TRY(call_change(call, finish, &f, &out->base));
    if (call->replayed)
        return ERR_OK;
    memcpy(run->receipt_sha256, f.packed_sha256, SHA256_SIZE);
    run->finished = true;
    return ERR_OK;
}
