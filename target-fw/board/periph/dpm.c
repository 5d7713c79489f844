/* SPDX-License-Identifier: MIT */
/*
 * Debug protection, secure and non-secure side, and the debugger's window to it. Called by the
 * bus and by memap. Bits are stored at once and in force after a cold reset; nothing here
 * clears one.
 */
#include <string.h>

#include "common/host/own.h"
#include "target-fw/board/chip/chip.h"

enum {
    CTL = 0x00,
    STS = 0x04,
    SPW = 0x10,
    NS_SIDE = 0x50, /* non-secure copies start here */
    WINDOW_MISCEXT = 0xf0,
    WINDOW_ID = 0xfc,
    WINDOW_ID_DPM = 0x44504d00, /* "DPM" */
    CTL_PWCMP = 1 << 2,
    CTL_PWUPD = 1 << 3,
    CTL_DACCWDIS = 1 << 12,
    CTL_DACCDIS = 1 << 13,
    CTL_INTEN = 1 << 8,
    KEY_WRITE = 0x5a,
    KEY_READ = 0xa5,
    STS_PWCERR = 1 << 4,
    STS_PWUOK = 1 << 5,
    FAILURES_MAX = 7,
    UPDATES_MAX = 7
};

/* Of CTL and NSCTL, as scu_reg.h has them: DACCDIS is for both sides and stands in CTL alone.
 */
static const uint32_t kept_bits[2] = { CTL_INTEN | CTL_DACCWDIS | CTL_DACCDIS, CTL_DACCWDIS };

bool dpm_debug_allowed(const struct chip *chip, unsigned side, uint32_t flags)
{
    if (flags & DPM_LOCK)
        return false;
    return (flags & DPM_DBGDIS) == 0 || chip->dpm.side[side].open;
}

static void password_update(struct chip *chip, unsigned n)
{
    struct store_dpm *kept = &chip->store.image->head.dpm[n];
    struct dpm_side *side = &chip->dpm.side[n];
    if (kept->updates >= UPDATES_MAX) {
        chip_note(chip, "DPM: password was updated %d times already", UPDATES_MAX);
        return;
    }
    memcpy(kept->password, side->password, sizeof(kept->password));
    kept->updates++;
    store_dpm_seal(kept);
    kept->flags |= DPM_PASSWORD;
    side->updated = true;
}

static void password_compare(struct chip *chip, unsigned n)
{
    struct store_dpm *kept = &chip->store.image->head.dpm[n];
    struct dpm_side *side = &chip->dpm.side[n];
    bool right = (kept->flags & DPM_PASSWORD) != 0 && kept->failures < FAILURES_MAX &&
                 ct_eq(span_of(kept->password, sizeof(kept->password)),
                       span_of(side->password, sizeof(side->password)));
    if (right) {
        side->open = true;
        chip_lock_changed(chip);
        return;
    }
    if (kept->failures < FAILURES_MAX)
        kept->failures++;
    store_dpm_seal(kept);
    side->wrong = true;
}

static void control(struct chip *chip, unsigned n, uint32_t value)
{
    struct dpm_side *side = &chip->dpm.side[n];
    struct store_dpm *kept = &chip->store.image->head.dpm[n];
    if (value >> 24 != KEY_WRITE) {
        chip_note(chip, "DPM: control write without the key");
        return;
    }
    if (side->busy.active) {
        chip_note(chip, "DPM: control write while BUSY");
        return;
    }
    uint32_t sets = value & (DPM_DBGDIS | DPM_LOCK | CTL_PWUPD | CTL_DACCWDIS | CTL_DACCDIS);
    enum oneway_kind kind = n == 0 ? ONEWAY_DPM_SECURE : ONEWAY_DPM_NONSECURE;
    if (sets != 0 && oneway_begin(chip, kind) == ONEWAY_NOT)
        return;
    kept->flags |= value & (DPM_DBGDIS | DPM_LOCK);
    side->control |= value & kept_bits[n];
    if (value & CTL_PWUPD)
        password_update(chip, n);
    else if (value & CTL_PWCMP)
        password_compare(chip, n);
    if (value & (CTL_PWUPD | CTL_PWCMP))
        wipe(side->password, sizeof(side->password));
    store_sync_head(&chip->store);
    busy_start(&side->busy);
    if (sets != 0)
        oneway_end(chip, kind, 0, sets);
}

