/* SPDX-License-Identifier: MIT */
/*
 * Resets, power and time of one chip. Called by board.c's thread, by swd and by
 * the blocks; what is stored changes in the blocks and in store.c, never here but for the stage
 * that a cold reset shows.
 */
#include "target-fw/board/chip/chip.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "target-fw/board/blocks.h"
#include "target-fw/board/lines.h"
#include "target-fw/board/lock.h"
#include "target-fw/board/names.h"

enum { CHIP_WHO_MAX = 24 };
enum { WAKE_MS_MIN = 1, WAKE_MS_MAX = 1000, CYCLES_PER_BLOCK = 8, RUN_BLOCKS_MAX = 2000 };

/* A line that a block has noted: who made the access, and to which register. */
static void report(struct chip *chip, const char *words)
{
    char name[NAMES_MAX], who[CHIP_WHO_MAX] = "swd";
    if (chip->master == MASTER_CPU)
        snprintf(who, sizeof(who), "pc ~0x%08x", cpu_where(chip->cpu));
    log_line(LOG_LEVEL_WARN, "board %u: %s: %s [%s]", chip->number, who, words,
             names_of(chip, chip->accessed, name));
}

static void blocks_reset(struct chip *chip)
{
    for (const struct periph *const *p = chip->blocks; *p != NULL; p++)
        if ((*p)->reset != NULL)
            (*p)->reset(chip);
}

enum err chip_open(struct chip *chip, unsigned number, const char *path, bool with_cpu)
{
    *chip = (struct chip){
        .number = number, .blocks = chip_blocks, .report = report, .uart.fd = -1, .store.fd = -1
    };
    TRY(store_open(&chip->store, path));
    chip->sram = aligned_alloc(4096, CHIP_SRAM_BYTES);
    if (chip->sram == NULL)
        return fail(ERR_MEMORY, "chip: SRAM");
    blocks_reset(chip); /* the engine's memory map needs the clocks */
    if (with_cpu)
        TRY(cpu_new(chip, &chip->cpu));
    chip_power(chip, true);
    return ERR_OK;
}

void chip_close(struct chip *chip)
{
    cpu_free(chip->cpu);
    chip->cpu = NULL;
    buf_free(&chip->crpt.sha.message);
    wipe(&chip->ks, sizeof(chip->ks));
    wipe(&chip->crpt, sizeof(chip->crpt));
    free(chip->sram);
    chip->sram = NULL;
    store_close(&chip->store);
}

/* ---- resets ---- */

static void sram_lost(struct chip *chip)
{
    if (RAND_bytes(chip->sram, CHIP_SRAM_BYTES) != 1)
        memset(chip->sram, 0xa5, CHIP_SRAM_BYTES);
}

static uint32_t cause(enum reset_kind kind)
{
    switch (kind) {
    case RESET_POWER:
    case RESET_CHIP: /* sys_reg.h: PORF is set by both */
        return SYS_RSTS_POR;
    case RESET_PIN:
        return SYS_RSTS_PIN;
    case RESET_SYSTEM:
        return SYS_RSTS_SYS;
    case RESET_CPU:
        return SYS_RSTS_CPU;
    default:
        return 0;
    }
}

void chip_reset(struct chip *chip, enum reset_kind kind)
{
    bool cold = kind == RESET_POWER || kind == RESET_PIN || kind == RESET_CHIP;
    log_line(LOG_LEVEL_DEBUG, "board %u: reset kind %d", chip->number, (int)kind);
    chip->reset_wanted = RESET_NONE;
    chip->last_note[0] = '\0';
    chip->sys.reset_status = (kind == RESET_POWER ? 0 : chip->sys.reset_status) | cause(kind);
    struct dpm dpm = chip->dpm;
    if (kind != RESET_CPU)
        blocks_reset(chip);
    if (kind == RESET_SYSTEM)
        chip->dpm = dpm; /* a port that a password opened stays open until a cold reset */
    if (kind == RESET_POWER)
        sram_lost(chip);
    if (cold) {
        ks_power_lost(chip);
        chip->fmc.banks_swapped = false;
        lock_latch(chip);
    }
    if (kind != RESET_CPU)
        fmc_boot_select(chip, cold);
    if (kind == RESET_POWER || kind == RESET_CHIP)
        chip->link_resets++;
    core_reset(chip, kind == RESET_POWER || kind == RESET_CHIP);
    if (cpu_restart(chip->cpu) != ERR_OK) {
        core_lockup(chip, "no engine");
        return;
    }
    if (cold || (kind == RESET_SYSTEM && chip->fmc.vecmap == 0))
        rom_judge(chip);
    core_start(chip);
}

