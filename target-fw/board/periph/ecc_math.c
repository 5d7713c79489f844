/* SPDX-License-Identifier: MIT */
/*
 * Point and modular arithmetic on register words, by OpenSSL. Called by ecc.c. Like the engine
 * it takes a point that is not on the curve; it must not correct or refuse what silicon
 * computes.
 */

#include "target-fw/board/periph/ecc_math.h"

#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <string.h>

#include "target-fw/board/periph/bignum.h"

static void ctx_drop(BN_CTX **ctx)
{
    BN_CTX_free(*ctx);
}

static void group_drop(EC_GROUP **group)
{
    EC_GROUP_free(*group);
}

static void point_drop(EC_POINT **point)
{
    EC_POINT_clear_free(*point);
}

/* b of the curve through the point: y^2 - x^3 - a*x mod p. */
static BIGNUM *b_through(const BIGNUM *p, const BIGNUM *a, const BIGNUM *x, const BIGNUM *y,
                         BN_CTX *ctx)
{
    BIGNUM *b = BN_new();
    AUTO(bn_drop) BIGNUM *t = BN_new();
    bool ok = b != NULL && t != NULL && BN_mod_sqr(t, x, p, ctx) &&
              BN_mod_add(t, t, a, p, ctx) && BN_mod_mul(t, t, x, p, ctx) &&
              BN_mod_sqr(b, y, p, ctx) && BN_mod_sub(b, b, t, p, ctx);
    if (!ok)
        bn_drop(&b);
    return b;
}

/* P-256 has fast code; all else takes OpenSSL's general path. */
static EC_GROUP *group_of(const BIGNUM *p, const BIGNUM *a, const BIGNUM *b, BN_CTX *ctx)
{
    static const char p256_b[] =
        "5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B";
    AUTO(bn_drop) BIGNUM *want = NULL;
    if (BN_hex2bn(&want, p256_b) != 0 && BN_cmp(b, want) == 0) {
        AUTO(group_drop) EC_GROUP *named = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
        AUTO(bn_drop) BIGNUM *named_p = BN_new();
        AUTO(bn_drop) BIGNUM *named_a = BN_new();
        if (named != NULL && named_p != NULL && named_a != NULL &&
            EC_GROUP_get_curve(named, named_p, named_a, NULL, ctx) == 1 &&
            BN_cmp(named_p, p) == 0 && BN_cmp(named_a, a) == 0)
            return TAKE(named);
    }
    return EC_GROUP_new_curve_GFp(p, a, b, ctx);
}

struct work {
    BN_CTX *ctx;
    BIGNUM *p, *a;
    EC_GROUP *group;
    EC_POINT *left, *right;
};

static void work_drop(struct work *w)
{
    EC_POINT_clear_free(w->left);
    EC_POINT_clear_free(w->right);
    EC_GROUP_free(w->group);
    bn_drop(&w->p);
    bn_drop(&w->a);
    BN_CTX_free(w->ctx);
}

static EC_POINT *point_of(struct work *w, const struct ecc_point *from)
{
    AUTO(bn_drop) BIGNUM *x = bn_of(from->x, ECC_WORDS);
    AUTO(bn_drop) BIGNUM *y = bn_of(from->y, ECC_WORDS);
    AUTO(point_drop) EC_POINT *point = EC_POINT_new(w->group);
    if (x == NULL || y == NULL || point == NULL ||
        EC_POINT_set_affine_coordinates(w->group, point, x, y, w->ctx) != 1)
        return NULL;
    return TAKE(point);
}

/* The curve through the point, and the point on it. */
static bool work_open(struct work *w, const uint32_t *p, const uint32_t *a,
                      const struct ecc_point *point)
{
    AUTO(bn_drop) BIGNUM *x = bn_of(point->x, ECC_WORDS);
    AUTO(bn_drop) BIGNUM *y = bn_of(point->y, ECC_WORDS);
    AUTO(bn_drop) BIGNUM *b = NULL;
    w->ctx = BN_CTX_new();
    w->p = bn_of(p, ECC_WORDS);
    w->a = bn_of(a, ECC_WORDS);
    if (w->ctx == NULL || w->p == NULL || w->a == NULL || x == NULL || y == NULL ||
        !BN_is_odd(w->p) || BN_num_bits(w->p) < 64 || BN_cmp(x, w->p) >= 0 ||
        BN_cmp(y, w->p) >= 0)
        return false;
    b = b_through(w->p, w->a, x, y, w->ctx);
    if (b == NULL)
        return false;
    w->group = group_of(w->p, w->a, b, w->ctx);
    if (w->group != NULL)
        w->left = point_of(w, point);
    return w->left != NULL;
}

