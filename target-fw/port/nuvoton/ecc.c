/* SPDX-License-Identifier: MIT */
/*
 * P-256 on the ECC engine (M2354BSP crypto.c; samples CRYPTO_ECC_*, KS_ECDSA, KS_ECDH). Called
 * by devauth through port.h. A private key is used by its place in the KeyStore; a scalar or
 * secret that passes the CPU must be wiped before the function returns.
 */

#include "target-fw/port/nuvoton/crpt.h"
#include "target-fw/port/nuvoton/keystore.h"
#include "target-fw/port/port.h"

#include <string.h>

enum {
    NUMBER = 32,
    REGISTER_WORDS = 18,

    OP_START = 1,
    OP_ECDSAS = 1 << 4,
    OP_ECDSAR = 1 << 5,
    OP_POINT_MUL = 0 << 9,
    OP_MODULAR = 1 << 9,
    OP_POINT_ADD = 2 << 9,
    MOD_DIV = OP_MODULAR | 0 << 11, /* X1 = Y1 / X1 */
    MOD_MUL = OP_MODULAR | 1 << 11, /* X1 = X1 * Y1 */
    MOD_ADD = OP_MODULAR | 2 << 11, /* X1 = X1 + Y1 */

    STS_BUSY = 3,        /* and DMABUSY */
    STS_ERROR = 3 << 16, /* BUSERR, KSERR */
    STS_KSERR = 1 << 17,

    KSCTL_RSRCK = 1 << 5,
    KSCTL_MEMORY = 6,
    KSCTL_ECDH = 1 << 14,
    KSCTL_WDST = 1 << 21, /* to SRAM, owner AES: both are code 0 */
    KSSTS_NUM = 0x1f,
    KSXY_RSRCXY = 1 << 5,
    KSXY_MEMORY_X = 6,
    KSXY_NUMBER_Y = 8,
    KSXY_MEMORY_Y = 14,
    MEMORY_OTP = 2,
};

#define OP_BASE 0x40000100u /* prime field, 256 bits */

// clang-format off
static const uint8_t p[NUMBER] = {
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
};
static const uint8_t a[NUMBER] = {
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfc,
};
static const uint8_t b[NUMBER] = {
    0x5a, 0xc6, 0x35, 0xd8, 0xaa, 0x3a, 0x93, 0xe7, 0xb3, 0xeb, 0xbd, 0x55, 0x76, 0x98, 0x86, 0xbc,
    0x65, 0x1d, 0x06, 0xb0, 0xcc, 0x53, 0xb0, 0xf6, 0x3b, 0xce, 0x3c, 0x3e, 0x27, 0xd2, 0x60, 0x4b,
};
static const uint8_t n[NUMBER] = {
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
};
static const uint8_t g[1 + 2 * NUMBER] = { 0x04,
    0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2,
    0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96,
    0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16,
    0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
};
// clang-format on

static const uint8_t zero[NUMBER];

/* All 18 words: remains of another curve would become part of the number. */
static void put(uint32_t reg, const uint8_t number[NUMBER])
{
    for (uint32_t i = 0; i < REGISTER_WORDS; i++)
        REG(reg + 4 * i) = i < KEYSTORE_WORDS ? keystore_word(number, i) : 0;
}

static enum err run(uint32_t operation)
{
    TRY(reg_wait(WAIT_ECC, CRPT_ECC_STS, STS_BUSY, 0));
    enum err e = crpt_run(CRPT_ECC, CRPT_ECC_CTL, OP_BASE | operation | OP_START);
    if (e == ERR_CHIP && (REG(CRPT_ECC_STS) & STS_KSERR) != 0)
        return ERR_DENIED;
    TRY(e);
    TRY(reg_wait(WAIT_ECC, CRPT_ECC_STS, STS_BUSY, 0));
    return (REG(CRPT_ECC_STS) & STS_ERROR) == 0 ? ERR_OK : ERR_CHIP;
}

/* Keys come from the registers again, and nothing secret stays in them. */
static void leave(void)
{
    REG(CRPT_ECC_KSCTL) = 0;
    REG(CRPT_ECC_KSXY) = 0;
    put(CRPT_ECC_K, zero);
    put(CRPT_ECC_X1, zero);
    put(CRPT_ECC_Y1, zero);
}

static void curve(const uint8_t point[P256_POINT_SIZE])
{
    put(CRPT_ECC_A, a);
    put(CRPT_ECC_B, b);
    put(CRPT_ECC_N, p);
    put(CRPT_ECC_X1, point + 1);
    put(CRPT_ECC_Y1, point + 1 + NUMBER);
    put(CRPT_ECC_X2, zero);
    put(CRPT_ECC_Y2, zero);
}

static void get_point(uint8_t point[P256_POINT_SIZE])
{
    point[0] = 4;
    keystore_number(CRPT_ECC_X1, point + 1);
    keystore_number(CRPT_ECC_Y1, point + 1 + NUMBER);
}

