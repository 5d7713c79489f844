/* SPDX-License-Identifier: MIT */
/* The proof that a debug port is shut, against boards at each level and probes that lie. */
#include "tests/unit/check.h"

#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "station-agent/chip/doors.h"
#include "station-agent/probe/dap.h"
#include "tests/unit/test_probe_fake.h"

enum { PDID = 0x40000000, FMC = 0x4000C000 };
#define DPM_ID   0xF00016FCu
#define DHCSR    0xE000EDF0u
#define CORE_BUS 0xE0000000u
#define DPIDR    0x0BF11477u

struct bench {
    struct fake fake;
    struct chip *chip;
};

static struct bench *bench_new(void)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    fake_init(&b->fake);
    fake_set(&b->fake, PDID, 0xA1735440);
    fake_set(&b->fake, DPM_ID, 0x44504D00);
    fake_set(&b->fake, DHCSR, 1u << 16 | 1u << 20);
    return b;
}

static void bench_drop(struct bench **b)
{
    chip_close((*b)->chip);
    free(*b);
}

/* What the model lets through (target-fw/board/memap.c). */
static bool open_all(uint32_t address)
{
    (void)address;
    return false;
}

static bool dev(uint32_t address)
{
    return address - PDID >= 0x300 && address - FMC >= 0x1000 && address != DPM_ID;
}

static bool production(uint32_t address)
{
    return address != DPM_ID;
}

static bool everything(uint32_t address)
{
    (void)address;
    return true;
}

static bool secure_side(uint32_t address)
{
    return address < CORE_BUS;
}

static bool sram_only(uint32_t address)
{
    return address - SRAM_BASE < 0x40000;
}

static bool all_but_keystore(uint32_t address)
{
    return address != 0x40035000 && address != DPM_ID;
}

static bool all_but_fmc(uint32_t address)
{
    return address != FMC && address != DPM_ID;
}

static bool memory_only(uint32_t address)
{
    return address < 0x40000000 || address == 0x40035000;
}

static const struct {
    const char *name;
    bool (*refuses)(uint32_t address);
    uint32_t dhcsr;
    enum chip_level level;
    enum chip_debug want;
    const char *words;
    enum chip_level measured;
} boards[] = {
    { "open", open_all, 1 << 20, CHIP_LEVEL_ANY, CHIP_DEBUG_OPEN, "is readable",
      CHIP_LEVEL_ANY },
    { "open, dev wanted", open_all, 1 << 20, CHIP_LEVEL_DEV, CHIP_DEBUG_OPEN, "open",
      CHIP_LEVEL_ANY },
    { "dev", dev, 0, CHIP_LEVEL_ANY, CHIP_DEBUG_SHUT, "shut at dev (model)", CHIP_LEVEL_DEV },
    { "dev at dev", dev, 0, CHIP_LEVEL_DEV, CHIP_DEBUG_SHUT, "PDID 0x40000000 is readable",
      CHIP_LEVEL_DEV },
    { "dev, production wanted", dev, 0, CHIP_LEVEL_PRODUCTION, CHIP_DEBUG_OPEN,
      "FMC 0x4000c000 is readable", CHIP_LEVEL_ANY },
    { "production", production, 0, CHIP_LEVEL_ANY, CHIP_DEBUG_SHUT,
      "shut at production (model)", CHIP_LEVEL_PRODUCTION },
    { "production at production", production, 0, CHIP_LEVEL_PRODUCTION, CHIP_DEBUG_SHUT,
      "DHCSR 0xe000edf0: FAULT", CHIP_LEVEL_PRODUCTION },
    { "production, dev wanted", production, 0, CHIP_LEVEL_DEV, CHIP_DEBUG_NOT_KNOWN,
      "no table describes this", CHIP_LEVEL_ANY },
    { "secure side", secure_side, 0, CHIP_LEVEL_ANY, CHIP_DEBUG_SHUT, "half", CHIP_LEVEL_ANY },
    { "secure side, production wanted", secure_side, 0, CHIP_LEVEL_PRODUCTION, CHIP_DEBUG_OPEN,
      "DHCSR", CHIP_LEVEL_ANY },
    { "secure side, yet S_SDE", secure_side, 1 << 20, CHIP_LEVEL_ANY, CHIP_DEBUG_NOT_KNOWN,
      "no table", CHIP_LEVEL_ANY },
    { "SRAM alone refused", sram_only, 1 << 20, CHIP_LEVEL_ANY, CHIP_DEBUG_OPEN,
      "flash 0x00000000 is readable", CHIP_LEVEL_ANY },
    { "KeyStore alone readable", all_but_keystore, 0, CHIP_LEVEL_ANY, CHIP_DEBUG_OPEN,
      "KeyStore 0x40035000 is readable", CHIP_LEVEL_ANY },
    { "nothing answers that must", everything, 0, CHIP_LEVEL_ANY, CHIP_DEBUG_NOT_KNOWN,
      "DPM 0xf00016fc: FAULT", CHIP_LEVEL_ANY },
    { "FMC alone readable", all_but_fmc, 0, CHIP_LEVEL_ANY, CHIP_DEBUG_NOT_KNOWN, "no table",
      CHIP_LEVEL_ANY },
    { "memory alone refused", memory_only, 1 << 20, CHIP_LEVEL_ANY, CHIP_DEBUG_NOT_KNOWN,
      "no table", CHIP_LEVEL_ANY },
};