static bool result_of(struct work *w, const EC_POINT *point, struct ecc_point *out)
{
    AUTO(bn_drop) BIGNUM *x = BN_new();
    AUTO(bn_drop) BIGNUM *y = BN_new();
    if (x == NULL || y == NULL || EC_POINT_is_at_infinity(w->group, point) ||
        EC_POINT_get_affine_coordinates(w->group, point, x, y, w->ctx) != 1)
        return false;
    bn_words(x, out->x, ECC_WORDS);
    bn_words(y, out->y, ECC_WORDS);
    return true;
}

bool ecc_math_mul(const uint32_t *p, const uint32_t *a, const struct ecc_point *point,
                  const uint32_t *k, struct ecc_point *out)
{
    AUTO(work_drop) struct work w = { 0 };
    AUTO(bn_drop) BIGNUM *scalar = bn_of(k, ECC_WORDS);
    struct ecc_point result = { 0 };
    bool ok = scalar != NULL && work_open(&w, p, a, point);
    AUTO(point_drop) EC_POINT *product = ok ? EC_POINT_new(w.group) : NULL;
    ok = product != NULL && EC_POINT_mul(w.group, product, NULL, w.left, scalar, w.ctx) == 1 &&
         result_of(&w, product, &result);
    *out = result;
    return ok;
}

bool ecc_math_add(const uint32_t *p, const uint32_t *a, const struct ecc_point *left,
                  const struct ecc_point *right, struct ecc_point *out)
{
    AUTO(work_drop) struct work w = { 0 };
    struct ecc_point result = { 0 };
    bool ok = work_open(&w, p, a, left);
    if (ok)
        w.right = point_of(&w, right);
    ok = w.right != NULL && EC_POINT_add(w.group, w.left, w.left, w.right, w.ctx) == 1 &&
         result_of(&w, w.left, &result);
    *out = result;
    return ok;
}

static bool mod_run(enum ecc_mod op, BIGNUM *r, const BIGNUM *x, const BIGNUM *y,
                    const BIGNUM *n, BN_CTX *ctx)
{
    switch (op) {
    case ECC_DIV:
        return BN_mod_inverse(r, x, n, ctx) != NULL && BN_mod_mul(r, r, y, n, ctx);
    case ECC_MUL:
        return BN_mod_mul(r, x, y, n, ctx);
    case ECC_ADD:
        return BN_mod_add(r, x, y, n, ctx);
    case ECC_SUB:
        return BN_mod_sub(r, x, y, n, ctx);
    }
    return false;
}

bool ecc_math_mod(enum ecc_mod op, const uint32_t *n, const uint32_t *x, const uint32_t *y,
                  uint32_t *out)
{
    AUTO(ctx_drop) BN_CTX *ctx = BN_CTX_new();
    AUTO(bn_drop) BIGNUM *bn_n = bn_of(n, ECC_WORDS);
    AUTO(bn_drop) BIGNUM *bn_x = bn_of(x, ECC_WORDS);
    AUTO(bn_drop) BIGNUM *bn_y = bn_of(y, ECC_WORDS);
    AUTO(bn_drop) BIGNUM *r = BN_new();
    bool ok = ctx != NULL && bn_n != NULL && bn_x != NULL && bn_y != NULL && r != NULL &&
              !BN_is_zero(bn_n) && mod_run(op, r, bn_x, bn_y, bn_n, ctx);
    memset(out, 0, ECC_WORDS * sizeof(*out));
    if (ok)
        bn_words(r, out, ECC_WORDS);
    return ok;
}

bool ecc_math_sign(const uint32_t *n, const uint32_t *x1, const uint32_t *y1,
                   const uint32_t *x2, const uint32_t *y2, uint32_t *out)
{
    uint32_t product[ECC_WORDS], sum[ECC_WORDS];
    bool ok = ecc_math_mod(ECC_MUL, n, x2, y1, product) &&
              ecc_math_mod(ECC_ADD, n, product, y2, sum) &&
              ecc_math_mod(ECC_DIV, n, x1, sum, out);
    wipe(product, sizeof(product));
    wipe(sum, sizeof(sum));
    return ok;
}
