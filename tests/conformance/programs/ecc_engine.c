/* SPDX-License-Identifier: MIT */
#include "tests/conformance/programs/ecc_engine.h"

enum { OPERAND_WORDS = 18, FSEL = 1 << 8 };

uint32_t ecc_control(uint32_t operation, uint32_t bits)
{
    return operation | bits << 22 | FSEL | 1;
}

enum ecc_end ecc_run(uint32_t operation, uint32_t bits)
{
    CRPT_INTSTS = CRPT_INT_ECC | CRPT_INT_ECC_ERR;
    ECC_CTL = ecc_control(operation, bits);
    if (!until(&ECC_STS, 1, 0))
        return ECC_NEVER;
    uint32_t flags = CRPT_INTSTS & (CRPT_INT_ECC | CRPT_INT_ECC_ERR);
    CRPT_INTSTS = CRPT_INT_ECC | CRPT_INT_ECC_ERR;
    return flags == CRPT_INT_ECC ? ECC_OK : ECC_ERROR;
}

void ecc_put(volatile uint32_t *operand, const uint32_t *number, uint32_t words)
{
    for (uint32_t i = 0; i < OPERAND_WORDS; i++)
        operand[i] = i < words ? number[i] : 0;
}

void ecc_move(volatile uint32_t *to, const volatile uint32_t *from)
{
    for (uint32_t i = 0; i < OPERAND_WORDS; i++) {
        uint32_t word = from[i];
        to[i] = word;
    }
}

void ecc_keep(uint32_t number[8], const volatile uint32_t *from)
{
    for (uint32_t i = 0; i < 8; i++)
        number[i] = from[i];
}

void ecc_p256(const uint32_t x[8], const uint32_t y[8])
{
    ecc_put(ECC_A, p256_a, 8);
    ecc_put(ECC_B, p256_b, 8);
    ecc_put(ECC_N, p256_p, 8);
    ecc_put(ECC_X1, x, 8);
    ecc_put(ECC_Y1, y, 8);
    ecc_put(ECC_X2, x, 0);
    ecc_put(ECC_Y2, y, 0);
}

/* y1 / s mod n */
static void factor(const uint32_t *y1, const uint32_t *s, uint32_t out[8])
{
    ecc_put(ECC_N, p256_n, 8);
    ecc_put(ECC_X1, s, 8);
    ecc_put(ECC_Y1, y1, 8);
    ecc_run(ECC_MOD_DIV, 256);
    ecc_keep(out, ECC_X1);
}

/* FIPS 186-4, 6.4: x(u1 G + u2 Q) mod n = r, with u1 = e / s and u2 = r / s. */
uint32_t ecc_verify(const uint32_t qx[8], const uint32_t qy[8], const uint32_t r[8],
                    const uint32_t s[8])
{
    uint32_t u1[8], u2[8], x[8], y[8];
    uint32_t difference = 0;
    factor(rfc6979_e, s, u1);
    factor(r, s, u2);
    ecc_p256(p256_gx, p256_gy);
    ecc_put(ECC_K, u1, 8);
    ecc_run(ECC_POINT_MUL, 256);
    ecc_keep(x, ECC_X1);
    ecc_keep(y, ECC_Y1);
    ecc_p256(qx, qy);
    ecc_put(ECC_K, u2, 8);
    ecc_run(ECC_POINT_MUL, 256);
    ecc_put(ECC_X2, x, 8);
    ecc_put(ECC_Y2, y, 8);
    ecc_run(ECC_POINT_ADD, 256);
    ecc_put(ECC_N, p256_n, 8);
    ecc_put(ECC_Y1, y, 0);
    ecc_run(ECC_MOD_ADD, 256);
    for (uint32_t i = 0; i < 8; i++)
        difference |= ECC_X1[i] ^ r[i];
    return difference == 0;
}
