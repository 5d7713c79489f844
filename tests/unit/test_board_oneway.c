/* SPDX-License-Identifier: MIT */
/* One-way writes: their trace, power cuts before, within and after each kind, torn OTP slots.
 */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/host/own.h"
#include "target-fw/board/ctl.h"
#include "target-fw/board/state.h"
#include "tests/unit/test_board_bench.h"

#define FMC    0x4000c000U
#define KS     0x40035000U
#define PLM    0x4002f700U
#define DPM    0x4002f600U
#define FVC    0x4002f500U
#define CONFIG 0x00300000U
#define RECORD                                                                                 \
    0x000fa800U /* where core firmware keeps the CONFIG words it is about to write             \
                 */
#define META_OTP 0x80000600U
#define SLOT(n)  ((uint32_t)(n) << 20)

enum { DAC = 0x3000, DBGDIS_LOCK = 3, PROGRAM = 0x21, ERASE = 0x22 };

static struct chip chip;
static char text[BOARD_ANSWER_MAX];

static int setup(void **state)
{
    (void)state;
    bench_open(&chip);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    chip_close(&chip);
    return 0;
}

static void again(void **state)
{
    teardown(state);
    setup(state);
}

/* ---- the writes; without a power they are only tried ---- */

static void write_word(uint32_t address, uint32_t value)
{
    assert_true(bus_write(&chip, address, 4, value));
}

static void wait_for(uint32_t address, uint32_t mask, uint32_t want)
{
    if (!chip.cut_wanted)
        await(&chip, address, mask, want);
}

static void isp(uint32_t command, uint32_t address, uint32_t data)
{
    write_word(FMC, 0x39);
    write_word(FMC + 0x0c, command);
    write_word(FMC + 0x04, address);
    write_word(FMC + 0x08, data);
    write_word(FMC + 0x10, 1);
    wait_for(FMC + 0x10, 1, 0);
}

static void config_erase(void)
{
    isp(ERASE, CONFIG, 0);
}

static void config_write(void)
{
    isp(PROGRAM, CONFIG, 0x12345675);
}

static void plm(void)
{
    write_word(PLM, 0x475a0003);
}

static void dpm_secure(void)
{
    write_word(DPM, 0x5a000000 | DAC | DBGDIS_LOCK);
    wait_for(DPM + 4, 1, 0);
}

static void dpm_nonsecure(void)
{
    write_word(DPM + 0x50, 0x5a000000 | DBGDIS_LOCK);
    wait_for(DPM + 0x54, 1, 0);
}

static void ks(uint32_t meta, uint32_t op, uint32_t first)
{
    write_word(KS + 4, meta);
    write_word(KS + 8, 3);
    for (uint32_t i = 0; i < 8; i++)
        write_word(KS + 0x20 + 4 * i, first << i);
    write_word(KS, op << 1 | 1);
    wait_for(KS + 8, 1 << 2, 0);
}

static void ks_open(void)
{
    write_word(KS, 0x101);
    await(&chip, KS + 8, 1 << 7 | 1 << 2, 1 << 7);
}

static void otp(void)
{
    ks(META_OTP | SLOT(3), 1, 0x0f);
}

static void otp_revoke(void)
{
    ks(META_OTP | SLOT(4), 4, 0);
}

static void fvc(void)
{
    write_word(FVC + 0x10, 5);
}

static void flash_erase_page(void)
{
    isp(ERASE, RECORD, 0);
}

static void flash_write(void)
{
    isp(PROGRAM, RECORD + 4, 0x55aa33cc);
}

/* ---- what is stored of each ---- */

static uint32_t stored(uint32_t address)
{
    return flash_word(&chip, address);
}

static const struct store_head *head(void)
{
    return &chip.store.image->head;
}

static uint32_t is_config(void)
{
    return stored(CONFIG);
}

static uint32_t is_plm(void)
{
    return head()->plm_next;
}

static uint32_t is_secure(void)
{
    return head()->dpm[0].flags;
}

static uint32_t is_nonsecure(void)
{
    return head()->dpm[1].flags;
}

static uint32_t is_otp(void)
{
    return head()->otp[3].used != 0 && head()->otp[3].words[7] == 0x0f << 7;
}

static uint32_t is_revoked(void)
{
    return head()->otp[4].revoked != 0;
}

static uint32_t is_fvc(void)
{
    return head()->fvc[0];
}

static uint32_t is_record(void)
{
    return stored(RECORD + 4);
}

