/* SPDX-License-Identifier: MIT */
/* PLM: the life cycle only rises (scu_reg.h, plm.h). Ends in RMA. */
#include "tests/conformance/programs/ecc_engine.h"

PROGRAM("PLM", PROGRAM_DESTRUCTIVE);

enum { VENDOR = 0, OEM = 1, DEPLOYED = 3, RMA = 7, DIRTY = 1 << 8 };
#define KEY (0x475au << 16)

static void vendor(void)
{
    check("a new part is in stage Vendor", PLM_STS & 7, VENDOR);
    PLM_CTL = OEM;
    check("CTL without its key takes nothing", PLM_STS, VENDOR);
    told("PLM: 0x00000001 refused, stored stage is 0 [PLM_CTL]");
    PLM_CTL = KEY | 2;
    check("2 is no stage", PLM_STS, VENDOR);
    told("PLM: 0x475a0002 refused, stored stage is 0 [PLM_CTL]");
    PLM_CTL = KEY | OEM;
    checku("to OEM: DIRTY, the stage not yet", PLM_STS, DIRTY | VENDOR);
    then(THEN_RESET_SYSTEM);
}

static void not_yet(void)
{
    checku("SYSRESETREQ is no cold reset", PLM_STS, DIRTY | VENDOR);
    then(THEN_RESET_PIN);
}

static void oem(void)
{
    checku("nRESET shows the new stage", PLM_STS, OEM);
    PLM_CTL = KEY | DEPLOYED;
    checku("to Deployed: DIRTY", PLM_STS, DIRTY | OEM);
    PLM_CTL = KEY | OEM;
    check("not back", PLM_STS, DIRTY | OEM);
    told("PLM: 0x475a0001 refused, stored stage is 3 [PLM_CTL]");
    then(THEN_RESET_CHIP);
}

/* Fidelity rule: set-only, over power too; and mass erase is refused from Deployed on. */
static void deployed(void)
{
    checku("CHIPRST shows the new stage", PLM_STS, DEPLOYED);
    FMC_ISPCTL |= ISPCTL_ISPEN;
    FMC_ICPCTL = 1;
    checku("mass erase is refused in Deployed", board_isp(0x26, 0, 0), 0);
    told("FMC: ISPFF: command 0x26 at 0x00000000: mass erase is refused in Deployed and RMA "
         "[FMC_ISPTRG]");
    board_ks_open();
    check("a key is burnt to OTP",
          board_ks_write(META_OTP | META_SLOT(5) | META_CPU | META_READABLE | META_256,
                         rfc6979_d),
          1);
    check("and read", board_ks(META_OTP | META_SLOT(5), KS_READ), 1);
    PLM_CTL = KEY | RMA;
    check("to RMA: DIRTY", PLM_STS, DIRTY | DEPLOYED);
    check("OTP keys live until the stage is in force",
          board_ks(META_OTP | META_SLOT(5), KS_READ), 1);
    then(THEN_POWER);
}

static void rma(void)
{
    check("power-on shows the new stage", PLM_STS, RMA);
    board_ks_open();
    check("RMA revokes OTP keys at INIT", board_ks(META_OTP | META_SLOT(5), KS_READ), 0);
    told("KS: error: memory 2 slot 5: key is revoked [KS_CTL]");
    PLM_CTL = KEY | DEPLOYED;
    check("not back from RMA", PLM_STS, RMA);
    told("PLM: 0x475a0003 refused, stored stage is 7 [PLM_CTL]");
}

void phase(uint32_t number)
{
    static void (*const phases[])(void) = { vendor, not_yet, oem, deployed, rma };
    board_clocks();
    phases[number]();
}
