/* SPDX-License-Identifier: MIT */
/* The whole lower half against virtual-board, started here as a child on a port of its own. */
#include "tests/unit/check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/core/wr.h"
#include "common/host/log.h"
#include "common/host/own.h"
#include "station-agent/chip/chip.h"
#include "station-agent/link/link.h"
#include "station-agent/probe/core.h"
#include "station-agent/probe/probe.h"

enum { GPF_MFPL = 0x40000058 }; /* function of PF.0 and PF.1: SWD, unless it is written */
enum { BOX = 0x20006000, NONCE = 7, IMAGE_SIZE = 28 * 1024 };

/* A board and everything on the way to it. */
struct bench {
    pid_t child;
    char uri[64];
    char uid[2 * UID_SIZE + 1];
    struct probe *probe;
    struct chip *chip;
};

static void run_child(int out, const char *packet_size)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(out, STDOUT_FILENO);
    execl(VIRTUAL_BOARD, "virtual-board", "--listen", "127.0.0.1:0", "--packet-size",
          packet_size, (char *)NULL);
    _exit(127);
}

/* "board 0 tcp://127.0.0.1:43431 uid f4b4593dea03f7a14bcf5f6f" */
static void start_board(struct bench *b, const char *packet_size)
{
    int ends[2];
    char line[200] = "";
    assert_int_equal(pipe(ends), 0);
    b->child = fork();
    assert_true(b->child >= 0);
    if (b->child == 0)
        run_child(ends[1], packet_size);
    close(ends[1]);
    FILE *said = fdopen(ends[0], "r");
    assert_non_null(said);
    assert_non_null(fgets(line, sizeof(line), said));
    assert_int_equal(sscanf(line, "board 0 %63s uid %24s", b->uri, b->uid), 2);
    fclose(said);
}

static struct bench *bench_of(const char *packet_size)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    start_board(b, packet_size);
    assert_int_equal(probe_open(b->uri, 0, &b->probe), ERR_OK);
    return b;
}

static struct bench *bench_open(void)
{
    struct bench *b = bench_of("512");
    assert_int_equal(chip_open(b->probe, 0, &b->chip), ERR_OK);
    return b;
}

static void bench_drop(struct bench **b)
{
    chip_close((*b)->chip);
    probe_close((*b)->probe);
    kill((*b)->child, SIGTERM);
    waitpid((*b)->child, NULL, 0);
    free(*b);
}

static void names_the_part_and_its_uid(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_open();
    uint8_t uid[UID_SIZE];
    char text[2 * UID_SIZE + 1];
    assert_string_equal(chip_name(b->chip), "M2354KJFAE");
    assert_int_equal(chip_prepare(b->chip), ERR_OK);
    assert_int_equal(chip_uid(b->chip, uid), ERR_OK);
    for (size_t i = 0; i < UID_SIZE; i++)
        snprintf(text + 2 * i, 3, "%02x", uid[i]);
    assert_string_equal(text, b->uid);
}

static void fill(uint8_t *out, size_t len, unsigned seed)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(i * 31 + (i >> 8) + seed);
}

static void sram_by_any_packet_size(void **state)
{
    (void)state;
    static const char *const sizes[] = { "64", "512", "1024" };
    static uint8_t wrote[IMAGE_SIZE], got[IMAGE_SIZE];
    for (size_t i = 0; i < COUNT(sizes); i++) {
        AUTO(bench_drop) struct bench *b = bench_of(sizes[i]);
        assert_int_equal(chip_open(b->probe, 0, &b->chip), ERR_OK);
        assert_int_equal(chip_prepare(b->chip), ERR_OK);
        fill(wrote, sizeof(wrote), (unsigned)i);
        struct mem *mem = chip_mem(b->chip);
        assert_int_equal(mem_write(mem, SRAM_BASE, SPAN(wrote)), ERR_OK);
        assert_int_equal(mem_read(mem, SRAM_BASE, got, sizeof(got)), ERR_OK);
        assert_memory_equal(got, wrote, sizeof(got));
        assert_int_equal(mem_write(mem, SRAM_BASE + 0x3f000, span_of(wrote, 0x1000)), ERR_OK);
        assert_int_equal(mem_read(mem, SRAM_BASE + 0x3f000, got, 0x1000), ERR_OK);
        assert_memory_equal(got, wrote, 0x1000);
    }
}

