/* SPDX-License-Identifier: MIT */
/*
 * The processor's debug registers over mem.c. Called by chip/ and link/. Nothing here may pull
 * nRESET: a reset is asked for by AIRCR.
 */
#include "station-agent/probe/core.h"

#include <stdio.h>

#include "common/core/wr.h"
#include "common/host/log.h"

enum {
    HALT_MS = 200,
    REGISTER_MS = 100,
    RESET_MS = 1000,
    RESET_UNSURE_MS = 100,
    RESET_TRIES = 2,
    DEMCR_CATCH_RESET = 1 << 0,
    REGISTER_WRITE = 1 << 16,
};
#define DHCSR          CORE_DHCSR
#define DCRSR          0xE000EDF4u
#define DCRDR          0xE000EDF8u
#define DEMCR          0xE000EDFCu
#define AIRCR          0xE000ED0Cu
#define VTOR           0xE000ED08u
#define DHCSR_RUN      0xA05F0001u
#define DHCSR_STOP     0xA05F0003u
#define AIRCR_SYSRESET 0x05FA0004u

enum err core_status(struct mem *mem, uint32_t *dhcsr_out)
{
    return mem_read_word(mem, DHCSR, dhcsr_out);
}

static enum err not_in_time(const struct mem *mem, unsigned timeout_ms, const char *what)
{
    return fail(ERR_FAULT, "core: %s: %s, nothing happens in %u ms", mem->swd->probe->name,
                what, timeout_ms);
}

/* Await a bit of DHCSR; what says whose failure it is. */
static enum err await_status(struct mem *mem, uint32_t bit, unsigned timeout_ms,
                             const char *what)
{
    enum err e = mem_poll(mem, &(struct mem_poll){ DHCSR, bit, bit, timeout_ms });
    return e == ERR_DEADLINE ? not_in_time(mem, timeout_ms, what) : e;
}

enum err core_halt(struct mem *mem)
{
    static const struct mem_word stop = { DHCSR, DHCSR_STOP };
    enum err e = mem_exchange(
        mem, &(struct mem_exchange){ .words = &stop,
                                     .word_count = 1,
                                     .poll = { DHCSR, CORE_S_HALT, CORE_S_HALT, HALT_MS } });
    return e == ERR_DEADLINE ? not_in_time(mem, HALT_MS, "asked to halt") : e;
}

enum err core_run(struct mem *mem)
{
    return mem_write_word(mem, DHCSR, DHCSR_RUN);
}

/* The reset may interrupt the very transfer that asks for it: what counts is the halt after it.
 * How long that may take: not long if the request may have been lost. */
static unsigned ask_reset(struct mem *mem)
{
    unsigned patience_ms = RESET_MS;
    bool quiet = mem->quiet, once = mem->once;
    mem->quiet = mem->once = true;
    if (mem_write_word(mem, AIRCR, AIRCR_SYSRESET) != ERR_OK) {
        log_line(LOG_LEVEL_DEBUG, "core: the reset interrupted its own transfer: %s",
                 fail_words());
        mem->swd->probe->counts.redone++;
        patience_ms = RESET_UNSURE_MS;
    }
    mem->quiet = quiet;
    mem->once = once;
    return patience_ms;
}

/* S_RESET_ST clears when read: the halt's own read below leaves it clear before the reset. */
static enum err reset_halt(struct mem *mem)
{
    TRY(core_halt(mem));
    TRY(mem_write_word(mem, DEMCR, DEMCR_CATCH_RESET));
    TRY(await_status(mem, CORE_S_RESET, ask_reset(mem), "system reset asked"));
    TRY(await_status(mem, CORE_S_HALT, RESET_MS, "reset with a halt at its vector"));
    return mem_write_word(mem, DEMCR, 0);
}

/* If the link drops, S_RESET_ST may have been read and lost, or the request was not received.
 */
enum err core_reset_halt(struct mem *mem)
{
    for (unsigned tries = 0;; tries++) {
        uint32_t redone = mem->swd->probe->counts.redone;
        enum err e = reset_halt(mem);
        if (e != ERR_FAULT || tries == RESET_TRIES || redone == mem->swd->probe->counts.redone)
            return e;
        log_line(LOG_LEVEL_WARN, "core: %s: the link dropped about the reset, once more",
                 mem->swd->probe->name);
    }
}

