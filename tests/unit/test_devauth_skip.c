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
    PAIR_APART = 4096,
    TWIN_APART = 150000, /* from the first of two equal checks to the second */
    TWINS = 16,          /* of so many pairs one is of twins */
    SEED = 20261130,
    LINE_BYTES = 256,
};

/* How much is tried, by HALLMARK_GLITCH. */
static const struct effort {
    const char *name;
    bool every;      /* execution of an instruction, not the first and the last only */
    uint32_t each;   /* of so many instructions one */
    uint64_t longer; /* is waited for an answer */
    unsigned drawn;  /* pairs, and as many flips, a scene */
} efforts[] = { { "", false, 1, 1, 120 },
                { "share", false, 96, 1, 8 },
                { "all", true, 1, PATIENCE, 5000 } };

static const struct effort *effort(void)
{
    const char *how = getenv("HALLMARK_GLITCH");
    for (size_t i = 0; how != NULL && i < COUNT(efforts); i++)
        if (strcmp(how, efforts[i].name) == 0)
            return &efforts[i];
    return &efforts[0];
}

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

/* An engine drops what it has translated where it ran code that is put back; most of what
 * differs is stack and data, which it did not run. */
static void sram_put_back(const struct skip_moment *m)
{
    uint8_t *sram = emulated_chip.sram;
    for (uint32_t at = 0; at < CHIP_SRAM_BYTES; at += LINE_BYTES) {
        if (memcmp(sram + at, m->sram + at, LINE_BYTES) == 0)
            continue;
        memcpy(sram + at, m->sram + at, LINE_BYTES);
        cpu_code_changed(runner, CHIP_SRAM_BASE + at, LINE_BYTES);
        cpu_code_changed(emulated_chip.cpu, CHIP_SRAM_BASE + at, LINE_BYTES);
    }
}

static void put_back(const struct skip_moment *m)
{
    struct chip *chip = &emulated_chip;
    bool map = memcmp(&m->chip.clk, &chip->clk, sizeof(chip->clk)) != 0;
    buf_free(&chip->crpt.sha.message);
    *chip = m->chip;
    chip->crpt.sha.message = (struct buf){ 0 };
    assert_int_equal(buf_copy(&chip->crpt.sha.message, buf_span(&m->message)), ERR_OK);
    sram_put_back(m);
    *chip->store.image = m->store;
    for (size_t i = 0; i < SKIP_REGISTERS; i++)
        cpu_reg_set(chip->cpu, registers[i], m->registers[i]);
    if (map) {
        cpu_map_changed(runner);
        cpu_map_changed(chip->cpu);
    }
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

static bool in_code(uint32_t pc)
{
    return pc >= SRAM_BASE && pc < SRAM_BASE + CODE_BYTES;
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

/* The core is to go on behind the instruction, on the engine that is the chip's now. */
static void pass_over(void)
{
    uint16_t half;
    uint32_t pc = cpu_reg(emulated_chip.cpu, CPU_REG_PC) & ~1u;
    memcpy(&half, emulated_chip.sram + (pc - SRAM_BASE), sizeof(half));
    cpu_reg_set(emulated_chip.cpu, CPU_REG_PC, pc + (half >> 11 >= 0x1d ? 4 : 2));
}

/* The runner takes over where the stepper is. */
static void change_over(void)
{
    for (size_t i = 0; i < SKIP_REGISTERS; i++)
        cpu_reg_set(runner, registers[i], cpu_reg(emulated_chip.cpu, registers[i]));
    emulated_chip.cpu = runner;
}

static enum cpu_end step(void)
{
    emulated_chip.master = MASTER_CPU;
    return cpu_step(emulated_chip.cpu);
}

/* ---- all of them ---- */

static const struct skip_scene *scene;
static unsigned played;     /* scenes: another share of the instructions in each */
static uint32_t first_slot; /* of the share, from the seed */
static uint32_t trace[STEPS_MAX], times[CODE_BYTES / 2], left[CODE_BYTES / 2];
static struct skip_moment first, now;
static unsigned counts[OUTCOMES], harms, shown, tried;

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
        assert_int_not_equal(step(), CPU_END_FAULT);
    }
    return steps;
}

static bool chosen(uint32_t pc, const struct effort *e)
{
    uint32_t slot = pc_slot(pc), done = times[slot] - left[slot]--;
    uint32_t each = e->each * scene->share;
    return e->every ||
           (slot % each == (first_slot + played) % each && (done == 0 || left[slot] == 0));
}

struct glitch {
    uint32_t apart; /* steps from the first skip to the second; 0: there is one */
    bool twin;      /* the second is of the same instruction, when it comes again */
    bool flip;      /* of a bit of a register, instead */
    unsigned register_, bit;
};

static void flip(const struct glitch *g)
{
    uint32_t value = cpu_reg(emulated_chip.cpu, g->register_);
    cpu_reg_set(emulated_chip.cpu, g->register_, value ^ 1u << g->bit);
}

