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
    { INFOS | IS(EXECUTE), ALL, ALL, IS(CLOSING), ALL, TRUE_ONE },
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
    unsigned is; /* one of liar_want; 0: none that may ever be */
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

static bool production(uint32_t address)
{
    return address != DPM_ID;
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
    b->liar.fake.refuses = board == BOARD_SHUT ? production : NULL;
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

static void run_cell(const struct cell *cell, struct outcome *out)
{
    AUTO(bench_drop) struct bench *b = bench_new(cell);
    *out = (struct outcome){ 0 };
    if (cell->phase == START)
        start(b, cell->board, out);
    else if (cell->phase == CLOSING)
        closing(b, cell->board, out);
    else
        seal(b, cell->board, out);
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
