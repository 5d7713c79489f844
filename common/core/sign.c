/* SPDX-License-Identifier: MIT */
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

void sign_rotpk(struct wr *w, const struct sign_run *run, struct span rotpk)
{
    context(w, "hallmark.v1 rotpk");
    run_fields(w, run);
    field(w, rotpk);
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
    field(w, span_of(&receipt->lock_level, 1));
    field(w, receipt->transcript_sha256);
    field(w, receipt->server_nonce);
}

void sign_confirmation(struct wr *w, enum sign_confirm whose, struct span run_id,
                       struct span uid, struct span server_public_key,
                       struct span target_public_key)
{
    wr_u32be(w, 1);
    wr_text(w, whose == SIGN_CONFIRM_TARGET ? "hallmark.v1 confirm target"
                                            : "hallmark.v1 confirm server");
    wr_u8(w, 0);
    wr_span(w, run_id);
    wr_span(w, uid);
    wr_span(w, server_public_key);
    wr_span(w, target_public_key);
    wr_u32be(w, CONFIRMATION_TAG_SIZE * 8);
}

void sign_transcript(struct wr *w, struct span previous, uint8_t arrow,
                     struct span request_sha256, struct span response_sha256)
{
    wr_span(w, previous);
    wr_u8(w, arrow);
    wr_span(w, request_sha256);
    wr_span(w, response_sha256);
}
