/* SPDX-License-Identifier: MIT */
/*
 * ECC with keys of the KeyStore: public key, ECDSA, ECDH (samples KS_ECDSA, KS_ECDH of
 * M2354BSP). wolfSSL saw r = Gx on a NuMaker-M2354, as if k were 1, so that what signs here is
 * [U].
 */
#include "tests/conformance/programs/ecc_engine.h"

PROGRAM("ECC", 0);

enum {
    RSRCK = 1 << 5,
    ECDH = 1 << 14,
    WDST = 1 << 21,
    WDST_OTP = 2 << 22,
    RSRCXY = 1 << 5,
    PRNG_DRAW = 6 << 2 | 0xc0 | 1,
    FOR_ECDH = 1 << 19,
    FOR_ECDSA = 1 << 20,
};

static uint32_t d_slot, k_slot;

static uint32_t drawn(uint32_t purpose)
{
    board_seed();
    ecc_put(ECC_N, p256_n, 8);
    PRNG_KSCTL = 4u << 24 | purpose | 1u << 21;
    PRNG_CTL = PRNG_DRAW;
    until(&PRNG_CTL, 1u << 8, 0);
    uint32_t slot = PRNG_KSSTS & 31;
    PRNG_KSCTL = 0;
    return slot;
}

/* k G with k in that slot. */
static enum ecc_end multiply(uint32_t ksctl)
{
    ecc_p256(p256_gx, p256_gy);
    ecc_put(ECC_K, p256_gx, 0);
    ECC_KSCTL = ksctl;
    enum ecc_end end = ecc_run(ECC_POINT_MUL, 256);
    ECC_KSCTL = 0;
    return end;
}

static void public_key(void)
{
    board_ks_open();
    board_ks(META_SRAM, KS_ERASE_ALL);
    board_ks_write(META_ECC | META_256, rfc6979_d);
    d_slot = board_ks_slot();
    check("a public key from the KeyStore is done", multiply(RSRCK | d_slot), ECC_OK);
    check_words("its x, RFC 6979 A.2.5", ECC_X1, rfc6979_qx, 8);
    check_words("its y", ECC_Y1, rfc6979_qy, 8);
}

static enum ecc_end sign(uint32_t r[8], uint32_t s[8])
{
    ecc_p256(p256_gx, p256_gy);
    ECC_KSCTL = RSRCK | k_slot;
    enum ecc_end first = ecc_run(ECC_POINT_MUL | ECC_ECDSAR, 256);
    ECC_KSCTL = 0;
    ecc_put(ECC_N, p256_n, 8);
    ecc_put(ECC_Y1, r, 0);
    ecc_run(ECC_MOD_ADD, 256);
    ecc_keep(r, ECC_X1);
    ECC_CTL = 0;
    ecc_put(ECC_N, p256_n, 8);
    ecc_put(ECC_X2, r, 8);
    ecc_put(ECC_Y2, rfc6979_e, 8);
    ECC_KSXY = RSRCXY | k_slot | d_slot << 8;
    enum ecc_end second = ecc_run(ECC_MODULAR | ECC_ECDSAS, 256);
    ECC_KSXY = 0;
    ecc_keep(s, ECC_X1);
    return first != ECC_OK ? first : second;
}

static uint32_t is_gx(const uint32_t r[8])
{
    uint32_t difference = 0;
    for (uint32_t i = 0; i < 8; i++)
        difference |= r[i] ^ p256_gx[i];
    return difference == 0;
}

static void ecdsa(void)
{
    uint32_t r[8], s[8];
    k_slot = drawn(FOR_ECDSA);
    checku("a signature with d and k in the KeyStore is done", sign(r, s), ECC_OK);
    checku("its r is not the base point's x", is_gx(r), 0);
    checku("it verifies", ecc_verify(rfc6979_qx, rfc6979_qy, r, s), 1);
}

/* x of ECDH with RFC 5903's responder; to registers and to the KeyStore: the same AES key. */
static void ecdh(void)
{
    static const uint32_t block[4] = { 1, 2, 3, 4 };
    static uint32_t by_register[4], by_keystore[4];
    uint32_t z[8], slot = drawn(FOR_ECDH);
    checku("the public key of an ECDH key needs ECC_KSCTL.ECDH", multiply(RSRCK | ECDH | slot),
           ECC_OK);
    ecc_p256(rfc5903_rx, rfc5903_ry);
    ECC_KSCTL = RSRCK | ECDH | slot;
    check("ECDH to registers is done", ecc_run(ECC_POINT_MUL, 256), ECC_OK);
    ecc_keep(z, ECC_X1);
    ecc_p256(rfc5903_rx, rfc5903_ry);
    ecc_put(ECC_X1, rfc5903_rx, 8);
    ECC_KSCTL = RSRCK | ECDH | WDST | slot;
    check("ECDH to the KeyStore is done", ecc_run(ECC_POINT_MUL, 256), ECC_OK);
    check("X1 shows nothing of it", ECC_X1[0] == z[0], 0);
    ECC_KSCTL = 0;
    for (uint32_t i = 0; i < 8; i++)
        AES_KEY[i] = z[7 - i];
    for (uint32_t pass = 0; pass < 2; pass++) {
        AES_KSCTL = pass == 0 ? 0 : 1u << 5 | (ECC_KSSTS & 31);
        AES_SADDR = WORD(block);
        AES_DADDR = WORD(pass == 0 ? by_register : by_keystore);
        AES_CNT = 16;
        AES_CTL = 1u << 16 | 2u << 2 | 1u << 7 | 1u << 5 | 1;
        until(&AES_STS, 1, 0);
    }
    AES_KSCTL = 0;
    checku_words("AES takes x most significant byte first", by_keystore, by_register, 4);
}

