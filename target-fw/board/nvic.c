/* SPDX-License-Identifier: MIT */
/*
 * Which exception is due, by priority and mask, and the registers of NVIC and SCB that say so.
 * Called by core.c, exc.c and lines.c. It must not enter an exception; exc.c does.
 */

#include <string.h>

#include "common/host/own.h"
#include "target-fw/board/chip/chip.h"

enum {
    ISER = 0xe100,
    ICER = 0xe180,
    ISPR = 0xe200,
    ICPR = 0xe280,
    IABR = 0xe300,
    ITNS = 0xe380,
    IPR = 0xe400,
    IPR_END = IPR + EXC_COUNT - EXC_IRQ0,
    ICSR = 0xed04,
    SHPR2 = 0xed1c,
    SHPR3 = 0xed20,
    SHCSR = 0xed24,
    ICSR_PENDSTCLR = 1 << 25,
    ICSR_PENDSTSET = 1 << 26,
    ICSR_PENDSVCLR = 1 << 27,
    ICSR_PENDSVSET = 1 << 28,
    ICSR_ISRPENDING = 1 << 22,
    PRIORITY_BITS = 0xc0c0c0c0, /* four levels */
    SPECIAL_PRIMASK = 1,
    C_DEBUGEN_MASKINTS = 9,
    LOWEST = 256,
    SYSTEM = 0xffff /* exceptions below 16 are not enabled one by one */
};
#define ICSR_PENDNMISET (1U << 31)

/* ---- priorities: the lower number goes first ---- */

static int priority_of(const struct chip *chip, unsigned number)
{
    return number == EXC_NMI         ? -2
           : number == EXC_HARDFAULT ? -1
                                     : chip->core.exc.priority[number];
}

static int running(const struct chip *chip)
{
    const struct exc *exc = &chip->core.exc;
    int lowest = LOWEST;
    for (unsigned w = 0; w < EXC_WORDS; w++)
        for (uint32_t left = exc->active[w]; left != 0; left &= left - 1) {
            int p = priority_of(chip, w * 32 + (unsigned)__builtin_ctz(left));
            lowest = p < lowest ? p : lowest;
        }
    return lowest;
}

static bool primask(struct chip *chip)
{
    return (cpu_reg(chip->cpu, CPU_REG_SPECIAL) & SPECIAL_PRIMASK) != 0;
}

static int boosted(struct chip *chip)
{
    int now = running(chip);
    return now > 0 && primask(chip) ? 0 : now;
}

static uint32_t due(const struct chip *chip, unsigned word)
{
    const struct exc *exc = &chip->core.exc;
    bool masked = (chip->core.control & C_DEBUGEN_MASKINTS) == C_DEBUGEN_MASKINTS;
    uint32_t pending = exc->pending[word] & (exc->enabled[word] | (word == 0 ? SYSTEM : 0));
    return masked ? pending & (word == 0 ? (1U << EXC_PENDSV) - 1 : 0) : pending;
}

/* The first of those that wait; 0: none. */
static unsigned candidate(const struct chip *chip)
{
    unsigned best = 0;
    for (unsigned w = 0; w < EXC_WORDS; w++)
        for (uint32_t left = due(chip, w); left != 0; left &= left - 1) {
            unsigned n = w * 32 + (unsigned)__builtin_ctz(left);
            if (best == 0 || priority_of(chip, n) < priority_of(chip, best))
                best = n;
        }
    return best;
}

unsigned exc_next(struct chip *chip)
{
    unsigned number = candidate(chip);
    return number != 0 && priority_of(chip, number) < boosted(chip) ? number : 0;
}

bool exc_wakes(struct chip *chip)
{
    unsigned number = candidate(chip);
    return number != 0 && priority_of(chip, number) < running(chip);
}

bool exc_masked(struct chip *chip)
{
    return exc_wakes(chip) && exc_next(chip) == 0;
}

bool exc_can_fault(struct chip *chip)
{
    return running(chip) > -1;
}

bool exc_can_call(struct chip *chip)
{
    return priority_of(chip, EXC_SVCALL) < boosted(chip);
}

uint64_t exc_alarm(struct chip *chip)
{
    uint64_t left = exc_pends(chip, EXC_SYSTICK) ? UINT64_MAX : core_tick_left(chip);
    return left == UINT64_MAX ? left : chip->cycles + left + 1;
}

/* ---- registers ---- */

/* Interrupts begin in the middle of the sets' first word. */
static uint32_t irq_word(const uint32_t *set, unsigned n)
{
    return set[n] >> 16 | set[n + 1] << 16;
}