enum err core_catch_reset(struct mem *mem)
{
    TRY(mem_write_word(mem, DHCSR,
                       DHCSR_RUN)); /* C_DEBUGEN: a catch counts for a debugger only */
    return mem_write_word(mem, DEMCR, DEMCR_CATCH_RESET);
}

enum err core_await_caught(struct mem *mem)
{
    TRY(await_status(mem, CORE_S_HALT, RESET_MS, "let go of nRESET with a halt at its vector"));
    return mem_write_word(mem, DEMCR, 0);
}

/* What there is to write, then the number of the register, then S_REGRDY: in one exchange. */
static enum err move_register(struct mem *mem, uint32_t number, struct span value,
                              uint32_t *read_out)
{
    uint8_t bytes[4];
    struct wr w = wr_of(bytes, sizeof(bytes));
    wr_u32le(&w, number);
    const struct mem_exchange x = {
        .write_address = DCRDR,
        .write = value,
        .more_address = DCRSR,
        .more = wr_done(&w),
        .poll = { DHCSR, CORE_S_REGRDY, CORE_S_REGRDY, REGISTER_MS },
        .word_address = DCRDR,
        .word = read_out,
    };
    enum err e = mem_exchange(mem, &x);
    return e == ERR_DEADLINE ? not_in_time(mem, REGISTER_MS, "register transfer") : e;
}

enum err core_register_write(struct mem *mem, enum core_register reg, uint32_t value)
{
    uint8_t bytes[4];
    struct wr w = wr_of(bytes, sizeof(bytes));
    wr_u32le(&w, value);
    return move_register(mem, (uint32_t)reg | REGISTER_WRITE, wr_done(&w), NULL);
}

static void set_step(struct mem_word step[static 2], const struct core_value *value)
{
    step[0] = (struct mem_word){ DCRDR, value->value };
    step[1] = (struct mem_word){ DCRSR, (uint32_t)value->reg | REGISTER_WRITE };
}

/* What fails in one packet is done one by one: a register may be written twice. */
enum err core_registers_write(struct mem *mem, const struct core_value *values, size_t count)
{
    struct mem_steps steps = { .word_count = 2,
                               .count = count,
                               .poll_address = DHCSR,
                               .poll_mask = CORE_S_REGRDY,
                               .poll_value = CORE_S_REGRDY };
    for (size_t i = 0; i < count && i < CORE_VALUES_MAX; i++)
        set_step(steps.words[i], &values[i]);
    if (count <= mem_steps_max(mem, steps.words[0], 2) && mem_run_steps(mem, &steps) == ERR_OK)
        return ERR_OK;
    for (size_t i = 0; i < count; i++)
        TRY(core_register_write(mem, values[i].reg, values[i].value));
    return ERR_OK;
}

enum err core_register_read(struct mem *mem, enum core_register reg, uint32_t *value_out)
{
    return move_register(mem, (uint32_t)reg, span_of(NULL, 0), value_out);
}

enum err core_vector_table(struct mem *mem, uint32_t address)
{
    return mem_write_word(mem, VTOR, address);
}

static const char *state_name(uint32_t dhcsr)
{
    if ((dhcsr & CORE_S_LOCKUP) != 0)
        return "in lock-up";
    if ((dhcsr & CORE_S_HALT) != 0)
        return "halted";
    return (dhcsr & CORE_S_SLEEP) != 0 ? "asleep" : "running";
}

static void describe(struct mem *mem, char words[static CORE_WORDS_MAX])
{
    uint32_t dhcsr = 0, pc = 0;
    if (core_status(mem, &dhcsr) != ERR_OK) {
        snprintf(words, CORE_WORDS_MAX, "the core's state cannot be read");
        return;
    }
    const char *reset = (dhcsr & CORE_S_RESET) != 0 ? ", was reset" : "";
    if (core_halt(mem) != ERR_OK || core_register_read(mem, CORE_PC, &pc) != ERR_OK)
        snprintf(words, CORE_WORDS_MAX, "core %s%s, PC unknown", state_name(dhcsr), reset);
    else
        snprintf(words, CORE_WORDS_MAX, "core %s%s at PC 0x%08x", state_name(dhcsr), reset, pc);
}

void core_describe(struct mem *mem, char words[static CORE_WORDS_MAX])
{
    bool quiet = mem->quiet;
    mem->quiet = true;
    describe(mem, words);
    mem->quiet = quiet;
}
