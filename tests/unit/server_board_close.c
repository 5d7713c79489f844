/* SPDX-License-Identifier: MIT */
/* What board and station do after arrow 33. */
#include "tests/unit/check.h"

#include <string.h>

#include "common/core/sign.h"
#include "common/host/log.h"
#include "common/host/p256.h"
#include "tests/unit/server_board.h"

static ProtobufCBinaryData lend(struct span bytes)
{
    return (ProtobufCBinaryData){ bytes.len, (uint8_t *)(uintptr_t)bytes.ptr };
}

/* The receipt of this run; its fields borrow from the board and from digests. */
struct receipt {
    Hallmark__V1__Receipt m;
    uint8_t rotpk[SHA256_SIZE], signature[P256_SIGNATURE_SIZE];
};

static void make_receipt(struct board *b, struct receipt *r)
{
    uint8_t bytes[SIGN_STATEMENT_MAX];
    sha256_of(SPAN(b->rotpk), r->rotpk);
    struct sign_receipt s = {
        .run_id = SPAN(b->run_id),
        .uid = SPAN(b->uid),
        .auth_public_key = SPAN(b->auth_point),
        .device_certificate_sha256 = SPAN(b->device_sha256),
        .web_server_certificate_sha256 = SPAN(b->web_sha256),
        .rotpk_sha256 = SPAN(r->rotpk),
        .firmware_sha256 = SPAN(bench.firmware),
        .lock_level = (uint8_t)b->level,
        .transcript_sha256 = SPAN(b->transcript),
        .server_nonce = SPAN(b->server_nonce),
        .devauth_sha256 = SPAN(bench.devauth),
        .slot = (uint8_t)b->slot,
        .slot_kcv = b->slot == 0 ? span_of(NULL, 0) : SPAN(b->slot_kcv),
    };
    struct wr w = wr_of(bytes, sizeof(bytes));
    sign_receipt(&w, &s);
    board_sign(b, &w, b->receipt_sha256, r->signature);
    hallmark__v1__receipt__init(&r->m);
    r->m.run_id = lend(s.run_id);
    r->m.uid = lend(s.uid);
    r->m.auth_public_key = lend(s.auth_public_key);
    r->m.device_certificate_sha256 = lend(s.device_certificate_sha256);
    r->m.web_server_certificate_sha256 = lend(s.web_server_certificate_sha256);
    r->m.rotpk_sha256 = lend(s.rotpk_sha256);
    r->m.firmware_sha256 = lend(s.firmware_sha256);
    r->m.lock_level = (Hallmark__V1__LockLevel)b->level;
    r->m.transcript_sha256 = lend(s.transcript_sha256);
    r->m.server_nonce = lend(s.server_nonce);
    r->m.devauth_sha256 = lend(s.devauth_sha256);
    r->m.slot = b->slot;
    r->m.slot_kcv = lend(s.slot_kcv);
    r->m.signature = lend(SPAN(r->signature));
}

enum err board_finish(struct board *b)
{
    Hallmark__V1__FinishRequest in = HALLMARK__V1__FINISH_REQUEST__INIT;
    struct receipt receipt;
    uint8_t tag[CONFIRMATION_TAG_SIZE];
    AUTO(rpc_drop) ProtobufCMessage *out = NULL;
    const struct asking asking = { SPAN(b->run_id), board_report_of_finish(b), NULL };
    make_receipt(b, &receipt);
    board_tag(b, SIGN_CONFIRM_TARGET, tag);
    in.confirmation_tag = lend(SPAN(tag));
    in.receipt = &receipt.m;
    TRY(party_call(b->station, "hallmark.v1.Runs/Finish", &in.base, &asking,
                   &hallmark__v1__finish_response__descriptor, &out));
    Hallmark__V1__FinishResponse *answer = (Hallmark__V1__FinishResponse *)out;
    b->decision = answer->decision;
    board_tag(b,
              b->decision == HALLMARK__V1__KEY_DECISION__KEY_DECISION_KEEP ? SIGN_CONFIRM_KEEP
                                                                           : SIGN_CONFIRM_WRITE,
              tag);
    assert_true(span_eq(SPAN(tag),
                        span_of(answer->confirmation_tag.data, answer->confirmation_tag.len)));
    return ERR_OK;
}

