/* SPDX-License-Identifier: MIT */
/* ECC: arithmetic with operands in registers (crpt_reg.h, crypto.c). Keys of the KeyStore:
 * ecc_keys.c. */
#include "tests/conformance/programs/ecc_engine.h"

PROGRAM("ECC", 0);

static void multiply_p256(void)
{
    ecc_p256(p256_gx, p256_gy);
    ecc_put(ECC_K, rfc6979_d, 8);
    check("a multiplication is done", ecc_run(ECC_POINT_MUL, 256), ECC_OK);
    check_words("P-256: x of d G, RFC 6979 A.2.5", ECC_X1, rfc6979_qx, 8);
    check_words("P-256: y of d G, RFC 6979 A.2.5", ECC_Y1, rfc6979_qy, 8);
    check("K is write-only", ECC_K[0], 0);
    ecc_p256(rfc5903_rx, rfc5903_ry);
    ecc_put(ECC_K, rfc5903_i, 8);
    ecc_run(ECC_POINT_MUL, 256);
    check_words("P-256: the shared x of RFC 5903 8.1", ECC_X1, rfc5903_zx, 8);
    check_words("P-256: the shared y", ECC_Y1, rfc5903_zy, 8);
}

struct curve {
    const char *x_name, *y_name;
    const uint32_t *p, *a, *b, *gx, *gy, *d, *qx, *qy;
    uint32_t bits, words;
};

static const struct curve others[] = {
    { "P-384: x of d G, RFC 6979 A.2.6", "P-384: y of d G", p384_p, p384_a, p384_b, p384_gx,
      p384_gy, p384_d, p384_qx, p384_qy, 384, 12 },
    { "P-521: x of d G, RFC 6979 A.2.7", "P-521: y of d G", p521_p, p521_a, p521_b, p521_gx,
      p521_gy, p521_d, p521_qx, p521_qy, 521, 17 },
};

static void multiply_others(void)
{
    for (uint32_t i = 0; i < COUNT(others); i++) {
        const struct curve *c = &others[i];
        ecc_put(ECC_A, c->a, c->words);
        ecc_put(ECC_B, c->b, c->words);
        ecc_put(ECC_N, c->p, c->words);
        ecc_put(ECC_X1, c->gx, c->words);
        ecc_put(ECC_Y1, c->gy, c->words);
        ecc_put(ECC_K, c->d, c->words);
        ecc_run(ECC_POINT_MUL, c->bits);
        check_words(c->x_name, ECC_X1, c->qx, c->words);
        check_words(c->y_name, ECC_Y1, c->qy, c->words);
    }
}

static void add_and_double(void)
{
    ecc_p256(p256_gx, p256_gy);
    check("a doubling is done", ecc_run(ECC_POINT_DOUBLE, 256), ECC_OK);
    check_words("2 G: x", ECC_X1, p256_2gx, 8);
    check_words("2 G: y", ECC_Y1, p256_2gy, 8);
    ecc_p256(p256_gx, p256_gy);
    ecc_put(ECC_X2, p256_2gx, 8);
    ecc_put(ECC_Y2, p256_2gy, 8);
    check("an addition is done", ecc_run(ECC_POINT_ADD, 256), ECC_OK);
    check_words("G + 2 G: x", ECC_X1, p256_3gx, 8);
    check_words("G + 2 G: y", ECC_Y1, p256_3gy, 8);
}

/* MODOP on d and k of RFC 6979 A.2.5, modulo n. */
static void modular(void)
{
    static const struct {
        const char *name;
        uint32_t operation;
        uint32_t want[8];
    } all[] = {
        { "modular: Y1 / X1",
          ECC_MOD_DIV,
          { 0x358468b5, 0xfb09fb5b, 0x09e1ad63, 0x9fbef883, 0x71f5d63f, 0xf5f35e9e, 0xd2911f86,
            0xa88ab155 } },
        { "modular: X1 * Y1",
          ECC_MOD_MUL,
          { 0xd7538cf4, 0x2345cb90, 0x3b1aeae2, 0x00ac1994, 0x3a75af6e, 0x53191115, 0x0b4b1fe7,
            0x1a759e39 } },
        { "modular: X1 + Y1",
          ECC_MOD_ADD,
          { 0x5336ef30, 0xd531c0b1, 0xc353ad7f, 0xcc8173b4, 0xeb07b3df, 0x73c15990, 0x15d533a5,
            0x70936f57 } },
        { "modular: X1 - Y1",
          ECC_MOD_SUB,
          { 0xd484b9c1, 0x2e2938e1, 0x0365ea20, 0x13391954, 0xe45bf947, 0x62f6e91d, 0x759fb686,
            0x22cbe45a } },
    };
    for (uint32_t i = 0; i < COUNT(all); i++) {
        ecc_put(ECC_N, p256_n, 8);
        ecc_put(ECC_X1, rfc6979_d, 8);
        ecc_put(ECC_Y1, rfc6979_k, 8);
        ecc_run(all[i].operation, 256);
        check_words(all[i].name, ECC_X1, all[i].want, 8);
    }
}

