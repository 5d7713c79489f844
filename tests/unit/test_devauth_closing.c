/* SPDX-License-Identifier: MIT */
/* What closes a run, as agent and server do it: receipt, commit, lock, each answer checked. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "tests/unit/test_devauth_peer.h"

#include "tests/unit/check.h"

#include <openssl/cmac.h>
#include <openssl/evp.h>
#include <string.h>

#define BIN(array) ((ProtobufCBinaryData){ sizeof(array), (array) })

static struct span field(const ProtobufCBinaryData *data)
{
    return span_of(data->data, data->len);
}

static void keep(const struct wr *w, struct buf *out)
{
    assert_int_equal(wr_end(w), ERR_OK);
    assert_int_equal(buf_copy(out, wr_done(w)), ERR_OK);
}

void peer_receipt_statement(const Hallmark__V1__Receipt *r, struct buf *out)
{
    uint8_t bytes[SIGN_STATEMENT_MAX];
    struct wr w = wr_of(bytes, sizeof(bytes));
    const struct sign_receipt fields = {
        .run_id = field(&r->run_id),
        .uid = field(&r->uid),
        .auth_public_key = field(&r->auth_public_key),
        .device_certificate_sha256 = field(&r->device_certificate_sha256),
        .web_server_certificate_sha256 = field(&r->web_server_certificate_sha256),
        .rotpk_sha256 = field(&r->rotpk_sha256),
        .firmware_sha256 = field(&r->firmware_sha256),
        .lock_level = (uint8_t)r->lock_level,
        .transcript_sha256 = field(&r->transcript_sha256),
        .server_nonce = field(&r->server_nonce),
        .rotpk_unproven = r->rotpk_unproven ? 1 : 0,
        .devauth_sha256 = field(&r->devauth_sha256),
        .slot = (uint8_t)r->slot,
        .slot_kcv = field(&r->slot_kcv),
    };
    sign_receipt(&w, &fields);
    keep(&w, out);
}

void peer_commit_statement(const Hallmark__V1__CommitStatement *c, struct buf *out)
{
    uint8_t bytes[SIGN_STATEMENT_MAX];
    struct wr w = wr_of(bytes, sizeof(bytes));
    const struct sign_commit fields = {
        .run_id = field(&c->run_id),
        .uid = field(&c->uid),
        .slot = (uint8_t)c->slot,
        .kcv = field(&c->kcv),
        .lock_level = (uint8_t)c->lock_level,
        .receipt_sha256 = field(&c->receipt_sha256),
    };
    sign_commit(&w, &fields);
    keep(&w, out);
}

void peer_cmac(const uint8_t key[32], struct span message, uint8_t tag[16])
{
    size_t len = 16;
    CMAC_CTX *ctx = CMAC_CTX_new();
    assert_int_equal(CMAC_Init(ctx, key, 32, EVP_aes_256_cbc(), NULL), 1);
    assert_int_equal(CMAC_Update(ctx, message.ptr, message.len), 1);
    assert_int_equal(CMAC_Final(ctx, tag, &len), 1);
    CMAC_CTX_free(ctx);
}

void peer_confirmation(const struct peer *p, enum sign_confirm whose,
                       uint8_t tag[CONFIRMATION_TAG_SIZE])
{
    uint8_t bytes[SIGN_STATEMENT_MAX];
    struct wr w = wr_of(bytes, sizeof(bytes));
    sign_confirmation(&w, whose, SPAN(p->run_id), SPAN(p->uid), SPAN(p->server),
                      SPAN(p->target));
    assert_int_equal(wr_end(&w), ERR_OK);
    peer_cmac(p->secret, wr_done(&w), tag);
}

void peer_kcv(const struct peer *p, const uint8_t key[32], uint8_t kcv[KCV_SIZE])
{
    uint8_t bytes[64];
    struct wr w = wr_of(bytes, sizeof(bytes));
    sign_kcv(&w, SPAN(p->uid));
    assert_int_equal(wr_end(&w), ERR_OK);
    peer_cmac(key, wr_done(&w), kcv);
}

void peer_lock_tag(const struct peer *p, const uint8_t key[32], unsigned level,
                   uint8_t tag[CONFIRMATION_TAG_SIZE])
{
    uint8_t bytes[64];
    struct wr w = wr_of(bytes, sizeof(bytes));
    sign_lock_tag(&w, SPAN(p->uid), (uint8_t)level);
    assert_int_equal(wr_end(&w), ERR_OK);
    peer_cmac(key, wr_done(&w), tag);
}

static void same(const ProtobufCBinaryData *found, struct span want)
{
    assert_int_equal(found->len, want.len);
    assert_memory_equal(found->data, want.ptr, want.len);
}

static void check_receipt(struct peer *p, const Hallmark__V1__Receipt *r)
{
    AUTO(buf_free) struct buf statement = { 0 };
    uint8_t device[SHA256_SIZE], web[SHA256_SIZE], rotpk[SHA256_SIZE], boot[P256_POINT_SIZE];
    peer_point(p->boot, boot);
    peer_sha256(buf_span(&p->device_certificate), device);
    peer_sha256(buf_span(&p->web_certificate), web);
    peer_sha256(span_of(boot + 1, ROTPK_SIZE), rotpk);
    same(&r->run_id, SPAN(p->run_id));
    same(&r->uid, SPAN(p->uid));
    same(&r->auth_public_key, SPAN(p->auth));
    same(&r->device_certificate_sha256, SPAN(device));
    same(&r->web_server_certificate_sha256, SPAN(web));
    same(&r->rotpk_sha256, SPAN(rotpk));
    same(&r->firmware_sha256, span_of(p->fwinfo + 0x60, SHA256_SIZE));
    assert_int_equal(r->lock_level, p->lock_level);
    same(&r->transcript_sha256, SPAN(p->transcript));
    same(&r->server_nonce, SPAN(p->server_nonce));
    same(&r->devauth_sha256, SPAN(p->devauth_sha256));
    assert_int_equal(r->slot_kcv.len, r->slot != 0 ? KCV_SIZE : 0);
    peer_receipt_statement(r, &statement);
    peer_check_signature(p->auth, buf_span(&statement), r->signature.data);
}

uint32_t peer_receipt(struct peer *p)
{
    uint32_t result = peer_call(p, "Closing/SignReceipt", NULL);
    if (result != 0)
        return result;
    hallmark__v1__sign_receipt_response__free_unpacked(p->receipt, NULL);
    p->receipt = hallmark__v1__sign_receipt_response__unpack(NULL, p->answer_len, p->answer);
    assert_non_null(p->receipt);
    assert_non_null(p->receipt->receipt);
    check_receipt(p, p->receipt->receipt);
    return 0;
}

static void check_commit(struct peer *p, const Hallmark__V1__CommitStatement *c)
{
    AUTO(buf_free) struct buf statement = { 0 };
    AUTO(buf_free) struct buf receipt = { 0 };
    uint8_t kcv[KCV_SIZE], digest[SHA256_SIZE];
    peer_kcv(p, p->kept, kcv);
    peer_receipt_statement(p->receipt->receipt, &receipt);
    peer_sha256(buf_span(&receipt), digest);
    same(&c->run_id, SPAN(p->run_id));
    same(&c->uid, SPAN(p->uid));
    same(&c->kcv, SPAN(kcv));
    same(&c->receipt_sha256, SPAN(digest));
    assert_int_equal(c->lock_level, p->lock_level);
    assert_in_range(c->slot, OTP_AES_FIRST, OTP_AES_LAST);
    peer_commit_statement(c, &statement);
    peer_check_signature(p->auth, buf_span(&statement), c->signature.data);
}

static uint32_t decide(struct peer *p, enum sign_confirm whose,
                       Hallmark__V1__KeyDecision decision)
{
    uint8_t tag[CONFIRMATION_TAG_SIZE];
    bool write = decision == HALLMARK__V1__KEY_DECISION__KEY_DECISION_WRITE;
    Hallmark__V1__CommitRequest m = HALLMARK__V1__COMMIT_REQUEST__INIT;
    peer_confirmation(p, whose, tag);
    m.confirmation_tag = BIN(tag);
    m.decision = decision;
    uint32_t result = peer_call(p, "Closing/Commit", &m.base);
    if (result != 0)
        return result;
    hallmark__v1__commit_response__free_unpacked(p->commit, NULL);
    if (write)
        memcpy(p->kept, p->secret, sizeof(p->kept));
    p->commit = hallmark__v1__commit_response__unpack(NULL, p->answer_len, p->answer);
    assert_non_null(p->commit);
    assert_non_null(p->commit->statement);
    check_commit(p, p->commit->statement);
    return 0;
}

static bool receipt_is_due(const struct peer *p)
{
    return p->receipt == NULL || !span_eq(field(&p->receipt->receipt->run_id), SPAN(p->run_id));
}

uint32_t peer_commit(struct peer *p)
{
    uint32_t result = receipt_is_due(p) ? peer_receipt(p) : 0;
    if (result != 0)
        return result;
    return decide(p, SIGN_CONFIRM_WRITE, HALLMARK__V1__KEY_DECISION__KEY_DECISION_WRITE);
}

uint32_t peer_keep(struct peer *p)
{
    uint32_t result = receipt_is_due(p) ? peer_receipt(p) : 0;
    if (result != 0)
        return result;
    return decide(p, SIGN_CONFIRM_KEEP, HALLMARK__V1__KEY_DECISION__KEY_DECISION_KEEP);
}

void peer_lock_request(const struct peer *p, struct peer_lock_request *out)
{
    uint8_t point[P256_POINT_SIZE];
    assert_non_null(p->commit);
    out->m = (Hallmark__V1__LockRequest)HALLMARK__V1__LOCK_REQUEST__INIT;
    out->statement = *p->commit->statement;
    out->receipt = *p->receipt->receipt;
    peer_point(p->boot, point);
    memcpy(out->rotpk, point + 1, ROTPK_SIZE);
    peer_lock_tag(p, p->kept, (unsigned)out->statement.lock_level, out->tag);
    out->m.statement = &out->statement;
    out->m.receipt = &out->receipt;
    out->m.rotpk = BIN(out->rotpk);
    out->m.lock_tag = BIN(out->tag);
}

static void check_lock(struct peer *p, const Hallmark__V1__LockStatement *l)
{
    AUTO(buf_free) struct buf commit = { 0 };
    uint8_t digest[SHA256_SIZE], bytes[SIGN_STATEMENT_MAX];
    struct wr w = wr_of(bytes, sizeof(bytes));
    peer_commit_statement(p->commit->statement, &commit);
    peer_sha256(buf_span(&commit), digest);
    same(&l->run_id, field(&p->commit->statement->run_id));
    same(&l->uid, SPAN(p->uid));
    same(&l->statement_sha256, SPAN(digest));
    assert_int_equal(l->lock_level, p->commit->statement->lock_level);
    const struct sign_lock fields = { field(&l->run_id), field(&l->uid), (uint8_t)l->lock_level,
                                      field(&l->statement_sha256) };
    sign_lock(&w, &fields);
    assert_int_equal(wr_end(&w), ERR_OK);
    peer_check_signature(p->auth, wr_done(&w), l->signature.data);
}

uint32_t peer_lock(struct peer *p)
{
    struct peer_lock_request request;
    peer_lock_request(p, &request);
    uint32_t result = peer_call(p, "Closing/Lock", &request.m.base);
    if (result != 0)
        return result;
    hallmark__v1__lock_response__free_unpacked(p->lock, NULL);
    p->lock = hallmark__v1__lock_response__unpack(NULL, p->answer_len, p->answer);
    assert_non_null(p->lock);
    assert_non_null(p->lock->statement);
    check_lock(p, p->lock->statement);
    return 0;
}

uint32_t peer_finish(struct peer *p)
{
    uint32_t result = 0;
    for (unsigned i = p->chained + 1u; i <= 32 && result == 0; i++)
        result = peer_arrow(p, i);
    if (result == 0)
        result = peer_commit(p);
    return result != 0 ? result : peer_lock(p);
}