/* X1 = X1 op Y1, where Y1 is given and X1 stands from the operation before. */
static enum err then(uint32_t operation, const uint8_t y1[NUMBER])
{
    put(CRPT_ECC_Y1, y1);
    return run(operation);
}

/* key * point, into X1 and Y1. */
static enum err multiply(const uint8_t scalar[NUMBER], const uint8_t point[P256_POINT_SIZE])
{
    REG(CRPT_ECC_KSCTL) = 0;
    REG(CRPT_ECC_KSXY) = 0;
    curve(point);
    put(CRPT_ECC_K, scalar);
    return run(OP_POINT_MUL);
}

static uint32_t memory_of(const struct port_key *key)
{
    return key->memory == PORT_KEY_OTP ? MEMORY_OTP : 0;
}

static uint32_t key_select(const struct port_key *key)
{
    return KSCTL_RSRCK | memory_of(key) << KSCTL_MEMORY | key->slot;
}

/* Keys in SRAM are made for ECDH; those in OTP are AUTHKEY. */
static uint32_t key_use(const struct port_key *key)
{
    return key->memory == PORT_KEY_SRAM ? KSCTL_ECDH : 0;
}

static enum err multiply_key(uint32_t key_control, const uint8_t point[P256_POINT_SIZE])
{
    curve(point);
    put(CRPT_ECC_K, zero);
    REG(CRPT_ECC_KSXY) = 0;
    REG(CRPT_ECC_KSCTL) = key_control;
    return run(OP_POINT_MUL);
}

enum err port_public_key(const struct port_key *key, uint8_t point[P256_POINT_SIZE])
{
    enum err e = multiply_key(key_select(key) | key_use(key), g);
    if (e == ERR_OK)
        get_point(point);
    leave();
    return e;
}

/* A digest may be n or more (once in 2^32); the engine is given numbers below n only. */
static void reduce(const uint8_t digest[NUMBER], uint8_t out[NUMBER])
{
    memcpy(out, digest, NUMBER);
    if (memcmp(digest, n, NUMBER) < 0)
        return;
    uint32_t borrow = 0;
    for (size_t i = NUMBER; i > 0; i--) {
        uint32_t d = (uint32_t)digest[i - 1] - n[i - 1] - borrow;
        out[i - 1] = (uint8_t)d;
        borrow = d >> 31;
    }
}

/* A private key below n; the vendor's samples load the field prime in its place. */
static enum err fresh_key(enum prng_use use, uint8_t *slot_out)
{
    put(CRPT_ECC_N, n);
    return prng_key(use, slot_out);
}

/* r = x(k G) mod n, left in X1. */
static enum err sign_r(const struct port_key *k)
{
    curve(g);
    put(CRPT_ECC_K, zero);
    REG(CRPT_ECC_KSCTL) = key_select(k);
    TRY(run(OP_POINT_MUL | OP_ECDSAR));
    put(CRPT_ECC_N, n);
    return then(MOD_ADD, zero);
}

/* s = (r d + e) / k mod n, by one operation of the engine: d and k stay in the KeyStore. */
static enum err sign_s(const struct port_key *d, const struct port_key *k, const uint8_t *r,
                       const uint8_t *e)
{
    REG(CRPT_ECC_CTL) = 0;
    put(CRPT_ECC_N, n);
    REG(CRPT_ECC_KSXY) = KSXY_RSRCXY | memory_of(k) << KSXY_MEMORY_X | k->slot |
                         memory_of(d) << KSXY_MEMORY_Y | (uint32_t)d->slot << KSXY_NUMBER_Y;
    put(CRPT_ECC_X2, r);
    put(CRPT_ECC_Y2, e);
    return run(OP_MODULAR | OP_ECDSAS);
}

enum err port_sign(const struct port_key *key, const uint8_t digest[SHA256_SIZE],
                   uint8_t signature[P256_SIGNATURE_SIZE])
{
    struct port_key k = { PORT_KEY_SRAM, 0 };
    uint8_t e_mod_n[NUMBER];
    reduce(digest, e_mod_n);
    TRY(fresh_key(PRNG_FOR_ECDSA, &k.slot));
    enum err e = sign_r(&k);
    keystore_number(CRPT_ECC_X1, signature);
    if (e == ERR_OK)
        e = sign_s(key, &k, signature, e_mod_n);
    keystore_number(CRPT_ECC_X1, signature + NUMBER);
    leave();
    enum err erased = keystore_erase(k.slot); /* even if the rest failed */
    return e != ERR_OK ? e : erased;
}

enum err port_agreement_key(struct port_key *out)
{
    uint8_t slot;
    TRY(fresh_key(PRNG_FOR_ECDH, &slot));
    *out = (struct port_key){ PORT_KEY_SRAM, slot };
    return ERR_OK;
}

