/* SPDX-License-Identifier: MIT */
/*
 * Counts and records the writes that a chip cannot take back, and cuts the power at one of them
 * when a test asked for it. Blocks call oneway_begin() and oneway_end() around the effect, the
 * control socket arms and reads. Nothing here changes what is stored: that is the blocks' part.
 */
#include "target-fw/board/chip/oneway.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "common/host/stop.h"
#include "target-fw/board/chip/chip.h"

enum { COUNT_MAX = 1000000000 };

#define BIT(kind) (1U << (kind))
#define ALL_KINDS (BIT(ONEWAY_KINDS) - 1)
#define LOCK_KINDS                                                                             \
    (BIT(ONEWAY_CONFIG_ERASE) | BIT(ONEWAY_CONFIG_WRITE) | BIT(ONEWAY_PLM) |                   \
     BIT(ONEWAY_DPM_SECURE) | BIT(ONEWAY_DPM_NONSECURE))
#define DIVISIBLE                                                                              \
    (BIT(ONEWAY_CONFIG_ERASE) | BIT(ONEWAY_CONFIG_WRITE) | BIT(ONEWAY_FLASH_ERASE) |           \
     BIT(ONEWAY_FLASH_WRITE))

static const char *const kind_names[ONEWAY_KINDS] = {
    [ONEWAY_CONFIG_ERASE] = "config-erase",
    [ONEWAY_CONFIG_WRITE] = "config-write",
    [ONEWAY_PLM] = "plm",
    [ONEWAY_DPM_SECURE] = "dpm-secure",
    [ONEWAY_DPM_NONSECURE] = "dpm-nonsecure",
    [ONEWAY_OTP] = "otp",
    [ONEWAY_OTP_REVOKE] = "otp-revoke",
    [ONEWAY_FVC] = "fvc",
    [ONEWAY_FLASH_ERASE] = "flash-erase",
    [ONEWAY_FLASH_WRITE] = "flash-write",
};
static const char *const moment_names[] = { "before", "during", "after" };
static const char *const act_names[] = { "power", "link", "hold" };

/* ---- the cut ---- */

static void cut(struct chip *chip, enum oneway_kind kind)
{
    char why[48];
    snprintf(why, sizeof(why), "%s a one-way write: %s", moment_names[chip->oneway.cut_moment],
             kind_names[kind]);
    chip->oneway.cut_due = false;
    if (chip->oneway.cut_act == ONEWAY_POWER)
        fault_cut(chip, why);
    else if (chip->oneway.cut_act == ONEWAY_LINK)
        chip->faults.link_down = true;
    else
        stop_at(kind_names[kind], moment_names[chip->oneway.cut_moment],
                span_of(chip->store.image->head.uid, sizeof(chip->store.image->head.uid)));
}

enum oneway_go oneway_begin(struct chip *chip, enum oneway_kind kind)
{
    struct oneway *o = &chip->oneway;
    if (chip->cut_wanted)
        return ONEWAY_NOT;
    if ((o->cut_kinds & BIT(kind)) == 0 || --o->cut_left > 0)
        return ONEWAY_WHOLE;
    o->cut_kinds = 0;
    if (o->cut_moment == ONEWAY_BEFORE) {
        cut(chip, kind);
        return chip->cut_wanted ? ONEWAY_NOT : ONEWAY_WHOLE;
    }
    o->cut_due = true;
    return o->cut_moment == ONEWAY_DURING ? ONEWAY_HALF : ONEWAY_WHOLE;
}

/* ---- the trace ---- */

/* Words of one page, one after the other, are one entry: an image would fill the trace
 * otherwise. */
static bool joins(const struct oneway_write *last, enum oneway_kind kind, uint32_t where)
{
    return kind == ONEWAY_FLASH_WRITE && last->kind == kind &&
           last->where / FMC_PAGE_BYTES == where / FMC_PAGE_BYTES && !last->torn;
}

static void record(struct chip *chip, const struct oneway_write *write)
{
    struct oneway *o = &chip->oneway;
    struct oneway_write *last = &o->writes[(o->made - 1) % ONEWAY_KEPT];
    if (o->made > 0 && joins(last, write->kind, write->where)) {
        last->count++;
        last->torn = write->torn;
        return;
    }
    o->writes[o->made % ONEWAY_KEPT] = *write;
    o->made++;
}

void oneway_end(struct chip *chip, enum oneway_kind kind, uint32_t where, uint32_t value)
{
    bool due = chip->oneway.cut_due;
    record(chip, &(struct oneway_write){ kind, where, value, 1,
                                         due && chip->oneway.cut_moment == ONEWAY_DURING });
    if (due)
        cut(chip, kind);
}

void oneway_end_torn(struct chip *chip, enum oneway_kind kind, uint32_t where, uint32_t value)
{
    record(chip, &(struct oneway_write){ kind, where, value, 1, true });
    chip->oneway.cut_due = false; /* the tear cuts the power itself */
}

void oneway_restart(struct chip *chip)
{
    chip->oneway.made = 0;
    chip->oneway.cut_due = false;
}

/* ---- for the control socket ---- */

