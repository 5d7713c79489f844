/* SPDX-License-Identifier: MIT */
/*
 * ecc_engine: the ECC engine's steps, for the programs that check it.
 *
 * Operations are values of ECC_CTL without START, FSEL and CURVEM (crpt_reg.h). Used by
 * programs/.
 */
#pragma once

#include "tests/conformance/programs/board.h"
#include "tests/conformance/programs/vectors.h"

enum {
    ECC_ECDSAS = 1 << 4,
    ECC_ECDSAR = 1 << 5,
    ECC_SCAP = 1 << 14,
    ECC_SBM = 1 << 15,
    ECC_POINT_MUL = 0 << 9,
    ECC_MODULAR = 1 << 9,
    ECC_POINT_ADD = 2 << 9,
    ECC_POINT_DOUBLE = 3 << 9,
    ECC_MOD_DIV = ECC_MODULAR | 0 << 11,
    ECC_MOD_MUL = ECC_MODULAR | 1 << 11,
    ECC_MOD_ADD = ECC_MODULAR | 2 << 11,
    ECC_MOD_SUB = ECC_MODULAR | 3 << 11,
    ECC_KSERR = 1 << 17,
};

enum ecc_end { ECC_OK, ECC_ERROR, ECC_NEVER };

uint32_t ecc_control(uint32_t operation, uint32_t bits); /* with START */
enum ecc_end ecc_run(uint32_t operation, uint32_t bits);
void ecc_put(volatile uint32_t *operand, const uint32_t *number,
             uint32_t words); /* rest zero */
void ecc_move(volatile uint32_t *to, const volatile uint32_t *from);
void ecc_keep(uint32_t number[8], const volatile uint32_t *from);
void ecc_p256(const uint32_t x[8], const uint32_t y[8]); /* the curve, and X1, Y1 */

/* The signature of rfc6979_e under that key, checked by the engine: 1 or 0. */
uint32_t ecc_verify(const uint32_t qx[8], const uint32_t qy[8], const uint32_t r[8],
                    const uint32_t s[8]);
