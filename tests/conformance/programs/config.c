/* SPDX-License-Identifier: MIT */
/* FMC: CONFIG, its page, MERASE, and the mass erase. Erases all of flash. */
#include "tests/conformance/programs/board.h"

PROGRAM("FMC", PROGRAM_DESTRUCTIVE);

enum {
    CONFIG0 = 0x300000,
    OTP9 = 0x310048,
    PROGRAM32 = 0x21,
    ERASE = 0x22,
    BANK_ERASE = 0x23,
    MASS_ERASE = 0x26,
};
#define NO_MERASE 0xffffdfffu

#define FLASH(address) (*(const volatile uint32_t *)(address))

static void open(void)
{
    board_clocks();
    FMC_ISPCTL |= ISPCTL_ISPEN | ISPCTL_APUEN | ISPCTL_LDUEN | ISPCTL_CFGUEN;
}

static void fill(void)
{
    board_isp(PROGRAM32, 0x00040000, 0x11111111);
    board_isp(PROGRAM32, 0x00090000, 0x22222222);
    board_isp(PROGRAM32, 0x00100000, 0x33333333);
    board_isp(PROGRAM32, OTP9, 0x44444444);
}

static void config_page(void)
{
    check("CONFIG is blank", board_isp_read(CONFIG0), 0xffffffff);
    checku("a blank CONFIG page is not erased", board_isp(ERASE, CONFIG0, 0), 0);
    told("FMC: ISPFF: command 0x22 at 0x00300000: configuration page is blank already "
         "[FMC_ISPTRG]");
    check("CONFIG0 is programmed", board_isp(PROGRAM32, CONFIG0, NO_MERASE), 1);
    check("and read", board_isp_read(CONFIG0), NO_MERASE);
    check("a written one is erased", board_isp(ERASE, CONFIG0, 0), 1);
    check("and is blank again", board_isp_read(CONFIG0), 0xffffffff);
}

static void bank_erase(void)
{
    fill();
    check("a bank is erased", board_isp(BANK_ERASE, 0, 0), 1);
    check("the word in bank 0 is gone", FLASH(0x00040000), 0xffffffff);
    check("the one in bank 1 is not", FLASH(0x00090000), 0x22222222);
}

static void first(void)
{
    config_page();
    bank_erase();
    check("mass erase without ICPCTL is refused", board_isp(MASS_ERASE, 0, 0), 0);
    told("FMC: ISPFF: command 0x26 at 0x00000000: mass erase is not enabled in ICPCTL "
         "[FMC_ISPTRG]");
    check("and changes nothing", FLASH(0x00090000), 0x22222222);
    board_isp(PROGRAM32, CONFIG0, NO_MERASE);
    then(THEN_RESET_CHIP);
}

static void forbidden(void)
{
    FMC_ICPCTL = 1;
    check("mass erase is refused with MERASE 0", board_isp(MASS_ERASE, 0, 0), 0);
    told("FMC: ISPFF: command 0x26 at 0x00000000: mass erase is disabled by CONFIG0.MERASE "
         "[FMC_ISPTRG]");
    check("and changes nothing", FLASH(0x00090000), 0x22222222);
    check("CONFIG's page can be erased", board_isp(ERASE, CONFIG0, 0), 1);
    check("MERASE 0 stays in force until the next chip reset", board_isp(MASS_ERASE, 0, 0), 0);
    then(THEN_RESET_CHIP);
}

static void erased(void)
{
    fill();
    FMC_ICPCTL = 1;
    check("mass erase", board_isp(MASS_ERASE, 0, 0), 1);
    check("bank 0 is blank", FLASH(0x00040000), 0xffffffff);
    check("bank 1 is blank", FLASH(0x00090000), 0xffffffff);
    check("LDROM is blank", FLASH(0x00100000), 0xffffffff);
    check("CONFIG is blank", board_isp_read(CONFIG0), 0xffffffff);
    check("flash OTP is kept", board_isp_read(OTP9), 0x44444444);
}

void phase(uint32_t number)
{
    static void (*const phases[])(void) = { first, forbidden, erased };
    open();
    phases[number]();
}
