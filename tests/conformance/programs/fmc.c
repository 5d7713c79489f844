/* SPDX-License-Identifier: MIT */
/* FMC: what its commands do (fmc_reg.h, fmc.c). Uses the pages at 0xF0000, 0x100000 and
 * 0x110000. */
#include "tests/conformance/programs/board.h"

PROGRAM("FMC", 0);

enum {
    PAGE = 0xf0000,
    NEIGHBOUR = 0xf0800,
    LDROM = 0x100000,
    DATA = 0x110000,
    PAGE_BYTES = 0x800,
    READ = 0x00,
    UID = 0x04,
    RESULT_ALLONE = 0x08,
    CID = 0x0b,
    PID = 0x0c,
    RESULT_CRC = 0x0d,
    PROGRAM32 = 0x21,
    ERASE = 0x22,
    MULTI = 0x27,
    ALLONE = 0x28,
    CRC = 0x2d,
    READ64 = 0x40,
    PROGRAM64 = 0x61,
};

#define FLASH(address) (*(const volatile uint32_t *)(address))

static void identification(void)
{
    check("after reset only APUEN is set in ISPCTL", FMC_ISPCTL, ISPCTL_APUEN);
    FMC_ISPCTL |= ISPCTL_ISPEN;
    check("PID is read", board_isp(PID, 4, 0), 1);
    check("PID is SYS_PDID", FMC_ISPDAT, SYS_PDID);
    check("CID is read", board_isp(CID, 0, 0), 1);
    checku("CID's low byte is DA", FMC_ISPDAT & 0xff, 0xda);
    uint32_t all = 0;
    for (uint32_t at = 0; at < 12; at += 4) {
        check("a word of the UID is read", board_isp(UID, at, 0), 1);
        all |= FMC_ISPDAT;
    }
    check("the UID is not zero", all != 0, 1);
    for (uint32_t at = 0x10; at < 0x20; at += 4)
        check("a word of the UCID is read", board_isp(UID, at, 0), 1);
}

static void erase(void)
{
    check("a page is erased", board_isp(ERASE, PAGE, 0), 1);
    check("its first word is all ones", FLASH(PAGE), 0xffffffff);
    check("its last word is all ones", FLASH(PAGE + PAGE_BYTES - 4), 0xffffffff);
    board_isp(ERASE, NEIGHBOUR, 0);
    board_isp(PROGRAM32, NEIGHBOUR, 0x12345678);
    board_isp(PROGRAM32, PAGE + PAGE_BYTES - 4, 0x55aa55aa);
    FMC_ISPCMD = ERASE;
    FMC_ISPADDR = PAGE;
    FMC_ISPTRG = 1;
    check("ISPTRG is seen busy", FMC_ISPTRG & 1, 1);
    check("and ends", until(&FMC_ISPTRG, 1, 0), 1);
    check("all of the page is erased", FLASH(PAGE + PAGE_BYTES - 4), 0xffffffff);
    check("the page behind it is not", FLASH(NEIGHBOUR), 0x12345678);
}

static void words(void)
{
    check("a word is programmed", board_isp(PROGRAM32, PAGE, 0xcafef00d), 1);
    check("the CPU reads it", FLASH(PAGE), 0xcafef00d);
    check("its neighbour is still erased", FLASH(PAGE + 4), 0xffffffff);
    check("command 00 reads it", board_isp(READ, PAGE, 0) ? FMC_ISPDAT : 0, 0xcafef00d);
    check("PGFF is clear", FMC_ISPSTS & ISPSTS_PGFF, 0);
}

/* Fidelity rule: programming clears bits only; what cannot be is told by PGFF. */
static void over(void)
{
    board_isp(PROGRAM32, PAGE, 0x0fff0fff);
    told("FMC: PGFF: program over bits already clear at 0x000f0000 [FMC_ISPTRG]");
    check("over bits already clear: the AND of both", FLASH(PAGE), 0x0afe000d);
    check("and PGFF", FMC_ISPSTS & ISPSTS_PGFF, ISPSTS_PGFF);
    board_isp(PROGRAM32, PAGE + 4, 0xffff0000);
    board_isp(PROGRAM32, PAGE + 4, 0x00000000);
    check("more bits can be cleared", FLASH(PAGE + 4), 0);
    board_isp(CID, 0, 0);
    check("a CID read clears PGFF", FMC_ISPSTS & ISPSTS_PGFF, 0);
    board_isp(PROGRAM32, PAGE + 8, 0);
    board_isp(PROGRAM32, PAGE + 8, 1);
    told("FMC: PGFF: program over bits already clear at 0x000f0008 [FMC_ISPTRG]");
    board_isp(ERASE, PAGE, 0);
    check("so does an erase", FMC_ISPSTS & ISPSTS_PGFF, 0);
}