/* false: the core is where nothing can be left out: in a fault, asleep, or answered. */
static bool make(const struct glitch *g, uint32_t pc, uint32_t before)
{
    if (g->flip) {
        flip(g);
        return true;
    }
    pass_over();
    for (uint32_t i = 0; i < g->apart; i++) {
        if (step() != CPU_END_SLICE || answered(before) ||
            !in_code(cpu_reg(emulated_chip.cpu, CPU_REG_PC)))
            return false;
        if (g->twin && (cpu_reg(emulated_chip.cpu, CPU_REG_PC) & ~1u) == pc)
            break;
    }
    if (g->apart != 0)
        pass_over();
    return true;
}

static void show(uint32_t pc, const struct glitch *g, enum outcome outcome)
{
    if (shown++ >= SHOWN_MAX)
        return;
    if (g->flip)
        print_message("%s: harm with bit %u of r%u flipped at 0x%08x, outcome %d\n",
                      scene->name, g->bit, g->register_, pc, (int)outcome);
    else
        print_message("%s: harm without 0x%08x and the one %u steps later, outcome %d\n",
                      scene->name, pc, g->apart, (int)outcome);
}

static void try_one(uint32_t pc, const struct glitch *g, uint32_t before, uint64_t cycles)
{
    keep(&now);
    bool goes_on = make(g, pc, before);
    change_over();
    enum outcome outcome = answered(before) ? answer() : SILENT;
    if (goes_on)
        outcome = run_on(before, cycles);
    bool harm = scene->harmed(&first);
    tried++;
    counts[outcome]++;
    harms += harm;
    if (harm)
        show(pc, g, outcome);
    put_back(&now);
    if (outcome == SILENT)
        cpu_map_changed(runner); /* a fault leaves its engine in disorder */
    if (!goes_on)
        cpu_map_changed(emulated_chip.cpu);
}

static void report(const char *what, uint32_t steps)
{
    print_message("%s: %u executed, %u %s: refused %u, served %u, went on %u, silent %u; "
                  "harm %u\n",
                  scene->name, steps, tried, what, counts[REFUSED], counts[SERVED],
                  counts[WENT_ON], counts[SILENT], harms);
}

static unsigned harms_found;

static void start_count(void)
{
    harms_found += harms;
    memset(counts, 0, sizeof(counts));
    harms = shown = tried = 0;
}

static void try_all(uint32_t steps, uint32_t before, uint64_t cycles)
{
    static const struct glitch one = { 0 };
    const struct effort *e = effort();
    memcpy(left, times, sizeof(left));
    start_count();
    for (uint32_t i = 0; i < steps; i++) {
        if (chosen(trace[i], e))
            try_one(trace[i], &one, before, e->longer * (LATE_FACTOR * cycles + LATE_MORE));
        assert_int_not_equal(step(), CPU_END_FAULT);
    }
    assert_true(answered(before));
    report("skipped", steps);
}

/* xorshift; 0 is never drawn, nor left. */
static uint32_t drawn_from;

static uint32_t draw(uint32_t below)
{
    drawn_from ^= drawn_from << 13;
    drawn_from ^= drawn_from >> 17;
    drawn_from ^= drawn_from << 5;
    return below == 0 ? 0 : drawn_from % below;
}

/* Near ones are drawn as often as far ones: what belongs together is near. */
static struct glitch drawn_glitch(bool bit)
{
    struct glitch g = { .flip = bit };
    if (bit) {
        g.register_ = registers[draw(14)]; /* r0 to r12, and lr */
        g.bit = draw(32);
    } else {
        uint32_t most = 2;
        while (most < PAIR_APART && draw(8) != 0)
            most *= 2;
        g.twin = draw(TWINS) == 0;
        g.apart = g.twin ? TWIN_APART : 1 + draw(most);
    }
    return g;
}

/* In one walk along the trace: at each step as many as were drawn for it. */
static void try_drawn(uint32_t steps, uint32_t before, uint64_t cycles, bool bit)
{
    static uint8_t here[STEPS_MAX];
    const struct effort *e = effort();
    memset(here, 0, sizeof(here));
    start_count();
    for (unsigned i = 0; i < e->drawn; i++)
        here[draw(steps)]++;
    for (uint32_t i = 0; i < steps; i++) {
        for (; here[i] > 0; here[i]--) {
            struct glitch g = drawn_glitch(bit);
            try_one(trace[i], &g, before, e->longer * (LATE_FACTOR * cycles + LATE_MORE));
        }
        assert_int_not_equal(step(), CPU_END_FAULT);
    }
    report(bit ? "bits flipped" : "pairs skipped", steps);
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
    put_back(&first);
    try_drawn(steps, before, cycles, false);
    put_back(&first);
    try_drawn(steps, before, cycles, true);
    start_count();
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
    const char *seed = getenv("HALLMARK_GLITCH_SEED");
    drawn_from = seed != NULL ? (uint32_t)strtoul(seed, NULL, 10) | 1 : SEED;
    first_slot = drawn_from;
    harms = harms_found = 0;
    played++;
    emulated_turn = campaign;
    assert_int_equal(s->request(p), s->want);
    if (harms_found != 0)
        print_message("%s: seed %u\n", s->name, seed != NULL ? drawn_from : SEED);
    assert_int_equal(harms_found, 0);
    assert_int_equal(emulated_close_noted(&state), 0);
    buf_free(&first.message);
    buf_free(&now.message);
}
