/* SPDX-License-Identifier: MIT */
/*
 * bignum: register words (least significant first) to OpenSSL's numbers and back. Used by
 * ecc_math and prng. bn_of()'s result is the caller's, for bn_drop().
 */
#pragma once

#include <openssl/bn.h>
#include <stddef.h>
#include <stdint.h>

BIGNUM *bn_of(const uint32_t *words, size_t count);             /* NULL: out of memory */
void bn_words(const BIGNUM *bn, uint32_t *words, size_t count); /* zero filled, cut to fit */
void bn_drop(BIGNUM **bn);                                      /* AUTO; clears */
