/* SPDX-License-Identifier: MIT */
/* KeyStore: keys in its SRAM (keystore_reg.h, keystore.c). Erases the keys that are there. */
#include "tests/conformance/programs/board.h"

PROGRAM("KeyStore", 0);

static const uint32_t key[16] = { 0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c,
                                  0x13121110, 0x17161514, 0x1b1a1918, 0x1f1e1d1c,
                                  0x23222120, 0x27262524, 0x2b2a2928, 0x2f2e2d2c,
                                  0x33323130, 0x37363534, 0x3b3a3938, 0x3f3e3d3c };
static const uint32_t zero[8];

static void before_init(void)
{
    check("INITDONE is clear after reset", KS_STS & KS_STS_INITDONE, 0);
    check("a write before INIT fails", board_ks_write(META_CPU | META_256, key), 0);
    told("KS: error: memory 0 slot 0: used before INIT [KS_CTL]");
    SYS_SRAMPC1 = 1u << 28;
    KS_STS = KS_STS_IF | KS_STS_EIF;
    KS_CTL = KS_INIT | KS_START;
    until(&KS_STS, KS_STS_BUSY, 0);
    check("INIT fails while the key memory has no power",
          KS_STS & (KS_STS_EIF | KS_STS_INITDONE), KS_STS_EIF);
    told("KS: error: memory 0 slot 0: INIT with the key memory powered down [KS_CTL]");
    SYS_SRAMPC1 = 0;
    check("INIT", board_ks_open(), 1);
    check("all keys of SRAM are erased", board_ks(META_SRAM, KS_ERASE_ALL), 1);
}

static void write_and_read(void)
{
    uint32_t room = KS_REMAIN & 0x1fff, keys = KS_REMKCNT & 0x3f;
    checku("the SRAM holds 4096 bytes", room, 4096);
    checku("and 32 keys", keys, 32);
    check("a readable key is written", board_ks_write(META_CPU | META_READABLE | META_256, key),
          1);
    uint32_t slot = board_ks_slot();
    check_words("KEY is cleared by that", KS_KEY, zero, 8);
    check("REMAIN tells of it", KS_REMAIN & 0x1fff, room - 32);
    check("so does REMKCNT", KS_REMKCNT & 0x3f, keys - 1);
    check("it is read", board_ks(META_SRAM | META_SLOT(slot), KS_READ), 1);
    check_words("word by word as it was written", KS_KEY, key, 8);
    check("IF is set", KS_STS & KS_STS_IF, KS_STS_IF);
    KS_STS = KS_STS_IF;
    check("IF is cleared by a one", KS_STS & KS_STS_IF, 0);
    check("a second key is written", board_ks_write(META_CPU | META_READABLE | META_256, zero),
          1);
    check("to another slot", board_ks_slot() != slot, 1);
    check("one key is erased", board_ks(META_SRAM | META_SLOT(slot), KS_ERASE), 1);
    check("and then it cannot be read", board_ks(META_SRAM | META_SLOT(slot), KS_READ), 0);
    told("KS: error: memory 0 slot 0: slot is empty [KS_CTL]");
}

/* 512 bits are two blocks; the second one says CONT. */
static void long_key(void)
{
    until(&KS_STS, KS_STS_BUSY, 0);
    KS_METADATA = META_CPU | META_READABLE | META_512;
    for (uint32_t block = 0; block < 2; block++) {
        for (uint32_t i = 0; i < 8; i++)
            KS_KEY[i] = key[8 * block + i];
        KS_STS = KS_STS_IF | KS_STS_EIF;
        KS_CTL = (block == 0 ? 0 : (uint32_t)KS_CONT) | KS_CREATE << 1 | KS_START;
        check("a block of a 512-bit key is taken",
              until(&KS_STS, KS_STS_BUSY, 0) && (KS_STS & KS_STS_EIF) == 0, 1);
    }
    uint32_t slot = board_ks_slot();
    check("it is read", board_ks(META_SRAM | META_SLOT(slot), KS_READ), 1);
    check_words("its first block", KS_KEY, key, 8);
    KS_STS = KS_STS_IF | KS_STS_EIF;
    KS_CTL = KS_CONT | KS_READ << 1 | KS_START;
    until(&KS_STS, KS_STS_BUSY, 0);
    check_words("its second block", KS_KEY, key + 8, 8);
    board_ks(META_SRAM | META_SLOT(slot), KS_ERASE);
}

