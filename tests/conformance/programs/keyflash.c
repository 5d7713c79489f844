/* SPDX-License-Identifier: MIT */
/* KeyStore: its Flash (keystore_reg.h). Erases the keys that are there. */
#include "tests/conformance/programs/ecc_engine.h"

PROGRAM("KeyStore", PROGRAM_DESTRUCTIVE);

static void first(void)
{
    board_ks_open();
    check("all keys of Flash are erased", board_ks(META_FLASH, KS_ERASE_ALL), 1);
    uint32_t keys = KS_REMKCNT >> 16 & 0x3f;
    checku("32 keys fit", keys, 32);
    check("a readable key is written",
          board_ks_write(META_FLASH | META_CPU | META_READABLE | META_256, rfc6979_d), 1);
    check("REMKCNT tells of it", KS_REMKCNT >> 16 & 0x3f, keys - 1);
    uint32_t slot = board_ks_slot();
    check("it is read", board_ks(META_FLASH | META_SLOT(slot), KS_READ), 1);
    check_words("as it was written", KS_KEY, rfc6979_d, 8);
    check("another is written",
          board_ks_write(META_FLASH | META_CPU | META_READABLE | META_256, rfc6979_k), 1);
    check("and revoked", board_ks(META_FLASH | META_SLOT(board_ks_slot()), KS_REVOKE), 1);
    then(THEN_POWER);
}

static void after_power(void)
{
    board_ks_open();
    check("a key is kept over power-off", board_ks(META_FLASH | META_SLOT(0), KS_READ), 1);
    check_words("with its content", KS_KEY, rfc6979_d, 8);
    check("a revoked one is, too", board_ks(META_FLASH | META_SLOT(1), KS_READ), 0);
    told("KS: error: memory 1 slot 1: key is revoked [KS_CTL]");
    check("all are erased", board_ks(META_FLASH, KS_ERASE_ALL), 1);
    check("and gone", board_ks(META_FLASH | META_SLOT(0), KS_READ), 0);
    told("KS: error: memory 1 slot 0: slot is empty [KS_CTL]");
}

void phase(uint32_t number)
{
    board_clocks();
    if (number == 0)
        first();
    else
        after_power();
}
