/* SPDX-License-Identifier: MIT */
/* What the locks leave of the debug port, and the debugger's own door to the protection. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/own.h"
#include "tests/unit/test_board_swd.h"

#define DPM    0x4002f600U
#define WINDOW 0xf0001600U

static int setup(void **state)
{
    (void)state;
    bench_open(&chip);
    swd_init(&swd);
    connect_swd();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    chip_close(&chip);
    return 0;
}

static void put_u32(uint32_t address, uint32_t word)
{
    memcpy(flash_bytes(&chip, address, 4), &word, 4);
}

static void pin_reset(void)
{
    chip_pin_reset(&chip, true);
    chip_pin_reset(&chip, false);
}

static void a_lock_is_in_force_after_a_reset_only(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t config0;
        uint32_t dpm, non_secure;
        uint32_t plm;
        enum swd_ack flash, sram, core, fmc;
    } cases[] = {
        { "open", 0xffffffff, 0, 0, 0, SWD_OK, SWD_OK, SWD_OK, SWD_OK },
        { "dev", 0xfffffffd, 0, 0, 0, SWD_FAULT, SWD_FAULT, SWD_FAULT, SWD_OK },
        { "password", 0xfffffffd, 1, 1, 0, SWD_FAULT, SWD_FAULT, SWD_FAULT, SWD_FAULT },
        { "production", 0xfffffffd, 3, 3, PLM_DEPLOYED, SWD_FAULT, SWD_FAULT, SWD_FAULT,
          SWD_FAULT },
        { "Deployed alone", 0xffffffff, 0, 0, PLM_DEPLOYED, SWD_OK, SWD_OK, SWD_OK, SWD_OK },
        { "half of production", 0xfffffffd, 3, 0, PLM_DEPLOYED, SWD_FAULT, SWD_FAULT, SWD_OK,
          SWD_FAULT },
        { "secure side only", 0xffffffff, 3, 0, 0, SWD_FAULT, SWD_FAULT, SWD_OK, SWD_FAULT },
        { "silent", 0xfffff7ff, 0, 0, 0, SWD_NONE, SWD_NONE, SWD_NONE, SWD_NONE },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        teardown(state);
        setup(state);
        connect_swd();
        put_u32(FMC_CONFIG0, cases[i].config0);
        if (cases[i].dpm != 0)
            poke(&chip, DPM, 0x5a000000 | cases[i].dpm);
        if (cases[i].non_secure != 0)
            poke(&chip, DPM + 0x50, 0x5a000000 | cases[i].non_secure);
        if (cases[i].plm != 0)
            poke(&chip, 0x4002f700, 0x475a0000 | cases[i].plm);
        assert_int_equal(probe(0), SWD_OK); /* armed, not in force */
        assert_int_equal(probe(0x20000000), SWD_OK);
        chip_want_reset(&chip, RESET_SYSTEM);
        chip_settle(&chip);
        assert_int_equal(probe(0), SWD_OK); /* SYSRESETREQ does not load it */
        pin_reset();
        connect_swd();
        if (probe(0) != cases[i].flash || probe(0x20000000) != cases[i].sram ||
            probe(0xe000edf0) != cases[i].core || probe(0x40000000) != cases[i].fmc)
            fail_msg("%s", cases[i].name);
        assert_int_equal(chip.plm.stage, cases[i].plm);
    }
}

static void a_password_opens_a_closed_port_until_the_next_reset(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        poke(&chip, DPM + 0x10 + 4 * i, 0x1000 + i);
        await(&chip, DPM + 4, 1, 0);
    }
    poke(&chip, DPM, 0x5a000008);
    assert_true((await(&chip, DPM + 4, 1, 0) & 1 << 5) != 0);
    poke(&chip, DPM, 0x5a000001);
    pin_reset();
    connect_swd();
    assert_int_equal(probe(0), SWD_FAULT);
    for (uint32_t guess = 0; guess < 2; guess++) {
        for (uint32_t i = 0; i < 4; i++) {
            poke(&chip, DPM + 0x10 + 4 * i, 0x0fff + guess + i);
            await(&chip, DPM + 4, 1, 0);
        }
        poke(&chip, DPM, 0x5a000004);
        uint32_t status = await(&chip, DPM + 4, 1, 0);
        assert_int_equal(status >> 18 & 1, guess);
        assert_int_equal(probe(0), guess == 1 ? SWD_OK : SWD_FAULT);
    }
    pin_reset();
    connect_swd();
    assert_int_equal(probe(0), SWD_FAULT);
}

