/* SPDX-License-Identifier: MIT */
/*
 * point: public keys as bytes, checked and used in software (OpenSSL): peers' points must be on
 * the curve, and a new key's first signature must verify. No state.
 */
#pragma once

#include "common/core/layout.h"
#include "common/core/rd.h"

/* CKA_EC_POINT of len bytes: the point, bare or in a DER OCTET STRING (modules differ). */
enum err point_open(struct span attribute, uint8_t *point_out, size_t len);

enum err point_check(const uint8_t point[static P256_POINT_SIZE]); /* ERR_POINT */
/* ERR_SIG: the signature does not verify; ERR_POINT: no point of the curve. */
enum err point_verify_p256(const uint8_t point[static P256_POINT_SIZE],
                           const uint8_t digest[static SHA256_SIZE],
                           const uint8_t signature[static P256_SIGNATURE_SIZE]);
enum err point_verify_ed25519(const uint8_t point[static 32], struct span message,
                              const uint8_t signature[static 64]);
