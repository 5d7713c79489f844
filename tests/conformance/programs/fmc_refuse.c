/* SPDX-License-Identifier: MIT */
/* FMC: what it refuses: ISPFF, no change, and a line in the model's log. Uses the page at
 * 0xF0000. */
#include "tests/conformance/programs/board.h"

PROGRAM("FMC", 0);

enum { PAGE = 0xf0000, PROGRAM32 = 0x21, ERASE = 0x22, PAGE_BYTES = 0x800 };

#define FLASH(address) (*(const volatile uint32_t *)(address))

static void lock_closed(void)
{
    uint32_t was = FMC_ISPCTL;
    board_lock();
    FMC_ISPCTL = was | ISPCTL_ISPEN;
    check("ISPCTL ignores a write while the lock is closed", FMC_ISPCTL, was);
    told("FMC+0x00: write ignored, register lock is closed [FMC_ISPCTL]");
    FMC_ISPTRG = 1;
    check("so does ISPTRG", FMC_ISPTRG, 0);
    told("FMC+0x10: write ignored, register lock is closed [FMC_ISPTRG]");
    FMC_CYCCTL = 4;
    told("FMC+0x4c: write ignored, register lock is closed [FMC_CYCCTL]");
    board_unlock();
}

struct refusal {
    uint32_t enables, command, address, data;
    const char *name, *said;
};

static void refused(const struct refusal *r)
{
    FMC_ISPCTL = r->enables | ISPCTL_ISPFF;
    check(r->name, board_isp(r->command, r->address, r->data), 0);
    told(r->said);
    check("ISPFF is in ISPCTL, too", FMC_ISPCTL & ISPCTL_ISPFF, ISPCTL_ISPFF);
    FMC_ISPCTL |= ISPCTL_ISPFF;
    check("ISPFF is cleared by a one", FMC_ISPSTS & ISPSTS_ISPFF, 0);
}

#define SAID(command, address, why)                                                            \
    "FMC: ISPFF: command " command " at " address ": " why " [FMC_ISPTRG]"

static const struct refusal all[] = {
    { ISPCTL_APUEN, PROGRAM32, PAGE, 0, "program with ISPEN 0",
      SAID("0x21", "0x000f0000", "ISPEN is 0") },
    { ISPCTL_APUEN, 0x00, PAGE, 0, "read with ISPEN 0",
      SAID("0x00", "0x000f0000", "ISPEN is 0") },
    { ISPCTL_ISPEN, PROGRAM32, PAGE, 0, "program of APROM with APUEN 0",
      SAID("0x21", "0x000f0000", "update of the region is not enabled") },
    { ISPCTL_ISPEN, ERASE, PAGE, 0, "erase of APROM with APUEN 0",
      SAID("0x22", "0x000f0000", "update of the region is not enabled") },
    { ISPCTL_ISPEN | ISPCTL_APUEN, PROGRAM32, 0x100000, 0, "program of LDROM with LDUEN 0",
      SAID("0x21", "0x00100000", "update of the region is not enabled") },
    { ISPCTL_ISPEN | ISPCTL_APUEN, ERASE, 0x300000, 0, "erase of CONFIG with CFGUEN 0",
      SAID("0x22", "0x00300000", "update of the region is not enabled") },
    { ISPCTL_ISPEN | ISPCTL_APUEN, PROGRAM32, 0x280000, 0, "program where no flash is",
      SAID("0x21", "0x00280000", "no flash there") },
    { ISPCTL_ISPEN | ISPCTL_APUEN, PROGRAM32, PAGE + 2, 0, "program of an unaligned word",
      SAID("0x21", "0x000f0002", "address is not word aligned") },
    { ISPCTL_ISPEN | ISPCTL_APUEN, 0x61, PAGE + 4, 0, "64-bit program of a word's address",
      SAID("0x61", "0x000f0004", "64-bit program: alignment or flash OTP") },
    { ISPCTL_ISPEN | ISPCTL_APUEN, 0x27, PAGE + 4, 0, "multi-word program of a word's address",
      SAID("0x27", "0x000f0004", "multi-word program: alignment or flash OTP") },
    { ISPCTL_ISPEN | ISPCTL_APUEN, 0x00, 0x280000, 0, "read where no flash is",
      SAID("0x00", "0x00280000", "no flash there") },
    { ISPCTL_ISPEN | ISPCTL_APUEN, 0x2d, PAGE + 4, PAGE_BYTES, "CRC from inside a page",
      SAID("0x2d", "0x000f0004", "range is not whole pages of one bank") },
    { ISPCTL_ISPEN | ISPCTL_APUEN, 0x2d, PAGE, 0x100, "CRC of less than a page",
      SAID("0x2d", "0x000f0000", "range is not whole pages of one bank") },
    { ISPCTL_ISPEN | ISPCTL_APUEN, 0x2d, 0x7f800, 2 * PAGE_BYTES, "CRC across the banks",
      SAID("0x2d", "0x0007f800", "range is not whole pages of one bank") },
    { ISPCTL_ISPEN | ISPCTL_APUEN, 0x2e, PAGE + 0x100, 0, "vector map to half a vector page",
      SAID("0x2e", "0x000f0100", "vector page is not 512-byte aligned flash") },
    { ISPCTL_ISPEN | ISPCTL_APUEN, 0x0c, 0, 0, "PID at another address",
      SAID("0x0c", "0x00000000", "PID is at address 4") },
    { ISPCTL_ISPEN | ISPCTL_CFGUEN, ERASE, 0x210800, 0, "page erase of NSCBA",
      SAID("0x22", "0x00210800", "region cannot be page-erased") },
};

static void nothing_changed(void)
{
    FMC_ISPCTL = ISPCTL_ISPEN | ISPCTL_APUEN;
    check("the page is what it was", FLASH(PAGE), 0x600d600d);
    check("a read that failed gives all ones", board_isp(0x00, 0x280000, 0), 0);
    told(SAID("0x00", "0x00280000", "no flash there"));
    check("in ISPDAT", FMC_ISPDAT, 0xffffffff);
}

/* virtual-board's switch for a cell that fails. */
static void injected(void)
{
    FMC_ISPCTL = ISPCTL_ISPEN | ISPCTL_APUEN;
    check("a failing program sets ISPFF", board_isp(PROGRAM32, PAGE + 4, 0), 0);
    told(SAID("0x21", "0x000f0004", "injected fault"));
    check("and changes nothing", FLASH(PAGE + 4), 0xffffffff);
    check("the next one succeeds", board_isp(PROGRAM32, PAGE + 4, 0), 1);
    board_isp(ERASE, PAGE, 0);
}

void phase(uint32_t number)
{
    board_clocks();
    if (number > 0) {
        injected();
        return;
    }
    lock_closed();
    FMC_ISPCTL |= ISPCTL_ISPEN | ISPCTL_APUEN;
    board_isp(ERASE, PAGE, 0);
    board_isp(PROGRAM32, PAGE, 0x600d600d);
    for (uint32_t i = 0; i < COUNT(all); i++)
        refused(&all[i]);
    nothing_changed();
    then_control("fault N ispff 1");
}
