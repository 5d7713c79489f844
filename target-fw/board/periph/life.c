/* SPDX-License-Identifier: MIT */
/*
 * SCU, FVC, PLM and BTF. Called by the bus. A stage of PLM and a counter of FVC must only rise.
 */

#include "target-fw/board/chip/life.h"

#include "common/host/own.h"
#include "target-fw/board/chip/chip.h"

enum {
    SCU_FNSADDR = 0x28,
    PLM_CTL = 0x00,
    PLM_STS = 0x04,
    PLM_KEY = 0x475a,
    PLM_DIRTY = 1 << 8,
    FVC_CTL = 0x00,
    FVC_STS = 0x04,
    FVC_NVC = 0x10,
    FVC_KEY = 0x7710,
    FVC_INIT = 1 << 0,
    FVC_MONOEN = 1 << 1
};

static uint32_t scu_read(struct chip *chip, uint32_t offset)
{
    return offset == SCU_FNSADDR ? chip->lock.nscba : chip->scu.regs[offset / 4];
}

static void scu_write(struct chip *chip, uint32_t offset, uint32_t value)
{
    if (offset != SCU_FNSADDR)
        chip->scu.regs[offset / 4] = value;
}

static void scu_reset(struct chip *chip)
{
    wipe(&chip->scu, sizeof(chip->scu));
}

const struct periph periph_scu = {
    .name = "SCU",
    .base = 0x4002f000,
    .size = 0x500,
    .read = scu_read,
    .write = scu_write,
    .reset = scu_reset,
};

/* Counters 0 and 1 go to 63, 4 and 5 to 255; the others do not exist. */
static uint32_t fvc_limit(unsigned n)
{
    return n <= 1 ? 63 : n == 4 || n == 5 ? 255 : 0;
}

static uint32_t fvc_read(struct chip *chip, uint32_t offset)
{
    struct fvc *fvc = &chip->fvc;
    const struct store_head *head = &chip->store.image->head;
    if (offset == FVC_STS && busy_poll(&fvc->busy))
        fvc->ready = true;
    if (offset == FVC_STS)
        return (uint32_t)fvc->busy.active | (uint32_t)fvc->ready << 1;
    if (offset == FVC_CTL)
        return head->fvc_mono << 1;
    if (offset >= FVC_NVC && offset < FVC_NVC + 32 && fvc->ready)
        return head->fvc[(offset - FVC_NVC) / 4];
    return 0;
}

static void fvc_count(struct chip *chip, unsigned n, uint32_t value)
{
    struct store_head *head = &chip->store.image->head;
    uint32_t next = value & 0xffff;
    if (!chip->fvc.ready || chip->fvc.busy.active || value >> 16 != head->fvc[n] ||
        next > fvc_limit(n) || (head->fvc_mono && next < head->fvc[n])) {
        chip_note(chip, "FVC: counter %u: 0x%08x refused", n, value);
        return;
    }
    if (oneway_begin(chip, ONEWAY_FVC) == ONEWAY_NOT)
        return;
    head->fvc[n] = next;
    store_sync_head(&chip->store);
    oneway_end(chip, ONEWAY_FVC, n, next);
    busy_start(&chip->fvc.busy);
}

static void fvc_write(struct chip *chip, uint32_t offset, uint32_t value)
{
    if (offset >= FVC_NVC && offset < FVC_NVC + 32) {
        fvc_count(chip, (offset - FVC_NVC) / 4, value);
    } else if (offset == FVC_CTL && value >> 16 == FVC_KEY) {
        if (value & FVC_MONOEN)
            chip->store.image->head.fvc_mono = 1;
        if (value & FVC_INIT)
            busy_start(&chip->fvc.busy);
    }
}

static void fvc_reset(struct chip *chip)
{
    chip->fvc = (struct fvc){ 0 };
}

const struct periph periph_fvc = {
    .name = "FVC",
    .base = 0x4002f500,
    .size = 0x100,
    .read = fvc_read,
    .write = fvc_write,
    .reset = fvc_reset,
};

static uint32_t plm_read(struct chip *chip, uint32_t offset)
{
    const struct store_head *head = &chip->store.image->head;
    if (offset != PLM_STS)
        return 0;
    return chip->plm.stage | (head->plm_next != chip->plm.stage ? PLM_DIRTY : 0U);
}

static void plm_write(struct chip *chip, uint32_t offset, uint32_t value)
{
    struct store_head *head = &chip->store.image->head;
    uint32_t stage = value & 0xffff;
    if (offset != PLM_CTL)
        return;
    bool known = stage == PLM_OEM || stage == PLM_DEPLOYED || stage == PLM_RMA;
    if (value >> 16 != PLM_KEY || !known || (head->plm_next & ~stage) != 0) {
        chip_note(chip, "PLM: 0x%08x refused, stored stage is %u", value, head->plm_next);
        return;
    }
    if (oneway_begin(chip, ONEWAY_PLM) == ONEWAY_NOT)
        return;
    head->plm_next = stage;
    store_sync_head(&chip->store);
    oneway_end(chip, ONEWAY_PLM, 0, stage);
}

static void plm_reset(struct chip *chip)
{
    (void)chip; /* the stage is latched with the other locks, by the kinds of reset that do */
}

const struct periph periph_plm = {
    .name = "PLM",
    .base = 0x4002f700,
    .size = 0x100,
    .read = plm_read,
    .write = plm_write,
    .reset = plm_reset,
};

static uint32_t btf_read(struct chip *chip, uint32_t offset)
{
    return offset == 0 && chip->verdict == VERDICT_VERIFIED;
}

static void btf_write(struct chip *chip, uint32_t offset, uint32_t value)
{
    (void)chip, (void)offset, (void)value;
}

const struct periph periph_btf = {
    .name = "BTF",
    .base = 0x4002f800,
    .size = 0x100,
    .read = btf_read,
    .write = btf_write,
    .reset = plm_reset,
};
