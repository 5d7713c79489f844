/* SPDX-License-Identifier: MIT */
/*
 * p256: checks of P-256 keys and signatures that need no private key, on OpenSSL.
 *
 * Points are SEC 1 uncompressed (65 bytes), signatures r and s big-endian (64 bytes). Used by
 * the server, oemctl, the agent and the virtual board. No state; any thread. What is given out
 * is the caller's.
 */
#pragma once

#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include "common/core/layout.h"
#include "common/host/own.h"

/* Checks, conversions and a digest. ERR_MEMORY if OpenSSL fails. EVP_PKEYs are freed with
 * EVP_PKEY_free(), DER with buf_free(). */
enum err p256_check_point(struct span point); /* ERR_POINT unless 65 bytes and on the curve */
enum err p256_verify(struct span point, const uint8_t digest[static SHA256_SIZE],
                     struct span signature);                 /* ERR_SIG if it does not verify */
enum err p256_key_of(struct span point, EVP_PKEY **key_out); /* checked to be on the curve */
enum err p256_point_of(EVP_PKEY *key, uint8_t point_out[static P256_POINT_SIZE]);
ECDSA_SIG *
p256_signature_parts(const uint8_t signature[static P256_SIGNATURE_SIZE]); /* NULL: no memory */
enum err p256_signature_der(struct span signature, struct buf *der_out);
void sha256_of(struct span bytes, uint8_t digest_out[static SHA256_SIZE]);
