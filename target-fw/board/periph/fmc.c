/* SPDX-License-Identifier: MIT */
/*
 * The flash controller's registers, its BUSY and the choice of what address 0 shows. Called by
 * the bus and, at resets, by chip.c. While a command runs, a write must not change what it
 * works on.
 */

#include "target-fw/board/chip/fmc.h"

#include "target-fw/board/chip/chip.h"
#include "target-fw/board/periph/fmc_cmd.h"

enum {
    ISPCTL = 0x00,
    ISPADDR = 0x04,
    ISPDAT = 0x08,
    ISPCMD = 0x0c,
    ISPTRG = 0x10,
    ICPCTL = 0x1c,
    ISPSTS = 0x40,
    CYCCTL = 0x4c,
    MPDAT0 = 0x80,
    MPDAT3 = 0x8c,
    MPSTS = 0xc0,
    MPADDR = 0xc4,
    ISPCTL_ISPFF = 1 << 6,
    ISPCTL_INTEN = 1 << 24,
    ISPCTL_KEPT = 0x0101003b,
    DFCTL = 0x100,
    STS_CBS = 1 << 2,
    STS_MBS = 1 << 3,
    STS_INTFLAG = 1 << 24,
    STS_FBS = 1 << 30
};

static bool is_busy(const struct fmc *fmc)
{
    return fmc->busy.active || fmc->mp_active;
}

static void start(struct chip *chip)
{
    struct fmc *fmc = &chip->fmc;
    if (is_busy(fmc)) {
        chip_note(chip, "FMC: command 0x%02x started while busy", fmc->cmd);
        fmc->ispff = true;
        return;
    }
    fmc->result_dat = fmc->dat;
    fmc->result_ispff = false;
    fmc->result_allone = fmc->allone;
    fmc_cmd_run(chip);
    busy_start(&fmc->busy);
    if (chip->pace.on) {
        uint64_t us = pace_flash_ns(fmc->cmd) / 1000;
        fmc->done_at = chip->cycles + us * (CHIP_HCLK_HZ / 1000000);
        chip->pace.flash_us += us;
    }
}

static void poll(struct chip *chip)
{
    struct fmc *fmc = &chip->fmc;
    fmc_cmd_multi_poll(chip);
    if (fmc->mp_active || chip->cycles < fmc->done_at || !busy_poll(&fmc->busy))
        return;
    fmc->dat = fmc->result_dat;
    fmc->ispff = fmc->ispff || fmc->result_ispff;
    fmc->allone = fmc->result_allone;
    fmc->done = (fmc->ctl & ISPCTL_INTEN) != 0;
}

bool fmc_interrupt(struct chip *chip)
{
    poll(chip);
    return chip->fmc.done;
}

static uint32_t status(struct chip *chip)
{
    struct fmc *fmc = &chip->fmc;
    poll(chip);
    const struct lock *lock = &chip->lock;
    return (uint32_t)is_busy(fmc) | (lock->ldrom ? 0U : STS_CBS) |
           (lock->loader ? 0U : STS_MBS) | (fmc->banks_swapped ? (uint32_t)STS_FBS : 0U) |
           (fmc->done ? (uint32_t)STS_INTFLAG : 0U) | (uint32_t)fmc->pgff << 5 |
           (uint32_t)fmc->ispff << 6 | (uint32_t)fmc->allone << 7 | (fmc->vecmap & 0xfffe00U);
}

static uint32_t mp_status(struct chip *chip)
{
    struct fmc *fmc = &chip->fmc;
    poll(chip);
    uint32_t out =
        (uint32_t)fmc->mp_active | (uint32_t)fmc->mp_active << 1 | (uint32_t)fmc->ispff << 2;
    for (unsigned i = 0; i < 4; i++)
        out |= (uint32_t)fmc->mp_full[i] << (4 + i);
    return out;
}

