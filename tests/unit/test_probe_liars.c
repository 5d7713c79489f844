/* SPDX-License-Identifier: MIT */
/*
 * Every command times every fault of a probe, at three positions, in three phases of a board's
 * way, for three boards: what comes of it is in the table (test_probe_liar_rows.c), and no cell
 * is "shut" or "locked" unless the board is.
 */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/wr.h"
#include "common/host/log.h"
#include "common/host/own.h"
#include "station-agent/chip/chip.h"
#include "station-agent/chip/doors.h"
#include "tests/unit/test_probe_liar.h"

enum {
    PDID = 0x40000000,
    REGLCTL = 0x40000100,
    STATUS = 0x40000250,
    READY = 1 << 16 | 1 << 20, /* DHCSR: a register may be moved, secure debug is allowed */
    HALTED = 1 << 17,
    RESET_SEEN = 1 << 25,
};
#define RUN    0xA05F0001u
#define DHCSR  0xE000EDF0u
#define AIRCR  0xE000ED0Cu
#define DPM_ID 0xF00016FCu

// clang-format off
#define ALL UINT32_MAX
#define IS(value) (1u << (value))
#define ONCE (IS(FIRST) | IS(TWENTY_FIFTH))

/* Faults that a second try meets again, where a command has them each time. */
#define LASTING (ALL & ~(IS(TWICE) | IS(OLDER) | IS(PADDED) | IS(NOT_DONE)))
/* What each connection needs, whatever the board is. */
#define NEEDED (IS(CONNECT) | IS(TRANSFER_CONFIGURE) | IS(SWJ_SEQUENCE) | IS(SWD_CONFIGURE) | IS(SWJ_CLOCK))
#define INFOS (IS(INFO_TEXT) | IS(INFO_CAPABILITIES) | IS(INFO_COUNT) | IS(INFO_SIZE))

/* Narrows a row: where all its fields fit only want may come. The first that fits counts. */
static const struct exception {
    uint32_t commands, faults, positions, phases, boards; /* each a set, by IS() */
    unsigned want;
} exceptions[] = {
    /* Asked when the probe is opened, and not at the closing unless something else fails. */
    { INFOS, ALL, ALL, IS(CLOSING), ALL, TRUE_ONE },
    /* Of the closing only the looks are several commands in one packet; there are none at an absent board. */
    { IS(EXECUTE), ALL, ALL, IS(CLOSING), IS(BOARD_ABSENT), TRUE_ONE },
    /* Only SRAM is written in blocks, and only a board that is open comes to that. */
    { IS(TRANSFER_BLOCK), ALL, ALL, IS(CLOSING) | IS(SEAL), ALL, TRUE_ONE },
    { IS(TRANSFER_BLOCK), ALL, ALL, ALL, IS(BOARD_SHUT) | IS(BOARD_ABSENT), TRUE_ONE },
    /* Only a refusal needs it. */
    { IS(WRITE_ABORT), ALL, ALL, ALL, IS(BOARD_OPEN) | IS(BOARD_ABSENT), TRUE_ONE },
    /* A board that is absent has no access port, and no light is switched on for it. */
    { IS(TRANSFER_AP) | IS(HOST_STATUS), ALL, ALL, ALL, IS(BOARD_ABSENT), TRUE_ONE },
    /* No answer, as the fifth connection meets it, and one WAIT in between. */
    { IS(TRANSFER_DP), IS(WAITED), IS(TWENTY_FIFTH), IS(START) | IS(SEAL), IS(BOARD_ABSENT), DOUBT },
    /* What happens once is mended. What is told as done and was not cannot be told from the
     * truth by one look, and a link that is closed stays so. */
    { ALL, ALL & ~(IS(NOT_DONE) | IS(CLOSED)), ONCE, ALL, ALL, TRUE_ONE },
    /* No connection can be made that the proof could stand on. */
    { NEEDED, LASTING, IS(EVERY), ALL, ALL, DOUBT },
    { NEEDED | IS(SWJ_PINS), IS(CLOSED), IS(FIRST), ALL, ALL, DOUBT },
    { INFOS | IS(EXECUTE) | IS(TRANSFER_DP), IS(CLOSED), IS(FIRST), ALL, ALL, DOUBT },
    /* seal looks twice, at six doors that refuse twice each, at one that answers, and at the first again: the 25th packet is in the second. */
    { IS(EXECUTE), IS(CLOSED), IS(TWENTY_FIFTH), IS(SEAL), IS(BOARD_SHUT), DOUBT },
    /* Nothing is asked 25 times of these at a board that answers. */
    { NEEDED | INFOS | IS(EXECUTE) | IS(HOST_STATUS) | IS(SWJ_PINS) | IS(WRITE_ABORT), ALL,
      IS(TWENTY_FIFTH), ALL, IS(BOARD_OPEN) | IS(BOARD_SHUT), TRUE_ONE },
    /* Not one access is believed. */
    { IS(TRANSFER_DP) | IS(TRANSFER_AP), IS(NOT_DONE), IS(EVERY), ALL, ALL, DOUBT },
};
// clang-format on