static const struct kind {
    const char *name;
    void (*write)(void);
    uint32_t (*is)(void);
    uint32_t before, during, after; /* stored; during 0: refused */
    const char *entry;
} kinds[] = {
    { "config-erase", config_erase, is_config, 0xfffffff7, 0xffffffff, 0xffffffff,
      "config-erase 0x00300000" },
    { "config-write", config_write, is_config, 0xfffffff7, 0xffff5675, 0x12345675,
      "config-write 0x00300000 0x12345675" },
    { "plm", plm, is_plm, 0, 0, 3, "plm 3" },
    { "dpm-secure", dpm_secure, is_secure, 0, 0, 3, "dpm-secure 0x3003" },
    { "dpm-nonsecure", dpm_nonsecure, is_nonsecure, 0, 0, 3, "dpm-nonsecure 0x3" },
    { "otp", otp, is_otp, 0, 0, 1, "otp 3" },
    { "otp-revoke", otp_revoke, is_revoked, 0, 0, 1, "otp-revoke 4" },
    { "fvc", fvc, is_fvc, 0, 0, 5, "fvc 0 5" },
    { "flash-erase", flash_erase_page, is_record, 0xfffffff7, 0xfffffff7, 0xffffffff,
      "flash-erase 0x000fa800" },
    { "flash-write", flash_write, is_record, 0xfffffff7, 0xffff33c4, 0x55aa33c4,
      "flash-write 0x000fa804 x1" },
};

/* A board on which each kind of write can be made and seen. */
static void prepare(const struct kind *kind)
{
    static const uint32_t words[STORE_OTP_WORDS] = { 1 };
    const uint32_t some = 0xfffffff7;
    bool program = kind->write == config_write;
    if (!program)
        memcpy(flash_bytes(&chip, CONFIG, 4), &some, 4);
    memcpy(flash_bytes(&chip, RECORD + 4, 4), &some, 4);
    store_otp_burn(&chip.store.image->head.otp[4], 0x600, words);
    ks_open();
    write_word(FVC, 0x77100001);
    await(&chip, FVC + 4, 3, 2);
}

static const char *trace(uint32_t from)
{
    oneway_text(&chip, from, text, sizeof(text));
    return text;
}

/* A command's arguments, as the control socket splits them. */
static enum err say(enum err (*command)(struct chip *, int, char *const *), const char *line)
{
    char copy[128], *argv[CTL_ARGS_MAX] = { NULL }, *rest = NULL;
    int argc = 0;
    snprintf(copy, sizeof(copy), "%s", line);
    for (char *at = strtok_r(copy, " ", &rest); at != NULL; at = strtok_r(NULL, " ", &rest))
        argv[argc++] = at;
    return command(&chip, argc, argv);
}

static enum err arm(const char *kind, const char *count, const char *moment)
{
    char line[64];
    snprintf(line, sizeof(line), "%s %s %s", kind, count, moment);
    return say(oneway_arm, line);
}

static void cut_once(void **state, const struct kind *kind, const char *moment, uint32_t want)
{
    again(state);
    prepare(kind);
    bool fresh_config = kind->write == config_write;
    assert_int_equal(arm(kind->name, "1", moment), ERR_OK);
    kind->write();
    if (!chip.cut_wanted)
        fail_msg("%s %s: the power stays", kind->name, moment);
    plm(); /* what comes after the cut has no effect */
    flash_write();
    chip_settle(&chip);
    assert_false(chip.powered);
    uint32_t expect = fresh_config && strcmp(moment, "before") == 0 ? 0xffffffff : want;
    if (kind->is() != expect)
        fail_msg("%s %s: stored 0x%x, not 0x%x", kind->name, moment, kind->is(), expect);
    if (kind->write != plm)
        assert_int_equal(head()->plm_next, 0);
    bool told = strstr(trace(0), kind->entry) != NULL;
    bool torn = strstr(text, " torn\"") != NULL;
    if (told != (strcmp(moment, "before") != 0) || torn != (strcmp(moment, "during") == 0))
        fail_msg("%s %s: %s", kind->name, moment, text);
    chip_power(&chip, true);
    assert_non_null(strstr(trace(0), "\"count\":0,"));
    assert_int_equal(chip.oneway.cut_kinds, 0); /* once */
}

static void each_kind_is_cut_before_within_and_after(void **state)
{
    for (size_t i = 0; i < COUNT(kinds); i++) {
        cut_once(state, &kinds[i], "before", kinds[i].before);
        cut_once(state, &kinds[i], "after", kinds[i].after);
        if (kinds[i].during != 0)
            cut_once(state, &kinds[i], "during", kinds[i].during);
        else
            assert_int_equal(arm(kinds[i].name, "1", "during"), ERR_INVALID);
    }
}