static uint32_t fmc_read(struct chip *chip, uint32_t offset)
{
    struct fmc *fmc = &chip->fmc;
    if (offset >= MPDAT0 && offset <= MPDAT3)
        return fmc->mpdat[(offset - MPDAT0) / 4];
    if (offset - DFCTL < sizeof(fmc->df))
        return fmc->df[(offset - DFCTL) / 4];
    switch (offset) {
    case ISPCTL:
        return fmc->ctl | (fmc->ispff ? ISPCTL_ISPFF : 0U);
    case ISPADDR:
        return fmc->addr;
    case ISPDAT:
        return fmc->dat;
    case ISPCMD:
        return fmc->cmd;
    case ISPTRG:
        poll(chip);
        return is_busy(fmc);
    case ICPCTL:
        return fmc->icpctl;
    case ISPSTS:
        return status(chip);
    case CYCCTL:
        return fmc->cyc;
    case MPSTS:
        return mp_status(chip);
    case MPADDR:
        return fmc->mp_addr;
    default:
        return 0;
    }
}

static bool guarded(struct chip *chip, uint32_t offset)
{
    if ((offset != ISPCTL && offset != ISPTRG && offset != CYCCTL) || chip->sys.unlocked)
        return false;
    chip_note(chip, "FMC+0x%02x: write ignored, register lock is closed", offset);
    return true;
}

static void fmc_write(struct chip *chip, uint32_t offset, uint32_t value)
{
    struct fmc *fmc = &chip->fmc;
    if (guarded(chip, offset))
        return;
    if (offset >= MPDAT0 && offset <= MPDAT3) {
        if (chip->pace.on) /* a refill that comes late finds the run at its end */
            fmc_cmd_multi_poll(chip);
        fmc->mpdat[(offset - MPDAT0) / 4] = value;
        fmc->mp_full[(offset - MPDAT0) / 4] = fmc->mp_active;
        return;
    }
    if (offset == DFCTL)
        fmc->df[0] = value & 3; /* scrambling and silent access: kept, without effect */
    switch (offset) {
    case ISPCTL:
        fmc->ctl = value & ISPCTL_KEPT;
        if (value & ISPCTL_ISPFF)
            fmc->ispff = false;
        break;
    case ISPADDR:
        fmc->addr = value;
        break;
    case ISPDAT:
        fmc->dat = value;
        break;
    case ISPCMD:
        fmc->cmd = value & 0x7f;
        break;
    case ISPTRG:
        if (value & 1)
            start(chip);
        break;
    case ICPCTL:
        fmc->icpctl = value & 1;
        break;
    case ISPSTS:
        if (value & ISPCTL_ISPFF)
            fmc->ispff = false;
        if (value & STS_INTFLAG)
            fmc->done = false;
        break;
    case CYCCTL:
        fmc->cyc = value;
        break;
    default:
        break;
    }
}

static void fmc_reset(struct chip *chip)
{
    const struct fmc old = chip->fmc;
    chip->fmc = (struct fmc){ .ctl = FMC_ISPCTL_APUEN | (old.ctl & FMC_ISPCTL_BS),
                              .vecmap = old.vecmap,
                              .from_ldrom = old.from_ldrom,
                              .banks_swapped = old.banks_swapped,
                              .busy.stuck = old.busy.stuck };
}

/*
 * Cold: CONFIG0 decides, but a part with a ROTPK starts what its ROM verifies, in APROM
 * (assumed). SYSRESETREQ: ISPCTL.BS, if software has changed it, else VECMAP stays.
 */
void fmc_boot_select(struct chip *chip, bool cold)
{
    struct fmc *fmc = &chip->fmc;
    if (cold) {
        bool ldrom = chip->lock.ldrom && (ks_otp_used(chip) & 3) == 0;
        fmc->ctl = (fmc->ctl & ~(uint32_t)FMC_ISPCTL_BS) | (ldrom ? FMC_ISPCTL_BS : 0U);
    }
    bool from_ldrom = (fmc->ctl & FMC_ISPCTL_BS) != 0;
    if (cold || from_ldrom != fmc->from_ldrom)
        fmc->vecmap = from_ldrom ? FMC_LDROM : 0;
    fmc->from_ldrom = from_ldrom;
}

const struct periph periph_fmc = {
    .name = "FMC",
    .base = 0x4000c000,
    .size = 0x1000,
    .gate = GATE_ISP,
    .read = fmc_read,
    .write = fmc_write,
    .reset = fmc_reset,
};