/* RFC 6979 A.2.5, "sample" with SHA-256, k given: r = x(k G), s = (e + r d) / k. */
static void sign(void)
{
    ecc_p256(p256_gx, p256_gy);
    ecc_put(ECC_K, rfc6979_k, 8);
    ecc_run(ECC_POINT_MUL, 256);
    ecc_put(ECC_N, p256_n, 8);
    ecc_put(ECC_Y1, p256_n, 0);
    ecc_run(ECC_MOD_ADD, 256);
    check_words("r of RFC 6979 A.2.5", ECC_X1, rfc6979_r, 8);
    ecc_put(ECC_Y1, rfc6979_d, 8);
    ecc_run(ECC_MOD_MUL, 256);
    ecc_put(ECC_Y1, rfc6979_e, 8);
    ecc_run(ECC_MOD_ADD, 256);
    ecc_move(ECC_Y1, ECC_X1);
    ecc_put(ECC_X1, rfc6979_k, 8);
    ecc_run(ECC_MOD_DIV, 256);
    check_words("s of RFC 6979 A.2.5", ECC_X1, rfc6979_s, 8);
    check("it verifies, by registers", ecc_verify(rfc6979_qx, rfc6979_qy, rfc6979_r, rfc6979_s),
          1);
    check("another s does not", ecc_verify(rfc6979_qx, rfc6979_qy, rfc6979_r, rfc6979_k), 0);
}

/* x^2 is no curve's point: the engine does not look. */
static void off_the_curve(void)
{
    ecc_p256(p256_gx, p256_gx);
    ecc_put(ECC_K, rfc6979_d, 8);
    checku("a point off the curve is multiplied unchecked", ecc_run(ECC_POINT_MUL, 256),
           ECC_OK);
}

static void refused(void)
{
    ecc_p256(p256_gx, p256_gy);
    ecc_put(ECC_K, p256_n, 8);
    checku("n G, the point at infinity, is an error", ecc_run(ECC_POINT_MUL, 256), ECC_ERROR);
    told("ECC: error: multiply: no curve, or the point at infinity [CRPT_ECC_CTL]");
    ecc_p256(p256_gx, p256_gy);
    ecc_put(ECC_K, rfc6979_d, 8);
    checku("SBM is the boot ROM's", ecc_run(ECC_POINT_MUL | ECC_SBM, 256), ECC_ERROR);
    told("ECC: error: SBM is for the boot ROM [CRPT_ECC_CTL]");
    ecc_p256(p256_gx, p256_gy);
    checku("SCAP without the order in X2 is an error", ecc_run(ECC_POINT_MUL | ECC_SCAP, 256),
           ECC_ERROR);
    told("ECC: error: SCAP needs the curve order in X2 [CRPT_ECC_CTL]");
    ecc_p256(p256_gx, p256_gy);
    ecc_put(ECC_X2, p256_n, 8);
    check("SCAP with it is done", ecc_run(ECC_POINT_MUL | ECC_SCAP, 256), ECC_OK);
    check_words("and gives the same point", ECC_X1, rfc6979_qx, 8);
}

static void busy(void)
{
    ecc_p256(p256_gx, p256_gy);
    ecc_put(ECC_K, rfc6979_d, 8);
    ECC_CTL = ecc_control(ECC_POINT_MUL, 256);
    check("BUSY is seen", ECC_STS & 1, 1);
    checku("a result read too early is zero", ECC_X1[0], 0);
    told("ECC+0x808: read while BUSY [CRPT_ECC_X1_0]");
    ECC_X1[0] = 1;
    told("ECC+0x808: written while BUSY [CRPT_ECC_X1_0]");
    check("BUSY ends", until(&ECC_STS, 1, 0), 1);
    check_words("the run was not disturbed", ECC_X1, rfc6979_qx, 8);
}

void phase(uint32_t number)
{
    (void)number;
    board_clocks();
    multiply_p256();
    multiply_others();
    add_and_double();
    modular();
    sign();
    off_the_curve();
    refused();
    busy();
}
