/* SPDX-License-Identifier: MIT */
/*
 * Closing.SignReceipt and Closing.Commit: what the board says of its run, and which AES_NuLink3
 * it keeps. Both follow arrow 32 in the same boot. Nothing is locked here, and no slot is
 * written or revoked unless the server's tag for that very decision was verified twice.
 */
#include "target-fw/devauth/bytes.h"
#include "target-fw/devauth/certificate.h"
#include "target-fw/devauth/handlers.h"
#include "target-fw/devauth/shared.h"
#include "target-fw/devauth/statement.h"

/* ---- the receipt ---- */

static enum err fill_slot(const struct run *r, Receipt *receipt)
{
    uint8_t slot;
    TRY(shared_find(r->identity.uid, &slot, receipt->slot_kcv.bytes));
    receipt->slot = slot;
    receipt->slot_kcv.size = slot != 0 ? KCV_SIZE : 0;
    return ERR_OK;
}

/* From flash and OTP as they are now, not from what was burnt earlier in the run. */
static enum err fill(const struct run *r, Receipt *receipt)
{
    bytes_copy(receipt->run_id, r->run_id, RUN_ID_SIZE);
    bytes_copy(receipt->uid, r->identity.uid, UID_SIZE);
    bytes_copy(receipt->auth_public_key, r->auth_public_key, P256_POINT_SIZE);
    TRY(certificate_sha256(FLASH_DEVICE_CERTIFICATE, receipt->device_certificate_sha256));
    TRY(certificate_sha256(FLASH_WEB_SERVER_CERTIFICATE,
                           receipt->web_server_certificate_sha256));
    struct proof proof = { PROOF_OF_READY };
    TRY(rotpk_verify(r->rotpk + 1, &proof));
    TRY(port_sha256(span_of(r->rotpk + 1, ROTPK_SIZE), receipt->rotpk_sha256));
    TRY(firmware_verify(r->rotpk, r->firmware_sha256, &proof));
    TRY(proof_holds(&proof, PROOF_FIRMWARE(PROOF_ROTPK(PROOF_OF_READY))));
    bytes_copy(receipt->firmware_sha256, r->firmware_sha256, SHA256_SIZE);
    receipt->lock_level = (LockLevel)r->lock_level;
    bytes_copy(receipt->transcript_sha256, r->transcript, SHA256_SIZE);
    bytes_copy(receipt->server_nonce, r->server_nonce, NONCE_SIZE);
    receipt->rotpk_unproven = r->rotpk_unproven;
    bytes_copy(receipt->devauth_sha256, r->devauth_sha256, SHA256_SIZE);
    return fill_slot(r, receipt);
}

__attribute__((noinline)) static enum err sign_receipt_of(const struct run *r, Receipt *receipt)
{
    uint8_t statement[SIGN_STATEMENT_MAX];
    struct wr w = wr_of(statement, sizeof(statement));
    statement_receipt(&w, receipt);
    return authkey_sign(r->auth_public_key, &w, receipt->signature);
}

/* Kept, so that a repeated call gives the same receipt, byte for byte, after the commit too. */
enum err closing_sign_receipt(struct devauth *d)
{
    struct run *r = &d->run;
    if (!run_complete(r))
        return ERR_ORDER;
    if (!r->receipt_signed) {
        d->receipt = (Receipt){ 0 };
        TRY(fill(r, &d->receipt));
        TRY(sign_receipt_of(r, &d->receipt));
        r->receipt_signed = true;
    }
    d->out.receipt.has_receipt = true;
    d->out.receipt.receipt = d->receipt;
    return ERR_OK;
}

/* ---- the commit ---- */

/* The tag for one decision does not verify for the other: their labels differ, and so do the
 * proofs that they begin. */
__attribute__((noinline)) static enum err
server_decided(const struct devauth *d, enum sign_confirm decision, struct proof *proof)
{
    uint8_t expected[CONFIRMATION_TAG_SIZE];
    TRY(agreement_tag(&d->run, decision, expected));
    enum err e = proof_equal(proof, expected, d->in.commit.confirmation_tag, sizeof(expected));
    bytes_wipe(expected, sizeof(expected));
    return e == ERR_OK ? ERR_OK : ERR_SIG;
}

