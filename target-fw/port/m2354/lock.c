/* SPDX-License-Identifier: MIT */
/*
 * The locks: CONFIG0.LOCK (M2354BSP fmc_reg.h), DPM (dpm.c), PLM (plm.h). All of them are in
 * force from the next chip reset only, so DevAuth keeps its debugger and its flash until then.
 * Called by devauth/lock.c alone. It must not set a bit without a permit, nor a bit of a later
 * step before those of the earlier ones were read back.
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
    DPM_ALL = DPM_DBGDIS | DPM_LOCK | DPM_DACCWDIS | DPM_DACCDIS,
    DPM_CODE_MASK = 0x00ffffff,
    DPM_BUSY = 1 << 0,
    DPM_STS_DBGDIS = 1 << 16,
    DPM_STS_LOCK = 1 << 17,

    PLM_STAGE = 7,
    PLM_DIRTY = 1 << 8,
    PLM_OEM = 1,
    PLM_DEPLOYED = 3,
};

#define DPM_CODE (0x5au << 24)
#define PLM_CODE (0x475au << 16)

/* The two sides of DPM. The DACC bits of the non-secure one are written but not required: that
 * they read back is not documented. */
static const struct dpm {
    uint32_t control, status, required;
} secure = { SCU_DPM_CTL, SCU_DPM_STS, DPM_ALL },
  non_secure = { SCU_DPM_NSCTL, SCU_DPM_NSSTS, DPM_DBGDIS | DPM_LOCK };

/* A bit counts as set when it was written or is in force already. */
static uint32_t dpm_bits(const struct dpm *side)
{
    uint32_t status = REG(side->status);
    return (REG(side->control) & DPM_ALL) | ((status & DPM_STS_DBGDIS) != 0 ? DPM_DBGDIS : 0u) |
           ((status & DPM_STS_LOCK) != 0 ? DPM_LOCK : 0u);
}

static bool dpm_shut(const struct dpm *side)
{
    return (dpm_bits(side) & side->required) == side->required;
}

/* All bits of a side in one write. */
static enum err dpm_set(const struct dpm *side, uint32_t mask)
{
    TRY(reg_wait(WAIT_DPM, side->status, DPM_BUSY, 0));
    if (dpm_shut(side))
        return ERR_OK;
    REG(side->control) = (REG(side->control) & DPM_CODE_MASK) | DPM_CODE | (DPM_ALL & mask);
    TRY(reg_wait(WAIT_DPM, side->status, DPM_BUSY, 0));
    return dpm_shut(side) ? ERR_OK : ERR_VERIFY;
}

/* STAGE shows a stage after a cold reset only; until then DIRTY says that a newer one is
 * stored, not which. */
static bool deployed(void)
{
    uint32_t status = REG(SCU_PLM_STS);
    return (status & PLM_STAGE) == PLM_DEPLOYED || (status & PLM_DIRTY) != 0;
}

/* So the stage is written unless STAGE is Deployed: DIRTY may be of another one. */
static enum err plm_deploy(uint32_t mask)
{
    if ((REG(SCU_PLM_STS) & PLM_STAGE) != PLM_DEPLOYED)
        REG(SCU_PLM_CTL) = (PLM_CODE | PLM_DEPLOYED) & mask;
    return deployed() ? ERR_OK : ERR_VERIFY;
}

/* From RMA, and from stages that do not exist, there is no way to Deployed. */
static enum err plm_can_deploy(void)
{
    uint32_t stage = REG(SCU_PLM_STS) & PLM_STAGE;
    return stage == 0 || stage == PLM_OEM || stage == PLM_DEPLOYED ? ERR_OK : ERR_CHIP;
}

void port_config_lock(enum port_lock level, uint32_t words[PORT_CONFIG_WORDS])
{
    if (level >= PORT_LOCK_DEV)
        words[0] &= ~(uint32_t)CONFIG0_LOCK;
}

enum err port_lock(enum port_lock level, const uint32_t config[PORT_CONFIG_WORDS],
                   uint32_t permit)
{
    if (permit != PORT_PERMIT_LOCK(level))
        return ERR_DENIED;
    if (level == PORT_LOCK_PRODUCTION) {
        TRY(plm_can_deploy());
        TRY(plm_deploy(permit_lock_mask(permit, PORT_LOCK_PRODUCTION)));
    }
    uint32_t mask = permit_lock_mask(permit, PORT_LOCK_DEV);
    TRY(fmc_config_write(config, config[0] | (CONFIG0_LOCK & ~mask), mask));
    if (level != PORT_LOCK_PRODUCTION)
        return ERR_OK;
    TRY(dpm_set(&secure, permit_lock_mask(permit, PORT_LOCK_PRODUCTION)));
    return dpm_set(&non_secure, permit_lock_mask(permit, PORT_LOCK_PRODUCTION));
}

/* How the chip is shipped: CONFIG_SHIPPED, stage Vendor, no DPM bit. */
static bool as_shipped(const uint32_t words[PORT_CONFIG_WORDS])
{
    for (size_t i = 0; i < PORT_CONFIG_WORDS; i++)
        if (words[i] != CONFIG_SHIPPED)
            return false;
    return (REG(SCU_PLM_STS) & (PLM_STAGE | PLM_DIRTY)) == 0 &&
           (dpm_bits(&secure) | dpm_bits(&non_secure)) == 0;
}

enum err port_lock_state(struct port_lock_state *out)
{
    uint32_t words[PORT_CONFIG_WORDS];
    TRY(port_config_read(words));
    TRY(reg_wait(WAIT_DPM, SCU_DPM_STS, DPM_BUSY, 0));
    TRY(reg_wait(WAIT_DPM, SCU_DPM_NSSTS, DPM_BUSY, 0));
    *out = (struct port_lock_state){ PORT_LOCK_NONE, !as_shipped(words) };
    if ((words[0] & CONFIG0_LOCK) == 0)
        out->level = PORT_LOCK_DEV;
    if (out->level == PORT_LOCK_DEV && deployed() && dpm_shut(&secure) && dpm_shut(&non_secure))
        out->level = PORT_LOCK_PRODUCTION;
    return ERR_OK;
}
