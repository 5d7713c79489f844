/* SPDX-License-Identifier: MIT */
/*
 * Finding a board at the end of a probe, and making it ready. Called by the site at the start
 * of a run. Nothing here may pull nRESET but chip_reset() and what the operator asks for by
 * chip_open_under_reset(): a board whose lock writes were made is shut by that, and until
 * Runs.Locked is answered its level would be unknown.
 */
#include "station-agent/chip/chip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "station-agent/chip/inside.h"

enum { NAMES_MAX = 200 };

/* Keeps the message of the layer below, with this layer's name. */
static enum err pass_on(enum err e)
{
    char words[FAIL_WORDS_MAX];
    snprintf(words, sizeof(words), "%s", fail_words());
    return fail(e, "chip: %s", words);
}

/* A board that is proven shut. */
static enum err locked(const struct chip *chip, const char *detail)
{
    return fail(ERR_LOCKED,
                "chip: %s: the debug port is locked (%.140s). A board that is finished, or was "
                "interrupted after its lock; only a mass erase opens it, if its lock level "
                "allows one, and destroys what it holds",
                chip->probe->name, detail);
}

/* In reset it answers as if it were locked. */
static enum err held(const struct chip *chip, const char *what)
{
    return fail(
        ERR_UNAVAILABLE,
        "chip: %s: the board is held in reset: DPIDR 0x%08x answers, nRESET is low, and "
        "%s. Look for a button, a jumper or another tool that holds it",
        chip->probe->name, chip->swd.dpidr, what);
}

/* A board is called locked by the positive proof alone (debug.c). Without it e and the message
 * that came with it are kept: they are the probe's, or the wire's. */
static enum err prove_locked(struct chip *chip, enum err e, const char *words)
{
    struct chip_debug_result result;
    chip_debug_look(chip, CHIP_LEVEL_ANY, &result);
    if (result.port == CHIP_DEBUG_SHUT)
        return locked(chip, result.detail);
    return fail(e, "chip: %s; is it locked? not proven: %.160s", words, result.detail);
}

static enum err judge(struct chip *chip, enum err e, const char *what)
{
    char words[FAIL_WORDS_MAX];
    if (e == ERR_OK)
        return ERR_OK;
    if (e == ERR_FAULT && chip->swd.refused && chip->held)
        return held(chip, what);
    snprintf(words, sizeof(words), "%.200s", fail_words());
    return e == ERR_FAULT && !swd_wire_failed(&chip->swd) ? prove_locked(chip, e, words)
                                                          : pass_on(e);
}

static enum err look_at_core(struct chip *chip)
{
    uint32_t dhcsr = 0;
    TRY(judge(chip, core_status(&chip->mem, &dhcsr), "the core's debug registers are refused"));
    if ((dhcsr & CORE_S_SDE) == 0)
        return prove_locked(chip, ERR_NOT_KNOWN, "secure debug is disabled (DHCSR.S_SDE is 0)");
    return ERR_OK;
}

static enum err look_at_part(struct chip *chip)
{
    char names[NAMES_MAX];
    uint32_t pdid = 0;
    TRY(judge(chip, mem_read_word(&chip->mem, M2354_PDID, &pdid), "its registers are refused"));
    chip->part = m2354_find(pdid);
    if (chip->part != NULL)
        return ERR_OK;
    m2354_names(names, sizeof(names));
    return fail(ERR_MISMATCH, "chip: %s: unknown part, PDID 0x%08x; known are %s",
                chip->probe->name, pdid, names);
}

static enum err identify(struct chip *chip)
{
    TRY(judge(chip, wires_connect(chip), "its access port is refused"));
    chip->mem.quiet = true;
    enum err e = look_at_core(chip);
    if (e == ERR_OK)
        e = look_at_part(chip);
    chip->mem.quiet = false;
    return e;
}