/* What Closing.Lock would be given. */
void board_take_committed(struct board *b, const Hallmark__V1__UnitCommitResponse *in)
{
    uint8_t bytes[SIGN_STATEMENT_MAX], want[CONFIRMATION_TAG_SIZE];
    const Hallmark__V1__CommitStatement *s = in->statement;
    struct wr w = wr_of(bytes, sizeof(bytes));
    struct sign_commit commit = {
        span_of(s->run_id.data, s->run_id.len),
        span_of(s->uid.data, s->uid.len),
        (uint8_t)s->slot,
        span_of(s->kcv.data, s->kcv.len),
        (uint8_t)s->lock_level,
        span_of(s->receipt_sha256.data, s->receipt_sha256.len),
    };
    sign_commit(&w, &commit);
    sha256_of(wr_done(&w), b->statement_sha256);
    memcpy(b->statement_run, s->run_id.data, RUN_ID_SIZE);
    w = wr_of(bytes, sizeof(bytes));
    sign_lock_tag(&w, SPAN(b->uid), (uint8_t)s->lock_level);
    board_cmac(b->slot_key, &w, want);
    assert_true(span_eq(SPAN(want), span_of(in->lock_tag.data, in->lock_tag.len)));
    assert_true(span_eq(SPAN(b->rotpk), span_of(in->rotpk.data, in->rotpk.len)));
}

enum err board_commit(struct board *b)
{
    Hallmark__V1__UnitCommitRequest in = HALLMARK__V1__UNIT_COMMIT_REQUEST__INIT;
    Hallmark__V1__CommitStatement s = HALLMARK__V1__COMMIT_STATEMENT__INIT;
    uint8_t bytes[SIGN_STATEMENT_MAX], digest[SHA256_SIZE], signature[P256_SIGNATURE_SIZE];
    AUTO(rpc_drop) ProtobufCMessage *out = NULL;
    if (b->decision == HALLMARK__V1__KEY_DECISION__KEY_DECISION_WRITE) {
        b->slot = b->slot == 0 ? 3 : b->slot + 1;
        memcpy(b->slot_key, b->key, sizeof(b->key));
        board_kcv(b, b->slot_key, b->slot_kcv);
    }
    struct sign_commit commit = {
        SPAN(b->run_id),   SPAN(b->uid),      (uint8_t)b->slot,
        SPAN(b->slot_kcv), (uint8_t)b->level, SPAN(b->receipt_sha256)
    };
    struct wr w = wr_of(bytes, sizeof(bytes));
    sign_commit(&w, &commit);
    board_sign(b, &w, digest, signature);
    s.run_id = lend(commit.run_id);
    s.uid = lend(commit.uid);
    s.slot = b->slot;
    s.kcv = lend(commit.kcv);
    s.lock_level = (Hallmark__V1__LockLevel)b->level;
    s.receipt_sha256 = lend(commit.receipt_sha256);
    s.signature = lend(SPAN(signature));
    in.uid = lend(SPAN(b->uid));
    in.statement = &s;
    TRY(party_call(b->station, "hallmark.v1.Runs/Commit", &in.base, NULL,
                   &hallmark__v1__unit_commit_response__descriptor, &out));
    board_take_committed(b, (Hallmark__V1__UnitCommitResponse *)out);
    return ERR_OK;
}

enum err board_booted(struct board *b, bool booted)
{
    Hallmark__V1__UnitBootedRequest in = HALLMARK__V1__UNIT_BOOTED_REQUEST__INIT;
    static char detail[] = "BTF bit 0";
    in.uid = lend(SPAN(b->uid));
    in.booted = booted;
    in.detail = detail;
    return party_call(b->station, "hallmark.v1.Runs/Booted", &in.base, NULL, NULL, NULL);
}

enum err board_locked(struct board *b)
{
    Hallmark__V1__UnitLockedRequest in = HALLMARK__V1__UNIT_LOCKED_REQUEST__INIT;
    Hallmark__V1__LockStatement s = HALLMARK__V1__LOCK_STATEMENT__INIT;
    static char detail[] = "BTF bit 0";
    uint8_t bytes[SIGN_STATEMENT_MAX], digest[SHA256_SIZE], signature[P256_SIGNATURE_SIZE];
    struct sign_lock lock = { SPAN(b->statement_run), SPAN(b->uid), (uint8_t)b->level,
                              SPAN(b->statement_sha256) };
    struct wr w = wr_of(bytes, sizeof(bytes));
    sign_lock(&w, &lock);
    board_sign(b, &w, digest, signature);
    s.run_id = lend(lock.run_id);
    s.uid = lend(lock.uid);
    s.lock_level = (Hallmark__V1__LockLevel)b->level;
    s.statement_sha256 = lend(lock.statement_sha256);
    s.signature = lend(SPAN(signature));
    in.uid = lend(SPAN(b->uid));
    in.statement = &s;
    if (b->tells_boot)
        in.booted = detail;
    return party_call(b->station, "hallmark.v1.Runs/Locked", &in.base, NULL, NULL, NULL);
}

enum err board_sealed(struct board *b, Hallmark__V1__DebugPort port)
{
    Hallmark__V1__UnitSealedRequest in = HALLMARK__V1__UNIT_SEALED_REQUEST__INIT;
    static char detail[] = "each door was tried";
    in.uid = lend(SPAN(b->uid));
    in.debug_port = port;
    in.detail = detail;
    return party_call(b->station, "hallmark.v1.Runs/Sealed", &in.base, NULL, NULL, NULL);
}