static const char *const position_names[] = { "first", "25th", "every" };
static const char *const phase_names[] = { "start", "closing", "seal" };
static const char *const board_names[] = { "open", "shut", "absent" };

struct bench {
    struct liar liar;
    struct chip *chip;
    unsigned keys;
    enum liar_board other; /* the board that SWAPS puts in */
};

/* One cell, and what came of it. */
struct cell {
    enum liar_command command;
    enum liar_fault fault;
    enum liar_position position;
    enum liar_phase phase;
    enum liar_board board;
};

struct outcome {
    unsigned is;    /* one of liar_want; 0: none that may ever be */
    bool said_shut; /* or "locked" */
    char detail[FAIL_WORDS_MAX + CHIP_DETAIL_MAX];
};

static void on_write(struct fake *fake, uint32_t address, uint32_t value)
{
    static const uint32_t keys[] = { 0x59, 0x16, 0x88 };
    struct bench *b = fake->user;
    if (address == REGLCTL) {
        b->keys = b->keys < 3 && value == keys[b->keys] ? b->keys + 1 : 0;
        fake_set(fake, REGLCTL, b->keys == 3);
    }
    if (address == DHCSR)
        fake_set(fake, DHCSR,
                 (fake_get(fake, DHCSR) & RESET_SEEN) | READY | (value == RUN ? 0 : HALTED));
    if (address == AIRCR)
        fake_set(fake, DHCSR, RESET_SEEN | READY | HALTED);
}

/* Which board was asked last at an address. */
static struct asked {
    uint32_t address;
    enum liar_board board;
} asked[64];
static size_t asked_count;

static void note(uint32_t address, enum liar_board board)
{
    size_t i = 0;
    while (i < asked_count && asked[i].address != address)
        i++;
    if (i == COUNT(asked))
        return;
    asked[i] = (struct asked){ address, board };
    asked_count += i == asked_count;
}

static bool production(uint32_t address)
{
    note(address, BOARD_SHUT);
    return address != DPM_ID;
}

static bool unlocked(uint32_t address)
{
    note(address, BOARD_OPEN);
    return false;
}

static struct bench *bench_new(const struct cell *cell)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    liar_init(&b->liar);
    b->liar.command = cell->command;
    b->liar.fault = cell->fault;
    b->liar.position = cell->position;
    b->liar.fake.user = b;
    b->liar.fake.on_write = on_write;
    b->liar.fake.atomic = cell->command != TRANSFER_BLOCK;
    fake_set(&b->liar.fake, PDID, 0xA1735440);
    fake_set(&b->liar.fake, STATUS, 1u << 4);
    fake_set(&b->liar.fake, DHCSR, READY);
    fake_set(&b->liar.fake, DPM_ID, 0x44504D00);
    return b;
}

static void bench_drop(struct bench **b)
{
    chip_close((*b)->chip);
    free(*b);
}

static void set_board(struct bench *b, enum liar_board board)
{
    b->liar.fake.refuses = board == BOARD_SHUT ? production : unlocked;
    b->liar.fake.no_answer = board == BOARD_ABSENT;
}

static void keep_words(struct outcome *out)
{
    snprintf(out->detail, sizeof(out->detail), "%s", fail_words());
}

/* What a run does up to the UID. */
static void start(struct bench *b, enum liar_board board, struct outcome *out)
{
    set_board(b, board);
    b->liar.armed = true;
    enum err e = chip_open(&b->liar.probe, 0, &b->chip);
    if (e == ERR_OK)
        e = chip_prepare(b->chip);
    keep_words(out);
    out->said_shut = e == ERR_LOCKED;
    if (e == ERR_OK)
        out->is = board == BOARD_OPEN ? TRUE_ONE : 0;
    else if (e == ERR_LOCKED)
        out->is = board == BOARD_SHUT ? TRUE_ONE : 0;
    else
        out->is = board == BOARD_ABSENT && e == ERR_UNAVAILABLE ? TRUE_ONE : DOUBT;
}

