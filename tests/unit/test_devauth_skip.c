/* SPDX-License-Identifier: MIT */
#include "tests/unit/test_devauth_skip.h"

#include "common/host/own.h"
#include "hallmark/v1/frame.pb-c.h"
#include "tests/unit/check.h"

#include <stdlib.h>
#include <string.h>

enum {
    CODE_BYTES = 0x8000,
    STEPS_MAX = 2000000,
    LATE_FACTOR = 2,    /* no answer after so many times what the refusal takes, */
    LATE_MORE = 100000, /* and so many cycles: silent */
    PATIENCE = 4,       /* with HALLMARK_GLITCH=all, so many times longer */
    TICK_CYCLES = 12000,
    SHOWN_MAX = 20,
};

/* ---- the chip, kept and put back ---- */

/* What was translated to run cannot be stepped: an engine for each, on the same chip. */
static struct cpu *runner, *stepper;

static const unsigned registers[SKIP_REGISTERS] = { 0,  1,  2,  3,  4,  5,  6,  7,  8, 9,
                                                    10, 11, 12, 14, 16, 20, 17, 18, 15 };

static void keep(struct skip_moment *m)
{
    const struct chip *chip = &emulated_chip;
    m->chip = *chip;
    assert_int_equal(buf_copy(&m->message, buf_span(&chip->crpt.sha.message)), ERR_OK);
    memcpy(m->sram, chip->sram, sizeof(m->sram));
    m->store = *chip->store.image;
    for (size_t i = 0; i < SKIP_REGISTERS; i++)
        m->registers[i] = cpu_reg(chip->cpu, registers[i]);
}

static void put_back(const struct skip_moment *m)
{
    struct chip *chip = &emulated_chip;
    bool code = memcmp(m->sram, chip->sram, emulated_mailbox - SRAM_BASE) != 0;
    bool map = memcmp(&m->chip.clk, &chip->clk, sizeof(chip->clk)) != 0;
    buf_free(&chip->crpt.sha.message);
    *chip = m->chip;
    chip->crpt.sha.message = (struct buf){ 0 };
    assert_int_equal(buf_copy(&chip->crpt.sha.message, buf_span(&m->message)), ERR_OK);
    memcpy(chip->sram, m->sram, sizeof(m->sram));
    *chip->store.image = m->store;
    for (size_t i = 0; i < SKIP_REGISTERS; i++)
        cpu_reg_set(chip->cpu, registers[i], m->registers[i]);
    if (code || map)
        cpu_map_changed(runner);
}

/* ---- one skip ---- */

enum outcome { REFUSED, SERVED, WENT_ON, SILENT, OUTCOMES };

static uint32_t sram_word(uint32_t address)
{
    uint32_t word;
    memcpy(&word, emulated_chip.sram + (address - SRAM_BASE), sizeof(word));
    return word;
}

#define UP(field) (emulated_mailbox + (uint32_t)offsetof(struct mailbox, up.field))

static enum outcome answer(void)
{
    const uint8_t *bytes = emulated_chip.sram + (UP(payload) - SRAM_BASE);
    uint32_t len = sram_word(UP(length));
    Hallmark__V1__Frame *frame =
        len <= MAILBOX_UP_MAX ? hallmark__v1__frame__unpack(NULL, len, bytes) : NULL;
    bool served = frame != NULL && frame->kind_case == HALLMARK__V1__FRAME__KIND_RESPONSE &&
                  frame->response->status == 0 && frame->response->stream != 0;
    if (frame != NULL)
        hallmark__v1__frame__free_unpacked(frame, NULL);
    return served ? SERVED : REFUSED;
}

static bool answered(uint32_t before)
{
    return sram_word(UP(sequence)) != before;
}

static enum outcome run_on(uint32_t before, uint64_t cycles)
{
    uint64_t late = emulated_chip.cycles + cycles;
    while (emulated_chip.core.state == CORE_RUN && emulated_chip.cycles < late) {
        chip_run(&emulated_chip, EMULATED_SLICE);
        if (answered(before))
            return answer();
    }
    return emulated_chip.core.state == CORE_SLEEP ? WENT_ON : SILENT;
}

/* The runner takes over behind the instruction. */
static void leave_out(const struct skip_moment *m)
{
    uint16_t half;
    emulated_chip.cpu = runner;
    for (size_t i = 0; i < SKIP_REGISTERS; i++)
        cpu_reg_set(runner, registers[i], m->registers[i]);
    uint32_t pc = cpu_reg(runner, CPU_REG_PC) & ~1u;
    memcpy(&half, emulated_chip.sram + (pc - SRAM_BASE), sizeof(half));
    cpu_reg_set(runner, CPU_REG_PC, pc + (half >> 11 >= 0x1d ? 4 : 2));
}

