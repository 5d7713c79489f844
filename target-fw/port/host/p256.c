/* SPDX-License-Identifier: MIT */
/*
 * The P-256 half of the host port: low-level OpenSSL, since the tests need a chosen k. Called
 * by DevAuth's code in unit tests. The private keys come from host_chip's slots only, as on the
 * chip.
 */

#define OPENSSL_SUPPRESS_DEPRECATED
#include "common/host/own.h"
#include "target-fw/port/host/host.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/obj_mac.h>
#include <string.h>

enum { HALF = P256_SIGNATURE_SIZE / 2 };

static void ctx_drop(BN_CTX **ctx)
{
    BN_CTX_free(*ctx);
}

static void group_drop(EC_GROUP **group)
{
    EC_GROUP_free(*group);
}

static void key_drop(EC_KEY **key)
{
    EC_KEY_free(*key);
}

static void point_drop(EC_POINT **point)
{
    EC_POINT_free(*point);
}

static void number_drop(BIGNUM **number)
{
    BN_clear_free(*number);
}

static void sig_drop(ECDSA_SIG **sig)
{
    ECDSA_SIG_free(*sig);
}

static const struct host_slot *slot_of(const struct port_key *key)
{
    return key->memory == PORT_KEY_OTP ? &host_chip.otp[key->slot] : &host_chip.sram[key->slot];
}

/* The private key of a slot with its public key; NULL if there is none. */
static EC_KEY *load_slot(const struct host_slot *slot)
{
    AUTO(key_drop) EC_KEY *ec = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    AUTO(number_drop) BIGNUM *d = BN_bin2bn(slot->value, HOST_KEY_SIZE, NULL);
    if (!slot->used || slot->revoked || ec == NULL || d == NULL)
        return NULL;
    AUTO(point_drop) EC_POINT *q = EC_POINT_new(EC_KEY_get0_group(ec));
    if (q == NULL || EC_POINT_mul(EC_KEY_get0_group(ec), q, d, NULL, NULL, NULL) != 1 ||
        EC_KEY_set_private_key(ec, d) != 1 || EC_KEY_set_public_key(ec, q) != 1)
        return NULL;
    return TAKE(ec);
}

static EC_KEY *load(const struct port_key *key)
{
    return load_slot(slot_of(key));
}

static enum err point_of_slot(const struct host_slot *slot, uint8_t point[P256_POINT_SIZE])
{
    AUTO(key_drop) EC_KEY *ec = load_slot(slot);
    if (ec == NULL)
        return slot->used ? ERR_CHIP : ERR_DENIED;
    size_t len =
        EC_POINT_point2oct(EC_KEY_get0_group(ec), EC_KEY_get0_public_key(ec),
                           POINT_CONVERSION_UNCOMPRESSED, point, P256_POINT_SIZE, NULL);
    return len == P256_POINT_SIZE ? ERR_OK : ERR_CHIP;
}

enum err port_public_key(const struct port_key *key, uint8_t point[P256_POINT_SIZE])
{
    return point_of_slot(slot_of(key), point);
}

enum err port_scalar_public_key(const uint8_t scalar[32], uint8_t point[P256_POINT_SIZE])
{
    struct host_slot slot = { .used = true };
    memcpy(slot.value, scalar, sizeof(slot.value));
    return point_of_slot(&slot, point);
}

/* With k = 1: r is the base point's x, and k^-1 is 1. */
static ECDSA_SIG *sign_with_k_1(const uint8_t *digest, EC_KEY *ec)
{
    AUTO(number_drop) BIGNUM *r = BN_new();
    AUTO(number_drop) BIGNUM *inverse = BN_new();
    const EC_GROUP *group = EC_KEY_get0_group(ec);
    if (r == NULL || inverse == NULL || BN_one(inverse) != 1 ||
        EC_POINT_get_affine_coordinates(group, EC_GROUP_get0_generator(group), r, NULL, NULL) !=
            1)
        return NULL;
    return ECDSA_do_sign_ex(digest, SHA256_SIZE, inverse, r, ec);
}

enum err port_sign(const struct port_key *key, const uint8_t digest[SHA256_SIZE],
                   uint8_t signature[P256_SIGNATURE_SIZE])
{
    AUTO(key_drop) EC_KEY *ec = load(key);
    if (ec == NULL)
        return ERR_CHIP;
    AUTO(sig_drop)
    ECDSA_SIG *sig = host_chip.sign_with_k_1 ? sign_with_k_1(digest, ec)
                                             : ECDSA_do_sign(digest, SHA256_SIZE, ec);
    if (sig == NULL || BN_bn2binpad(ECDSA_SIG_get0_r(sig), signature, HALF) != HALF ||
        BN_bn2binpad(ECDSA_SIG_get0_s(sig), signature + HALF, HALF) != HALF)
        return ERR_CHIP;
    return ERR_OK;
}

static enum err new_slot(const uint8_t *value, struct port_key *out)
{
    for (unsigned i = 0; i < HOST_SLOTS; i++) {
        if (host_chip.sram[i].used)
            continue;
        host_chip.sram[i].used = true;
        memcpy(host_chip.sram[i].value, value, HOST_KEY_SIZE);
        *out = (struct port_key){ PORT_KEY_SRAM, (uint8_t)i };
        return ERR_OK;
    }
    return ERR_CHIP;
}