/* The write is made, the core runs on, and only SWD is silent. */
static void a_link_is_cut_before_and_after(void **state)
{
    static const char *const moments[] = { "before link", "after link" };
    for (size_t i = 0; i < COUNT(moments); i++) {
        again(state);
        assert_int_equal(arm("plm", "1", moments[i]), ERR_OK);
        plm();
        assert_true(chip.faults.link_down);
        assert_false(chip.cut_wanted);
        assert_int_not_equal(head()->plm_next, 0);
        assert_int_equal(chip.oneway.cut_kinds, 0);
    }
}

/* Nothing was started with --announce-points here. */
static void a_hold_without_announcements_is_refused(void **state)
{
    (void)state;
    assert_int_equal(arm("plm", "1", "after hold"), ERR_PRECONDITION);
    assert_int_equal(chip.oneway.cut_kinds, 0);
}

static void wrong_arguments_are_refused(void **state)
{
    (void)state;
    static const char *const cuts[] = {
        "",
        "plm",
        "sram 1",
        "plm x",
        "plm 0",
        "plm -1",
        "plm 1x",
        "plm 1000000001",
        "plm 1 soon",
        "plm 1 during", /* a stage has no half */
        "otp 1 during", /* otp-tear does that */
        "any 1 during",
        "lock 1 during",
        "off 1",
        "plm 1 after 1",
        "plm 1 after link 1",
        "flash-write 1 during link",
        "flash-write 1 during hold",
    };
    static const char *const tears[] = {
        "",         "3",         "3 4",       "8 4 used",   "-1 4 used", "3 9 used",
        "3 x used", "3 4x used", "3 4 maybe", "3 4 used 1", "off 1",
    };
    for (size_t i = 0; i < COUNT(cuts); i++)
        if (say(oneway_arm, cuts[i]) != ERR_INVALID)
            fail_msg("cut-at %s", cuts[i]);
    for (size_t i = 0; i < COUNT(tears); i++)
        if (say(fault_set_tear, tears[i]) != ERR_INVALID)
            fail_msg("otp-tear %s", tears[i]);
    assert_int_equal(chip.oneway.cut_kinds, 0);
    assert_int_equal(chip.faults.otp_tear.slot, 0);
}

/* The order of a production lock, as firmware would make it. */
static void (*const lock_steps[])(void) = { plm, config_erase, config_write, dpm_secure,
                                            dpm_nonsecure };
static const char *const lock_trace[] = { "plm 3", "config-erase 0x00300000",
                                          "config-write 0x00300000 0x12345675",
                                          "dpm-secure 0x3003", "dpm-nonsecure 0x3" };

static void the_trace_is_in_order(void **state)
{
    (void)state;
    const uint32_t some = 0xfffffff7;
    memcpy(flash_bytes(&chip, CONFIG, 4), &some, 4);
    isp(ERASE, RECORD, 0);
    for (uint32_t i = 0; i < 5; i++)
        isp(PROGRAM, RECORD + 4 * i, i);
    for (size_t i = 0; i < COUNT(lock_steps); i++)
        lock_steps[i]();
    assert_non_null(
        strstr(trace(0), "\"count\":7,\"first\":0,\"from\":0,\"next\":7,\"cut_armed\":false,"
                         "\"writes\":[\"flash-erase 0x000fa800\",\"flash-write 0x000fa800 x5\","
                         "\"plm 3\",\"config-erase 0x00300000\","
                         "\"config-write 0x00300000 0x12345675\",\"dpm-secure 0x3003\","
                         "\"dpm-nonsecure 0x3\"]}"));
    assert_non_null(strstr(trace(6), "\"from\":6,\"next\":7,"));
    assert_non_null(strstr(text, "\"writes\":[\"dpm-nonsecure 0x3\"]}"));
    assert_non_null(strstr(trace(99), "\"writes\":[]}"));
}