static void certificates_go_to_flash_once(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_open();
    static uint8_t leaf[CERTIFICATE_MAX], issuer[700], area[FLASH_CERTIFICATE_AREA_SIZE];
    unsigned pages = 0;
    fill(leaf, sizeof(leaf), 1);
    fill(issuer, sizeof(issuer), 2);
    assert_int_equal(chip_prepare(b->chip), ERR_OK);
    assert_int_equal(chip_certificate_write(b->chip, SPAN(leaf), SPAN(issuer), &pages), ERR_OK);
    assert_int_equal(pages, 1);
    assert_int_equal(
        mem_read(chip_mem(b->chip), FLASH_WEB_SERVER_CERTIFICATE, area, sizeof(area)), ERR_OK);
    struct rd r = rd_of(SPAN(area));
    assert_int_equal(rd_u32le(&r), sizeof(leaf));
    assert_int_equal(rd_u32le(&r), sizeof(issuer));
    assert_true(span_eq(rd_take(&r, sizeof(leaf)), SPAN(leaf)));
    assert_true(span_eq(rd_take(&r, sizeof(issuer)), SPAN(issuer)));
    assert_int_equal(chip_certificate_write(b->chip, SPAN(leaf), SPAN(issuer), &pages), ERR_OK);
    assert_int_equal(pages, 0);
    leaf[0] ^= 1;
    assert_int_equal(chip_certificate_write(b->chip, SPAN(leaf), SPAN(issuer), &pages), ERR_OK);
    assert_int_equal(pages, 1);
}

static void flash_limits(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_open();
    static const uint8_t page[FLASH_PAGE_SIZE + 1];
    unsigned n;
    assert_int_equal(chip_flash_write(b->chip, 4, span_of(page, FLASH_PAGE_SIZE), &n),
                     ERR_INVALID);
    assert_int_equal(chip_flash_write(b->chip, 0, SPAN(page), &n), ERR_INVALID);
    assert_int_equal(
        chip_flash_write(b->chip, FLASH_APROM_SIZE, span_of(page, FLASH_PAGE_SIZE), &n),
        ERR_INVALID);
    assert_int_equal(chip_flash_write(b->chip, 0xfffff800, span_of(page, FLASH_PAGE_SIZE), &n),
                     ERR_INVALID);
    assert_int_equal(chip_certificate_write(b->chip, SPAN(page), SPAN(page), &n), ERR_LIMIT);
}

/* ldr r0, box; [r0+4] = 1; [r0+8] = 7; [r0] = magic; b . */
static const uint8_t code[] = { 0x03, 0x48, 0x01, 0x21, 0x41, 0x60, 0x07, 0x21,
                                0x81, 0x60, 0x02, 0x49, 0x01, 0x60, 0xfe, 0xe7,
                                0x00, 0x60, 0x00, 0x20, 0x48, 0x4d, 0x4d, 0x58 };

static struct span image_of(struct wr *w, const struct devauth_image *h)
{
    const uint32_t words[] = { h->initial_sp,         h->reset_handler, h->nmi_handler,
                               h->hard_fault_handler, h->magic,         h->load_address,
                               h->mailbox_address,    h->image_size };
    for (size_t i = 0; i < COUNT(words); i++)
        wr_u32le(w, words[i]);
    wr_span(w, SPAN(code));
    return wr_done(w);
}

static const struct devauth_image good = {
    .initial_sp = 0x20005000,
    .reset_handler = SRAM_BASE + sizeof(struct devauth_image) + 1,
    .magic = DEVAUTH_IMAGE_MAGIC,
    .load_address = SRAM_BASE,
    .mailbox_address = BOX,
    .image_size = sizeof(struct devauth_image) + sizeof(code),
};