/* Fidelity rules: EIF and zeros for what may not be read. */
static void unreadable(void)
{
    board_ks(META_SRAM, KS_ERASE_ALL);
    board_ks_write(META_CPU | META_256, key);
    check("a key without READABLE is not read",
          board_ks(META_SRAM | META_SLOT(board_ks_slot()), KS_READ), 0);
    told("KS: error: memory 0 slot 0: key is not readable [KS_CTL]");
    check_words("KEY holds zeros instead", KS_KEY, zero, 8);
    board_ks_write(META_CPU | META_READABLE | META_BS | META_256, key);
    checku("a key of the boot state is not read", board_ks(META_SRAM | META_SLOT(1), KS_READ),
           0);
    told("KS: error: memory 0 slot 1: key is for the boot state only [KS_CTL]");
    board_ks_write(META_CPU | META_READABLE | META_256, key);
    uint32_t slot = board_ks_slot();
    check("a key is revoked", board_ks(META_SRAM | META_SLOT(slot), KS_REVOKE), 1);
    check("and then it is not read", board_ks(META_SRAM | META_SLOT(slot), KS_READ), 0);
    told("KS: error: memory 0 slot 2: key is revoked [KS_CTL]");
    check_words("zeros again", KS_KEY, zero, 8);
    check("an empty slot cannot be revoked", board_ks(META_SRAM | META_SLOT(9), KS_REVOKE), 0);
    told("KS: error: memory 0 slot 9: slot is empty [KS_CTL]");
}

/* Fidelity rules: busy is seen, and disturbing it is an error. */
static void busy(void)
{
    until(&KS_STS, KS_STS_BUSY, 0);
    KS_METADATA = META_SRAM;
    KS_STS = KS_STS_IF | KS_STS_EIF;
    KS_CTL = KS_REVOKE << 1 | KS_START;
    check("BUSY is seen", KS_STS & KS_STS_BUSY, KS_STS_BUSY);
    check("KEY reads zero then", KS_KEY[0], 0);
    told("KS: KEY0 read while BUSY [KS_KEY0]");
    KS_CTL = KS_REVOKE << 1 | KS_START;
    check("a start while BUSY is an error", KS_STS & KS_STS_EIF, KS_STS_EIF);
    told("KS: error: memory 0 slot 0: started while BUSY [KS_CTL]");
    check("BUSY ends", until(&KS_STS, KS_STS_BUSY, 0), 1);
    KS_STS = KS_STS_EIF;
    check("EIF is cleared by a one", KS_STS & KS_STS_EIF, 0);
}

static void refused(void)
{
    check("size code 13 is reserved", board_ks_write(META_CPU | 13u << 8, key), 0);
    told("KS: error: memory 0 slot 0: reserved size, memory or flag [KS_CTL]");
    check("memory 3 is reserved", board_ks_write(3u << 30 | META_CPU | META_256, key), 0);
    told("KS: error: memory 3 slot 0: reserved size, memory or flag [KS_CTL]");
    check("owner 7 is reserved", board_ks_write(7u << 16 | META_256, key), 0);
    told("KS: error: memory 0 slot 0: not stored [KS_CTL]");
    check("locking one key is the M460's", board_ks(META_SRAM, 7), 0);
    told("KS: error: memory 0 slot 0: no such operation on this part [KS_CTL]");
    check("one key of KeyStore Flash cannot be erased", board_ks(META_FLASH, KS_ERASE), 0);
    told("KS: error: memory 1 slot 0: one key can be erased in SRAM only, if it is there "
         "[KS_CTL]");
    uint32_t was = KS_STS & KS_STS_RAMINV;
    check("remanence inversion", board_ks(META_SRAM, KS_INVERT), 1);
    check("toggles RAMINV", (KS_STS & KS_STS_RAMINV) != was, 1);
    board_ks(META_SRAM, KS_INVERT);
}

