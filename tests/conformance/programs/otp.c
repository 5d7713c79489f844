/* SPDX-License-Identifier: MIT */
/* KeyStore: its eight OTP slots (keystore_reg.h). Burns slots 4 to 7. */
#include "tests/conformance/programs/ecc_engine.h"

PROGRAM("KeyStore", PROGRAM_DESTRUCTIVE);

static const uint32_t zero[8];

static void burn(void)
{
    board_ks_open();
    check("no slot from 4 on is used", KS_OTPSTS & 0xf0, 0);
    check("a key of 512 bits does not fit",
          board_ks_write(META_OTP | META_SLOT(4) | META_CPU | META_512, rfc6979_d), 0);
    told("KS: error: memory 2 slot 4: an OTP slot holds 256 bits [KS_CTL]");
    check("a readable key is burnt",
          board_ks_write(META_OTP | META_SLOT(4) | META_CPU | META_READABLE | META_256,
                         rfc6979_d),
          1);
    check("OTPSTS tells of it", KS_OTPSTS & 0xf0, 0x10);
    check("it is read", board_ks(META_OTP | META_SLOT(4), KS_READ), 1);
    check_words("as it was written", KS_KEY, rfc6979_d, 8);
}

/* Fidelity rule: a slot is written once. */
static void again(void)
{
    check("a used slot is not written again",
          board_ks_write(META_OTP | META_SLOT(4) | META_CPU | META_READABLE | META_256,
                         rfc6979_k),
          0);
    told("KS: OTP slot 4 is in use, its content stays [KS_CTL]");
    told("KS: error: memory 2 slot 4: not stored [KS_CTL]");
    board_ks(META_OTP | META_SLOT(4), KS_READ);
    check_words("its content stays", KS_KEY, rfc6979_d, 8);
    check("OTP is not erased", board_ks(META_OTP, KS_ERASE_ALL), 0);
    told("KS: error: memory 2 slot 0: OTP cannot be erased [KS_CTL]");
    check("nor is one slot", board_ks(META_OTP | META_SLOT(4), KS_ERASE), 0);
    told("KS: error: memory 2 slot 4: one key can be erased in SRAM only, if it is there "
         "[KS_CTL]");
    check("it is still used", KS_OTPSTS & 0xf0, 0x10);
    check("slot 8 does not exist",
          board_ks_write(META_OTP | META_SLOT(8) | META_CPU | META_256, rfc6979_d), 0);
    told("KS: error: memory 2 slot 8: not stored [KS_CTL]");
}

static enum ecc_end public_of(uint32_t slot)
{
    ecc_p256(p256_gx, p256_gy);
    ECC_KSCTL = 2u << 6 | 1u << 5 | slot;
    enum ecc_end end = ecc_run(ECC_POINT_MUL, 256);
    ECC_KSCTL = 0;
    return end;
}

static void engines(void)
{
    check("a secret ECC key is burnt",
          board_ks_write(META_OTP | META_SLOT(5) | META_ECC | META_256, rfc6979_d), 1);
    check("it is not read", board_ks(META_OTP | META_SLOT(5), KS_READ), 0);
    told("KS: error: memory 2 slot 5: key is not readable [KS_CTL]");
    check_words("zeros instead", KS_KEY, zero, 8);
    check("the ECC engine takes it", public_of(5), ECC_OK);
    check_words("its public key, RFC 6979 A.2.5", ECC_X1, rfc6979_qx, 8);
    check("an engine that is not its owner does not", public_of(4), ECC_ERROR);
    told("ECC: KSERR: memory 2 slot 4: owner differs [CRPT_ECC_CTL]");
    board_ks_write(META_OTP | META_SLOT(6) | META_ECC | META_BS | META_256, rfc6979_d);
    checku("a key of the boot state is refused outside the ROM", public_of(6), ECC_ERROR);
    told("ECC: KSERR: memory 2 slot 6: key is for the boot state only [CRPT_ECC_CTL]");
}

/* PRNG straight to a slot, without the ECC flags: nobody ever saw the number. */
static void drawn(void)
{
    check("the PRNG is seeded", board_seed(), 1);
    PRNG_KSCTL = 5u << 24 | 2u << 22 | 1u << 21 | 7;
    PRNG_CTL = 6u << 2 | 0xc0 | 1;
    until(&PRNG_CTL, 1u << 8, 0);
    check("the PRNG writes to the slot that NUM names", KS_OTPSTS & 0xf0, 0xf0);
    check("without an error", PRNG_KSSTS & 1u << 16, 0);
    PRNG_CTL = 6u << 2 | 0xc0 | 1;
    until(&PRNG_CTL, 1u << 8, 0);
    check("not twice", PRNG_STS >> 17 & 1, 1);
    told("KS: OTP slot 7 is in use, its content stays [CRPT_PRNG_CTL]");
    told("PRNG: KSERR: key was not stored [CRPT_PRNG_CTL]");
    PRNG_KSCTL = 0;
}

static void after_power(void)
{
    board_ks_open();
    check("OTPSTS over power-off", KS_OTPSTS & 0xf0, 0xf0);
    board_ks(META_OTP | META_SLOT(4), KS_READ);
    check_words("the readable key over power-off", KS_KEY, rfc6979_d, 8);
    check("it is revoked", board_ks(META_OTP | META_SLOT(4), KS_REVOKE), 1);
    check("and then it is not read", board_ks(META_OTP | META_SLOT(4), KS_READ), 0);
    told("KS: error: memory 2 slot 4: key is revoked [KS_CTL]");
    check("the secret ECC key is revoked", board_ks(META_OTP | META_SLOT(5), KS_REVOKE), 1);
    checku("no engine takes it then", public_of(5), ECC_ERROR);
    told("ECC: KSERR: memory 2 slot 5: key is revoked [CRPT_ECC_CTL]");
    checku("a revoked slot is still used", KS_OTPSTS & 0xf0, 0xf0);
    check("and not written again",
          board_ks_write(META_OTP | META_SLOT(5) | META_ECC | META_256, rfc6979_k), 0);
    told("KS: OTP slot 5 is in use, its content stays [KS_CTL]");
    told("KS: error: memory 2 slot 5: not stored [KS_CTL]");
    then(THEN_POWER);
}

static void revoked_for_good(void)
{
    board_ks_open();
    check("revoked is for good", board_ks(META_OTP | META_SLOT(4), KS_READ), 0);
    told("KS: error: memory 2 slot 4: key is revoked [KS_CTL]");
    checku("for the engine too", public_of(5), ECC_ERROR);
    told("ECC: KSERR: memory 2 slot 5: key is revoked [CRPT_ECC_CTL]");
    checku("and the slots still count as used", KS_OTPSTS & 0xf0, 0xf0);
}

void phase(uint32_t number)
{
    board_clocks();
    if (number == 0) {
        burn();
        again();
        engines();
        drawn();
        then(THEN_POWER);
    } else if (number == 1) {
        after_power();
    } else {
        revoked_for_good();
    }
}