/* `lock` counts CONFIG, PLM and DPM together: every prefix, with the write and without it. */
static void every_prefix_of_a_lock_is_reached(void **state)
{
    static const char *const moments[] = { "before", "after" };
    for (unsigned n = 1; n <= COUNT(lock_steps); n++)
        for (unsigned after = 0; after < 2; after++) {
            char count[8];
            const uint32_t some = 0xfffffff7;
            again(state);
            memcpy(flash_bytes(&chip, CONFIG, 4), &some, 4);
            snprintf(count, sizeof(count), "%u", n);
            assert_int_equal(arm("lock", count, moments[after]), ERR_OK);
            isp(PROGRAM, RECORD, 1); /* does not count */
            for (size_t i = 0; i < COUNT(lock_steps); i++)
                lock_steps[i]();
            chip_settle(&chip);
            assert_false(chip.powered);
            trace(1);
            for (unsigned i = 0; i < COUNT(lock_steps); i++)
                if ((strstr(text, lock_trace[i]) != NULL) != (i + 1 < n + after))
                    fail_msg("%u %s: %s", n, moments[after], text);
            assert_int_equal(chip.oneway.made, n + after);
        }
}

static void a_long_trace_comes_in_pages_and_drops_the_oldest(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 300; i++) /* two pages by turns: entries that do not join */
        isp(PROGRAM, i % 2 * FMC_PAGE_BYTES, 0xffffffff);
    assert_non_null(strstr(trace(0), "\"count\":300,\"first\":44,\"from\":44,\"next\":172,"));
    assert_non_null(strstr(trace(172), "\"from\":172,\"next\":300,"));
    assert_true(strlen(text) < sizeof(text) - 1 && text[strlen(text) - 1] == '}');
}

/* ---- torn slots ---- */

static void tear(unsigned slot, unsigned words, const char *used)
{
    char line[64];
    snprintf(line, sizeof(line), "%u %u %s", slot, words, used);
    assert_int_equal(say(fault_set_tear, line), ERR_OK);
}

static void power_back(void)
{
    chip_settle(&chip);
    assert_false(chip.powered);
    chip_power(&chip, true);
    clocks_on(&chip);
    ks_open();
}

static void a_torn_slot_keeps_its_first_words(void **state)
{
    for (unsigned words = 0; words <= STORE_OTP_WORDS; words++)
        for (unsigned used = 0; used < 2; used++) {
            again(state);
            ks_open();
            tear(3, words, used ? "used" : "unused");
            ks(META_OTP | SLOT(5), 1, 1); /* another slot is written whole */
            assert_false(chip.cut_wanted);
            otp();
            assert_true(chip.cut_wanted);
            power_back();
            for (unsigned i = 0; i < STORE_OTP_WORDS; i++)
                assert_int_equal(head()->otp[3].words[i], i < words ? 0x0fU << i : 0);
            assert_int_equal(peek(&chip, KS + 0x40), 1 << 5 | used << 3);
            state_text(&chip, text, sizeof(text));
            assert_true((strstr(text, "\"partial\":8,") != NULL) == (!used && words > 0));
        }
}