/* The boot ROM's case: the point lies in the KeyStore, as ROTPK does. */
static void point_of_keystore(void)
{
    board_ks_write(META_ECC | META_256, rfc5903_rx);
    uint32_t x = board_ks_slot();
    board_ks_write(META_ECC | META_256, rfc5903_ry);
    ecc_p256(p256_gx, p256_gy);
    ecc_put(ECC_K, rfc5903_i, 8);
    ECC_KSXY = RSRCXY | x | board_ks_slot() << 8;
    check("a point of the KeyStore is multiplied", ecc_run(ECC_POINT_MUL, 256), ECC_OK);
    check_words("x of RFC 5903 8.1", ECC_X1, rfc5903_zx, 8);
    check_words("y of RFC 5903 8.1", ECC_Y1, rfc5903_zy, 8);
    ECC_KSXY = 0;
}

static void is_kserr(const char *name, uint32_t ksctl, uint32_t operation, const char *said)
{
    ecc_p256(p256_gx, p256_gy);
    ECC_KSCTL = ksctl;
    checku(name, ecc_run(operation, 256) == ECC_ERROR && (ECC_STS & ECC_KSERR) != 0, 1);
    told(said);
    ECC_KSCTL = 0;
}

/* Fidelity rule: the wrong key is KSERR. Slots as this model gives them out: from 0 on. */
static void refused(void)
{
    board_ks(META_SRAM, KS_ERASE_ALL);
    board_ks_write(META_ECC | META_256, rfc6979_d);           /* 0 */
    board_ks_write(META_AES | META_256, rfc6979_d);           /* 1 */
    board_ks_write(META_ECC | META_BS | META_256, rfc6979_d); /* 2 */
    board_ks_write(META_ECC | META_256, rfc6979_d);           /* 3 */
    board_ks(META_SRAM | META_SLOT(3), KS_REVOKE);
    uint32_t ecdsa_slot = drawn(FOR_ECDSA), ecdh_slot = drawn(FOR_ECDH);
    is_kserr("a key of another owner", RSRCK | 1, ECC_POINT_MUL,
             "ECC: KSERR: memory 0 slot 1: owner differs [CRPT_ECC_CTL]");
    is_kserr("a key of the boot state", RSRCK | 2, ECC_POINT_MUL,
             "ECC: KSERR: memory 0 slot 2: key is for the boot state only [CRPT_ECC_CTL]");
    is_kserr("a revoked key", RSRCK | 3, ECC_POINT_MUL,
             "ECC: KSERR: memory 0 slot 3: key is revoked [CRPT_ECC_CTL]");
    is_kserr("an empty slot", RSRCK | 30, ECC_POINT_MUL,
             "ECC: KSERR: memory 0 slot 30: slot is empty [CRPT_ECC_CTL]");
    is_kserr("KeyStore Flash", RSRCK | 1u << 6, ECC_POINT_MUL,
             "ECC: KSERR: memory 1 slot 0: engines of this part take keys from SRAM and OTP "
             "only [CRPT_ECC_CTL]");
    is_kserr("a nonce that the CPU wrote", RSRCK | 0, ECC_POINT_MUL | ECC_ECDSAR,
             "ECC: KSERR: memory 0 slot 0: a nonce must come from the PRNG with the ECDSA flag "
             "[CRPT_ECC_CTL]");
    is_kserr(
        "an ECDSA key for ECDH", RSRCK | ECDH | ecdsa_slot, ECC_POINT_MUL,
        "ECC: KSERR: memory 0 slot 4: ECDH flag and origin of the key differ [CRPT_ECC_CTL]");
    is_kserr(
        "an ECDH key without ECC_KSCTL.ECDH", RSRCK | ecdh_slot, ECC_POINT_MUL,
        "ECC: KSERR: memory 0 slot 5: ECDH flag and origin of the key differ [CRPT_ECC_CTL]");
    ecc_p256(rfc5903_rx, rfc5903_ry);
    ECC_KSCTL = RSRCK | ECDH | WDST | (uint32_t)WDST_OTP | ecdh_slot;
    checku("ECDH to an OTP slot cannot name the slot", ecc_run(ECC_POINT_MUL, 256), ECC_ERROR);
    told("ECC: error: no way to name an OTP slot for an ECDH result is known [CRPT_ECC_CTL]");
    ECC_KSCTL = 0;
}

/* virtual-board's switch k1: what wolfSSL saw. */
static void k_is_one(void)
{
    uint32_t r[8], s[8];
    public_key();
    k_slot = drawn(FOR_ECDSA);
    sign(r, s);
    check("with the fault k1, r is the base point's x", is_gx(r), 1);
}

void phase(uint32_t number)
{
    board_clocks();
    if (number == 2)
        return;
    if (number == 1) {
        k_is_one();
        then_control("fault N k1 off");
        return;
    }
    public_key();
    ecdsa();
    ecdh();
    point_of_keystore();
    refused();
    then_control("fault N k1 on");
}