enum err port_agree(const struct port_key *own, const uint8_t peer[P256_POINT_SIZE],
                    struct port_key *secret_out)
{
    enum err e = multiply_key(key_select(own) | KSCTL_ECDH | KSCTL_WDST, peer);
    uint32_t slot = REG(CRPT_ECC_KSSTS) & KSSTS_NUM;
    leave();
    if (e == ERR_OK)
        *secret_out = (struct port_key){ PORT_KEY_SRAM, (uint8_t)slot };
    return e;
}

enum err port_scalar_public_key(const uint8_t scalar[NUMBER], uint8_t point[P256_POINT_SIZE])
{
    enum err e = multiply(scalar, g);
    if (e == ERR_OK)
        get_point(point);
    leave();
    return e;
}

static enum err agree(const struct port_key *own, const uint8_t *peer, uint8_t secret[NUMBER])
{
    enum err e = multiply_key(key_select(own) | KSCTL_ECDH, peer);
    keystore_number(CRPT_ECC_X1, secret);
    leave();
    return e;
}

static void forget(uint8_t secret[NUMBER])
{
    for (size_t i = 0; i < NUMBER; i++)
        *(volatile uint8_t *)&secret[i] = 0;
}

/* The secret is in the CPU's reach for the time of one KeyStore write; both copies are wiped.
 */
enum err port_agree_to_sram(const struct port_key *own, const uint8_t peer[P256_POINT_SIZE],
                            struct port_key *secret_out)
{
    uint8_t secret[NUMBER], slot = 0;
    enum err e = agree(own, peer, secret);
    if (e == ERR_OK)
        e = keystore_write_sram(KEYSTORE_META_256 | KEYSTORE_META_AES, secret, &slot);
    forget(secret);
    if (e == ERR_OK)
        *secret_out = (struct port_key){ PORT_KEY_SRAM, slot };
    return e;
}

enum err port_agree_to_otp(const struct port_key *own, const uint8_t peer[P256_POINT_SIZE],
                           enum otp_slot slot, uint32_t permit)
{
    uint8_t secret[NUMBER];
    enum err e = agree(own, peer, secret);
    if (e == ERR_OK)
        e = port_otp_write(slot, secret, permit);
    forget(secret);
    return e;
}

/* y^2 = (x^2 + a) x + b mod p */
enum err port_on_curve(const uint8_t point[P256_POINT_SIZE])
{
    const uint8_t *x = point + 1, *y = x + NUMBER;
    uint8_t left[NUMBER], right[NUMBER];
    REG(CRPT_ECC_KSCTL) = 0;
    REG(CRPT_ECC_KSXY) = 0;
    put(CRPT_ECC_N, p);
    put(CRPT_ECC_X1, y);
    TRY(then(MOD_MUL, y));
    keystore_number(CRPT_ECC_X1, left);
    put(CRPT_ECC_X1, x);
    TRY(then(MOD_MUL, x));
    TRY(then(MOD_ADD, a));
    TRY(then(MOD_MUL, x));
    TRY(then(MOD_ADD, b));
    keystore_number(CRPT_ECC_X1, right);
    return memcmp(left, right, NUMBER) == 0 ? ERR_OK : ERR_POINT;
}

/* u1 = e / s, u2 = r / s mod n */
static enum err factors(const uint8_t *e, const uint8_t *r, const uint8_t *s, uint8_t *u1,
                        uint8_t *u2)
{
    put(CRPT_ECC_N, n);
    put(CRPT_ECC_X1, s);
    TRY(then(MOD_DIV, e));
    keystore_number(CRPT_ECC_X1, u1);
    put(CRPT_ECC_X1, s);
    TRY(then(MOD_DIV, r));
    keystore_number(CRPT_ECC_X1, u2);
    return ERR_OK;
}

/* u1 G + u2 Q, into X1 and Y1. */
static enum err combine(const uint8_t *u1, const uint8_t *u2, const uint8_t *q)
{
    uint8_t sum[P256_POINT_SIZE];
    TRY(multiply(u1, g));
    get_point(sum);
    TRY(multiply(u2, q));
    put(CRPT_ECC_N, p);
    put(CRPT_ECC_X2, sum + 1);
    put(CRPT_ECC_Y2, sum + 1 + NUMBER);
    return run(OP_POINT_ADD);
}

enum err port_verify(const uint8_t point[P256_POINT_SIZE], const uint8_t digest[SHA256_SIZE],
                     const uint8_t signature[P256_SIGNATURE_SIZE], uint8_t x[NUMBER])
{
    uint8_t e[NUMBER], u1[NUMBER], u2[NUMBER];
    reduce(digest, e);
    REG(CRPT_ECC_KSCTL) = 0;
    REG(CRPT_ECC_KSXY) = 0;
    TRY(factors(e, signature, signature + NUMBER, u1, u2));
    TRY(combine(u1, u2, point));
    put(CRPT_ECC_N, n);
    TRY(then(MOD_ADD, zero));
    keystore_number(CRPT_ECC_X1, x);
    return ERR_OK;
}
