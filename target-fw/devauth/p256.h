/* SPDX-License-Identifier: MIT */
/*
 * p256: the checks around the chip's P-256 operations, which make none themselves.
 *
 * SEC 1, 3.2.2.1 for points; FIPS 186-5, 6.4.2 for the range of r and s. The engine of the
 * M2354 is reported to sign with k = 1 under unknown conditions (wolfSSL, Nuvoton port), which
 * gives the private key away: p256_sign() does not return such a signature, but ERR_CHIP
 * (`test_devauth_board`). Used by the handlers. ERR_SIG: a signature does not verify.
 */
#pragma once

#include "common/core/wr.h"
#include "target-fw/devauth/proof.h"

enum err p256_point(const uint8_t point[P256_POINT_SIZE]); /* ERR_POINT unless on the curve */
enum err p256_scalar(uint8_t scalar[32]);                  /* random, in [1, n-1] */

/* Verified twice, so that one skipped instruction does not let a forgery pass
 * (`test_devauth_glitch`); the proof gets PROOF_SIGNATURE. */
enum err p256_verify(const uint8_t point[P256_POINT_SIZE], const uint8_t digest[SHA256_SIZE],
                     const uint8_t signature[P256_SIGNATURE_SIZE], struct proof *proof);

/* The signature is only returned if it verifies with the key's public key. */
enum err p256_sign(const struct port_key *key, const uint8_t public_key[P256_POINT_SIZE],
                   const uint8_t digest[SHA256_SIZE], uint8_t signature[P256_SIGNATURE_SIZE]);

/* The same over a statement of common/core/sign.h. */
enum err p256_verify_statement(const uint8_t point[P256_POINT_SIZE], const struct wr *statement,
                               const uint8_t signature[P256_SIGNATURE_SIZE],
                               struct proof *proof);
enum err p256_sign_statement(const struct port_key *key,
                             const uint8_t public_key[P256_POINT_SIZE],
                             const struct wr *statement,
                             uint8_t signature[P256_SIGNATURE_SIZE]);
