/* SPDX-License-Identifier: MIT */
/*
 * Messages of closing.proto as statements, for the code that signs them and the code that
 * verifies them. A field must not be left out of a statement: what is not in it is not signed.
 */

#include "target-fw/devauth/statement.h"

#include "common/core/sign.h"

void statement_receipt(struct wr *w, const Receipt *receipt)
{
    const struct sign_receipt fields = {
        .run_id = SPAN(receipt->run_id),
        .uid = SPAN(receipt->uid),
        .auth_public_key = SPAN(receipt->auth_public_key),
        .device_certificate_sha256 = SPAN(receipt->device_certificate_sha256),
        .web_server_certificate_sha256 = SPAN(receipt->web_server_certificate_sha256),
        .rotpk_sha256 = SPAN(receipt->rotpk_sha256),
        .firmware_sha256 = SPAN(receipt->firmware_sha256),
        .lock_level = (uint8_t)receipt->lock_level,
        .transcript_sha256 = SPAN(receipt->transcript_sha256),
        .server_nonce = SPAN(receipt->server_nonce),
        .rotpk_unproven = receipt->rotpk_unproven ? 1 : 0,
        .devauth_sha256 = SPAN(receipt->devauth_sha256),
        .slot = (uint8_t)receipt->slot,
        .slot_kcv = span_of(receipt->slot_kcv.bytes, receipt->slot_kcv.size),
    };
    sign_receipt(w, &fields);
}

void statement_commit(struct wr *w, const CommitStatement *commit)
{
    const struct sign_commit fields = {
        .run_id = SPAN(commit->run_id),
        .uid = SPAN(commit->uid),
        .slot = (uint8_t)commit->slot,
        .kcv = SPAN(commit->kcv),
        .lock_level = (uint8_t)commit->lock_level,
        .receipt_sha256 = SPAN(commit->receipt_sha256),
    };
    sign_commit(w, &fields);
}

void statement_lock(struct wr *w, const LockStatement *lock)
{
    const struct sign_lock fields = {
        .run_id = SPAN(lock->run_id),
        .uid = SPAN(lock->uid),
        .lock_level = (uint8_t)lock->lock_level,
        .statement_sha256 = SPAN(lock->statement_sha256),
    };
    sign_lock(w, &fields);
}