static void take_result(const struct chip_debug_result *result, enum liar_board board,
                        struct outcome *out)
{
    static const enum chip_debug truths[] = { CHIP_DEBUG_OPEN, CHIP_DEBUG_SHUT,
                                              CHIP_DEBUG_NOT_KNOWN };
    snprintf(out->detail, sizeof(out->detail), "%s", result->detail);
    out->said_shut = result->port == CHIP_DEBUG_SHUT;
    if (result->port == truths[board])
        out->is = result->port != CHIP_DEBUG_NOT_KNOWN          ? TRUE_ONE
                  : strstr(result->detail, "no answer") != NULL ? TRUE_ONE
                                                                : DOUBT;
    else
        out->is = result->port == CHIP_DEBUG_NOT_KNOWN ? DOUBT : 0;
}

static void look(struct bench *b, enum chip_level level, struct chip_debug_result *result)
{
    chip_debug_look(b->chip, level, result);
}

static void reset_and_look(struct bench *b, enum liar_board board, enum chip_level level,
                           struct outcome *out)
{
    struct chip_debug_result result;
    if (chip_reset(b->chip) != ERR_OK) {
        keep_words(out);
        out->is = DOUBT;
        return;
    }
    look(b, level, &result);
    take_result(&result, board, out);
}

static void closing(struct bench *b, enum liar_board board, struct outcome *out)
{
    assert_int_equal(chip_open(&b->liar.probe, 0, &b->chip), ERR_OK);
    assert_int_equal(chip_prepare(b->chip), ERR_OK);
    set_board(b, board);
    b->liar.armed = true;
    reset_and_look(b, board, CHIP_LEVEL_PRODUCTION, out);
}

static void seal(struct bench *b, enum liar_board board, struct outcome *out)
{
    struct chip_debug_result result;
    set_board(b, board);
    b->liar.armed = true;
    enum err e = chip_open_shut(&b->liar.probe, 0, &b->chip);
    keep_words(out);
    if (e != ERR_OK) {
        out->is = board == BOARD_ABSENT && e == ERR_UNAVAILABLE ? TRUE_ONE : DOUBT;
        return;
    }
    look(b, CHIP_LEVEL_ANY, &result);
    take_result(&result, board, out);
    if (result.port == CHIP_DEBUG_SHUT)
        reset_and_look(b, board, CHIP_LEVEL_ANY, out);
}

static void (*const phases[LIAR_PHASES])(struct bench *b, enum liar_board board,
                                         struct outcome *out) = {
    [START] = start,
    [CLOSING] = closing,
    [SEAL] = seal,
};

static void run_cell(const struct cell *cell, struct outcome *out)
{
    AUTO(bench_drop) struct bench *b = bench_new(cell);
    *out = (struct outcome){ 0 };
    phases[cell->phase](b, cell->board, out);
}

static unsigned want_of(const struct cell *c)
{
    unsigned want = liar_rows[c->command][c->fault].want;
    for (size_t i = 0; i < COUNT(exceptions); i++) {
        const struct exception *x = &exceptions[i];
        if ((x->commands >> c->command & 1) != 0 && (x->faults >> c->fault & 1) != 0 &&
            (x->positions >> c->position & 1) != 0 && (x->phases >> c->phase & 1) != 0 &&
            (x->boards >> c->board & 1) != 0)
            return want & x->want;
    }
    return want;
}

/* words: alternatives, divided by '|'. */
static bool says_one_of(const char *text, const char *words)
{
    char one[FAIL_WORDS_MAX];
    for (size_t len; *words != '\0'; words += len + (words[len] == '|')) {
        len = strcspn(words, "|");
        snprintf(one, sizeof(one), "%.*s", (int)len, words);
        if (strstr(text, one) != NULL)
            return true;
    }
    return false;
}

/* In doubt the log says what the row says, or that a board which is absent does not answer. */
static bool is_told(const struct cell *c, const struct outcome *out)
{
    return out->is != DOUBT ||
           says_one_of(out->detail, liar_rows[c->command][c->fault].detail) ||
           (c->board == BOARD_ABSENT && strstr(out->detail, "no answer") != NULL);
}

static void name_cell(const struct cell *c, const struct outcome *out)
{
    print_message("%s, %s, %s, %s, board %s: %u, wanted %u: %s\n",
                  liar_command_names[c->command], liar_fault_names[c->fault],
                  position_names[c->position], phase_names[c->phase], board_names[c->board],
                  out->is, want_of(c), out->detail);
}