static void arm(uint32_t secure, uint32_t non_secure)
{
    poke(&chip, DPM, 0x5a000000 | secure);
    await(&chip, DPM + 4, 1, 0);
    poke(&chip, DPM + 0x50, 0x5a000000 | non_secure);
    pin_reset();
    connect_swd();
}

static void set_password(uint32_t first)
{
    for (uint32_t i = 0; i < 4; i++) {
        poke(&chip, DPM + 0x10 + 4 * i, first + i);
        await(&chip, DPM + 4, 1, 0);
    }
    poke(&chip, DPM, 0x5a000008);
    await(&chip, DPM + 4, 1, 0);
}

static uint32_t window_await(void)
{
    uint32_t status = 1;
    for (int i = 0; i < 20 && (status & 1) != 0; i++)
        assert_int_equal(get(WINDOW + 4, &status), SWD_OK);
    return status;
}

static uint32_t window_compare(uint32_t first)
{
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(put(WINDOW + 0x10 + 4 * i, first + i), SWD_OK);
        window_await();
    }
    assert_int_equal(put(WINDOW, 0x5a000004), SWD_OK);
    return window_await();
}

/* As a service technician would: the port is closed, the window is not. */
static void a_debugger_opens_a_closed_port_through_the_window(void **state)
{
    (void)state;
    uint32_t value = 0;
    set_password(0x77);
    arm(1, 1);
    assert_int_equal(probe(0x20000000), SWD_FAULT);
    assert_int_equal(get(WINDOW + 0xfc, &value), SWD_OK);
    assert_int_equal(value, 0x44504d00);
    assert_int_equal(window_compare(0x78) >> 18 & 1, 0);
    assert_int_equal(probe(0x20000000), SWD_FAULT);
    assert_int_equal(window_compare(0x77) >> 18 & 1, 1);
    assert_int_equal(probe(0x20000000), SWD_OK);
    pin_reset();
    connect_swd();
    assert_int_equal(probe(0x20000000), SWD_FAULT);
}

static void the_window_is_no_way_round_the_locks(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t secure, after; /* armed; written by software after the reset */
        uint32_t id;
    } cases[] = {
        { "locked: the password does not help", 3, 0, 0x44504d00 },
        { "DACCWDIS: no writing", 1, 1 << 12, 0x44504d00 },
        { "DACCDIS: nothing at all", 1, 1 << 13, 0 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint32_t value = 1;
        teardown(state);
        setup(state);
        set_password(5);
        arm(cases[i].secure, 1);
        poke(&chip, DPM, 0x5a000000 | cases[i].after);
        await(&chip, DPM + 4, 1, 0);
        assert_int_equal(get(WINDOW + 0xfc, &value), SWD_OK);
        (void)window_compare(5);
        put(WINDOW + 0xf0, 7);
        if (value != cases[i].id || probe(0x20000000) != SWD_FAULT ||
            chip.store.image->head.plm_next != 0)
            fail_msg("%s: id 0x%x", cases[i].name, value);
    }
    transfer(SWD_AP, 0x23000050, NULL); /* bytes */
    assert_int_equal(get(WINDOW + 4, &(uint32_t){ 0 }), SWD_FAULT);
}

/* Secure debug closed, non-secure not: S_SDE is 0, and this core is never in that state. */
static void without_secure_debug_the_core_cannot_be_stopped(void **state)
{
    (void)state;
    uint32_t value = 0;
    put(0xe000edf0, 0xa05f0001);
    put(0xe000edfc, 1);
    arm(1, 0);
    assert_int_equal(get(0xe000edf0, &value), SWD_OK);
    assert_int_equal(value & 1 << 20, 0);
    assert_int_equal(value & 1 << 17, 0); /* nor does vector catch, armed before */
    assert_int_equal(put(0xe000edf0, 0xa05f0003), SWD_OK);
    get(0xe000edf0, &value);
    assert_int_equal(value & 1 << 17, 0);
    get(0xe000efb8, &value);
    assert_int_equal(value, 0xaf);
    get(0xe000ed00, &value);
    assert_int_equal(value, 0x411cd200);
    put(0xe000ed08, 0x20000000);
    assert_int_equal(chip.core.vtor, 0);
}