static void starts_a_program_in_sram(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_open();
    uint8_t bytes[64];
    struct wr w = wr_of(bytes, sizeof(bytes));
    struct devauth_image h;
    AUTO(link_drop) struct link *link = NULL;
    AUTO(buf_free) struct buf frame = { 0 };
    assert_int_equal(chip_prepare(b->chip), ERR_OK);
    assert_int_equal(mem_write_word(chip_mem(b->chip), BOX, MAILBOX_MAGIC), ERR_OK);
    static uint8_t zeros[sizeof(struct mailbox) - 4];
    assert_int_equal(mem_write(chip_mem(b->chip), BOX + 4, SPAN(zeros)), ERR_OK);
    assert_int_equal(chip_image_load(b->chip, image_of(&w, &good), &h), ERR_OK);
    assert_int_equal(chip_image_start(b->chip, &h), ERR_OK);
    assert_int_equal(link_open(chip_mem(b->chip), h.mailbox_address, 2000, &link), ERR_OK);
    assert_int_equal(link_boot_nonce(link), NONCE);
    assert_int_equal(link_receive(link, &frame, 5), ERR_DEADLINE);
    assert_int_equal(core_halt(chip_mem(b->chip)), ERR_OK);
    assert_int_equal(link_receive(link, &frame, 5000), ERR_FAULT);
    assert_non_null(strstr(fail_words(), "halted at PC 0x2000002e"));
}

/* The same program at the end of bank 1, which has no clock after a reset. */
static void a_program_may_use_bank_1(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_open();
    uint8_t bytes[64];
    struct wr w = wr_of(bytes, sizeof(bytes));
    struct devauth_image h = good, got;
    h.load_address = SRAM_BASE + SRAM_DEVAUTH_SIZE - 1024;
    h.reset_handler = h.load_address + sizeof(struct devauth_image) + 1;
    h.initial_sp = SRAM_BASE + SRAM_DEVAUTH_SIZE;
    AUTO(link_drop) struct link *link = NULL;
    assert_int_equal(chip_prepare(b->chip), ERR_OK);
    static uint8_t zeros[sizeof(struct mailbox)];
    assert_int_equal(mem_write(chip_mem(b->chip), BOX, SPAN(zeros)), ERR_OK);
    assert_int_equal(chip_image_load(b->chip, image_of(&w, &h), &got), ERR_OK);
    assert_int_equal(chip_image_start(b->chip, &got), ERR_OK);
    assert_int_equal(link_open(chip_mem(b->chip), got.mailbox_address, 2000, &link), ERR_OK);
}

static void read_file(const char *path, struct buf *out)
{
    static uint8_t bytes[SRAM_DEVAUTH_SIZE];
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t len = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    assert_int_equal(buf_copy(out, span_of(bytes, len)), ERR_OK);
}

/* Twice, as after a cut: the second start finds the first one's mailbox in SRAM. */
static void devauth_says_hello(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_open();
    AUTO(buf_free) struct buf image = { 0 }, frame = { 0 };
    static const char method[] = "hallmark.v1.Host/Hello";
    struct devauth_image h;
    read_file(DEVAUTH_BIN, &image);
    for (int i = 0; i < 2; i++) {
        AUTO(link_drop) struct link *link = NULL;
        assert_int_equal(chip_prepare(b->chip), ERR_OK);
        assert_int_equal(chip_image_load(b->chip, buf_span(&image), &h), ERR_OK);
        assert_int_equal(chip_image_start(b->chip, &h), ERR_OK);
        assert_int_equal(link_open(chip_mem(b->chip), h.mailbox_address, 3000, &link), ERR_OK);
        assert_int_equal(link_receive(link, &frame, 5000), ERR_OK);
        assert_non_null(memmem(frame.ptr, frame.len, method, strlen(method)));
    }
}