static uint32_t status(struct chip *chip, unsigned n)
{
    struct dpm_side *side = &chip->dpm.side[n];
    const struct store_dpm *kept = &chip->store.image->head.dpm[n];
    busy_poll(&side->busy);
    if (side->busy.active)
        return 1;
    return (side->wrong ? STS_PWCERR : 0U) | (side->updated ? STS_PWUOK : 0U) |
           (uint32_t)(kept->failures >= FAILURES_MAX) << 6 | kept->updates << 8 |
           (kept->flags & DPM_DBGDIS) << 16 | (kept->flags & DPM_LOCK) << 16 |
           (uint32_t)side->open << 18;
}

static bool hidden(const struct chip *chip)
{
    return chip->master == MASTER_DEBUG && (chip->dpm.side[0].control & CTL_DACCDIS) != 0;
}

static bool write_hidden(const struct chip *chip, unsigned n)
{
    return hidden(chip) ||
           (chip->master == MASTER_DEBUG && (chip->dpm.side[n].control & CTL_DACCWDIS) != 0);
}

static uint32_t dpm_read(struct chip *chip, uint32_t offset)
{
    unsigned n = offset >= NS_SIDE;
    uint32_t at = offset - (n ? NS_SIDE : 0U);
    if (hidden(chip))
        return 0;
    if (at >= SPW && at < SPW + 16)
        return 0xffffffffU; /* write-only */
    switch (at) {
    case CTL:
        return (uint32_t)KEY_READ << 24 | chip->dpm.side[n].control |
               (chip->store.image->head.dpm[n].flags & (DPM_DBGDIS | DPM_LOCK));
    case STS:
        return status(chip, n);
    default:
        return 0;
    }
}

static void dpm_write(struct chip *chip, uint32_t offset, uint32_t value)
{
    unsigned n = offset >= NS_SIDE;
    uint32_t at = offset - (n ? NS_SIDE : 0U);
    struct dpm_side *side = &chip->dpm.side[n];
    if (write_hidden(chip, n)) {
        chip_note(chip, "DPM: debugger access is switched off");
        return;
    }
    if (at == CTL) {
        control(chip, n, value);
    } else if (at == STS) {
        side->wrong = side->wrong && (value & STS_PWCERR) == 0;
        side->updated = side->updated && (value & STS_PWUOK) == 0;
    } else if (at >= SPW && at < SPW + 16) {
        if (side->busy.active)
            chip_note(chip, "DPM: password word written while BUSY");
        else
            side->password[(at - SPW) / 4] = value;
        busy_start(&side->busy);
    }
}

/*
 * ISPTool (DataBase/ChipDefs.h) knows this window, not which parts have it: the registers at
 * their places, MISCEXT with the stage's bits as PLM_STS shows them, and an ID. Writing MISCEXT
 * (a stage, by a debugger) is refused: how it is guarded is not public.
 */
uint32_t dpm_window_read(struct chip *chip, uint32_t offset)
{
    if (hidden(chip))
        return 0;
    switch (offset) {
    case WINDOW_MISCEXT:
        return chip->plm.stage;
    case WINDOW_ID:
        return WINDOW_ID_DPM;
    default:
        return dpm_read(chip, offset);
    }
}

void dpm_window_write(struct chip *chip, uint32_t offset, uint32_t value)
{
    if (offset == WINDOW_MISCEXT)
        chip_note(chip, "DPM: MISCEXT 0x%08x refused: a debugger does not change the stage",
                  value);
    else
        dpm_write(chip, offset, value);
}

static void dpm_reset(struct chip *chip)
{
    wipe(&chip->dpm, sizeof(chip->dpm));
}

const struct periph periph_dpm = {
    .name = "DPM",
    .base = 0x4002f600,
    .size = 0x100,
    .read = dpm_read,
    .write = dpm_write,
    .reset = dpm_reset,
};