enum err port_agreement_key(struct port_key *out)
{
    uint8_t value[HOST_KEY_SIZE];
    AUTO(key_drop) EC_KEY *ec = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    if (ec == NULL || EC_KEY_generate_key(ec) != 1 ||
        BN_bn2binpad(EC_KEY_get0_private_key(ec), value, HOST_KEY_SIZE) != HOST_KEY_SIZE)
        return ERR_CHIP;
    return new_slot(value, out);
}

static EC_POINT *point_of(const EC_GROUP *group, const uint8_t *bytes)
{
    AUTO(point_drop) EC_POINT *point = EC_POINT_new(group);
    if (point == NULL || EC_POINT_oct2point(group, point, bytes, P256_POINT_SIZE, NULL) != 1)
        return NULL;
    return TAKE(point);
}

static enum err shared_x(const struct port_key *own, const uint8_t *peer, uint8_t *out)
{
    AUTO(key_drop) EC_KEY *ec = load(own);
    AUTO(number_drop) BIGNUM *x = BN_new();
    if (ec == NULL || x == NULL)
        return ERR_CHIP;
    const EC_GROUP *group = EC_KEY_get0_group(ec);
    AUTO(point_drop) EC_POINT *q = point_of(group, peer);
    AUTO(point_drop) EC_POINT *z = EC_POINT_new(group);
    if (q == NULL || z == NULL ||
        EC_POINT_mul(group, z, NULL, q, EC_KEY_get0_private_key(ec), NULL) != 1 ||
        EC_POINT_get_affine_coordinates(group, z, x, NULL, NULL) != 1)
        return ERR_CHIP;
    return BN_bn2binpad(x, out, HOST_KEY_SIZE) == HOST_KEY_SIZE ? ERR_OK : ERR_CHIP;
}

enum err port_agree(const struct port_key *own, const uint8_t peer[P256_POINT_SIZE],
                    struct port_key *secret_out)
{
    uint8_t x[HOST_KEY_SIZE];
    TRY(shared_x(own, peer, x));
    return new_slot(x, secret_out);
}

/* The words that the CPU writes, by one function, as in a port on registers. */
static enum err words_of(const struct port_key *own, const uint8_t *peer, uint8_t *out)
{
    TRY(shared_x(own, peer, out));
    if (host_chip.rehearsal_differs)
        out[0] ^= 1;
    return ERR_OK;
}

enum err port_agree_to_sram(const struct port_key *own, const uint8_t peer[P256_POINT_SIZE],
                            struct port_key *secret_out)
{
    uint8_t x[HOST_KEY_SIZE];
    TRY(words_of(own, peer, x));
    return new_slot(x, secret_out);
}

enum err port_agree_to_otp(const struct port_key *own, const uint8_t peer[P256_POINT_SIZE],
                           enum otp_slot slot, uint32_t permit)
{
    uint8_t x[HOST_KEY_SIZE];
    TRY(words_of(own, peer, x));
    return port_otp_write(slot, x, permit);
}

enum err port_on_curve(const uint8_t point[P256_POINT_SIZE])
{
    AUTO(group_drop) EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    AUTO(point_drop) EC_POINT *q = group == NULL ? NULL : point_of(group, point);
    return q != NULL ? ERR_OK : ERR_POINT;
}

/* u = a / s mod n */
static enum err factor(const EC_GROUP *group, BN_CTX *ctx, const BIGNUM *s, const uint8_t *a,
                       BIGNUM *u)
{
    const BIGNUM *n = EC_GROUP_get0_order(group);
    return BN_bin2bn(a, HALF, u) != NULL && BN_nnmod(u, u, n, ctx) == 1 &&
                   BN_mod_mul(u, u, s, n, ctx) == 1
               ? ERR_OK
               : ERR_CHIP;
}

static enum err x_of(const EC_GROUP *group, BN_CTX *ctx, const EC_POINT *point, uint8_t *out)
{
    AUTO(number_drop) BIGNUM *x = BN_new();
    if (x == NULL || EC_POINT_get_affine_coordinates(group, point, x, NULL, ctx) != 1 ||
        BN_nnmod(x, x, EC_GROUP_get0_order(group), ctx) != 1)
        return ERR_CHIP;
    return BN_bn2binpad(x, out, HALF) == HALF ? ERR_OK : ERR_CHIP;
}

enum err port_verify(const uint8_t point[P256_POINT_SIZE], const uint8_t digest[SHA256_SIZE],
                     const uint8_t signature[P256_SIGNATURE_SIZE], uint8_t x[32])
{
    AUTO(ctx_drop) BN_CTX *ctx = BN_CTX_new();
    AUTO(group_drop) EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    AUTO(number_drop) BIGNUM *s = BN_bin2bn(signature + HALF, HALF, NULL);
    AUTO(number_drop) BIGNUM *u1 = BN_new();
    AUTO(number_drop) BIGNUM *u2 = BN_new();
    if (ctx == NULL || group == NULL || s == NULL || u1 == NULL || u2 == NULL)
        return ERR_CHIP;
    AUTO(point_drop) EC_POINT *q = point_of(group, point);
    AUTO(point_drop) EC_POINT *sum = EC_POINT_new(group);
    if (q == NULL || sum == NULL ||
        BN_mod_inverse(s, s, EC_GROUP_get0_order(group), ctx) == NULL)
        return ERR_CHIP;
    TRY(factor(group, ctx, s, digest, u1));
    TRY(factor(group, ctx, s, signature, u2));
    if (EC_POINT_mul(group, sum, u1, q, u2, ctx) != 1)
        return ERR_CHIP;
    return x_of(group, ctx, sum, x);
}
