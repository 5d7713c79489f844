/* SPDX-License-Identifier: MIT */
/*
 * The locks: CONFIG0.LOCK (M2354BSP fmc_reg.h), DPM (dpm.c), PLM (plm.h). All of them are in
 * force from the next chip reset only, so DevAuth keeps its debugger and its flash until then.
 */
#include "target-fw/port/m2354/reg.h"
#include "target-fw/port/nuvoton/fmc.h"
#include "target-fw/port/nuvoton/permit.h"
#include "target-fw/port/port.h"

enum {
    CONFIG0_LOCK = 1 << 1, /* 0: locked */

    DPM_DBGDIS = 1 << 0,
    DPM_LOCK = 1 << 1,
    DPM_DACCWDIS = 1 << 12,
    DPM_DACCDIS = 1 << 13,
    DPM_CODE_MASK = 0x00ffffff,
    DPM_BUSY = 1 << 0,
    DPM_STS_DBGDIS = 1 << 16,
    DPM_STS_LOCK = 1 << 17,

    PLM_STAGE = 7,
    PLM_DIRTY = 1 << 8,
    PLM_DEPLOYED = 3,
};

#define DPM_CODE (0x5au << 24)
#define PLM_CODE (0x475au << 16)

static enum err dpm_set(uint32_t control, uint32_t status, uint32_t bits)
{
    TRY(reg_wait(WAIT_DPM, status, DPM_BUSY, 0));
    REG(control) = (REG(control) & DPM_CODE_MASK) | DPM_CODE | bits;
    return reg_wait(WAIT_DPM, status, DPM_BUSY, 0);
}

static enum err dpm_both(uint32_t bits)
{
    TRY(dpm_set(SCU_DPM_NSCTL, SCU_DPM_NSSTS, bits));
    return dpm_set(SCU_DPM_CTL, SCU_DPM_STS, bits);
}

static bool deployed(void)
{
    uint32_t status = REG(SCU_PLM_STS);
    return (status & PLM_STAGE) == PLM_DEPLOYED || (status & PLM_DIRTY) != 0;
}

static enum err plm_deploy(uint32_t mask)
{
    if ((REG(SCU_PLM_STS) & PLM_STAGE) > PLM_DEPLOYED)
        return ERR_CHIP; /* RMA: there is no way back to Deployed */
    if (!deployed())
        REG(SCU_PLM_CTL) = (PLM_CODE | PLM_DEPLOYED) & mask;
    return deployed() ? ERR_OK : ERR_VERIFY;
}

/* From what can be undone to what cannot: a failure in between leaves the lower level. */
enum err port_lock(enum port_lock level, uint32_t permit)
{
    if (permit != PORT_PERMIT_LOCK(level))
        return ERR_DENIED;
    if (level >= PORT_LOCK_DEV)
        TRY(fmc_config_clear(0, CONFIG0_LOCK & permit_lock_mask(permit, PORT_LOCK_DEV)));
    if (level >= PORT_LOCK_PASSWORD)
        TRY(dpm_both(DPM_DBGDIS & permit_lock_mask(permit, PORT_LOCK_PASSWORD)));
    if (level < PORT_LOCK_PRODUCTION)
        return ERR_OK;
    TRY(dpm_both(DPM_LOCK & permit_lock_mask(permit, PORT_LOCK_PRODUCTION)));
    TRY(dpm_both((DPM_DACCWDIS | DPM_DACCDIS) &
                 permit_lock_mask(permit, PORT_LOCK_PRODUCTION)));
    return plm_deploy(permit_lock_mask(permit, PORT_LOCK_PRODUCTION));
}

/* A bit counts as set when it was written or is already in force. */
static bool dpm_has(uint32_t bit, uint32_t status_bit)
{
    return ((REG(SCU_DPM_CTL) & bit) != 0 || (REG(SCU_DPM_STS) & status_bit) != 0) &&
           ((REG(SCU_DPM_NSCTL) & bit) != 0 || (REG(SCU_DPM_NSSTS) & status_bit) != 0);
}

enum err port_lock_armed(enum port_lock *level_out)
{
    uint32_t words[FMC_CONFIG_WORDS];
    TRY(fmc_config_read(words));
    enum port_lock level = PORT_LOCK_NONE;
    if ((words[0] & CONFIG0_LOCK) == 0)
        level = PORT_LOCK_DEV;
    if (level == PORT_LOCK_DEV && dpm_has(DPM_DBGDIS, DPM_STS_DBGDIS))
        level = PORT_LOCK_PASSWORD;
    if (level == PORT_LOCK_PASSWORD && dpm_has(DPM_LOCK, DPM_STS_LOCK) && deployed())
        level = PORT_LOCK_PRODUCTION;
    *level_out = level;
    return ERR_OK;
}