/* OTP bits only go one way: what the torn write left stays under the next one. */
static void a_second_write_to_a_torn_slot_only_adds_bits(void **state)
{
    static const struct {
        const char *name;
        uint32_t first; /* of the second write; word i is first << i */
        uint32_t word0, word7;
    } cases[] = {
        { "the same key again", 0x0f, 0x0f, 0x0f << 7 },
        { "another key", 0xf1, 0xff, 0xf1 << 7 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        again(state);
        ks_open();
        tear(3, 4, "unused");
        otp();
        power_back();
        ks(META_OTP | SLOT(3), 1, cases[i].first);
        assert_false(chip.cut_wanted); /* a switch tears once */
        if (head()->otp[3].words[0] != cases[i].word0 ||
            head()->otp[3].words[7] != cases[i].word7 || head()->otp[3].used == 0)
            fail_msg("%s: 0x%x", cases[i].name, head()->otp[3].words[0]);
    }
}

static void a_slot_torn_as_used_is_not_written_again(void **state)
{
    (void)state;
    ks_open();
    tear(3, 4, "used");
    otp();
    power_back();
    ks(META_OTP | SLOT(3), 1, 0x0f);
    assert_true((peek(&chip, KS + 8) & 1 << 1) != 0);
    assert_int_equal(head()->otp[3].words[7], 0);
    ks(META_OTP | SLOT(3), 4, 0);
    assert_int_equal(peek(&chip, KS + 8) & 1 << 1, 0); /* it can be revoked */
}

/* ---- code that makes the writes itself ---- */

/* One block: PLM Deployed, then DPM of both sides, then a loop. */
static const uint16_t locks[] = { 0x4805, 0x4906, 0x6001, 0x4806, 0x4906, 0x6001, 0x6501,
                                  0xe7fe, 0xbf00, 0xbf00, 0xbf00, 0xbf00, 0xf700, 0x4002,
                                  0x0003, 0x475a, 0xf600, 0x4002, 0x0003, 0x5a00 };

static void code_is_stopped_within_its_block(void **state)
{
    (void)state;
    static const struct {
        const char *count, *moment;
        uint32_t plm, secure, non_secure;
    } cases[] = {
        { "1", "before", 0, 0, 0 }, { "1", "after", 3, 0, 0 },  { "2", "before", 3, 0, 0 },
        { "2", "after", 3, 3, 0 },  { "3", "before", 3, 3, 0 }, { "3", "after", 3, 3, 3 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        teardown(state);
        log_set_level((enum log_level)0);
        assert_int_equal(chip_open(&chip, 0, NULL, true), ERR_OK);
        const uint32_t vectors[2] = { 0x20001000, 0x101 };
        memcpy(flash_bytes(&chip, 0, sizeof(vectors)), vectors, sizeof(vectors));
        memcpy(flash_bytes(&chip, 0x100, sizeof(locks)), locks, sizeof(locks));
        assert_int_equal(arm("lock", cases[i].count, cases[i].moment), ERR_OK);
        chip_pin_reset(&chip, true);
        chip_pin_reset(&chip, false);
        for (int n = 0; n < 100 && chip.powered; n++)
            chip_run(&chip, 1000);
        assert_false(chip.powered);
        if (head()->plm_next != cases[i].plm || head()->dpm[0].flags != cases[i].secure ||
            head()->dpm[1].flags != cases[i].non_secure)
            fail_msg("%s %s: %u %u %u", cases[i].count, cases[i].moment, head()->plm_next,
                     head()->dpm[0].flags, head()->dpm[1].flags);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* ---- the host's disk ---- */

static uint8_t *disk; /* what a power loss of the host would leave of the state file */

/* In place of the C library's: what it is asked for reaches the disk, and nothing else does. */
int msync(void *from, size_t len, int flags)
{
    size_t at = (size_t)((uint8_t *)from - (uint8_t *)chip.store.image);
    size_t left = sizeof(*chip.store.image) - at;
    assert_int_equal(flags, MS_SYNC);
    if (disk != NULL)
        memcpy(disk + at, from, len < left ? len : left);
    return 0;
}

static bool on_disk(const void *from, size_t len)
{
    return memcmp(disk + ((const uint8_t *)from - (const uint8_t *)chip.store.image), from,
                  len) == 0;
}

static bool burnt_is_on_disk(void)
{
    return on_disk(head(), sizeof(*head())) &&
           on_disk(flash_bytes(&chip, CONFIG, STORE_PAGE_BYTES), STORE_PAGE_BYTES);
}

static bool is_flash(const struct kind *kind)
{
    return kind->write == flash_erase_page || kind->write == flash_write;
}

/* When the chip says that a write which cannot be taken back is done, it is on the disk. Flash
 * that can be written again is not: so the test would see what is not. */
static void what_is_burnt_is_on_the_disk(void **state)
{
    char folder[] = "/tmp/test_board_oneway.XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/board-00.state", folder);
    for (size_t i = 0; i < COUNT(kinds); i++) {
        teardown(state);
        assert_int_equal(chip_open(&chip, 0, path, false), ERR_OK);
        clocks_on(&chip);
        prepare(&kinds[i]);
        disk = malloc(sizeof(*chip.store.image));
        assert_non_null(disk);
        memcpy(disk, chip.store.image, sizeof(*chip.store.image));
        kinds[i].write();
        assert_int_equal(kinds[i].is(), kinds[i].after);
        bool whole =
            memcmp(disk, (const uint8_t *)chip.store.image, sizeof(*chip.store.image)) == 0;
        if (whole == is_flash(&kinds[i]) || !burnt_is_on_disk())
            fail_msg("%s: %s", kinds[i].name, whole ? "all is on the disk" : "not on the disk");
        free(TAKE(disk));
        chip_close(&chip);
        unlink(path);
        setup(state);
    }
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_kind_is_cut_before_within_and_after),
        TEST(a_link_is_cut_before_and_after),
        TEST(a_hold_without_announcements_is_refused),
        TEST(wrong_arguments_are_refused),
        TEST(the_trace_is_in_order),
        TEST(every_prefix_of_a_lock_is_reached),
        TEST(code_is_stopped_within_its_block),
        TEST(a_long_trace_comes_in_pages_and_drops_the_oldest),
        TEST(a_torn_slot_keeps_its_first_words),
        TEST(a_second_write_to_a_torn_slot_only_adds_bits),
        TEST(a_slot_torn_as_used_is_not_written_again),
        TEST(what_is_burnt_is_on_the_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