static void flawed_images_are_refused(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_open();
    struct {
        const char *name;
        struct devauth_image h;
        const char *words;
    } cases[] = {
        { "magic", good, "magic" },     { "size", good, "size" },
        { "load low", good, "load" },   { "load odd", good, "load" },
        { "load end", good, "load" },   { "stack", good, "stack" },
        { "no Thumb", good, "entry" },  { "entry outside", good, "entry" },
        { "mailbox", good, "mailbox" }, { "mailbox end", good, "mailbox" },
        { "bank 2", good, "mailbox" },
    };
    cases[0].h.magic++;
    cases[1].h.image_size++;
    cases[2].h.load_address = 0;
    cases[3].h.load_address += 512;
    cases[4].h.load_address = SRAM_BASE + 0x40000;
    cases[5].h.initial_sp = 0x10;
    cases[6].h.reset_handler--;
    cases[7].h.reset_handler = 1;
    cases[8].h.mailbox_address += 4;
    cases[9].h.mailbox_address = SRAM_BASE + SRAM_DEVAUTH_SIZE - 16;
    cases[10].h.mailbox_address = SRAM_BASE + SRAM_DEVAUTH_SIZE;
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t bytes[64];
        struct wr w = wr_of(bytes, sizeof(bytes));
        struct devauth_image h;
        assert_int_equal(chip_image_load(b->chip, image_of(&w, &cases[i].h), &h), ERR_INVALID);
        if (strstr(fail_words(), cases[i].words) == NULL)
            print_message("%s: %s\n", cases[i].name, fail_words());
        assert_non_null(strstr(fail_words(), cases[i].words));
    }
    struct devauth_image h;
    assert_int_equal(chip_image_load(b->chip, SPAN(code), &h), ERR_TRUNC);
}

/* DPM, secure and non-secure side: close for good. In force from the next chip reset. */
static void lock_by_dpm(struct mem *mem)
{
    assert_int_equal(mem_write_word(mem, 0x4002F600, 0x5A000003), ERR_OK);
    assert_int_equal(mem_write_word(mem, 0x4002F650, 0x5A000003), ERR_OK);
}

/* CONFIG0.LOCK, by the flash controller's registers with CFGUEN. In force likewise. */
static void lock_by_config(struct mem *mem)
{
    const struct {
        uint32_t address, value;
    } writes[] = {
        { 0x4000C000, 0x11 },       { 0x4000C00C, 0x21 }, { 0x4000C004, 0x300000 },
        { 0x4000C008, 0xfffffffd }, { 0x4000C010, 1 },
    };
    for (size_t i = 0; i < COUNT(writes); i++)
        assert_int_equal(mem_write_word(mem, writes[i].address, writes[i].value), ERR_OK);
    const struct mem_poll done = { 0x4000C010, 1, 0, 100 };
    assert_int_equal(mem_poll(mem, &done), ERR_OK);
}

/* Of DPM the secure side alone: what a power loss between its two writes leaves. */
static void lock_by_half(struct mem *mem)
{
    assert_int_equal(mem_write_word(mem, 0x4002F600, 0x5A000003), ERR_OK);
}

/* The model's doors, against the agent's table of them (station-agent/chip/doors.c). */
static void locked_boards_are_proven_shut(void **state)
{
    (void)state;
    static const struct {
        void (*lock)(struct mem *);
        enum chip_level level;
        const char *words;
    } locks[] = {
        { lock_by_dpm, CHIP_LEVEL_PRODUCTION, "shut at production" },
        { lock_by_config, CHIP_LEVEL_DEV, "shut at dev" },
        { lock_by_half, CHIP_LEVEL_ANY, "shut at half" },
    };
    for (size_t i = 0; i < COUNT(locks); i++) {
        AUTO(bench_drop) struct bench *b = bench_open();
        struct chip_debug_result result;
        struct chip *again = NULL;
        assert_int_equal(chip_prepare(b->chip), ERR_OK);
        locks[i].lock(chip_mem(b->chip));
        chip_debug_look(b->chip, locks[i].level, &result);
        assert_int_equal(result.port, CHIP_DEBUG_OPEN); /* written, not in force */
        assert_int_equal(chip_reset(b->chip), ERR_OK);
        chip_debug_look(b->chip, locks[i].level, &result);
        if (result.port != CHIP_DEBUG_SHUT || strstr(result.detail, locks[i].words) == NULL)
            fail_msg("%s: %s", locks[i].words, result.detail);
        assert_non_null(strstr(result.detail, "SRAM 0x20000000: FAULT"));
        assert_int_equal(chip_open(b->probe, 0, &again), ERR_LOCKED);
        assert_null(again);
        assert_non_null(strstr(fail_words(), locks[i].words));
        assert_int_equal(chip_open_shut(b->probe, 0, &again), ERR_OK);
        chip_debug_look(again, CHIP_LEVEL_ANY, &result);
        assert_int_equal(result.port, CHIP_DEBUG_SHUT);
        chip_close(again);
    }
}