static enum err kinds_of(const char *name, uint32_t *kinds_out)
{
    *kinds_out = strcmp(name, "lock") == 0  ? LOCK_KINDS
                 : strcmp(name, "any") == 0 ? ALL_KINDS
                                            : 0;
    for (unsigned i = 0; i < ONEWAY_KINDS; i++)
        if (strcmp(name, kind_names[i]) == 0)
            *kinds_out = BIT(i);
    if (*kinds_out != 0)
        return ERR_OK;
    return fail_quiet(
        ERR_INVALID,
        "cut-at: %s: not config-erase, config-write, plm, dpm-secure, "
        "dpm-nonsecure, otp, otp-revoke, fvc, flash-erase, flash-write, lock or any",
        name);
}

static enum err moment_of(const char *name, uint32_t kinds, enum oneway_moment *out)
{
    for (unsigned i = 0; i < COUNT(moment_names); i++)
        if (strcmp(name, moment_names[i]) == 0) {
            if (i == ONEWAY_DURING && (kinds & ~DIVISIBLE) != 0)
                return fail_quiet(ERR_INVALID, "cut-at: during is for flash and CONFIG only");
            *out = (enum oneway_moment)i;
            return ERR_OK;
        }
    return fail_quiet(ERR_INVALID, "cut-at: %s: before, during or after", name);
}

static enum err act_of(const char *name, enum oneway_moment moment, enum oneway_act *out)
{
    for (unsigned i = 0; i < COUNT(act_names); i++)
        if (strcmp(name, act_names[i]) == 0) {
            if (i != ONEWAY_POWER && moment == ONEWAY_DURING)
                return fail_quiet(ERR_INVALID, "cut-at: during is for power only");
            if (i == ONEWAY_HOLD && !stop_announces())
                return fail_quiet(ERR_PRECONDITION,
                                  "cut-at: hold needs the option --announce-points");
            *out = (enum oneway_act)i;
            return ERR_OK;
        }
    return fail_quiet(ERR_INVALID, "cut-at: %s: power, link or hold", name);
}

enum err oneway_arm(struct chip *chip, int argc, char *const *argv)
{
    uint32_t kinds;
    enum oneway_moment moment = ONEWAY_AFTER;
    enum oneway_act act = ONEWAY_POWER;
    if (argc == 1 && strcmp(argv[0], "off") == 0) {
        chip->oneway.cut_kinds = 0;
        return ERR_OK;
    }
    if (argc < 2 || argc > 4)
        return fail_quiet(ERR_INVALID,
                          "cut-at: KIND COUNT [before|during|after [power|link|hold]], or off");
    TRY(kinds_of(argv[0], &kinds));
    char *end;
    unsigned long count = strtoul(argv[1], &end, 10);
    if (argv[1][0] < '0' || argv[1][0] > '9' || *end != '\0' || count < 1 || count > COUNT_MAX)
        return fail_quiet(ERR_INVALID, "cut-at: %s: not a count from 1", argv[1]);
    if (argc >= 3)
        TRY(moment_of(argv[2], kinds, &moment));
    if (argc == 4)
        TRY(act_of(argv[3], moment, &act));
    chip->oneway.cut_kinds = kinds;
    chip->oneway.cut_left = (uint32_t)count;
    chip->oneway.cut_moment = moment;
    chip->oneway.cut_act = act;
    return ERR_OK;
}

struct text {
    char *at;
    size_t left;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->at, t->left, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= t->left)
        return;
    t->at += n;
    t->left -= (size_t)n;
}

static void add_write(struct text *t, const struct oneway_write *w)
{
    add(t, "\"%s", kind_names[w->kind]);
    switch (w->kind) {
    case ONEWAY_CONFIG_ERASE:
    case ONEWAY_FLASH_ERASE:
        add(t, " 0x%08x", w->where);
        break;
    case ONEWAY_CONFIG_WRITE:
        add(t, " 0x%08x 0x%08x", w->where, w->value);
        break;
    case ONEWAY_FLASH_WRITE:
        add(t, " 0x%08x x%u", w->where, w->count);
        break;
    case ONEWAY_DPM_SECURE:
    case ONEWAY_DPM_NONSECURE:
        add(t, " 0x%x", w->value);
        break;
    case ONEWAY_PLM:
        add(t, " %u", w->value);
        break;
    case ONEWAY_FVC:
        add(t, " %u %u", w->where, w->value);
        break;
    default:
        add(t, " %u", w->where);
        break;
    }
    add(t, w->torn ? " torn\"" : "\"");
}

void oneway_text(const struct chip *chip, uint32_t from, char *out, size_t cap)
{
    const struct oneway *o = &chip->oneway;
    struct text t = { out, cap };
    uint32_t first = o->made > ONEWAY_KEPT ? o->made - ONEWAY_KEPT : 0;
    uint32_t start = from < first ? first : from > o->made ? o->made : from;
    uint32_t next =
        o->made - start > ONEWAY_TEXT_ENTRIES ? start + ONEWAY_TEXT_ENTRIES : o->made;
    add(&t,
        "{\"ok\":true,\"board\":%u,\"count\":%u,\"first\":%u,\"from\":%u,\"next\":%u,"
        "\"cut_armed\":%s,\"writes\":[",
        chip->number, o->made, first, start, next, o->cut_kinds != 0 ? "true" : "false");
    for (uint32_t i = start; i < next; i++) {
        add(&t, i == start ? "" : ",");
        add_write(&t, &o->writes[i % ONEWAY_KEPT]);
    }
    add(&t, "]}");
}
