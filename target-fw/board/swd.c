/* SPDX-License-Identifier: MIT */
/*
 * The line and the debug port. Called by dap_transfer, bitbang and jtag, bit by bit or a
 * transfer at a time. What a lock refuses is memap's part; here it is decided only whether
 * anything answers.
 */
#include "target-fw/board/swd.h"

#include "common/host/log.h"
#include "target-fw/board/chip/chip.h"
#include "target-fw/board/memap.h"

enum {
    DPIDR = 0x0bf11477, /* Nuvoton's OpenOCD configuration for its M23 parts */
    RESET_ONES = 50,
    IDLE_ZEROS = 2,
    SWITCH_SWD = 0xe79e,
    SWITCH_JTAG = 0xe73c,
    SWITCH_BITS = 16,
    ABORT_DAP = 1 << 0,
    ABORT_STICKY_ERROR = 1 << 2,
    CONTROL_REQUESTS = 0x50000000, /* CSYSPWRUPREQ, CDBGPWRUPREQ */
    CONTROL_KEPT = 0x50000f00,
    STAT_STICKYERR = 1 << 5,
    STAT_READOK = 1 << 6,
    STAT_WDATAERR = 1 << 7,
    ABORT_WDATAERR = 1 << 3
};

void swd_init(struct swd *swd)
{
    *swd = (struct swd){ .line = SWD_LINE_JTAG, .match_swd = -1, .match_jtag = -1 };
    memap_reset(swd);
}

static int match(int seen, uint32_t pattern, bool bit)
{
    if (seen < 0 || seen >= SWITCH_BITS)
        return -1;
    return bit == ((pattern >> seen & 1) != 0) ? seen + 1 : -1;
}

static void line_switch(struct swd *swd, bool bit)
{
    swd->match_swd = match(swd->match_swd, SWITCH_SWD, bit);
    swd->match_jtag = match(swd->match_jtag, SWITCH_JTAG, bit);
    if (swd->match_swd == SWITCH_BITS) {
        swd->is_swd = true;
        swd->line = SWD_LINE_LOST;
    } else if (swd->match_jtag == SWITCH_BITS) {
        swd->is_swd = false;
        swd->line = SWD_LINE_JTAG;
    }
}

static void line_one(struct swd *swd)
{
    swd->ones++;
    swd->zeros = 0;
    if (swd->ones == RESET_ONES && swd->is_swd) {
        swd->line = SWD_LINE_RESET;
        swd->control = 0;
        swd->select = 0;
        swd->sticky_error = swd->data_error = false;
    } else if (swd->ones < RESET_ONES && swd->line > SWD_LINE_RESET) {
        swd->line = SWD_LINE_LOST; /* a start bit that no request follows */
    }
}

static void line_zero(struct swd *swd)
{
    if (swd->ones >= RESET_ONES)
        swd->match_swd = swd->match_jtag = 0; /* the first bit of a switch sequence */
    swd->ones = 0;
    swd->zeros++;
    if (swd->line == SWD_LINE_RESET && swd->zeros >= IDLE_ZEROS)
        swd->line = SWD_LINE_FRESH;
}

/* The chip may have reset its debug port since the last time. */
static void take_note(struct swd *swd, struct chip *chip)
{
    if (chip->link_resets != swd->resets_seen || !chip->powered)
        swd_init(swd);
    swd->resets_seen = chip->link_resets;
}

void swd_sequence(struct swd *swd, struct chip *chip, const uint8_t *bits, size_t count)
{
    take_note(swd, chip);
    for (size_t i = 0; i < count; i++) {
        bool bit = (bits[i / 8] >> (i % 8) & 1) != 0;
        if (bit)
            line_one(swd);
        else
            line_zero(swd);
        line_switch(swd, bit);
    }
}

static uint32_t control_stat(const struct swd *swd)
{
    uint32_t acks = (swd->control & CONTROL_REQUESTS) << 1;
    return swd->control | acks | (swd->sticky_error ? STAT_STICKYERR : 0U) |
           (swd->data_error ? STAT_WDATAERR : 0U) | STAT_READOK;
}

static bool blocked(const struct swd *swd)
{
    return swd->sticky_error || swd->data_error;
}

static enum swd_ack dp_read(struct swd *swd, unsigned a23, uint32_t *data)
{
    switch (a23) {
    case 0:
        *data = DPIDR;
        return SWD_OK;
    case 1:
        *data = (swd->select & 15) == 0 ? control_stat(swd) : 0;
        return SWD_OK;
    case 2:
        *data = swd->last_ap;
        return SWD_OK;
    default:
        if (blocked(swd))
            return SWD_FAULT;
        *data = swd->last_ap = swd->posted;
        return SWD_OK;
    }
}

