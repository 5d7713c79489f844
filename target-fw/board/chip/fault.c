/* SPDX-License-Identifier: MIT */
/*
 * The fault switches: what the control socket sets, and what the blocks ask at the point where
 * a fault would happen. A switch that is off must leave the chip as it is.
 */
#include "target-fw/board/chip/fault.h"

#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "target-fw/board/chip/chip.h"

/* true when the countdown has just run out. */
static bool count_down(uint32_t *left)
{
    return *left != 0 && --*left == 0;
}

bool fault_ispff(struct chip *chip)
{
    return count_down(&chip->faults.ispff);
}

void fault_cut(struct chip *chip, const char *why)
{
    log_line(LOG_LEVEL_WARN, "board %u: power cut %s", chip->number, why);
    chip->cut_wanted = true;
    cpu_stop(chip->cpu);
}

void fault_after_flash(struct chip *chip)
{
    if (!chip->cut_wanted && count_down(&chip->faults.flash_cut))
        fault_cut(chip, "after a flash operation");
}

void fault_after_otp(struct chip *chip, unsigned slot)
{
    if (chip->cut_wanted || chip->faults.otp_cut != slot + 1)
        return;
    chip->faults.otp_cut = 0;
    fault_cut(chip, "after an OTP slot");
}

bool fault_tears_otp(struct chip *chip, unsigned slot, struct otp_tear *tear_out)
{
    struct otp_tear *tear = &chip->faults.otp_tear;
    if (tear->slot != slot + 1)
        return false;
    *tear_out = *tear;
    tear->slot = 0;
    return true;
}

bool fault_uart_loses(struct chip *chip)
{
    struct faults *f = &chip->faults;
    return f->uart_loss != 0 && ++f->uart_count % f->uart_loss == 0;
}

static struct busy *busy_named(struct chip *chip, const char *name)
{
    static const char *const names[] = { "ks", "fmc", "prng", "ecc", "sha", "aes", "trng" };
    struct busy *const all[] = { &chip->ks.busy,        &chip->fmc.busy,
                                 &chip->crpt.prng.busy, &chip->crpt.ecc.busy,
                                 &chip->crpt.sha.busy,  &chip->crpt.aes.busy,
                                 &chip->trng.busy };
    for (size_t i = 0; i < COUNT(names); i++)
        if (strcmp(names[i], name) == 0)
            return all[i];
    return NULL;
}

static enum err set_flag(bool *flag, const char *arg)
{
    if (arg != NULL && strcmp(arg, "on") != 0 && strcmp(arg, "off") != 0)
        return fail_quiet(ERR_INVALID, "fault: %s: on or off", arg);
    *flag = arg == NULL || strcmp(arg, "on") == 0;
    return ERR_OK;
}

/* A count, `on` for first, `off` for 0. */
static enum err set_count(uint32_t *count, const char *arg, uint32_t bias)
{
    if (arg != NULL && strcmp(arg, "off") == 0) {
        *count = 0;
        return ERR_OK;
    }
    char *end = NULL;
    bool plain = arg == NULL || strcmp(arg, "on") == 0;
    unsigned long n = plain ? 1 - bias : strtoul(arg, &end, 0);
    if (!plain && (end == arg || *end != '\0' || n > 1000000000UL || n + bias == 0))
        return fail_quiet(ERR_INVALID, "fault: %s: not a count", arg);
    *count = (uint32_t)n + bias;
    return ERR_OK;
}

const char *fault_names(void)
{
    return "k1 ispff flash-cut otp-cut otp-tear uart-loss link-drop link-down wait "
           "stuck-{ks,fmc,prng,ecc,sha,aes,trng}";
}

static enum err number_up_to(const char *text, unsigned long limit, unsigned *out)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || n > limit)
        return fail_quiet(ERR_INVALID, "fault: otp-tear: %s: not a number up to %lu", text,
                          limit);
    *out = (unsigned)n;
    return ERR_OK;
}

enum err fault_set_tear(struct chip *chip, int argc, char *const *argv)
{
    unsigned slot, words;
    if (argc == 1 && strcmp(argv[0], "off") == 0) {
        chip->faults.otp_tear.slot = 0;
        return ERR_OK;
    }
    if (argc != 3)
        return fail_quiet(ERR_INVALID, "fault: otp-tear SLOT WORDS used|unused, or off");
    TRY(number_up_to(argv[0], STORE_OTP_SLOTS - 1, &slot));
    TRY(number_up_to(argv[1], STORE_OTP_WORDS, &words));
    bool used = strcmp(argv[2], "used") == 0;
    if (!used && strcmp(argv[2], "unused") != 0)
        return fail_quiet(ERR_INVALID, "fault: otp-tear: %s: used or unused", argv[2]);
    chip->faults.otp_tear = (struct otp_tear){ slot + 1, words, used };
    return ERR_OK;
}

enum err fault_set(struct chip *chip, const char *name, const char *arg)
{
    struct faults *f = &chip->faults;
    if (strcmp(name, "k1") == 0)
        return set_flag(&f->k1, arg);
    if (strcmp(name, "link-down") == 0)
        return set_flag(&f->link_down, arg);
    if (strcmp(name, "ispff") == 0)
        return set_count(&f->ispff, arg, 0);
    if (strcmp(name, "flash-cut") == 0)
        return set_count(&f->flash_cut, arg, 0);
    if (strcmp(name, "otp-cut") == 0)
        return set_count(&f->otp_cut, arg, 1);
    if (strcmp(name, "uart-loss") == 0)
        return set_count(&f->uart_loss, arg, 0);
    if (strcmp(name, "link-drop") == 0)
        return set_count(&f->link_drop, arg, 0);
    if (strcmp(name, "wait") == 0)
        return set_count(&f->wait, arg, 0);
    struct busy *busy = strncmp(name, "stuck-", 6) == 0 ? busy_named(chip, name + 6) : NULL;
    if (busy == NULL)
        return fail_quiet(ERR_NOT_FOUND, "fault: %s: one of %s", name, fault_names());
    return set_flag(&busy->stuck, arg);
}