static void irq_change(uint32_t *set, unsigned n, uint32_t bits, bool on)
{
    for (; bits != 0; bits &= bits - 1) {
        unsigned number = EXC_IRQ0 + n * 32 + (unsigned)__builtin_ctz(bits);
        if (number < EXC_COUNT)
            exc_put(set, number, on);
    }
}

static unsigned active_now(struct chip *chip)
{
    return cpu_reg(chip->cpu, CPU_REG_XPSR) & 0x1ff;
}

static uint32_t icsr_read(struct chip *chip)
{
    core_tick(chip);
    unsigned waiting = candidate(chip);
    return active_now(chip) | waiting << 12 | (waiting >= EXC_IRQ0 ? ICSR_ISRPENDING : 0U) |
           (exc_pends(chip, EXC_SYSTICK) ? ICSR_PENDSTSET : 0U) |
           (exc_pends(chip, EXC_PENDSV) ? ICSR_PENDSVSET : 0U) |
           (exc_pends(chip, EXC_NMI) ? ICSR_PENDNMISET : 0U);
}

static void icsr_write(struct chip *chip, uint32_t value)
{
    if (value & (ICSR_PENDSTCLR | ICSR_PENDSTSET))
        exc_pend(chip, EXC_SYSTICK, (value & ICSR_PENDSTCLR) == 0);
    if (value & (ICSR_PENDSVCLR | ICSR_PENDSVSET))
        exc_pend(chip, EXC_PENDSV, (value & ICSR_PENDSVCLR) == 0);
    if (value & ICSR_PENDNMISET)
        exc_pend(chip, EXC_NMI, true);
}

/* Which exceptions are active, as SHCSR shows and takes it. */
static const struct act {
    uint8_t number, bit;
} acts[] = { { EXC_HARDFAULT, 2 },
             { EXC_NMI, 5 },
             { EXC_SVCALL, 7 },
             { EXC_PENDSV, 10 },
             { EXC_SYSTICK, 11 } };

static uint32_t shcsr_read(const struct chip *chip)
{
    uint32_t value = 0;
    for (size_t i = 0; i < COUNT(acts); i++)
        value |= (uint32_t)exc_is_active(chip, acts[i].number) << acts[i].bit;
    return value;
}

static void shcsr_write(struct chip *chip, uint32_t value)
{
    for (size_t i = 0; i < COUNT(acts); i++)
        exc_set_active(chip, acts[i].number, (value >> acts[i].bit & 1) != 0);
}

/* Four priorities of one byte each, of the exceptions from `first`. */
static uint8_t *priorities(struct chip *chip, uint32_t offset)
{
    uint8_t *all = chip->core.exc.priority;
    if (offset == SHPR2)
        return all + 8;
    if (offset == SHPR3)
        return all + 12;
    return offset >= IPR && offset < IPR_END ? all + EXC_IRQ0 + (offset - IPR) : NULL;
}

bool nvic_read(struct chip *chip, uint32_t offset, uint32_t *value)
{
    const struct exc *exc = &chip->core.exc;
    unsigned n = (offset & 0x7f) / 4;
    const uint8_t *bytes = priorities(chip, offset);
    *value = 0;
    if (bytes != NULL)
        memcpy(value, bytes, sizeof(*value));
    else if (offset == ICSR)
        *value = icsr_read(chip);
    else if (offset == SHCSR)
        *value = shcsr_read(chip);
    else if (offset < ISER || offset >= ITNS)
        return false;
    else if (n < EXC_WORDS - 1)
        *value = irq_word(offset < ISPR   ? exc->enabled
                          : offset < IABR ? exc->pending
                                          : exc->active,
                          n);
    return true;
}

static bool write_one(struct chip *chip, uint32_t offset, uint32_t value)
{
    struct exc *exc = &chip->core.exc;
    unsigned n = (offset & 0x7f) / 4;
    uint8_t *bytes = priorities(chip, offset);
    uint32_t kept = value & (offset == SHPR2 ? 0xc0000000U : (uint32_t)PRIORITY_BITS);
    if (bytes != NULL)
        memcpy(bytes, &kept, sizeof(kept));
    else if (offset == ICSR)
        icsr_write(chip, value);
    else if (offset == SHCSR)
        shcsr_write(chip, value);
    else if (offset < ISER || offset >= ITNS)
        return false;
    else if (n < EXC_WORDS - 1 && offset < IABR)
        irq_change(offset < ISPR ? exc->enabled : exc->pending, n, value,
                   (offset & (ICER - ISER)) == 0);
    return true;
}

bool nvic_write(struct chip *chip, uint32_t offset, uint32_t value)
{
    if (!write_one(chip, offset, value))
        return false;
    if (exc_wakes(chip))
        cpu_stop(chip->cpu); /* looked at between two blocks */
    return true;
}
