/* SPDX-License-Identifier: MIT */
/*
 * One word, looked at for a proof. Called by chip/debug.c for each address of its table. It
 * must never repeat an access to make it succeed, and never call a failure of probe or wire a
 * refusal.
 */
#include "station-agent/probe/look.h"

#include <sys/random.h>

#include "common/host/log.h"
#include "station-agent/probe/ap.h"
#include "station-agent/probe/glance.h"

static enum err check_tar(uint32_t found, uint32_t wrote)
{
    return found == wrote ? ERR_OK
                          : fail_quiet(ERR_NOT_KNOWN, "TAR reads 0x%08x, 0x%08x was written",
                                       found, wrote);
}

static enum err random_address(uint32_t *out)
{
    if (getrandom(out, sizeof(*out), 0) != sizeof(*out))
        return fail_quiet(ERR_INTERNAL, "no random bytes");
    *out &= ~3u;
    return ERR_OK;
}

/* The control read: an access port that answers holds the address that was written to it. The
 * address is written after an unpredictable word, so that replies of an earlier
 * board, which a probe keeps or repeats, do not pass. */
static enum err point_at(struct swd *swd, uint8_t ap, uint32_t address)
{
    uint32_t fresh = 0, held = ~address, tar = ~address;
    TRY(random_address(&fresh));
    TRY(swd_queue_ap_write(swd, ap, AP_CSW, CSW_WORD));
    TRY(swd_queue_ap_write(swd, ap, AP_TAR, fresh));
    TRY(swd_queue_ap_read(swd, ap, AP_TAR, &held));
    TRY(swd_queue_ap_write(swd, ap, AP_TAR, address));
    TRY(swd_queue_ap_read(swd, ap, AP_TAR, &tar));
    enum err e = swd_flush(swd);
    if (e == ERR_FAULT && swd->refused)
        return fail_quiet(ERR_NOT_KNOWN, "the access port's own registers are refused");
    TRY(e);
    TRY(check_tar(held, fresh));
    return check_tar(tar, address);
}

static enum err read_once(struct swd *swd, uint8_t ap, uint32_t address, struct look *out)
{
    *out = (struct look){ 0 };
    TRY(point_at(swd, ap, address));
    TRY(swd_queue_ap_read(swd, ap, AP_DRW, &out->value));
    enum err e = swd_flush(swd);
    out->refused = e == ERR_FAULT && swd->refused;
    return out->refused ? ERR_OK : e;
}

/* After a refusal, whose sticky error swd_flush() has cleared by ABORT. */
static enum err check_cleared(struct swd *swd)
{
    uint32_t status = 0;
    if (swd->lost)
        return fail_quiet(ERR_NOT_KNOWN, "ABORT was not taken after a FAULT");
    TRY(swd_queue_dp_read(swd, SWD_CTRL_STAT, &status));
    TRY(swd_flush(swd));
    if ((status & SWD_STAT_STICKYERR) != 0)
        return fail_quiet(ERR_NOT_KNOWN, "ABORT does not clear STICKYERR (CTRL/STAT 0x%08x)",
                          status);
    if ((status & SWD_STAT_POWERED) != SWD_STAT_POWERED)
        return fail_quiet(ERR_NOT_KNOWN, "debug power is gone (CTRL/STAT 0x%08x)", status);
    return ERR_OK;
}

static bool is_refusal(const struct glance *seen)
{
    const uint32_t errors = SWD_STAT_STICKYERR | SWD_STAT_WDATAERR;
    return (seen->status & errors) == SWD_STAT_STICKYERR &&
           (seen->after & SWD_STAT_STICKYERR) == 0 &&
           (seen->after & SWD_STAT_POWERED) == SWD_STAT_POWERED;
}

/* One packet, which holds all that point_at(), read_once() and check_cleared() ask. Only an
 * answer that is whole and leaves nothing open counts; for any other the connection is lost,
 * and the caller asks step by step from its start. */
static enum err glance_once(struct swd *swd, uint8_t ap, uint32_t address, struct look *out)
{
    struct glance seen = { .address = address };
    TRY(random_address(&seen.fresh));
    TRY(glance(swd, ap, CSW_WORD, &seen));
    if (seen.held != seen.fresh || seen.tar != address)
        return glance_unclear(swd, "TAR is not what was written in a look in one packet");
    if (seen.faulted ? !is_refusal(&seen) : (seen.status & SWD_STAT_STICKYERR) != 0)
        return glance_unclear(swd, "a look at a door is not clear");
    *out = (struct look){ seen.faulted, seen.faulted ? 0 : seen.value };
    return ERR_OK;
}

static enum err look_in_packets(struct swd *swd, uint8_t ap, uint32_t address, struct look *out)
{
    struct look again = { 0 };
    TRY(glance_once(swd, ap, address, out));
    if (!out->refused)
        return ERR_OK;
    TRY(glance_once(swd, ap, address, &again));
    return again.refused
               ? ERR_OK
               : fail_quiet(ERR_NOT_KNOWN, "0x%08x was refused once, and not again", address);
}

enum err look_at(struct swd *swd, uint8_t ap, uint32_t address, struct look *out)
{
    struct look again;
    if (swd->lost)
        return fail_quiet(ERR_NOT_KNOWN, "the connection is lost");
    if (glance_can(swd))
        return look_in_packets(swd, ap, address, out);
    TRY(read_once(swd, ap, address, out));
    if (!out->refused)
        return ERR_OK;
    TRY(check_cleared(swd));
    TRY(read_once(swd, ap, address, &again));
    if (!again.refused)
        return fail_quiet(ERR_NOT_KNOWN, "0x%08x was refused once, and not again", address);
    return check_cleared(swd);
}