static void each_level_has_its_doors(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(boards); i++) {
        AUTO(bench_drop) struct bench *b = bench_new();
        struct chip_debug_result result;
        assert_int_equal(chip_open_shut(&b->fake.probe, 0, &b->chip), ERR_OK);
        b->fake.refuses = boards[i].refuses;
        fake_set(&b->fake, DHCSR, boards[i].dhcsr);
        chip_debug_look(b->chip, boards[i].level, &result);
        if (result.port != boards[i].want || strstr(result.detail, boards[i].words) == NULL)
            fail_msg("%s: %d: %s", boards[i].name, (int)result.port, result.detail);
        assert_int_equal(result.level, boards[i].measured);
        assert_non_null(strstr(result.detail, "DPIDR 0x0bf11477, debug power up"));
        assert_int_equal(b->fake.resets, 0);
    }
}

/* Nothing is shut because nothing is known of it. */
static void no_row_is_no_proof(void **state)
{
    (void)state;
    struct look refused[DOORS];
    for (size_t i = 0; i < DOORS; i++)
        refused[i] = (struct look){ .refused = true };
    const struct door_table blank = { .dpidr = DPIDR, .level = CHIP_LEVEL_DEV };
    struct door_table other = door_tables[0], sure = door_tables[0];
    const struct door_table *found = NULL;
    other.dpidr = 0x2BA01477;
    memset(sure.rows, 0, sizeof(sure.rows));
    sure.rows[DOOR_SRAM].want = DOOR_FAULT;
    const struct {
        const char *name;
        const struct door_table *tables;
        size_t count;
        enum chip_debug want;
    } cases[] = {
        { "no table", &blank, 0, CHIP_DEBUG_NOT_KNOWN },
        { "all rows unknown", &blank, 1, CHIP_DEBUG_NOT_KNOWN },
        { "another part's", &other, 1, CHIP_DEBUG_NOT_KNOWN },
        { "one row", &sure, 1, CHIP_DEBUG_SHUT },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        for (int level = CHIP_LEVEL_ANY; level <= CHIP_LEVEL_DEV; level++) {
            enum chip_debug got = doors_judge(cases[i].tables, cases[i].count, DPIDR,
                                              (enum chip_level)level, refused, &found);
            if (got != cases[i].want)
                fail_msg("%s, level %d: %d", cases[i].name, level, (int)got);
        }
    assert_ptr_equal(found, &sure);
}

/* What each lie shows of itself, on a board at production. */
static const struct {
    const char *name;
    enum fake_lie lie;
    const char *words;
    enum err at_start;
} lies[] = {
    { "Connect 0", FAKE_NO_CONNECT, "cannot do SWD (port 0)", ERR_FAULT },
    { "clock refused", FAKE_NO_CLOCK, "refuses command 0x11", ERR_FAULT },
    { "05 00 00", FAKE_NOTHING_DONE, "did not make the transfer", ERR_PROTO },
    { "wrong count", FAKE_ONE_LESS, "transfers done, yet no error", ERR_PROTO },
    { "FAULT without STICKYERR", FAKE_BARE_FAULT, "FAULT without a sticky error", ERR_FAULT },
    { "STICKYERR stays", FAKE_STICKY_STAYS, "ABORT does not clear STICKYERR", ERR_FAULT },
    { "WAIT always", FAKE_WAIT_ALWAYS, "WAIT without end", ERR_BUSY },
    { "the port forgets", FAKE_DEAF, "TAR reads 0x00000000", ERR_FAULT },
};

static void a_probe_that_lies_proves_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lies); i++) {
        AUTO(bench_drop) struct bench *b = bench_new();
        struct chip_debug_result result;
        assert_int_equal(chip_open_shut(&b->fake.probe, 0, &b->chip), ERR_OK);
        b->fake.refuses = production;
        b->fake.lie = lies[i].lie;
        chip_debug_look(b->chip, CHIP_LEVEL_ANY, &result);
        if (result.port != CHIP_DEBUG_NOT_KNOWN || strstr(result.detail, lies[i].words) == NULL)
            fail_msg("%s: %d: %s", lies[i].name, (int)result.port, result.detail);
    }
}