static void full(void)
{
    uint32_t count = 0;
    board_ks(META_SRAM, KS_ERASE_ALL);
    while (count < 64 && board_ks_write(META_CPU | META_256, key))
        count++;
    checku("32 keys fit", count, 32);
    told("KS: no room for 8 words [KS_CTL]");
    told("KS: error: memory 0 slot 0: not stored [KS_CTL]");
    check("SRAMFULL", KS_STS >> 3 & 1, 1);
    check("REMKCNT is zero", KS_REMKCNT & 0x3f, 0);
    board_ks(META_SRAM, KS_ERASE_ALL);
    check("SRAMFULL goes with them", KS_STS >> 3 & 1, 0);
}

/* Two words more or less: the sizes that SIZE knows, by what REMAIN tells of them. */
static void sizes(void)
{
    static const struct {
        uint32_t code, bytes;
        const char *name;
    } all[] = {
        { 0, 16, "128 bits take 4 words" }, { 1, 24, "163 bits take 6 words" },
        { 2, 24, "192 bits take 6 words" }, { 3, 28, "224 bits take 7 words" },
        { 4, 32, "233 bits take 8 words" }, { 5, 32, "255 bits take 8 words" },
        { 6, 32, "256 bits take 8 words" },
    };
    for (uint32_t i = 0; i < COUNT(all); i++) {
        uint32_t room = KS_REMAIN & 0x1fff;
        board_ks_write(META_CPU | META_READABLE | all[i].code << 8, key);
        checku(all[i].name, room - (KS_REMAIN & 0x1fff), all[i].bytes);
    }
    board_ks(META_SRAM | META_SLOT(0), KS_READ);
    check("a key of 128 bits is read with zeros above", KS_KEY[3] == key[3] && KS_KEY[4] == 0,
          1);
    board_ks(META_SRAM, KS_ERASE_ALL);
}

/* IPRST0's reset of the controller. */
static void reset_of_block(void)
{
    board_ks_write(META_CPU | META_READABLE | META_256, key);
    SYS_IPRST0 = IPRST0_KS;
    SYS_IPRST0 = 0;
    check("KSRST: INIT is to be done again", KS_STS & KS_STS_INITDONE, 0);
    board_ks_open();
    checku("KSRST: keys in SRAM are kept", board_ks(META_SRAM, KS_READ) && KS_KEY[0] == key[0],
           1);
    board_ks(META_SRAM, KS_ERASE_ALL);
}

static bool still_there(void)
{
    board_clocks();
    board_ks_open();
    return board_ks(META_SRAM, KS_READ) && KS_KEY[0] == key[0];
}

static void first(void)
{
    board_clocks();
    before_init();
    write_and_read();
    long_key();
    unreadable();
    busy();
    refused();
    full();
    sizes();
    reset_of_block();
    board_ks_write(META_CPU | META_READABLE | META_256, key);
    then(THEN_RESET_SYSTEM);
}

/* What each kind of reset does to keys in SRAM. */
static void over_resets(uint32_t number)
{
    static const struct {
        const char *name;
        bool kept;
        enum program_then next;
    } rows[] = {
        { "SRAM keys are kept over SYSRESETREQ", true, THEN_RESET_CPU },
        { "SRAM keys are kept over CPURST", true, THEN_RESET_PIN },
        { "SRAM keys are lost at nRESET", false, THEN_RESET_CHIP },
        { "SRAM keys are lost at CHIPRST", false, THEN_POWER },
    };
    if (number < COUNT(rows)) {
        checku(rows[number].name, still_there(), rows[number].kept);
        if (!rows[number].kept)
            told("KS: error: memory 0 slot 0: slot is empty [KS_CTL]");
        board_ks(META_SRAM, KS_ERASE_ALL);
        board_ks_write(META_CPU | META_READABLE | META_256, key);
        then(rows[number].next);
        return;
    }
    check("SRAM keys are lost with the power", still_there(), 0);
    told("KS: error: memory 0 slot 0: slot is empty [KS_CTL]");
}

void phase(uint32_t number)
{
    if (number == 0)
        first();
    else
        over_resets(number - 1);
}