#define DECIDED(word)                                                                          \
    PROOF_EQUAL(PROOF_EQUAL(word, CONFIRMATION_TAG_SIZE), CONFIRMATION_TAG_SIZE)

__attribute__((noinline)) static enum err receipt_sha256(const Receipt *receipt,
                                                         uint8_t sha256[SHA256_SIZE])
{
    uint8_t statement[SIGN_STATEMENT_MAX];
    struct wr w = wr_of(statement, sizeof(statement));
    statement_receipt(&w, receipt);
    TRY(wr_end(&w));
    return port_sha256(wr_done(&w), sha256);
}

__attribute__((noinline)) static enum err sign_commit_of(const struct run *r,
                                                         CommitStatement *commit)
{
    uint8_t statement[SIGN_STATEMENT_MAX];
    struct wr w = wr_of(statement, sizeof(statement));
    statement_commit(&w, commit);
    return authkey_sign(r->auth_public_key, &w, commit->signature);
}

/* The key check value is computed with the key in the slot, which must be the agreed one. */
static enum err state_commit(struct devauth *d, const uint8_t kcv[KCV_SIZE])
{
    struct run *r = &d->run;
    CommitStatement *commit = &d->commit;
    uint8_t slot;
    *commit = (CommitStatement){ 0 };
    TRY(shared_find(r->identity.uid, &slot, commit->kcv));
    if (slot == 0 || !bytes_equal(commit->kcv, kcv, KCV_SIZE))
        return ERR_VERIFY;
    commit->slot = slot;
    bytes_copy(commit->run_id, r->run_id, RUN_ID_SIZE);
    bytes_copy(commit->uid, r->identity.uid, UID_SIZE);
    commit->lock_level = d->receipt.lock_level;
    TRY(receipt_sha256(&d->receipt, commit->receipt_sha256));
    TRY(sign_commit_of(r, commit));
    r->committed = true;
    return ERR_OK;
}

static enum err commit_keep(struct devauth *d)
{
    struct proof proof = { PROOF_OF_KEEP };
    TRY(server_decided(d, SIGN_CONFIRM_KEEP, &proof));
    TRY(server_decided(d, SIGN_CONFIRM_KEEP, &proof));
    TRY(proof_holds(&proof, DECIDED(PROOF_OF_KEEP)));
    if (d->run.committed)
        return ERR_OK;
    return d->receipt.slot != 0 ? state_commit(d, d->receipt.slot_kcv.bytes) : ERR_PRECONDITION;
}

/* The ECC engine cannot name an OTP slot as the place of its result: the port repeats the
 * agreement and writes the slot itself. */
static enum err commit_write(struct devauth *d)
{
    const struct run *r = &d->run;
    const struct shared_agreement agreement = { r->identity.uid, &r->agreement_key,
                                                r->server_key, &r->shared_key };
    uint8_t kcv[KCV_SIZE];
    struct proof proof = { PROOF_OF_WRITE };
    TRY(server_decided(d, SIGN_CONFIRM_WRITE, &proof));
    TRY(server_decided(d, SIGN_CONFIRM_WRITE, &proof)); /* one skip does not commit */
    TRY(proof_holds(&proof, DECIDED(PROOF_OF_WRITE)));
    if (r->committed)
        return ERR_OK;
    TRY(shared_write(&agreement, &proof, DECIDED(PROOF_OF_WRITE)));
    TRY(shared_kcv(&r->shared_key, r->identity.uid, kcv));
    return state_commit(d, kcv);
}

static enum err commit(struct devauth *d)
{
    switch (d->in.commit.decision) {
    case KEY_DECISION_WRITE:
        return commit_write(d);
    case KEY_DECISION_KEEP:
        return commit_keep(d);
    default:
        return ERR_INVALID;
    }
}

enum err closing_commit(struct devauth *d)
{
    if (!run_complete(&d->run) || !d->run.receipt_signed)
        return ERR_ORDER;
    TRY(commit(d));
    d->out.commit.has_statement = true;
    d->out.commit.statement = d->commit;
    return ERR_OK;
}
