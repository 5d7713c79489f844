/* SPDX-License-Identifier: MIT */
/*
 * Checks as arithmetic, for the handlers that burn or lock. No result may depend on one branch
 * alone.
 */

#include "target-fw/devauth/proof.h"

/* Volatile: the compiler takes no step for done, and keeps none for another. */
__attribute__((noinline)) enum err proof_equal(struct proof *proof, const uint8_t *a,
                                               const uint8_t *b, size_t len)
{
    volatile uint32_t difference = 0, compared = 0;
    for (size_t i = 0; i < len; i++) {
        difference = difference | (uint32_t)(a[i] ^ b[i]);
        compared = compared + 1;
    }
    uint32_t step = difference * 0x85ebca6bu; /* odd: 0 only of 0 */
    proof->word = PROOF_EQUAL(proof->word, compared) + step;
    return difference == 0 ? ERR_OK : ERR_MISMATCH;
}

__attribute__((noinline)) void proof_bind(struct proof *proof, uint32_t value)
{
    volatile uint32_t *word = &proof->word;
    *word = PROOF_BIND(*word, value);
}

__attribute__((noinline)) enum err proof_holds(const struct proof *proof, uint32_t expected)
{
    return *(const volatile uint32_t *)&proof->word == expected ? ERR_OK : ERR_SIG;
}

__attribute__((noinline)) uint32_t proof_permit(const struct proof *proof, uint32_t expected,
                                                uint32_t permit)
{
    return *(const volatile uint32_t *)&proof->word ^ expected ^ permit;
}