void chip_power(struct chip *chip, bool on)
{
    if (on == chip->powered)
        return;
    chip->powered = on;
    chip->cold_due = on && chip->reset_held;
    chip->cut_wanted = false;
    chip->link_resets++;
    if (on)
        oneway_restart(chip);
    if (on && !chip->reset_held) {
        chip_reset(chip, RESET_POWER);
    } else {
        ks_power_lost(chip);
        store_sync(&chip->store, chip->store.image, sizeof(*chip->store.image));
        core_reset(chip, true);
        chip->core.state = on ? CORE_HELD : CORE_OFF;
    }
}

void chip_pin_reset(struct chip *chip, bool low)
{
    if (low == chip->reset_held)
        return;
    chip->reset_held = low;
    if (!chip->powered)
        return;
    if (low) {
        chip->core.state = CORE_HELD;
        return;
    }
    chip_reset(chip, chip->cold_due ? RESET_POWER : RESET_PIN);
    if (chip->cold_due)
        chip->sys.reset_status |= SYS_RSTS_PIN;
    chip->cold_due = false;
}

void chip_settle(struct chip *chip)
{
    if (chip->cut_wanted)
        chip_power(chip, false);
    else if (chip->reset_wanted != RESET_NONE)
        chip_reset(chip, chip->reset_wanted);
}

/* ---- time ---- */

bool chip_runnable(const struct chip *chip)
{
    return chip->core.state == CORE_RUN;
}

/* Asleep, an operation has the time it needs to end. */
static void wake(struct chip *chip)
{
    unsigned looks = chip->core.state == CORE_SLEEP ? BUSY_POLLS + 1 : 1;
    core_tick(chip);
    for (unsigned i = 0; i < looks; i++)
        lines_update(chip);
    if (chip->core.state == CORE_SLEEP && exc_wakes(chip))
        chip->core.state = CORE_RUN;
}

void chip_pass(struct chip *chip, uint64_t cycles)
{
    chip->cycles += cycles;
    wake(chip);
}

int chip_sleep_ms(const struct chip *chip)
{
    uint64_t left = core_tick_left(chip);
    if (chip->core.state != CORE_SLEEP || left == UINT64_MAX)
        return -1;
    uint64_t ms = left / (CHIP_HCLK_HZ / 1000);
    return ms < WAKE_MS_MIN ? WAKE_MS_MIN : ms > WAKE_MS_MAX ? WAKE_MS_MAX : (int)ms;
}

static void run_slice(struct chip *chip, uint32_t blocks)
{
    enum cpu_end end = cpu_run(chip->cpu, blocks);
    chip->core.ran = true;
    if (chip->cut_wanted || chip->reset_wanted != RESET_NONE)
        chip_settle(chip);
    else
        core_ended(chip, end);
    wake(chip);
}

void chip_run(struct chip *chip, uint32_t blocks)
{
    wake(chip);
    if (!chip_runnable(chip))
        return;
    enum master master = chip->master;
    chip->master = MASTER_CPU;
    unsigned due = exc_next(chip);
    if (due != 0)
        exc_take(chip, due);
    if (chip_runnable(chip))
        run_slice(chip, blocks);
    chip->master = master;
}

static uint32_t blocks_for(const struct chip *chip, uint64_t cycles)
{
    uint64_t blocks = cycles * (chip->pace.on ? chip->clk.speed : 1) / CYCLES_PER_BLOCK + 1;
    return blocks < RUN_BLOCKS_MAX ? (uint32_t)blocks : RUN_BLOCKS_MAX;
}

void chip_run_until(struct chip *chip, uint64_t cycles)
{
    while (chip->cycles < cycles) {
        uint64_t rest = cycles - chip->cycles;
        uint64_t tick = core_tick_left(chip);
        if (chip_runnable(chip))
            chip_run(chip, blocks_for(chip, rest));
        else /* asleep: from tick to tick */
            chip_pass(chip, tick < rest ? tick + 1 : rest);
    }
}

void chip_follow(struct chip *chip)
{
    chip_run_until(chip, pace_cycles(&chip->pace, CHIP_HCLK_HZ));
}