/* seed: which of every share cells are looked at. */
static unsigned check_all(unsigned share, unsigned seed, unsigned *looked)
{
    unsigned wrong = 0, number = seed;
    struct outcome out;
    for (struct cell c = { .command = 0 }; c.command < LIAR_COMMANDS; c.command++)
        for (c.fault = 0; c.fault < LIAR_FAULTS; c.fault++)
            for (c.position = 0; c.position < LIAR_POSITIONS; c.position++)
                for (c.phase = 0; c.phase < LIAR_PHASES; c.phase++)
                    for (c.board = 0; c.board < LIAR_BOARDS; c.board++) {
                        number = number * 1664525 + 1013904223;
                        if ((number >> 8) % share != 0)
                            continue;
                        run_cell(&c, &out);
                        ++*looked;
                        if ((out.is & want_of(&c)) != 0 && is_told(&c, &out))
                            continue;
                        wrong++;
                        name_cell(&c, &out);
                    }
    return wrong;
}

static void every_lie_of_a_probe(void **state)
{
    (void)state;
    const char *slow = getenv("HALLMARK_SLOW"), *seed = getenv("LIARS_SEED");
    unsigned share = slow != NULL && strcmp(slow, "1") == 0 ? 1 : LIARS_SHARE, looked = 0;
    unsigned wrong =
        check_all(share, seed != NULL ? (unsigned)strtoul(seed, NULL, 10) : 11, &looked);
    print_message("%u cells, %u wrong\n", looked, wrong);
    assert_int_equal(wrong, 0);
    assert_true(looked > LIAR_COMMANDS * LIAR_FAULTS * 27 / (share + 1));
}

/*
 * Probes with a habit. By hand: no board but a shut one gives "shut" or "locked", and none but
 * an open one "open"; what else must not come is in the row.
 */
