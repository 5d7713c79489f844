/* SPDX-License-Identifier: MIT */
/*
 * P-256 with the checks that the chip's engine does not make. Called by the handlers and by
 * certificate.c. A signature must not leave p256_sign() before it was verified.
 */

#include "target-fw/devauth/p256.h"

#include "target-fw/devauth/bytes.h"

#include <string.h>

enum { NUMBER_SIZE = 32, SCALAR_TRIES = 8, UNCOMPRESSED = 4 };

/* SEC 2, 2.4.2 */
static const uint8_t field_prime[NUMBER_SIZE] = {
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
};
static const uint8_t order[NUMBER_SIZE] = {
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
    0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
};
static const uint8_t base_x[NUMBER_SIZE] = {
    0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6,
    0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb,
    0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96,
};

static bool below(const uint8_t *number, const uint8_t *limit)
{
    return memcmp(number, limit, NUMBER_SIZE) < 0; /* of public numbers, and of drawn ones */
}

static bool in_order(const uint8_t *number)
{
    static const uint8_t zero[NUMBER_SIZE] = { 0 };
    return below(number, order) && !bytes_equal(number, zero, NUMBER_SIZE);
}

enum err p256_point(const uint8_t point[P256_POINT_SIZE])
{
    if (point[0] != UNCOMPRESSED || !below(point + 1, field_prime) ||
        !below(point + 1 + NUMBER_SIZE, field_prime))
        return ERR_POINT;
    return port_on_curve(point);
}

enum err p256_scalar(uint8_t scalar[32])
{
    for (int i = 0; i < SCALAR_TRIES; i++) {
        TRY(port_random(scalar, NUMBER_SIZE));
        if (in_order(scalar))
            return ERR_OK;
    }
    return ERR_CHIP; /* each try fails once in 2^32 */
}

/* x is not r until the engine has made it so. */
__attribute__((noinline)) static enum err
verify_once(const uint8_t *point, const uint8_t *digest, const uint8_t *signature, uint8_t *x)
{
    for (size_t i = 0; i < NUMBER_SIZE; i++)
        x[i] = (uint8_t)~signature[i];
    if (!in_order(signature) || !in_order(signature + NUMBER_SIZE))
        return ERR_SIG;
    TRY(p256_point(point));
    return port_verify(point, digest, signature, x);
}

/* The two comparisons have their operands in opposite order, so that a stale register cannot
 * make both of them compare a value with itself. */
enum err p256_verify(const uint8_t point[P256_POINT_SIZE], const uint8_t digest[SHA256_SIZE],
                     const uint8_t signature[P256_SIGNATURE_SIZE], struct proof *proof)
{
    uint8_t x[NUMBER_SIZE];
    TRY(verify_once(point, digest, signature, x));
    if (proof_equal(proof, x, signature, NUMBER_SIZE) != ERR_OK)
        return ERR_SIG;
    TRY(verify_once(point, digest, signature, x));
    return proof_equal(proof, signature, x, NUMBER_SIZE) == ERR_OK ? ERR_OK : ERR_SIG;
}

enum err p256_sign(const struct port_key *key, const uint8_t public_key[P256_POINT_SIZE],
                   const uint8_t digest[SHA256_SIZE], uint8_t signature[P256_SIGNATURE_SIZE])
{
    struct proof proof = { PROOF_OF_SIGNATURE };
    uint8_t made[P256_SIGNATURE_SIZE];
    TRY(port_sign(key, digest, made));
    enum err e = ERR_CHIP;
    if (in_order(made) && in_order(made + NUMBER_SIZE) &&
        !bytes_equal(made, base_x, NUMBER_SIZE))
        e = p256_verify(public_key, digest, made, &proof);
    if (e == ERR_OK)
        e = proof_holds(&proof, PROOF_SIGNATURE(PROOF_OF_SIGNATURE));
    if (e == ERR_OK)
        bytes_copy(signature, made, sizeof(made));
    bytes_wipe(made, sizeof(made));
    return e == ERR_SIG ? ERR_CHIP : e; /* our own signature: an error of the engine */
}

enum err p256_verify_statement(const uint8_t point[P256_POINT_SIZE], const struct wr *statement,
                               const uint8_t signature[P256_SIGNATURE_SIZE],
                               struct proof *proof)
{
    uint8_t digest[SHA256_SIZE];
    TRY(wr_end(statement));
    TRY(port_sha256(wr_done(statement), digest));
    return p256_verify(point, digest, signature, proof);
}

enum err p256_sign_statement(const struct port_key *key,
                             const uint8_t public_key[P256_POINT_SIZE],
                             const struct wr *statement, uint8_t signature[P256_SIGNATURE_SIZE])
{
    uint8_t digest[SHA256_SIZE];
    TRY(wr_end(statement));
    TRY(port_sha256(wr_done(statement), digest));
    return p256_sign(key, public_key, digest, signature);
}