static enum err begin(struct probe *probe, uint32_t clock_hz, struct chip **chip_out)
{
    AUTO(chip_drop) struct chip *chip = calloc(1, sizeof(*chip));
    if (chip == NULL)
        return fail(ERR_MEMORY, "chip: out of memory");
    chip->probe = probe;
    TRY(swd_init(&chip->swd, probe, clock_hz));
    TRY(swd_let_go(&chip->swd, RESET_SETTLE_MS, &chip->held));
    *chip_out = TAKE(chip);
    return ERR_OK;
}

enum err chip_open(struct probe *probe, uint32_t clock_hz, struct chip **chip_out)
{
    AUTO(chip_drop) struct chip *chip = NULL;
    TRY(begin(probe, clock_hz, &chip));
    TRY(identify(chip));
    *chip_out = TAKE(chip);
    return ERR_OK;
}

enum err chip_open_under_reset(struct probe *probe, uint32_t clock_hz, struct chip **chip_out)
{
    AUTO(chip_drop) struct chip *chip = NULL;
    TRY(begin(probe, clock_hz, &chip));
    enum err e = identify(chip);
    if (e == ERR_UNAVAILABLE && !chip->held) {
        log_line(LOG_LEVEL_WARN, "chip: %s: no answer; it is asked with nRESET held low",
                 probe->name);
        TRY(attach_in_reset(chip));
        e = identify(chip);
    }
    TRY(e);
    *chip_out = TAKE(chip);
    return ERR_OK;
}

enum err chip_open_shut(struct probe *probe, uint32_t clock_hz, struct chip **chip_out)
{
    AUTO(chip_drop) struct chip *chip = NULL;
    TRY(begin(probe, clock_hz, &chip));
    chip->held = false; /* a low nRESET is no proof of a lock: debug.c checks it */
    enum err e = wires_connect(chip);
    if (e != ERR_OK && !(e == ERR_FAULT && chip->swd.refused))
        return pass_on(e);
    *chip_out = TAKE(chip);
    return ERR_OK;
}

void chip_close(struct chip *chip)
{
    if (chip == NULL)
        return;
    if (!chip->swd.lost && swd_disconnect(&chip->swd) != ERR_OK)
        log_line(LOG_LEVEL_DEBUG, "chip: disconnect: %s", fail_words());
    free(chip);
}

void chip_drop(struct chip **chip)
{
    chip_close(*chip);
    *chip = NULL;
}

struct mem *chip_mem(struct chip *chip)
{
    return &chip->mem;
}

const char *chip_name(const struct chip *chip)
{
    return chip->part->name;
}

uint32_t chip_pdid(const struct chip *chip)
{
    return chip->part->pdid;
}

enum err chip_prepare(struct chip *chip)
{
    chip->ahead = (struct ahead){ 0 };
    TRY(core_reset_halt(&chip->mem));
    TRY(m2354_prepare(&chip->mem));
    TRY(wires_settle(chip));
    log_line(LOG_LEVEL_INFO, "chip: %s: %s, SWD at %u Hz", chip->probe->name, chip->part->name,
             chip->swd.clock_hz);
    return ERR_OK;
}

/* A chip that was never given one, or a bus that is stuck. */
static bool is_uid(const uint8_t uid[static UID_SIZE])
{
    size_t zeros = 0, ones = 0;
    for (size_t i = 0; i < UID_SIZE; i++) {
        zeros += uid[i] == 0x00;
        ones += uid[i] == 0xFF;
    }
    return zeros != UID_SIZE && ones != UID_SIZE;
}

enum err chip_uid(struct chip *chip, uint8_t uid_out[static UID_SIZE])
{
    uint8_t uid[UID_SIZE] = { 0 };
    TRY(m2354_isp_open(&chip->mem));
    TRY(m2354_uid(&chip->mem, uid));
    TRY(m2354_isp_close(&chip->mem));
    if (!is_uid(uid))
        return fail(ERR_CHIP, "chip: %s: UID: found only bytes 0x%02x, wanted a board's own",
                    chip->probe->name, uid[0]);
    memcpy(uid_out, uid, UID_SIZE);
    return ERR_OK;
}

enum err chip_reset(struct chip *chip)
{
    return swd_reset_pin(&chip->swd, RESET_LOW_MS, RESET_SETTLE_MS);
}
