/* SPDX-License-Identifier: MIT */
/*
 * certificate: the two certificate areas in flash (common/core/layout.h), and signatures by the
 * WebServer certificate's key.
 *
 * The WebServer certificate was put there over SWD (arrow 4) and is not checked against an
 * anchor: the board has none. The receipt names its hash, so the server sees which one the
 * board used. Used by the handlers.
 */
#pragma once

#include "common/core/wr.h"
#include "target-fw/devauth/proof.h"

/* The certificate of an area, borrowed from flash. ERR_NOT_FOUND: none. */
enum err certificate_find(uint32_t area, struct span *certificate_out);
enum err certificate_sha256(uint32_t area, uint8_t sha256[SHA256_SIZE]);

/* Burns both where they differ. ERR_LIMIT: they do not fit; ERR_VERIFY: flash does not hold
 * them. blank_board: of struct run. */
enum err certificate_write(uint32_t area, struct span certificate, struct span issuer,
                           uint32_t blank_board);

/* ERR_SIG unless the WebServer key made the signature over the statement. The proof gets
 * PROOF_SIGNATURE. */
enum err certificate_server_signed(const struct wr *statement,
                                   const uint8_t signature[P256_SIGNATURE_SIZE],
                                   struct proof *proof);
