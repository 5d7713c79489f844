/* SPDX-License-Identifier: MIT */
/* INTSTS: CRPT's flags, as INTEN lets them rise: the stricter reading, so all of it is [U]. */
#include "tests/conformance/programs/ecc_engine.h"

PROGRAM("INTSTS", 0);

static uint32_t block[4], cipher[4];

static void aes(void)
{
    AES_KSCTL = 0;
    AES_SADDR = WORD(block);
    AES_DADDR = WORD(cipher);
    AES_CNT = 16;
    AES_CTL = 1u << 16 | 1u << 7 | 1u << 5 | 1;
    until(&AES_STS, 1, 0);
}

static void sha(void)
{
    HMAC_CTL = 4u << 8;
    HMAC_SADDR = WORD(block);
    HMAC_DMACNT = 16;
    HMAC_CTL = 4u << 8 | 1u << 7 | 1u << 5 | 1;
    until(&HMAC_STS, 1, 0);
}

static void prng(void)
{
    PRNG_CTL = 6u << 2 | 2 | 1;
    until(&PRNG_CTL, 1u << 8, 0);
}

static void ecc(void)
{
    ecc_put(ECC_N, p256_n, 8);
    ecc_put(ECC_X1, rfc6979_d, 8);
    ecc_put(ECC_Y1, rfc6979_k, 8);
    ECC_CTL = ecc_control(ECC_MOD_ADD, 256);
    until(&ECC_STS, 1, 0);
}

void phase(uint32_t number)
{
    static const struct {
        void (*run)(void);
        uint32_t flag;
        const char *masked, *raised, *cleared;
    } all[] = {
        { aes, CRPT_INT_AES, "AES done is not shown with INTEN 0", "AES done",
          "and is cleared" },
        { sha, CRPT_INT_HMAC, "HMAC done is not shown with INTEN 0", "HMAC done",
          "and is cleared" },
        { prng, CRPT_INT_PRNG, "PRNG done is not shown with INTEN 0", "PRNG done",
          "and is cleared" },
        { ecc, CRPT_INT_ECC, "ECC done is not shown with INTEN 0", "ECC done",
          "and is cleared" },
    };
    (void)number;
    board_clocks();
    for (uint32_t i = 0; i < COUNT(all); i++) {
        CRPT_INTEN = 0;
        CRPT_INTSTS = 0xffffffff;
        all[i].run();
        checku(all[i].masked, CRPT_INTSTS, 0);
        CRPT_INTEN = all[i].flag;
        all[i].run();
        check(all[i].raised, CRPT_INTSTS, all[i].flag);
        CRPT_INTSTS = all[i].flag;
        check(all[i].cleared, CRPT_INTSTS, 0);
    }
}
