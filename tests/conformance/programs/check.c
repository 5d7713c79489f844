/* SPDX-License-Identifier: MIT */
#include "tests/conformance/programs/check.h"

enum { POLLS_MAX = 200000 };

static void row(const char *name, uint32_t flags, uint32_t got, uint32_t want)
{
    if (results.count < ROWS_MAX)
        results.rows[results.count] = (struct row){ WORD(name), flags, got, want };
    results.count++; /* one too many is told by the runner */
}

void check(const char *name, uint32_t got, uint32_t want)
{
    row(name, 0, got, want);
}

void checku(const char *name, uint32_t got, uint32_t want)
{
    row(name, ROW_UNVERIFIED, got, want);
}

/* One row: the first words that differ, or the first ones of all. */
static void rows_of(const char *name, uint32_t flags, const volatile uint32_t *got,
                    const uint32_t *want, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t value = got[i];
        if (value != want[i]) {
            row(name, flags, value, want[i]);
            return;
        }
    }
    row(name, flags, want[0], want[0]);
}

void check_words(const char *name, const volatile uint32_t *got, const uint32_t *want,
                 size_t count)
{
    rows_of(name, 0, got, want, count);
}

void checku_words(const char *name, const volatile uint32_t *got, const uint32_t *want,
                  size_t count)
{
    rows_of(name, ROW_UNVERIFIED, got, want, count);
}

void told(const char *words)
{
    told_at(words, 0);
}

void told_at(const char *words, uint32_t pc)
{
    row(words, ROW_TOLD, pc, 0);
}

void fault_expected(const char *name)
{
    results.expected = WORD(name);
    then(THEN_RESET_SYSTEM);
    __asm__ volatile("dsb\n\tisb" ::: "memory");
}

void then(enum program_then what)
{
    results.then = (uint32_t)what;
}

void then_control(const char *command)
{
    results.control = WORD(command);
    then(THEN_AGAIN);
}

bool until(volatile const uint32_t *reg, uint32_t mask, uint32_t want)
{
    for (uint32_t i = 0; i < POLLS_MAX; i++)
        if ((*reg & mask) == want)
            return true;
    return false;
}