/* Nor does it make an open board look locked; the error is the probe's. */
static void a_probe_that_lies_locks_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lies); i++)
        for (int shut = 0; shut <= 1; shut++) {
            AUTO(bench_drop) struct bench *b = bench_new();
            b->fake.refuses = shut ? production : open_all;
            b->fake.lie = lies[i].lie;
            enum err e = chip_open(&b->fake.probe, 2000000, &b->chip);
            bool harmless =
                !shut && (lies[i].lie == FAKE_BARE_FAULT || lies[i].lie == FAKE_STICKY_STAYS ||
                          lies[i].lie == FAKE_DEAF);
            if (e == ERR_LOCKED || (!harmless && e != lies[i].at_start))
                fail_msg("%s, %s board: %d: %s", lies[i].name, shut ? "shut" : "open", (int)e,
                         fail_words());
        }
}

/* The first read of each address is refused, and no other. */
static void a_refusal_that_does_not_come_again_is_none(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_new();
    struct chip_debug_result result;
    assert_int_equal(chip_open_shut(&b->fake.probe, 0, &b->chip), ERR_OK);
    b->fake.lie = FAKE_FAULT_ONCE;
    chip_debug_look(b->chip, CHIP_LEVEL_ANY, &result);
    assert_int_equal(result.port, CHIP_DEBUG_NOT_KNOWN);
    assert_non_null(strstr(result.detail, "was refused once, and not again"));
}

