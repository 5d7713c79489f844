/* SPDX-License-Identifier: MIT */
#include "target-fw/devauth/bytes.h"
#include "target-fw/devauth/certificate.h"
#include "target-fw/devauth/handlers.h"

/* What stands in flash and OTP now, not what was burnt some time ago. */
static enum err fill(const struct run *r, Receipt *receipt)
{
    enum port_lock armed;
    bytes_copy(receipt->run_id, r->run_id, RUN_ID_SIZE);
    bytes_copy(receipt->uid, r->identity.uid, UID_SIZE);
    bytes_copy(receipt->auth_public_key, r->auth_public_key, P256_POINT_SIZE);
    TRY(certificate_sha256(FLASH_DEVICE_CERTIFICATE, receipt->device_certificate_sha256));
    TRY(certificate_sha256(FLASH_WEB_SERVER_CERTIFICATE,
                           receipt->web_server_certificate_sha256));
    struct proof proof = { PROOF_OF_READY };
    TRY(rotpk_verify(r, &proof));
    TRY(port_sha256(span_of(r->rotpk + 1, ROTPK_SIZE), receipt->rotpk_sha256));
    TRY(firmware_verify(r, &proof));
    TRY(proof_holds(&proof, PROOF_FIRMWARE(PROOF_ROTPK(PROOF_OF_READY))));
    bytes_copy(receipt->firmware_sha256, r->firmware_sha256, SHA256_SIZE);
    TRY(port_lock_armed(&armed));
    receipt->lock_level = (LockLevel)armed;
    bytes_copy(receipt->transcript_sha256, r->transcript, SHA256_SIZE);
    bytes_copy(receipt->server_nonce, r->server_nonce, NONCE_SIZE);
    return ERR_OK;
}

static enum err sign(struct run *r, const Receipt *receipt)
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
    };
    uint8_t statement[SIGN_STATEMENT_MAX];
    struct wr w = wr_of(statement, sizeof(statement));
    sign_receipt(&w, &fields);
    return authkey_sign(r, &w, r->receipt_signature);
}

/* A repeated call gives the same receipt, byte for byte: nothing in it changes after 32. */
enum err closing_sign_receipt(struct devauth *d)
{
    struct run *r = &d->run;
    Receipt *receipt = &d->out.receipt.receipt;
    if (!run_complete(r))
        return ERR_ORDER;
    d->out.receipt.has_receipt = true;
    TRY(fill(r, receipt));
    if (!r->receipt_signed)
        TRY(sign(r, receipt));
    r->receipt_signed = true;
    bytes_copy(receipt->signature, r->receipt_signature, P256_SIGNATURE_SIZE);
    return ERR_OK;
}

__attribute__((noinline)) static enum err
server_confirmed(const struct run *r, const uint8_t *tag, struct proof *proof)
{
    uint8_t expected[CONFIRMATION_TAG_SIZE];
    TRY(agreement_tag(r, SIGN_CONFIRM_SERVER, expected));
    enum err e = proof_equal(proof, expected, tag, sizeof(expected));
    bytes_wipe(expected, sizeof(expected));
    return e == ERR_OK ? ERR_OK : ERR_SIG;
}

/*
 * The agreed key outlives the power only from here on. The ECC engine cannot name an OTP slot
 * as the place of its result, so the port agrees once more and writes the slot itself.
 */
#define CONFIRMED                                                                              \
    PROOF_EQUAL(PROOF_EQUAL(PROOF_OF_TAG, CONFIRMATION_TAG_SIZE), CONFIRMATION_TAG_SIZE)

static enum err persist(const struct run *r, const struct proof *proof)
{
    uint32_t used;
    TRY(port_otp_used(&used));
    if ((used >> OTP_AES_NULINK3 & 1) != 0)
        return ERR_EXISTS; /* of an earlier run: a board has one */
    uint32_t permit = proof_permit(proof, CONFIRMED, PORT_PERMIT_OTP(OTP_AES_NULINK3));
    TRY(port_agree_to_otp(&r->agreement_key, r->server_key, OTP_AES_NULINK3, permit));
    TRY(port_otp_used(&used));
    return (used >> OTP_AES_NULINK3 & 1) != 0 ? ERR_OK : ERR_VERIFY;
}

enum err closing_commit(struct devauth *d)
{
    struct run *r = &d->run;
    const uint8_t *tag = d->in.commit.confirmation_tag;
    if (!run_complete(r))
        return ERR_ORDER;
    struct proof proof = { PROOF_OF_TAG };
    TRY(server_confirmed(r, tag, &proof));
    if (r->committed)
        return ERR_OK;
    TRY(server_confirmed(r, tag,
                         &proof)); /* again, so that one skipped instruction does not commit */
    TRY(persist(r, &proof));
    r->committed = true;
    return ERR_OK;
}
