/* SPDX-License-Identifier: MIT */
/* Fault switches of virtual-board: BUSY that never ends, so that firmware's limits can be
 * tested. */
#include "tests/conformance/programs/ecc_engine.h"

PROGRAM("Fault switches", 0);

enum { POLLS = 2000 };

static uint32_t block[4];

static void start_ks(void)
{
    KS_CTL = KS_INIT | KS_START;
}

static void start_fmc(void)
{
    FMC_ISPCTL |= ISPCTL_ISPEN;
    FMC_ISPCMD = 0x00;
    FMC_ISPADDR = 0;
    FMC_ISPTRG = 1;
}

static void start_prng(void)
{
    PRNG_CTL = 6u << 2 | 2 | 1;
}

static void start_ecc(void)
{
    ecc_put(ECC_N, p256_n, 8);
    ecc_put(ECC_X1, rfc6979_d, 8);
    ECC_CTL = ecc_control(ECC_MOD_ADD, 256);
}

static void start_sha(void)
{
    HMAC_SADDR = WORD(block);
    HMAC_DMACNT = 16;
    HMAC_CTL = 4u << 8 | 1u << 7 | 1u << 5 | 1;
}

static void start_aes(void)
{
    AES_SADDR = WORD(block);
    AES_DADDR = WORD(block);
    AES_CNT = 16;
    AES_CTL = 1u << 16 | 1u << 7 | 1u << 5 | 1;
}

static void start_trng(void)
{
    TRNG_ACT = 1u << 7;
}

static const struct {
    void (*start)(void);
    volatile uint32_t *reg;
    uint32_t bit, busy; /* of reg, and its value as long as it is busy */
    const char *name, *on, *off;
} all[] = {
    { start_ks, &KS_STS, KS_STS_BUSY, KS_STS_BUSY, "stuck-ks", "fault N stuck-ks on",
      "fault N stuck-ks off" },
    { start_fmc, &FMC_ISPTRG, 1, 1, "stuck-fmc", "fault N stuck-fmc on",
      "fault N stuck-fmc off" },
    { start_prng, &PRNG_CTL, 1 << 8, 1 << 8, "stuck-prng", "fault N stuck-prng on",
      "fault N stuck-prng off" },
    { start_ecc, &ECC_STS, 1, 1, "stuck-ecc", "fault N stuck-ecc on", "fault N stuck-ecc off" },
    { start_sha, &HMAC_STS, 1, 1, "stuck-sha", "fault N stuck-sha on",
      "fault N stuck-sha off" },
    { start_aes, &AES_STS, 1, 1, "stuck-aes", "fault N stuck-aes on", "fault N stuck-aes off" },
    { start_trng, &TRNG_CTL, 1 << 7, 0, "stuck-trng", "fault N stuck-trng on",
      "fault N stuck-trng off" },
};

static bool ends(uint32_t which)
{
    for (uint32_t i = 0; i < POLLS; i++)
        if ((*all[which].reg & all[which].bit) != all[which].busy)
            return true;
    return false;
}

/* Even phases switch on, odd ones look and switch off. */
void phase(uint32_t number)
{
    uint32_t which = number / 2;
    board_clocks();
    if (which == COUNT(all))
        return;
    if (number % 2 == 0) {
        if (which > 0)
            check("without the switch it ends", ends(which - 1), 1);
        then_control(all[which].on);
        return;
    }
    all[which].start();
    check(all[which].name, ends(which), 0);
    then_control(all[which].off);
}
