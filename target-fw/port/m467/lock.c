/* SPDX-License-Identifier: MIT */
/*
 * The locks of the M467: KeyStore OTP (opcode 7), CONFIG0 and CONFIG2 (m460bsp fmc_reg.h; the
 * places of ALOCK and SBLOCK are from ISPTool, for the M480 family). Called by devauth/lock.c
 * alone. It must not set a bit without a permit.
 *
 * CONFIG is in force from the next chip reset. There is no DPM and no PLM, so there is no level
 * between dev and production, and a mass erase opens what CONFIG locks. README.md states what
 * that is worth.
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
    uint32_t words[PORT_CONFIG_WORDS], vector;
    TRY(port_config_read(words));
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

void port_config_lock(enum port_lock level, uint32_t words[PORT_CONFIG_WORDS])
{
    if (level >= PORT_LOCK_DEV)
        words[0] &= ~(uint32_t)CONFIG0_LOCK;
    if (level == PORT_LOCK_PRODUCTION) {
        words[0] &= ~(uint32_t)CONFIG0_ICELOCK;
        words[2] &= ~(uint32_t)CONFIG2_LOCKS;
    }
}

enum err port_lock(enum port_lock level, const uint32_t config[PORT_CONFIG_WORDS],
                   uint32_t permit)
{
    if (permit != PORT_PERMIT_LOCK(level))
        return ERR_DENIED;
    if (level == PORT_LOCK_PRODUCTION) {
        TRY(first_stage_is_there());
        TRY(otp_lock(permit_lock_mask(permit, PORT_LOCK_PRODUCTION)));
    }
    uint32_t mask = permit_lock_mask(permit, PORT_LOCK_DEV);
    uint32_t locks = CONFIG0_LOCK | CONFIG0_ICELOCK;
    return fmc_config_write(config, config[0] | (locks & ~mask), mask);
}

/* CONFIG as shipped is not known for this part: what it has but locks does not count. */
enum err port_lock_state(struct port_lock_state *out)
{
    uint32_t words[PORT_CONFIG_WORDS];
    TRY(port_config_read(words));
    bool lock = (words[0] & CONFIG0_LOCK) == 0, ice = (words[0] & CONFIG0_ICELOCK) == 0;
    bool second = (words[2] & CONFIG2_LOCKS) == 0;
    *out = (struct port_lock_state){ PORT_LOCK_NONE, lock || ice || second };
    if (lock)
        out->level = ice && second ? PORT_LOCK_PRODUCTION : PORT_LOCK_DEV;
    return ERR_OK;
}
