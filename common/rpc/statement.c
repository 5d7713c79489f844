/* SPDX-License-Identifier: MIT */
/*
 * The board's three signed statements. Called by the server for what stations submit, and by
 * oemctl's unit show, for its checks and its files. A
 * number that does not fit the statement's byte must make no statement, so that it does not
 * verify as another one.
 */
#include "common/rpc/statement.h"

#include <string.h>

#include "common/host/p256.h"
#include "common/rpc/rpc.h"

static void finish(struct statement *s, struct wr *w, bool fits)
{
    struct span done = wr_done(w);
    s->made = wr_end(w) == ERR_OK && fits;
    s->len = s->made ? done.len : 0;
    if (s->made)
        sha256_of(done, s->sha256);
}

struct statement statement_of_receipt(const Hallmark__V1__Receipt *r)
{
    struct statement s = { 0 };
    struct wr w = wr_of(s.bytes, sizeof(s.bytes));
    const struct sign_receipt fields = {
        .run_id = span_in(&r->run_id),
        .uid = span_in(&r->uid),
        .auth_public_key = span_in(&r->auth_public_key),
        .device_certificate_sha256 = span_in(&r->device_certificate_sha256),
        .web_server_certificate_sha256 = span_in(&r->web_server_certificate_sha256),
        .rotpk_sha256 = span_in(&r->rotpk_sha256),
        .firmware_sha256 = span_in(&r->firmware_sha256),
        .lock_level = (uint8_t)r->lock_level,
        .transcript_sha256 = span_in(&r->transcript_sha256),
        .server_nonce = span_in(&r->server_nonce),
        .rotpk_unproven = r->rotpk_unproven != 0 ? 1 : 0,
        .devauth_sha256 = span_in(&r->devauth_sha256),
        .slot = (uint8_t)r->slot,
        .slot_kcv = span_in(&r->slot_kcv),
    };
    sign_receipt(&w, &fields);
    finish(&s, &w, (uint32_t)r->lock_level <= UINT8_MAX && r->slot <= UINT8_MAX);
    return s;
}

struct statement statement_of_commit(const Hallmark__V1__CommitStatement *c)
{
    struct statement s = { 0 };
    struct wr w = wr_of(s.bytes, sizeof(s.bytes));
    const struct sign_commit fields = {
        .run_id = span_in(&c->run_id),
        .uid = span_in(&c->uid),
        .slot = (uint8_t)c->slot,
        .kcv = span_in(&c->kcv),
        .lock_level = (uint8_t)c->lock_level,
        .receipt_sha256 = span_in(&c->receipt_sha256),
    };
    sign_commit(&w, &fields);
    finish(&s, &w, (uint32_t)c->lock_level <= UINT8_MAX && c->slot <= UINT8_MAX);
    return s;
}

struct statement statement_of_lock(const Hallmark__V1__LockStatement *l)
{
    struct statement s = { 0 };
    struct wr w = wr_of(s.bytes, sizeof(s.bytes));
    const struct sign_lock fields = {
        .run_id = span_in(&l->run_id),
        .uid = span_in(&l->uid),
        .lock_level = (uint8_t)l->lock_level,
        .statement_sha256 = span_in(&l->statement_sha256),
    };
    sign_lock(&w, &fields);
    finish(&s, &w, (uint32_t)l->lock_level <= UINT8_MAX);
    return s;
}

bool statement_is_signed(const struct statement *s, struct span point,
                         const ProtobufCBinaryData *signature)
{
    return s->made && p256_verify(point, s->sha256, span_in(signature)) == ERR_OK;
}