static void step(void)
{
    emulated_chip.master = MASTER_CPU;
    assert_int_not_equal(cpu_step(emulated_chip.cpu), CPU_END_FAULT);
}

/* ---- all of them ---- */

static const struct skip_scene *scene;
static uint32_t trace[STEPS_MAX], times[CODE_BYTES / 2], left[CODE_BYTES / 2];
static struct skip_moment first, now;
static unsigned counts[OUTCOMES], harms, shown, skips;

static uint32_t pc_slot(uint32_t pc)
{
    assert_in_range(pc, SRAM_BASE, SRAM_BASE + CODE_BYTES - 1);
    return (pc - SRAM_BASE) / 2;
}

/* Until the answer is there: what was executed. */
static uint32_t follow(uint32_t before)
{
    uint32_t steps = 0;
    memset(times, 0, sizeof(times));
    for (; !answered(before); steps++) {
        assert_true(steps < STEPS_MAX);
        trace[steps] = cpu_reg(emulated_chip.cpu, CPU_REG_PC) & ~1u;
        times[pc_slot(trace[steps])]++;
        step();
    }
    return steps;
}

static bool chosen(uint32_t pc, bool all, uint32_t each)
{
    uint32_t slot = pc_slot(pc), done = times[slot] - left[slot]--;
    return all || (slot % each == 0 && (done == 0 || left[slot] == 0));
}

static void try_without(uint32_t pc, uint32_t before, uint64_t cycles)
{
    keep(&now);
    leave_out(&now);
    enum outcome outcome = run_on(before, cycles);
    bool harm = scene->harmed(&first);
    skips++;
    counts[outcome]++;
    harms += harm;
    if (harm && shown++ < SHOWN_MAX)
        print_message("%s: harm without 0x%08x, outcome %d\n", scene->name, pc, (int)outcome);
    put_back(&now);
    if (outcome == SILENT)
        cpu_map_changed(runner); /* a fault leaves its engine in disorder */
}

static void try_all(uint32_t steps, uint32_t before, uint64_t cycles)
{
    const char *how = getenv("HALLMARK_GLITCH");
    bool all = how != NULL && strcmp(how, "all") == 0;
    uint32_t each = how != NULL && strcmp(how, "third") == 0 ? 3 : 1;
    uint64_t patience = all ? PATIENCE : 1;
    memset(counts, 0, sizeof(counts));
    memcpy(left, times, sizeof(left));
    harms = shown = skips = 0;
    for (uint32_t i = 0; i < steps; i++) {
        if (chosen(trace[i], all, each))
            try_without(trace[i], before, patience * (LATE_FACTOR * cycles + LATE_MORE));
        step();
    }
    assert_true(answered(before));
    print_message("%s: %u executed, %u skipped: refused %u, served %u, went on %u, silent %u; "
                  "harm %u\n",
                  scene->name, steps, skips, counts[REFUSED], counts[SERVED], counts[WENT_ON],
                  counts[SILENT], harms);
}

static void campaign(void)
{
    uint32_t before = sram_word(UP(sequence));
    if (emulated_chip.core.state == CORE_SLEEP)
        chip_pass(&emulated_chip, TICK_CYCLES);
    assert_int_equal(emulated_chip.core.state, CORE_RUN);
    runner = emulated_chip.cpu;
    assert_int_equal(cpu_new(&emulated_chip, &stepper), ERR_OK);
    keep(&first);
    first.chip.cpu = stepper;
    put_back(&first);
    uint32_t steps = follow(before);
    uint64_t cycles = emulated_chip.cycles - first.chip.cycles;
    assert_false(scene->harmed(&first));
    put_back(&first);
    try_all(steps, before, cycles);
    first.chip.cpu = runner;
    put_back(&first);
    cpu_free(stepper);
}

/* The campaign is run when the board gets its first turn with the request. */
void skip_play(const struct skip_scene *s)
{
    void *state;
    assert_int_equal(emulated_open(&state), 0);
    struct peer *p = state;
    peer_run_to(p, s->after);
    if (s->prepare != NULL)
        s->prepare(p);
    scene = s;
    emulated_turn = campaign;
    assert_int_equal(s->request(p), s->want);
    assert_int_equal(harms, 0);
    assert_int_equal(emulated_close_noted(&state), 0);
    buf_free(&first.message);
    buf_free(&now.message);
}