static void doublewords(void)
{
    FMC_MPDAT0 = 0x01020304;
    FMC_MPDAT1 = 0x05060708;
    check("64 bits are programmed", board_isp(PROGRAM64, PAGE + 0x10, 0), 1);
    check("the low word", FLASH(PAGE + 0x10), 0x01020304);
    check("the high word", FLASH(PAGE + 0x14), 0x05060708);
    FMC_MPDAT0 = FMC_MPDAT1 = 0;
    check("64 bits are read", board_isp(READ64, PAGE + 0x10, 0), 1);
    check("to MPDAT0", FMC_MPDAT0, 0x01020304);
    check("and MPDAT1", FMC_MPDAT1, 0x05060708);
}

static void refill(volatile uint32_t *low, volatile uint32_t *high, uint32_t pending,
                   uint32_t value)
{
    until(&FMC_MPSTS, pending, 0);
    *low = value;
    *high = value + 1;
}

static void multi(void)
{
    FMC_MPDAT0 = 0xa0;
    FMC_MPDAT1 = 0xa1;
    FMC_MPDAT2 = 0xa2;
    FMC_MPDAT3 = 0xa3;
    FMC_ISPCMD = MULTI;
    FMC_ISPADDR = PAGE + 0x100;
    FMC_ISPTRG = 1;
    check("MPSTS is seen busy", FMC_MPSTS & 1, 1);
    refill(&FMC_MPDAT0, &FMC_MPDAT1, 3u << 4, 0xa4);
    refill(&FMC_MPDAT2, &FMC_MPDAT3, 3u << 6, 0xa6);
    check("MPBUSY ends without more data", until(&FMC_MPSTS, 1, 0), 1);
    until(&FMC_ISPTRG, 1, 0);
    for (uint32_t i = 0; i < 8; i++)
        check("a word of the run", FLASH(PAGE + 0x100 + 4 * i), 0xa0 + i);
    check("the run ends there", FLASH(PAGE + 0x120), 0xffffffff);
}

static uint32_t crc_of(uint32_t address, uint32_t len)
{
    uint32_t crc = 0xffffffff;
    for (uint32_t i = 0; i < len; i++) {
        crc ^= *(const volatile uint8_t *)(address + i);
        for (uint32_t bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

static void checksums(void)
{
    check("CRC of a page", board_isp(CRC, PAGE, PAGE_BYTES) && board_isp(RESULT_CRC, 0, 0), 1);
    checku("it is IEEE 802.3's", FMC_ISPDAT, crc_of(PAGE, PAGE_BYTES));
    check("all-one check of a written page",
          board_isp(ALLONE, PAGE, PAGE_BYTES) && board_isp(RESULT_ALLONE, 0, 0), 1);
    check("says no", FMC_ISPDAT, 0xa1100000);
    board_isp(ERASE, PAGE, 0);
    check("all-one check of an erased page",
          board_isp(ALLONE, PAGE, PAGE_BYTES) && board_isp(RESULT_ALLONE, 0, 0), 1);
    check("says yes", FMC_ISPDAT, 0xa11fffff);
}

static void other_regions(void)
{
    FMC_ISPCTL |= ISPCTL_LDUEN;
    check("LDROM is erased", board_isp(ERASE, LDROM, 0), 1);
    check("and programmed", board_isp(PROGRAM32, LDROM + 4, 0x4c44524f), 1);
    check("and read", FLASH(LDROM + 4), 0x4c44524f);
    board_isp(ERASE, LDROM, 0);
    check("data flash is erased", board_isp(ERASE, DATA, 0), 1);
    check("and programmed", board_isp(PROGRAM32, DATA + 8, 0x44415441), 1);
    check("and read", FLASH(DATA + 8), 0x44415441);
    board_isp(ERASE, DATA, 0);
}

void phase(uint32_t number)
{
    (void)number;
    board_clocks();
    identification();
    erase();
    words();
    over();
    doublewords();
    multi();
    checksums();
    other_regions();
    board_isp(ERASE, PAGE, 0);
    board_isp(ERASE, NEIGHBOUR, 0);
}
