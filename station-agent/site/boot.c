/* SPDX-License-Identifier: MIT */
/*
 * The boot test: the board is reset, its firmware must show that it starts, and DevAuth is
 * loaded again for the lock. Called by lock.c. It must not run after the first lock write: the
 * firmware runs here, and the reset would put a lock in force.
 */
#include <stdio.h>
#include <string.h>

#include "common/host/log.h"
#include "station-agent/site/engine.h"
#include "station-agent/site/serial.h"

enum { BOOT_MS = 3000 };

static enum err report_booted(struct site *site, bool booted, char *detail)
{
    Hallmark__V1__UnitBootedRequest in = HALLMARK__V1__UNIT_BOOTED_REQUEST__INIT;
    AUTO(rpc_drop) Hallmark__V1__UnitBootedResponse *out = NULL;
    struct rpc_stub runs = rpc_stub_of(&hallmark__v1__runs__descriptor, site_to_server, site);
    site_now(site, "Runs.Booted");
    in.uid = (ProtobufCBinaryData){ UID_SIZE, site->unit.uid };
    in.booted = booted;
    in.detail = detail;
    return RPC_CALL(&runs, hallmark__v1__runs__booted, &in, &out);
}

static enum err watch_swd(struct site *site, struct chip_boot_result *out)
{
    TRY(chip_boot_reset(site->chip));
    site_now(site, "boot test: waiting for the firmware");
    chip_boot_look(site->chip, BOOT_MS, out);
    return ERR_OK;
}

/* The port decides whether the firmware started. If SWD answers it must not contradict: a line
 * that came without a reset proves nothing. */
static enum err watch_serial(struct site *site, struct chip_boot_result *out)
{
    bool seen = false;
    char swd[CHIP_DETAIL_MAX];
    AUTO(serial_drop) struct serial *serial = NULL;
    TRY(serial_open(site->serial, &serial));
    TRY(chip_boot_reset(site->chip));
    site_now(site, "boot test: waiting for the firmware's line");
    TRY(serial_await(serial, site->banner, BOOT_MS, &seen));
    chip_boot_look(site->chip, 0, out);
    snprintf(swd, sizeof(swd), "%s", out->detail);
    snprintf(out->detail, sizeof(out->detail), "\"%.80s\" %s on %.60s; %.150s", site->banner,
             seen ? "came" : "did not come", site->serial, swd);
    out->boot = out->answered && !out->reset_seen ? CHIP_BOOT_NOT_KNOWN
                : seen                            ? CHIP_BOOT_STARTED
                                                  : CHIP_BOOT_FAILED;
    return ERR_OK;
}

/* From the firmware, whatever it did: a core that is halted can be attached to by the next run,
 * too. */
static enum err take_back(struct site *site)
{
    site_now(site, "boot test: taking the board back");
    TRY(chip_attach(site->chip));
    return chip_prepare(site->chip);
}

static enum err not_started(struct site *site, struct chip_boot_result *result)
{
    TRY(report_booted(site, false, result->detail));
    site->where = "boot test";
    return fail_quiet(ERR_BOOT, "the firmware did not start: %.300s", result->detail);
}

static enum err not_known(struct site *site, const struct chip_boot_result *result)
{
    site->where = "boot test";
    site->advice = result->answered
                       ? "check that nRESET is wired, then start again"
                       : "does the firmware shut its SWD pins? then name its serial port "
                         "(--serial); else check wires and power, and start again";
    return fail_quiet(ERR_NOT_KNOWN, "it is not known whether the firmware starts: %.250s",
                      result->detail);
}

/* It is sent with Runs.Locked, which saves a round trip, if the lock follows. But a unit whose
 * last boot test failed is opened with repeat until the server knows of a success, so that is
 * reported now. */
static enum err started(struct site *site, bool lock_follows, struct chip_boot_result *result)
{
    if (site->repeat || !lock_follows || result->detail[0] == '\0')
        return report_booted(site, true, result->detail);
    memcpy(site->booted, result->detail, sizeof(site->booted));
    return ERR_OK;
}

enum err boot_test(struct site *site)
{
    struct chip_boot_result result = { 0 };
    char words[FAIL_WORDS_MAX];
    site_now(site, "boot test: reset by nRESET");
    site_point(site, "boot-test", "before");
    TRY(site->serial != NULL ? watch_serial(site, &result) : watch_swd(site, &result));
    site_point(site, "boot-test", "inside");
    enum err taken = take_back(site);
    snprintf(words, sizeof(words), "%s", fail_words());
    if (result.boot == CHIP_BOOT_FAILED)
        return not_started(site, &result);
    if (result.boot != CHIP_BOOT_STARTED)
        return not_known(site, &result);
    site_point(site, "boot-test", "after");
    TRY(started(site, taken == ERR_OK, &result));
    site->where = "boot test: taking the board back";
    if (taken != ERR_OK)
        return fail_quiet(taken,
                          "the firmware started, but the board cannot be taken back: "
                          "%.250s",
                          words);
    return devauth_without_run(site);
}
