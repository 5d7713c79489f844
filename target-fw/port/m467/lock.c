/* SPDX-License-Identifier: MIT */
/*
 * The locks of the M467: KeyStore OTP (opcode 7), CONFIG0 and CONFIG2 (m460bsp fmc_reg.h; where
 * ALOCK and SBLOCK lie is ISPTool's, of the M480 family). CONFIG is in force from the next chip
 * reset. There is no DPM and no PLM, so no level between dev and production, and what CONFIG
 * locks a mass erase opens again. README.md says what that is worth.
 */
#include "target-fw/port/m467/reg.h"
#include "target-fw/port/nuvoton/fmc.h"
#include "target-fw/port/nuvoton/keystore.h"
#include "target-fw/port/nuvoton/permit.h"
#include "target-fw/port/port.h"

enum {
    CONFIG0_LOCK = 1 << 1,      /* 0: locked */
    CONFIG0_CBS_APROM = 1 << 7, /* [7:6]: 00 and 01 boot from LDROM */
    CONFIG0_ICELOCK = 1 << 11,  /* 0: no SWD */
    CONFIG2_LOCKS = 0xffff,     /* ALOCK, SBLOCK: open at 5Ah only */
};

#define BLANK 0xffffffffu

/* What verifies the firmware is in LDROM, and it is what the chip starts. */
static enum err first_stage_is_there(void)
{
    uint32_t words[FMC_CONFIG_WORDS], vector;
    TRY(fmc_config_read(words));
    TRY(fmc_read(LDROM_BASE, &vector));
    return (words[0] & CONFIG0_CBS_APROM) == 0 && vector != BLANK ? ERR_OK : ERR_PRECONDITION;
}

/* No register tells whether a slot is locked, or whether to lock it twice is an error. */
static enum err otp_lock(uint32_t mask)
{
    TRY(keystore_otp_lock(OTP_ROTPK_X, mask));
    TRY(keystore_otp_lock(OTP_ROTPK_Y, mask));
    return keystore_otp_lock(OTP_AUTHKEY, mask);
}

enum err port_lock(enum port_lock level, uint32_t permit)
{
    if (permit != PORT_PERMIT_LOCK(level))
        return ERR_DENIED;
    if (level == PORT_LOCK_PASSWORD)
        return ERR_UNIMPLEMENTED;
    uint32_t production = permit_lock_mask(permit, PORT_LOCK_PRODUCTION);
    if (level == PORT_LOCK_PRODUCTION) {
        TRY(first_stage_is_there());
        TRY(otp_lock(production));
        TRY(fmc_config_clear(2, CONFIG2_LOCKS & production));
        TRY(fmc_config_clear(0, CONFIG0_ICELOCK & production));
    }
    return fmc_config_clear(0, CONFIG0_LOCK & permit_lock_mask(permit, PORT_LOCK_DEV));
}

enum err port_lock_armed(enum port_lock *level_out)
{
    uint32_t words[FMC_CONFIG_WORDS];
    TRY(fmc_config_read(words));
    bool ice = (words[0] & CONFIG0_ICELOCK) == 0 && (words[2] & CONFIG2_LOCKS) == 0;
    enum port_lock locked = ice ? PORT_LOCK_PRODUCTION : PORT_LOCK_DEV;
    *level_out = (words[0] & CONFIG0_LOCK) == 0 ? locked : PORT_LOCK_NONE;
    return ERR_OK;
}
