/* SPDX-License-Identifier: MIT */
#include "station-agent/chip/chip.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/core/wr.h"
#include "common/host/log.h"
#include "common/host/own.h"
#include "station-agent/chip/inside.h"

enum { NAMES_MAX = 200, RESET_LOW_MS = 20, RESET_SETTLE_MS = 50 };

/* What a lock looks like from outside: the debug port answers, what lies behind it does not. */
static enum err locked(const struct chip *chip, const char *what)
{
    return fail(
        ERR_LOCKED,
        "chip: %s: the debug port is locked: DPIDR 0x%08x answers, but %s. A board that "
        "is finished, or was cut after its lock; only a mass erase opens it, if its lock "
        "level allows one, and destroys what it holds",
        chip->probe->name, chip->swd.dpidr, what);
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

/* A refusal becomes ERR_LOCKED; any other error, bad wires too, is said as it is. */
static enum err judge(const struct chip *chip, enum err e, const char *what)
{
    char words[FAIL_WORDS_MAX];
    if (e == ERR_OK)
        return ERR_OK;
    if (e == ERR_FAULT && !swd_wire_failed(&chip->swd))
        return chip->held ? held(chip, what) : locked(chip, what);
    snprintf(words, sizeof(words), "%s", fail_words());
    return fail(e, "chip: %s", words);
}

static enum err look_at_core(struct chip *chip)
{
    uint32_t dhcsr = 0;
    TRY(judge(chip, core_status(&chip->mem, &dhcsr), "the core's debug registers are refused"));
    if ((dhcsr & CORE_S_SDE) == 0)
        return locked(chip, "secure debug is disabled (DHCSR.S_SDE is 0)");
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
    TRY(judge(chip, swd_init(&chip->swd, probe, clock_hz),
              "the probe refuses its own commands"));
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

enum err chip_open_shut(struct probe *probe, uint32_t clock_hz, struct chip **chip_out)
{
    AUTO(chip_drop) struct chip *chip = NULL;
    TRY(begin(probe, clock_hz, &chip));
    chip->held = false; /* a low nRESET is no proof of a lock: check_let_go() shall mind it */
    enum err e = wires_connect(chip);
    if (e != ERR_FAULT || swd_wire_failed(&chip->swd))
        TRY(judge(chip, e, "it does not answer"));
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
    TRY(core_reset_halt(&chip->mem));
    TRY(m2354_prepare(&chip->mem));
    TRY(wires_settle(chip));
    log_line(LOG_LEVEL_INFO, "chip: %s: %s, SWD at %u Hz", chip->probe->name, chip->part->name,
             chip->swd.clock_hz);
    return ERR_OK;
}

enum err chip_uid(struct chip *chip, uint8_t uid_out[static UID_SIZE])
{
    uint8_t uid[UID_SIZE] = { 0 };
    static const uint8_t none[UID_SIZE] = { 0 };
    TRY(m2354_isp_open(&chip->mem));
    TRY(m2354_uid(&chip->mem, uid));
    TRY(m2354_isp_close(&chip->mem));
    if (span_eq(SPAN(uid), SPAN(none)))
        return fail(ERR_CHIP, "chip: %s: reads a UID of zeros", chip->probe->name);
    for (size_t i = 0; i < UID_SIZE; i++)
        uid_out[i] = uid[i];
    return ERR_OK;
}

enum err chip_reset(struct chip *chip)
{
    return swd_reset_pin(&chip->swd, RESET_LOW_MS, RESET_SETTLE_MS);
}

/* One read that should be refused. Anything but FAULT or an answer is an error of its own: a
 * wire that fails proves nothing. */
static enum err try_read(struct chip *chip, uint32_t address, const char *what, struct wr *said,
                         bool *open_out)
{
    char text[80];
    uint32_t value = 0;
    enum err e = mem_read_word(&chip->mem, address, &value);
    if (e == ERR_FAULT && swd_wire_failed(&chip->swd))
        return ERR_UNAVAILABLE; /* in the words of mem */
    if (e != ERR_OK && e != ERR_FAULT)
        return e;
    if (e == ERR_OK)
        snprintf(text, sizeof(text), "%s 0x%08x is readable (0x%08x); ", what, address, value);
    else
        snprintf(text, sizeof(text), "%s 0x%08x: %s; ", what, address,
                 (chip->swd.response & DAP_ACK) == DAP_ACK_FAULT ? "FAULT" : "no debug power");
    *open_out = e == ERR_OK;
    wr_text(said, text);
    return ERR_OK;
}

static enum err try_all(struct chip *chip, struct wr *said, bool *refused_out)
{
    static const struct {
        uint32_t address;
        const char *what;
    } doors[] = { { SRAM_BASE, "SRAM" }, { 0, "flash" }, { M2354_KEYSTORE, "KeyStore" } };
    bool refused = true;
    for (size_t i = 0; i < COUNT(doors); i++) {
        bool open = false;
        TRY(try_read(chip, doors[i].address, doors[i].what, said, &open));
        refused = refused && !open;
    }
    *refused_out = refused;
    return ERR_OK;
}

/* A board in reset refuses too. If the pin read low while the board was open, it tells nothing.
 */
static enum err check_let_go(struct chip *chip)
{
    bool low = false;
    TRY(swd_let_go(&chip->swd, RESET_SETTLE_MS, &low));
    if (low && !chip->held)
        return fail(ERR_UNAVAILABLE,
                    "chip: cannot tell whether debug is refused: nRESET stays low; look for a "
                    "button, a jumper or another tool that holds it");
    return ERR_OK;
}

enum err chip_debug_refused(struct chip *chip, bool *refused_out,
                            char detail[static CHIP_DETAIL_MAX])
{
    char text[40], words[FAIL_WORDS_MAX];
    struct wr said = wr_of(detail, CHIP_DETAIL_MAX - 1);
    chip->swd.lost = true; /* begin afresh, whatever was open */
    TRY(check_let_go(chip));
    chip->mem.quiet = true;
    enum err e = swd_connect(&chip->swd);
    snprintf(text, sizeof(text), "DPIDR 0x%08x answers; ", chip->swd.dpidr);
    wr_text(&said, text);
    if (e == ERR_OK || e == ERR_FAULT) /* debug power may be what is refused */
        e = try_all(chip, &said, refused_out);
    chip->mem.quiet = false;
    detail[said.len] = '\0';
    if (e == ERR_OK)
        return ERR_OK;
    snprintf(words, sizeof(words), "%s", fail_words());
    return fail(e, "chip: cannot tell whether debug is refused: %s", words);
}
