/* SPDX-License-Identifier: MIT */
/* Conversion between register words and OpenSSL's numbers. Called by ecc_math.c and prng.c. */

#include "target-fw/board/periph/bignum.h"

#include <string.h>

BIGNUM *bn_of(const uint32_t *words, size_t count)
{
    return BN_lebin2bn((const uint8_t *)words, (int)(count * sizeof(*words)), NULL);
}

void bn_words(const BIGNUM *bn, uint32_t *words, size_t count)
{
    size_t len = count * sizeof(*words);
    if (BN_bn2lebinpad(bn, (uint8_t *)words, (int)len) < 0)
        memset(words, 0, len);
}

void bn_drop(BIGNUM **bn)
{
    BN_clear_free(*bn);
    *bn = NULL;
}
