/* SPDX-License-Identifier: MIT */
/*
 * The boot test: does the firmware in flash start after a reset by nRESET? Called by the site
 * between Runs.Commit and Closing.Lock. It must never be called once a lock write was made: the
 * reset would shut the board before the server knows its level.
 */
#include <stdio.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "station-agent/chip/inside.h"
#include "station-agent/probe/when.h"

enum { PAUSE_US = 2000, LOOKS_LEAST = 3 };

struct seen {
    uint32_t reset, stage, core;
};

enum err chip_boot_reset(struct chip *chip)
{
    TRY(core_halt(&chip->mem)); /* DevAuth uses the same register lock */
    TRY(m2354_pin_reset_clear(&chip->mem));
    TRY(core_run(&chip->mem));
    return chip_reset(chip);
}

static enum err read_all(struct mem *mem, struct seen *seen)
{
    const struct mem_want wanted[] = { { M2354_RSTSTS, &seen->reset },
                                       { M2354_BTF, &seen->stage },
                                       { CORE_DHCSR, &seen->core } };
    return mem_read_words(mem, wanted, COUNT(wanted));
}

/* Running firmware may shut the pins at any time, so no access is repeated here. */
static enum err look_once(struct chip *chip, struct seen *seen)
{
    chip->mem.quiet = chip->mem.once = true;
    enum err e = read_all(&chip->mem, seen);
    chip->mem.quiet = chip->mem.once = false;
    return e;
}

static bool runs(uint32_t core)
{
    return (core & (CORE_S_HALT | CORE_S_LOCKUP)) == 0;
}

static bool has_started(const struct seen *seen)
{
    return (seen->reset & M2354_RSTSTS_PIN) != 0 && (seen->stage & M2354_BTF_RUNS) != 0 &&
           runs(seen->core);
}

static void judge_boot(const struct seen *seen, struct chip_boot_result *out)
{
    out->reset_seen = (seen->reset & M2354_RSTSTS_PIN) != 0;
    out->boot = has_started(seen) ? CHIP_BOOT_STARTED
                : out->reset_seen ? CHIP_BOOT_FAILED
                                  : CHIP_BOOT_NOT_KNOWN;
    snprintf(out->detail, sizeof(out->detail), "RSTSTS 0x%08x (%s), BTF 0x%08x, core %s",
             seen->reset, out->reset_seen ? "reset by pin" : "no reset by pin is seen",
             seen->stage,
             runs(seen->core)                    ? "running"
             : (seen->core & CORE_S_LOCKUP) != 0 ? "in lock-up"
                                                 : "halted");
}

void chip_boot_look(struct chip *chip, unsigned timeout_ms, struct chip_boot_result *out)
{
    uint64_t deadline_us = when_us() + (uint64_t)timeout_ms * 1000;
    struct seen seen = { 0 }, now;
    enum err e = ERR_OK;
    *out = (struct chip_boot_result){ .boot = CHIP_BOOT_NOT_KNOWN };
    /* One lost reply may take all of the time: that is no answer of the board's. */
    for (unsigned looks = 1;; looks++) {
        e = look_once(chip, &now);
        if (e == ERR_OK) {
            out->answered = true;
            seen = now;
        }
        if (has_started(&seen) || (when_us() >= deadline_us && looks >= LOOKS_LEAST))
            break;
        when_sleep_us(PAUSE_US); /* a register has no event that could be awaited */
    }
    if (out->answered)
        judge_boot(&seen, out);
    if (out->boot == CHIP_BOOT_FAILED && e != ERR_OK)
        out->boot = CHIP_BOOT_NOT_KNOWN; /* silent since: the firmware may have shut the pins */
    if (!out->answered)
        snprintf(out->detail, sizeof(out->detail),
                 "SWD does not answer after the reset: %.150s", fail_words());
}
