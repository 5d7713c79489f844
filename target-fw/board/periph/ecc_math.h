/* SPDX-License-Identifier: MIT */
/*
 * ecc_math: what the ECC engine computes, on register words, without registers.
 *
 * The engine does not check that a point is on the curve, and does not use B to multiply:
 * a point off the curve is multiplied on the curve it is on, as silicon would.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "target-fw/board/chip/crpt.h"

struct ecc_point {
    uint32_t x[ECC_WORDS];
    uint32_t y[ECC_WORDS];
};

enum ecc_mod { ECC_DIV, ECC_MUL, ECC_ADD, ECC_SUB };

/* p, a: field prime and coefficient. false: not a curve, or point at infinity (result zero). */
bool ecc_math_mul(const uint32_t *p, const uint32_t *a, const struct ecc_point *point,
                  const uint32_t *k, struct ecc_point *out);
bool ecc_math_add(const uint32_t *p, const uint32_t *a, const struct ecc_point *left,
                  const struct ecc_point *right, struct ecc_point *out);

/* DIV: y/x, MUL: x*y, ADD: x+y, SUB: x-y, all mod n. */
bool ecc_math_mod(enum ecc_mod op, const uint32_t *n, const uint32_t *x, const uint32_t *y,
                  uint32_t *out);

/* (x2*y1 + y2)/x1 mod n: the second half of an ECDSA signature. */
bool ecc_math_sign(const uint32_t *n, const uint32_t *x1, const uint32_t *y1,
                   const uint32_t *x2, const uint32_t *y2, uint32_t *out);