static const struct habit {
    const char *name;
    enum liar_habit habit;
    const uint32_t *words;
    size_t count;
    unsigned want;      /* of liar_want */
    const char *detail; /* one of these is said in doubt; NULL: any words */
} habits[] = {
#define WORDS(...)                                                                             \
    (const uint32_t[]){ __VA_ARGS__ }, sizeof((uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t)
#define ANY_WORDS                                                                              \
    WORDS(0, UINT32_MAX, 0x0BF11477, 0x44504D00, 0xA1735440, 0xF0000000, 0xF0000020,           \
          0xA0000000, 0xA0000020, 0x84770001, 0x00100000, 0xA5A5A5A5)
    { "the same word for each read", CONSTANT, ANY_WORDS, DOUBT, NULL },
    { "the same word, told as done", CONSTANT_OK, ANY_WORDS, DOUBT, NULL },
    { "the same word, and FAULT for each access", CONSTANT_FAULT, ANY_WORDS, DOUBT, NULL },
    { "STICKYERR set in all that is read", ORS_DATA, WORDS(0x20), TRUE_ONE | DOUBT, NULL },
    { "one bit set in all that is read", ORS_DATA,
      WORDS(1, 2, 4, 8, 0x10, 0x40, 0x80, 0x100, 0x1000, 0x10000, 0x20000, 0x100000, 0x2000000,
            0x10000000, 0x20000000, 0x40000000, 0x80000000),
      TRUE_ONE | DOUBT, NULL },
    { "one bit set in each response", ORS_RESPONSE, WORDS(1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80),
      TRUE_ONE | DOUBT, NULL },
};

static void run_habit(const struct habit *h, uint32_t word, const struct cell *cell,
                      struct outcome *out)
{
    AUTO(bench_drop) struct bench *b = bench_new(cell);
    b->liar.command = LIAR_COMMANDS;
    b->liar.fake.atomic = false;
    b->liar.habit = h->habit;
    b->liar.word = word;
    *out = (struct outcome){ 0 };
    phases[cell->phase](b, cell->board, out);
}

static void no_habit_of_a_probe_looks_like_a_lock(void **state)
{
    (void)state;
    unsigned wrong = 0;
    struct outcome out;
    for (size_t i = 0; i < COUNT(habits); i++)
        for (size_t word = 0; word < habits[i].count; word++)
            for (struct cell c = { .phase = 0 }; c.phase < LIAR_PHASES; c.phase++)
                for (c.board = 0; c.board < LIAR_BOARDS; c.board++) {
                    run_habit(&habits[i], habits[i].words[word], &c, &out);
                    bool absent = c.board == BOARD_ABSENT && out.is == TRUE_ONE;
                    if ((out.is & habits[i].want) != 0 || absent)
                        continue;
                    wrong++;
                    print_message("%s, 0x%08x, %s, board %s: %u: %s\n", habits[i].name,
                                  habits[i].words[word], phase_names[c.phase],
                                  board_names[c.board], out.is, out.detail);
                }
    assert_int_equal(wrong, 0);
}

/* A probe that keeps the replies of the board before, or repeats them. */
static void an_earlier_boards_replies_are_no_proof(void **state)
{
    (void)state;
    static struct liar_tape tape;
    for (struct cell c = { .phase = START, .board = BOARD_SHUT }; c.phase < LIAR_PHASES;
         c.phase++) {
        struct outcome first = { 0 }, then = { 0 };
        tape = (struct liar_tape){ .count = 0 };
        AUTO(bench_drop) struct bench *shut = bench_new(&c);
        shut->liar.command = LIAR_COMMANDS;
        shut->liar.records = &tape;
        phases[c.phase](shut, BOARD_SHUT, &first);
        assert_int_equal(first.is, TRUE_ONE); /* "shut", "locked" */
        AUTO(bench_drop) struct bench *open = bench_new(&c);
        open->liar.command = LIAR_COMMANDS;
        open->liar.plays = &tape;
        phases[c.phase](open, BOARD_OPEN, &then);
        bool told = c.phase == START || strstr(then.detail, "TAR reads") != NULL ||
                    strstr(then.detail, "out of step") != NULL;
        if (then.is != DOUBT || !told)
            fail_msg("%s: %u: %s", phase_names[c.phase], then.is, then.detail);
    }
}

static void swap(struct liar *liar)
{
    struct bench *b = (struct bench *)liar;
    set_board(b, b->other);
}

/* A board that is plugged in knows nothing of the connection. */
static void swap_cold(struct liar *liar)
{
    swap(liar);
    liar->fake.line_lost = true;
    liar->fake.ctrl_stat = 0;
}

/* "Shut" only of what each door that is shut was asked of. */
static bool all_doors_were_shut(void)
{
    for (size_t i = 0; i < DOORS; i++)
        for (size_t k = 0; k < asked_count; k++)
            if (asked[k].address == doors[i].address && asked[k].board != BOARD_SHUT)
                return false;
    return true;
}

/* The board at the wires is another one from packet n on, at each packet of the way. */
static void boards_that_are_swapped_are_not_mixed(void **state)
{
    (void)state;
    enum { PACKETS_MAX = 300 };
    unsigned shut = 0;
    for (struct cell c = { .phase = START }; c.phase < LIAR_PHASES; c.phase++)
        for (uint32_t n = 1; n < PACKETS_MAX; n++)
            for (unsigned way = 0; way < 4; way++) {
                struct outcome out = { 0 };
                enum liar_board first = way % 2 == 0 ? BOARD_OPEN : BOARD_SHUT;
                AUTO(bench_drop) struct bench *b = bench_new(&c);
                b->liar.command = LIAR_COMMANDS;
                b->liar.habit = SWAPS;
                b->liar.word = n;
                b->liar.swap = way / 2 == 0 ? swap : swap_cold;
                b->other = first == BOARD_OPEN ? BOARD_SHUT : BOARD_OPEN;
                asked_count = 0;
                phases[c.phase](b, first, &out);
                shut += out.said_shut;
                if (out.said_shut && !all_doors_were_shut())
                    fail_msg("%s, packet %u, way %u: %s", phase_names[c.phase], n, way,
                             out.detail);
            }
    assert_true(shut > 10);
}

/* A row without a word of what is wrong, or without any outcome, is none. */
static void every_row_says_something(void **state)
{
    (void)state;
    for (size_t c = 0; c < LIAR_COMMANDS; c++)
        for (size_t f = 0; f < LIAR_FAULTS; f++) {
            const struct liar_row *row = &liar_rows[c][f];
            if (row->want == 0 || ((row->want & DOUBT) != 0) != (row->detail != NULL))
                fail_msg("%s, %s", liar_command_names[c], liar_fault_names[f]);
        }
}

int main(void)
{
    log_set_level(LOG_LEVEL_NONE);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_says_something),
        cmocka_unit_test(every_lie_of_a_probe),
        cmocka_unit_test(no_habit_of_a_probe_looks_like_a_lock),
        cmocka_unit_test(an_earlier_boards_replies_are_no_proof),
        cmocka_unit_test(boards_that_are_swapped_are_not_mixed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
