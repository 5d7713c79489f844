/* SPDX-License-Identifier: MIT */
/* FMC: flash OTP (fmc.h). Burns entries 3, 4 and 255. */
#include "tests/conformance/programs/board.h"

PROGRAM("FMC", PROGRAM_DESTRUCTIVE);

enum { PROGRAM32 = 0x21, ENTRY3 = 0x310018, ENTRY4 = 0x310020, ENTRY255 = 0x3107f8 };
enum { LOCK3 = 0x31080c };

static void burn(void)
{
    check("entry 3 is blank", board_isp_read(ENTRY3), 0xffffffff);
    check("its low word is programmed", board_isp(PROGRAM32, ENTRY3, 0x01234567), 1);
    check("its high word is programmed", board_isp(PROGRAM32, ENTRY3 + 4, 0x89abcdef), 1);
    check("the low word", board_isp_read(ENTRY3), 0x01234567);
    check("the high word", board_isp_read(ENTRY3 + 4), 0x89abcdef);
    check("the last entry is programmed", board_isp(PROGRAM32, ENTRY255, 0x5a5a5a5a), 1);
    check("and read", board_isp_read(ENTRY255), 0x5a5a5a5a);
}

static void refused(void)
{
    check("a 64-bit program is refused", board_isp(0x61, ENTRY4, 0), 0);
    told("FMC: ISPFF: command 0x61 at 0x00310020: 64-bit program: alignment or flash OTP "
         "[FMC_ISPTRG]");
    check("so is a multi-word program", board_isp(0x27, ENTRY4, 0), 0);
    told("FMC: ISPFF: command 0x27 at 0x00310020: multi-word program: alignment or flash OTP "
         "[FMC_ISPTRG]");
    check("and a 64-bit read", board_isp(0x40, ENTRY3, 0), 0);
    told("FMC: ISPFF: command 0x40 at 0x00310018: no flash there for 64-bit access "
         "[FMC_ISPTRG]");
    check("and a page erase", board_isp(0x22, ENTRY3, 0), 0);
    told("region cannot be page-erased [FMC_ISPTRG]");
    check("entry 3 is what it was", board_isp_read(ENTRY3), 0x01234567);
}

static void locked(void)
{
    check("entry 3 is locked", board_isp(PROGRAM32, LOCK3, 0), 1);
    check("and then not programmed", board_isp(PROGRAM32, ENTRY3, 0), 0);
    told("FMC: ISPFF: command 0x21 at 0x00310018: OTP entry is locked [FMC_ISPTRG]");
    check("entry 3 is what it was", board_isp_read(ENTRY3), 0x01234567);
    check("entry 4 is not locked", board_isp(PROGRAM32, ENTRY4, 0xfffffff0), 1);
}

void phase(uint32_t number)
{
    board_clocks();
    FMC_ISPCTL |= ISPCTL_ISPEN;
    if (number == 0) {
        burn();
        refused();
        locked();
        then(THEN_POWER);
        return;
    }
    check("entry 3 over power-off", board_isp_read(ENTRY3), 0x01234567);
    check("its lock over power-off", board_isp(PROGRAM32, ENTRY3 + 4, 0), 0);
    told("FMC: ISPFF: command 0x21 at 0x0031001c: OTP entry is locked [FMC_ISPTRG]");
}