static enum swd_ack dp_write(struct swd *swd, struct chip *chip, unsigned a23, uint32_t data)
{
    if (a23 == 0) {
        if (data & ABORT_DAP)
            chip->faults.wait = 0; /* the transaction that is not done is given up */
        if (data & (ABORT_STICKY_ERROR | ABORT_DAP))
            swd->sticky_error = swd->sticky_error && (data & ABORT_STICKY_ERROR) == 0;
        if (data & ABORT_WDATAERR)
            swd->data_error = false;
        return SWD_OK;
    }
    if (blocked(swd) && a23 != 1)
        return SWD_FAULT;
    if (a23 == 1 && (swd->select & 15) == 0)
        swd->control = data & CONTROL_KEPT;
    else if (a23 == 2)
        swd->select = data;
    return SWD_OK;
}

/* The access happens after its ACK: an error shows at the next transfer. */
static enum swd_ack ap_transfer(struct swd *swd, struct chip *chip, uint8_t request,
                                uint32_t *data)
{
    if (blocked(swd))
        return SWD_FAULT;
    if ((swd->control & CONTROL_REQUESTS) != CONTROL_REQUESTS) {
        swd->sticky_error = true;
        return SWD_FAULT;
    }
    unsigned reg = (swd->select & 0xf0) | (request & SWD_A23);
    unsigned ap = swd->select >> 24;
    bool ok = true;
    if (request & SWD_READ) {
        *data = swd->last_ap = swd->posted;
        ok = memap_read(swd, chip, ap, reg, &swd->posted);
    } else {
        ok = memap_write(swd, chip, ap, reg, *data);
    }
    swd->sticky_error = !ok;
    return SWD_OK;
}

static bool line_answers(struct swd *swd, struct chip *chip, uint8_t request)
{
    struct faults *f = &chip->faults;
    take_note(swd, chip);
    if (!chip->powered || f->link_down || chip_debug_level(chip) == DEBUG_SILENT)
        return false;
    if (!chip->reset_held && !sys_swd_pins(chip)) /* software uses them; in reset it does not */
        return false;
    if (f->link_drop != 0 && --f->link_drop == 0) {
        log_line(LOG_LEVEL_WARN, "board %u: the SWD link drops", chip->number);
        swd_init(swd);
    }
    if (swd->line == SWD_LINE_FRESH && (request & 15) == SWD_READ)
        swd->line = SWD_LINE_READY; /* DPIDR */
    if (swd->line == SWD_LINE_FRESH)
        swd->line = SWD_LINE_LOST;
    return swd->line == SWD_LINE_READY;
}

/* An access that is not done yet: the AP and RDBUFF say so, and nothing happens. */
static bool waits(struct chip *chip, uint8_t request)
{
    uint32_t *left = &chip->faults.wait;
    bool result = (request & (SWD_READ | SWD_A23)) == (SWD_READ | SWD_A23);
    if (*left == 0 || ((request & SWD_AP) == 0 && !result))
        return false;
    --*left;
    return true;
}

enum swd_ack swd_access(struct swd *swd, struct chip *chip, uint8_t request, uint32_t *data)
{
    enum swd_ack ack;
    enum master master = chip->master;
    chip->master = MASTER_DEBUG;
    if (request & SWD_AP)
        ack = ap_transfer(swd, chip, request, data);
    else if (request & SWD_READ)
        ack = dp_read(swd, request >> 2 & 3, data);
    else
        ack = dp_write(swd, chip, request >> 2 & 3, *data);
    chip->master = master;
    chip_settle(chip);
    return ack;
}

enum swd_ack swd_transfer(struct swd *swd, struct chip *chip, uint8_t request, uint32_t *data)
{
    swd->ones = swd->zeros = 0;
    swd->match_swd = swd->match_jtag = -1;
    if (!line_answers(swd, chip, request))
        return SWD_NONE;
    return waits(chip, request) ? SWD_WAIT : swd_access(swd, chip, request, data);
}

enum swd_ack swd_promise(struct swd *swd, struct chip *chip, uint8_t request)
{
    unsigned a23 = request >> 2 & 3;
    bool ap = (request & SWD_AP) != 0;
    if (!line_answers(swd, chip, request))
        return SWD_NONE;
    if (waits(chip, request))
        return SWD_WAIT;
    bool powered = (swd->control & CONTROL_REQUESTS) == CONTROL_REQUESTS;
    return (blocked(swd) && (ap || a23 > 1)) || (ap && !powered) ? SWD_FAULT : SWD_OK;
}

void swd_data_error(struct swd *swd)
{
    swd->data_error = true;
}
