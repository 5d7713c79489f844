/* SPDX-License-Identifier: MIT */
/* What a board in software signs whatever it is given. */
#include "tests/unit/check.h"

#include <string.h>

#include "common/core/sign.h"
#include "common/host/log.h"
#include "common/host/p256.h"
#include "common/rpc/rpc.h"
#include "tests/hostile/wire.h"

static void sign(struct board *board, const struct wr *w, ProtobufCBinaryData *signature)
{
    uint8_t digest[SHA256_SIZE], bytes[P256_SIGNATURE_SIZE];
    board_sign(board, w, digest, bytes);
    assert_int_equal(signature->len, sizeof(bytes));
    memcpy(signature->data, bytes, sizeof(bytes));
}

static void of_receipt(const Hallmark__V1__Receipt *r, struct wr *w)
{
    const struct sign_receipt s = {
        span_in(&r->run_id),
        span_in(&r->uid),
        span_in(&r->auth_public_key),
        span_in(&r->device_certificate_sha256),
        span_in(&r->web_server_certificate_sha256),
        span_in(&r->rotpk_sha256),
        span_in(&r->firmware_sha256),
        (uint8_t)r->lock_level,
        span_in(&r->transcript_sha256),
        span_in(&r->server_nonce),
        (uint8_t)r->rotpk_unproven,
        span_in(&r->devauth_sha256),
        (uint8_t)r->slot,
        span_in(&r->slot_kcv),
    };
    sign_receipt(w, &s);
}

static void of_commit(const Hallmark__V1__CommitStatement *m, struct wr *w)
{
    const struct sign_commit s = { span_in(&m->run_id),    span_in(&m->uid),
                                   (uint8_t)m->slot,       span_in(&m->kcv),
                                   (uint8_t)m->lock_level, span_in(&m->receipt_sha256) };
    sign_commit(w, &s);
}

static void of_lock(const Hallmark__V1__LockStatement *m, struct wr *w)
{
    const struct sign_lock s = { span_in(&m->run_id), span_in(&m->uid), (uint8_t)m->lock_level,
                                 span_in(&m->statement_sha256) };
    sign_lock(w, &s);
}

enum err signed_again(struct board *board, const char *method, struct buf *payload)
{
    uint8_t bytes[SIGN_STATEMENT_MAX];
    struct wr w = wr_of(bytes, sizeof(bytes));
    AUTO(rpc_drop) ProtobufCMessage *m = NULL;
    TRY(rpc_unpack(type_of(method, REQUEST), buf_span(payload), &m));
    if (strcmp(method, "Runs/Finish") == 0) {
        Hallmark__V1__Receipt *receipt = ((Hallmark__V1__FinishRequest *)m)->receipt;
        of_receipt(receipt, &w);
        sign(board, &w, &receipt->signature);
    } else if (strcmp(method, "Runs/Commit") == 0) {
        Hallmark__V1__CommitStatement *s = ((Hallmark__V1__UnitCommitRequest *)m)->statement;
        of_commit(s, &w);
        sign(board, &w, &s->signature);
    } else if (strcmp(method, "Runs/Locked") == 0) {
        Hallmark__V1__LockStatement *s = ((Hallmark__V1__UnitLockedRequest *)m)->statement;
        of_lock(s, &w);
        sign(board, &w, &s->signature);
    } else {
        Hallmark__V1__PutTargetPublicKeyRequest *in = (void *)m;
        sign_target_agreement(&w, SPAN(board->run_id), SPAN(board->uid),
                              SPAN(board->server_point), span_in(&in->public_key));
        sign(board, &w, &in->signature);
    }
    buf_free(payload);
    return rpc_pack(m, payload);
}