static void stages_only_rise(void **state)
{
    (void)state;
    static const struct {
        uint32_t write, stored;
    } steps[] = { { 0x475a0002, 0 }, { 0x11110001, 0 }, { 0x475a0001, 1 }, { 0x475a0003, 3 },
                  { 0x475a0001, 3 }, { 0x475a0000, 3 }, { 0x475a0007, 7 }, { 0x475a0003, 7 } };
    for (size_t i = 0; i < COUNT(steps); i++) {
        poke(&chip, 0x4002f700, steps[i].write);
        assert_int_equal(chip.store.image->head.plm_next, steps[i].stored);
    }
}

/* ---- README.md, "Doors": its rows are read, and tried on a board of each column ---- */

enum { LEVELS = 4, CELLS = 2 + LEVELS };

static const struct level {
    uint32_t config0, secure, non_secure;
} levels[LEVELS] = {
    { 0xffffffff, 0, 0 }, /* open */
    { 0xfffffffd, 0, 0 }, /* dev */
    { 0xfffffffd, 3, 0 }, /* interrupted before the non-secure side */
    { 0xfffffffd, 3, 3 }, /* production */
};

static void file_drop(FILE **file)
{
    if (*file != NULL)
        fclose(*file);
}

static void lock_as(void **state, const struct level *level)
{
    teardown(state);
    setup(state);
    put_u32(FMC_CONFIG0, level->config0);
    chip.store.image->head.dpm[0].flags = level->secure;
    chip.store.image->head.dpm[1].flags = level->non_secure;
    pin_reset();
    assert_int_equal(connect_swd(), SWD_OK);
}

/* "FAULT", "reads", or the word that is read. A FAULT comes again after it is cleared. */
static bool door_is(uint32_t address, const char *want)
{
    uint32_t value = 0;
    enum swd_ack first = get(address, &value), second = get(address, &value);
    if (strcmp(want, "FAULT") == 0)
        return first == SWD_FAULT && second == SWD_FAULT;
    return first == SWD_OK && second == SWD_OK &&
           (strcmp(want, "reads") == 0 || value == strtoul(want, NULL, 16));
}

static size_t cells_of(char *line, const char *cells[CELLS])
{
    for (size_t i = 0; i < CELLS; i++)
        cells[i] = "";
    size_t count = 0;
    char *rest = NULL;
    for (char *at = strtok_r(line, "|\n", &rest); at != NULL && count < CELLS;
         at = strtok_r(NULL, "|\n", &rest)) {
        at += strspn(at, " `");
        at[strcspn(at, " `")] = '\0';
        cells[count++] = at;
    }
    return count;
}

static void the_table_of_doors_is_what_the_model_does(void **state)
{
    AUTO(file_drop) FILE *file = fopen(SOURCE_DIR "/target-fw/board/README.md", "r");
    char line[4096];
    const char *cells[CELLS];
    size_t rows = 0;
    bool inside = false;
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "## ", 3) == 0)
            inside = strcmp(line, "## Doors\n") == 0;
        if (!inside || strncmp(line, "| 0x", 4) != 0)
            continue;
        if (cells_of(line, cells) != CELLS)
            fail_msg("%s: not %d cells", cells[0], CELLS);
        for (size_t i = 0; i < LEVELS; i++) {
            lock_as(state, &levels[i]);
            if (!door_is((uint32_t)strtoul(cells[0], NULL, 16), cells[2 + i]))
                fail_msg("%s (%s), column %zu: not %s", cells[0], cells[1], i + 1,
                         cells[2 + i]);
        }
        rows++;
    }
    assert_true(rows >= 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_lock_is_in_force_after_a_reset_only),
        TEST(a_password_opens_a_closed_port_until_the_next_reset),
        TEST(a_debugger_opens_a_closed_port_through_the_window),
        TEST(the_window_is_no_way_round_the_locks),
        TEST(without_secure_debug_the_core_cannot_be_stopped),
        TEST(stages_only_rise),
        TEST(the_table_of_doors_is_what_the_model_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