static void a_port_that_names_no_part_proves_nothing(void **state)
{
    (void)state;
    static const struct {
        uint32_t dpidr;
        const char *words;
    } cases[] = {
        { 0, "DPIDR reads 0x00000000" },
        { UINT32_MAX, "DPIDR reads 0xffffffff" },
        { 0x2BA01477, "no table describes this" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(bench_drop) struct bench *b = bench_new();
        struct chip_debug_result result;
        assert_int_equal(chip_open_shut(&b->fake.probe, 0, &b->chip), ERR_OK);
        b->fake.refuses = production;
        b->fake.dpidr = cases[i].dpidr;
        chip_debug_look(b->chip, CHIP_LEVEL_ANY, &result);
        assert_int_equal(result.port, CHIP_DEBUG_NOT_KNOWN);
        assert_non_null(strstr(result.detail, cases[i].words));
    }
}

static void a_dead_wire_proves_nothing(void **state)
{
    (void)state;
    static const uint8_t responses[] = { DAP_ACK_NONE, DAP_ACK_OK | DAP_WIRE_ERROR };
    AUTO(bench_drop) struct bench *b = bench_new();
    struct chip_debug_result result;
    assert_int_equal(chip_open_shut(&b->fake.probe, 0, &b->chip), ERR_OK);
    b->fake.refuses = production;
    b->fake.no_answer = true;
    chip_debug_look(b->chip, CHIP_LEVEL_ANY, &result);
    assert_int_equal(result.port, CHIP_DEBUG_NOT_KNOWN);
    b->fake.no_answer = false;
    b->fake.ap_only = true; /* pulled out after DPIDR was read */
    for (size_t i = 0; i < COUNT(responses); i++) {
        b->fake.wire_response = responses[i];
        chip_debug_look(b->chip, CHIP_LEVEL_ANY, &result);
        assert_int_equal(result.port, CHIP_DEBUG_NOT_KNOWN);
    }
    b->fake.wire_response = 0;
    chip_debug_look(b->chip, CHIP_LEVEL_ANY, &result);
    assert_int_equal(result.port, CHIP_DEBUG_SHUT);
}

/* A wire that fails once or many times: the outcome is the true one, or not known. */
static void a_bad_wire_is_never_wrong(void **state)
{
    (void)state;
    unsigned known = 0, unknown = 0;
    for (unsigned g = FAKE_DROP; g < FAKE_GLITCHES; g++)
        for (unsigned at = 1; at < 90; at++)
            for (unsigned every = 0; every < 40; every += every < 6 ? 1 : 9) {
                AUTO(bench_drop) struct bench *b = bench_new();
                struct chip_debug_result result;
                bool shut = (at + every) % 2 != 0;
                assert_int_equal(chip_open_shut(&b->fake.probe, 0, &b->chip), ERR_OK);
                b->fake.refuses = shut ? production : open_all;
                b->fake.glitch = (enum fake_glitch)g;
                b->fake.glitch_at = at;
                b->fake.glitch_every = every;
                chip_debug_look(b->chip, CHIP_LEVEL_ANY, &result);
                bool told = result.port != CHIP_DEBUG_NOT_KNOWN;
                if (told && (result.port == CHIP_DEBUG_SHUT) != shut)
                    fail_msg("glitch %u at %u every %u: %s", g, at, every, result.detail);
                if (every == 0 && !told)
                    fail_msg("glitch %u once, at %u: %s", g, at, result.detail);
                known += told;
                unknown += !told;
            }
    assert_true(known > 1000 && unknown > 100);
}

static void a_locked_board_is_named_so_by_the_proof_alone(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool (*refuses)(uint32_t address);
        uint32_t dhcsr;
        enum err want;
        const char *words;
    } cases[] = {
        { "dev", dev, 0, ERR_LOCKED, "shut at dev (model)" },
        { "production", production, 0, ERR_LOCKED, "shut at production (model)" },
        { "secure side", secure_side, 1 << 16, ERR_LOCKED, "shut at half (model)" },
        { "S_SDE alone", open_all, 1 << 16, ERR_NOT_KNOWN, "S_SDE" },
        { "KeyStore readable", all_but_keystore, 0, ERR_FAULT, "not proven" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(bench_drop) struct bench *b = bench_new();
        b->fake.refuses = cases[i].refuses;
        fake_set(&b->fake, DHCSR, cases[i].dhcsr);
        enum err e = chip_open(&b->fake.probe, 0, &b->chip);
        if (e != cases[i].want || strstr(fail_words(), cases[i].words) == NULL)
            fail_msg("%s: %d: %s", cases[i].name, (int)e, fail_words());
        assert_null(b->chip);
        assert_int_equal(b->fake.resets, 0);
    }
}

int main(void)
{
    log_set_level(LOG_LEVEL_NONE);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_level_has_its_doors),
        cmocka_unit_test(no_row_is_no_proof),
        cmocka_unit_test(a_probe_that_lies_proves_nothing),
        cmocka_unit_test(a_probe_that_lies_locks_nothing),
        cmocka_unit_test(a_refusal_that_does_not_come_again_is_none),
        cmocka_unit_test(a_port_that_names_no_part_proves_nothing),
        cmocka_unit_test(a_dead_wire_proves_nothing),
        cmocka_unit_test(a_bad_wire_is_never_wrong),
        cmocka_unit_test(a_locked_board_is_named_so_by_the_proof_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