/* No firmware: the model's ROM starts nothing that it verified, so BTF stays 0. Attaching works
 * both ways. */
static void a_blank_board_fails_its_boot_test(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_open();
    struct chip_boot_result result;
    assert_int_equal(chip_prepare(b->chip), ERR_OK);
    assert_int_equal(chip_boot_reset(b->chip), ERR_OK);
    chip_boot_look(b->chip, 100, &result);
    assert_int_equal(result.boot, CHIP_BOOT_FAILED);
    assert_true(result.answered && result.reset_seen);
    assert_int_equal(chip_attach(b->chip), ERR_OK);
    assert_int_equal(chip_prepare(b->chip), ERR_OK);
}

/* As firmware does that needs PF.0 and PF.1 for something else. The boot test takes the board
 * back by holding nRESET low; a start does not, and says that nothing answers. */
static void shut_pins_are_opened_by_the_boot_test_alone(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_open();
    struct chip *again = NULL;
    struct chip_boot_result result;
    assert_int_equal(chip_prepare(b->chip), ERR_OK);
    struct mem *mem = chip_mem(b->chip);
    mem->once = true;
    assert_int_not_equal(mem_write_word(mem, GPF_MFPL, 0), ERR_BUSY); /* its answer is lost */
    mem->once = false;
    assert_int_equal(chip_open(b->probe, 0, &again), ERR_UNAVAILABLE);
    assert_null(again);
    chip_boot_look(b->chip, 20, &result);
    assert_int_equal(result.boot, CHIP_BOOT_NOT_KNOWN);
    assert_false(result.answered);
    assert_int_equal(chip_attach(b->chip), ERR_OK);
    assert_int_equal(chip_prepare(b->chip), ERR_OK);
}

static void absent_servers_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *uri;
        enum err want;
    } cases[] = {
        { "tcp://127.0.0.1:1", ERR_UNAVAILABLE },
        { "tcp://", ERR_USAGE },
        { "tcp://:1", ERR_USAGE },
        { "tcp://[::1", ERR_USAGE },
        { "tcp://host:", ERR_USAGE },
        { "tcp://[::1]x", ERR_USAGE },
        { "udp://x", ERR_USAGE },
        { "", ERR_USAGE },
        { "tcp://127.0.0.1:no", ERR_USAGE },
        { "tcp://127.0.0.1:65536", ERR_USAGE },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct probe *probe = NULL;
        assert_int_equal(probe_open(cases[i].uri, 0, &probe), cases[i].want);
        assert_null(probe);
    }
}

static void vanished_boards_are_an_error(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_open();
    uint32_t word;
    kill(b->child, SIGKILL);
    waitpid(b->child, NULL, 0);
    assert_int_equal(mem_read_word(chip_mem(b->chip), SRAM_BASE, &word), ERR_CLOSED);
    assert_non_null(strstr(fail_words(), "closed"));
    b->child = fork(); /* for bench_drop to end */
    if (b->child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pause();
        _exit(0);
    }
}

int main(void)
{
    log_set_level(LOG_LEVEL_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_the_part_and_its_uid),
        cmocka_unit_test(sram_by_any_packet_size),
        cmocka_unit_test(certificates_go_to_flash_once),
        cmocka_unit_test(flash_limits),
        cmocka_unit_test(starts_a_program_in_sram),
        cmocka_unit_test(devauth_says_hello),
        cmocka_unit_test(flawed_images_are_refused),
        cmocka_unit_test(locked_boards_are_proven_shut),
        cmocka_unit_test(a_blank_board_fails_its_boot_test),
        cmocka_unit_test(shut_pins_are_opened_by_the_boot_test_alone),
        cmocka_unit_test(a_program_may_use_bank_1),
        cmocka_unit_test(absent_servers_are_named),
        cmocka_unit_test(vanished_boards_are_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
