/* SPDX-License-Identifier: MIT */
/* DPM: passwords, counters, set-only bits (scu_reg.h, dpm.c). What a debugger sees then:
 * lock_dpm. */
#include "tests/conformance/programs/board.h"

PROGRAM("DPM", PROGRAM_DESTRUCTIVE);

enum {
    DBGDIS = 1 << 0,
    LOCK = 1 << 1,
    PWCMP = 1 << 2,
    PWUPD = 1 << 3,
    DACCWDIS = 1 << 12,
    BUSY = 1 << 0,
    PWCERR = 1 << 4,
    PWUOK = 1 << 5,
    PWFMAX = 1 << 6,
};
#define CODE       (0x5au << 24)
#define STS_DBGDIS (1u << 16)
#define STS_LOCK   (1u << 17)
#define STS_PWOK   (1u << 18)

struct side {
    volatile uint32_t *control, *status, *password;
    const char *no_key, *word_busy, *control_busy, *seven; /* what the model says */
};

#define SAID(control, password)                                                                \
    "DPM: control write without the key [" control "]",                                        \
        "DPM: password word written while BUSY [" password "]",                                \
        "DPM: control write while BUSY [" control "]",                                         \
        "DPM: password was updated 7 times already [" control "]"

static const struct side secure = { &DPM_CTL, &DPM_STS, DPM_SPW, SAID("DPM_CTL", "DPM_SPW0") };
static const struct side open_side = { &DPM_NSCTL, &DPM_NSSTS, DPM_NSPW,
                                       SAID("DPM_NSCTL", "DPM_NSPW0") };

static void password(const struct side *side, uint32_t value, uint32_t operation)
{
    for (uint32_t i = 0; i < 4; i++) {
        until(side->status, BUSY, 0);
        side->password[i] = value + i;
    }
    until(side->status, BUSY, 0);
    *side->control = CODE | operation;
    until(side->status, BUSY, 0);
}

static void untouched(const struct side *side)
{
    check("CTL reads A5 above", *side->control >> 24, 0xa5);
    check("neither DBGDIS nor LOCK is set", *side->control & (DBGDIS | LOCK), 0);
    check("STS: default, no update yet", *side->status & 0x00070770, 0);
    *side->control = DBGDIS;
    told(side->no_key);
    check("CTL without the code takes nothing", *side->control & DBGDIS, 0);
}

static void passwords(const struct side *side)
{
    password(side, 0x1000, PWCMP);
    check("without a password no comparison holds", *side->status & PWCERR, PWCERR);
    *side->status = PWCERR;
    check("PWCERR is cleared by a one", *side->status & PWCERR, 0);
    password(side, 0x1000, PWUPD);
    check("a password is set: PWUOK", *side->status & PWUOK, PWUOK);
    check("PWUCNT counts it", *side->status >> 8 & 7, 1);
    *side->status = PWUOK;
    check("PWUOK is cleared by a one", *side->status & PWUOK, 0);
    check("the password is write-only: all ones", side->password[0], 0xffffffff);
    password(side, 0x1001, PWCMP);
    check("a wrong one: PWCERR", *side->status & (PWCERR | STS_PWOK), PWCERR);
    *side->status = PWCERR;
    password(side, 0x1000, PWCMP);
    check("the right one: PWOK", *side->status & (PWCERR | STS_PWOK), STS_PWOK);
}

static void busy(const struct side *side)
{
    until(side->status, BUSY, 0);
    side->password[0] = 1;
    check("BUSY is seen", *side->status & BUSY, BUSY);
    side->password[0] = 2;
    told(side->word_busy);
    *side->control = CODE | PWCMP;
    told(side->control_busy);
    check("BUSY ends", until(side->status, BUSY, 0), 1);
}

static void counters(const struct side *side)
{
    for (uint32_t i = 2; i <= 7; i++) {
        password(side, 0x1000 * i, PWUPD);
        check("an update is counted", *side->status >> 8 & 7, i);
        *side->status = PWUOK;
    }
    password(side, 0x8000, PWUPD);
    check("the eighth is not taken", *side->status & PWUOK, 0);
    told(side->seven);
    for (uint32_t i = 0; i < 7; i++) {
        password(side, 0x9999, PWCMP);
        *side->status = PWCERR;
    }
    check("seven failures: PWFMAX", *side->status & PWFMAX, PWFMAX);
    password(side, 0x7000, PWCMP);
    check("and then the right password is wrong", *side->status & PWCERR, PWCERR);
    *side->status = PWCERR;
}

/* Fidelity rule: bits that are only ever set. */
static void set_only(const struct side *side)
{
    *side->control = CODE | DBGDIS;
    until(side->status, BUSY, 0);
    check("DBGDIS shows in CTL", *side->control & (DBGDIS | LOCK), DBGDIS);
    check("and in STS", *side->status & (STS_DBGDIS | STS_LOCK), STS_DBGDIS);
    *side->control = CODE;
    until(side->status, BUSY, 0);
    check("it cannot be taken back", *side->control & DBGDIS, DBGDIS);
    *side->control = CODE | LOCK;
    until(side->status, BUSY, 0);
    check("LOCK shows in STS", *side->status & STS_LOCK, STS_LOCK);
    *side->control = CODE;
    until(side->status, BUSY, 0);
    check("it cannot be taken back", *side->control & LOCK, LOCK);
}

static void over_power(const struct side *side)
{
    check("PWUCNT over power-off", *side->status >> 8 & 7, 7);
    check("PWFMAX over power-off", *side->status & PWFMAX, PWFMAX);
    check("PWOK does not last", *side->status & STS_PWOK, 0);
}

/* Debug is refused from the next reset on, so that the power goes before DBGDIS is set. */
void phase(uint32_t number)
{
    const struct side *sides[] = { &secure, &open_side };
    for (uint32_t i = 0; i < COUNT(sides); i++) {
        if (number == 1) {
            over_power(sides[i]);
            set_only(sides[i]);
            continue;
        }
        untouched(sides[i]);
        passwords(sides[i]);
        busy(sides[i]);
        counters(sides[i]);
        then(THEN_POWER);
    }
    if (number == 1)
        check("debug goes on until the next reset", 1, 1);
}
