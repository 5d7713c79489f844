/* SPDX-License-Identifier: MIT */
/*
 * sign: writes statements and the inputs of key derivation. Called by server, agent and
 * DevAuth, which must get the same bytes from the same values. A context string must not be
 * used for a second kind of statement.
 */
#include "common/core/sign.h"

static void context(struct wr *w, const char *text)
{
    wr_text(w, text);
    wr_u8(w, 0);
}

static void field(struct wr *w, struct span bytes)
{
    if (bytes.len > UINT16_MAX) {
        w->err = ERR_LIMIT;
        return;
    }
    wr_u16be(w, (uint16_t)bytes.len);
    wr_span(w, bytes);
}

static void run_fields(struct wr *w, const struct sign_run *run)
{
    field(w, run->run_id);
    field(w, run->uid);
    field(w, run->board_nonce);
}

static void number(struct wr *w, uint8_t value)
{
    field(w, span_of(&value, 1));
}

void sign_rotpk(struct wr *w, const struct sign_run *run, struct span rotpk, bool recreate)
{
    context(w, "hallmark.v1 rotpk");
    run_fields(w, run);
    field(w, rotpk);
    number(w, recreate ? 1 : 0);
}

void sign_server_agreement(struct wr *w, const struct sign_run *run, struct span public_key)
{
    context(w, "hallmark.v1 server agreement key");
    run_fields(w, run);
    field(w, public_key);
}

void sign_target_agreement(struct wr *w, struct span run_id, struct span uid,
                           struct span server_public_key, struct span target_public_key)
{
    context(w, "hallmark.v1 target agreement key");
    field(w, run_id);
    field(w, uid);
    field(w, server_public_key);
    field(w, target_public_key);
}

void sign_receipt(struct wr *w, const struct sign_receipt *receipt)
{
    context(w, "hallmark.v1 receipt");
    field(w, receipt->run_id);
    field(w, receipt->uid);
    field(w, receipt->auth_public_key);
    field(w, receipt->device_certificate_sha256);
    field(w, receipt->web_server_certificate_sha256);
    field(w, receipt->rotpk_sha256);
    field(w, receipt->firmware_sha256);
    number(w, receipt->lock_level);
    field(w, receipt->transcript_sha256);
    field(w, receipt->server_nonce);
    number(w, receipt->rotpk_unproven);
    field(w, receipt->devauth_sha256);
    number(w, receipt->slot);
    field(w, receipt->slot_kcv);
}

void sign_commit(struct wr *w, const struct sign_commit *commit)
{
    context(w, "hallmark.v1 commit");
    field(w, commit->run_id);
    field(w, commit->uid);
    number(w, commit->slot);
    field(w, commit->kcv);
    number(w, commit->lock_level);
    field(w, commit->receipt_sha256);
}

void sign_lock(struct wr *w, const struct sign_lock *lock)
{
    context(w, "hallmark.v1 lock");
    field(w, lock->run_id);
    field(w, lock->uid);
    number(w, lock->lock_level);
    field(w, lock->statement_sha256);
}

/* SP 800-108r1, 4.1: [i]_2 | Label | 00 | Context | [L]_2; the caller writes the context. */
static void kdf_begin(struct wr *w, const char *label)
{
    wr_u32be(w, 1);
    wr_text(w, label);
    wr_u8(w, 0);
}

static void kdf_end(struct wr *w)
{
    wr_u32be(w, 128);
}

void sign_confirmation(struct wr *w, enum sign_confirm whose, struct span run_id,
                       struct span uid, struct span server_public_key,
                       struct span target_public_key)
{
    static const char *const labels[] = {
        [SIGN_CONFIRM_TARGET] = "hallmark.v1 confirm target",
        [SIGN_CONFIRM_WRITE] = "hallmark.v1 confirm write",
        [SIGN_CONFIRM_KEEP] = "hallmark.v1 confirm keep",
    };
    kdf_begin(w, labels[whose]);
    wr_span(w, run_id);
    wr_span(w, uid);
    wr_span(w, server_public_key);
    wr_span(w, target_public_key);
    kdf_end(w);
}

void sign_kcv(struct wr *w, struct span uid)
{
    kdf_begin(w, "hallmark.v1 slot");
    wr_span(w, uid);
    kdf_end(w);
}

void sign_lock_tag(struct wr *w, struct span uid, uint8_t level)
{
    kdf_begin(w, "hallmark.v1 lock tag");
    wr_span(w, uid);
    wr_u8(w, level);
    kdf_end(w);
}

void sign_derived_key(struct wr *w, uint32_t block, const char *label, struct span uid,
                      uint32_t key_size)
{
    wr_u32be(w, block);
    wr_text(w, "hallmark.v1 derive ");
    wr_text(w, label);
    wr_u8(w, 0);
    wr_span(w, uid);
    wr_u32be(w, key_size * 8);
}

void sign_transcript(struct wr *w, struct span previous, uint8_t arrow,
                     struct span request_sha256, struct span response_sha256)
{
    wr_span(w, previous);
    wr_u8(w, arrow);
    wr_span(w, request_sha256);
    wr_span(w, response_sha256);
}
