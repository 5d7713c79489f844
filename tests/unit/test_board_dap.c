/* SPDX-License-Identifier: MIT */
/* The probe: packets that lie about their length, and the rules of the SWD line. */
#include "tests/unit/check.h"

#include <string.h>

#include "common/host/own.h"
#include "target-fw/board/dap.h"
#include "tests/unit/test_board_bench.h"

enum { PACKET = 512 };

static struct chip chip;
static struct dap dap;
static uint8_t out[PACKET];

#define BYTES(...)                                                                             \
    span_of((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static struct span ask(struct span request)
{
    struct wr w = wr_of(out, PACKET);
    dap_execute(&dap, request, &w);
    return wr_done(&w);
}

static void ask_ok(struct span request, struct span want)
{
    assert_true(span_eq(ask(request), want));
}

static void line_up(void)
{
    ask_ok(BYTES(0x12, 136, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x9e, 0xe7, 0xff, 0xff,
                 0xff, 0xff, 0xff, 0xff, 0xff, 0),
           BYTES(0x12, 0));
}

static void connect_dap(void)
{
    ask_ok(BYTES(2, 1), BYTES(2, 1));
    line_up();
    ask_ok(BYTES(5, 0, 1, 2), BYTES(5, 1, 1, 0x77, 0x14, 0xf1, 0x0b));
    ask_ok(
        BYTES(5, 0, 4, 0, 0x1e, 0, 0, 0, 8, 0, 0, 0, 0, 4, 0, 0, 0, 0x50, 1, 0x52, 0, 0, 0x23),
        BYTES(5, 4, 1));
}

static int setup(void **state)
{
    (void)state;
    bench_open(&chip);
    dap_init(&dap, &chip, PACKET, 8);
    return 0;
}

static int setup_connected(void **state)
{
    setup(state);
    connect_dap();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    chip_close(&chip);
    return 0;
}

static void short_and_unknown_requests_are_errors(void **state)
{
    (void)state;
    const struct {
        const char *name;
        struct span request;
    } cases[] = {
        { "empty", { out, 0 } },
        { "unknown", BYTES(0x55) },
        { "vendor", BYTES(0x80, 1) },
        { "info without id", BYTES(0) },
        { "connect without port", BYTES(2) },
        { "configure cut", BYTES(4, 0, 64, 0, 1) },
        { "transfer without count", BYTES(5, 0) },
        { "transfer, write cut", BYTES(5, 0, 1, 4, 1, 2, 3) },
        { "transfer, second op missing", BYTES(5, 0, 2, 2) },
        { "match cut", BYTES(5, 0, 1, 0x1f, 1) },
        { "block without request", BYTES(6, 0, 1, 0) },
        { "block write cut", BYTES(6, 0, 2, 0, 0x0d, 1, 2, 3, 4) },
        { "block write of 65535", BYTES(6, 0, 0xff, 0xff, 0x0d, 1, 2, 3, 4) },
        { "abort cut", BYTES(8, 0, 1, 2, 3) },
        { "delay cut", BYTES(9, 1) },
        { "pins cut", BYTES(0x10, 0, 0x80, 0, 0, 0) },
        { "clock cut", BYTES(0x11, 0, 0) },
        { "sequence cut", BYTES(0x12, 16, 0xff) },
        { "sequence of 256 cut", BYTES(0x12, 0, 0xff) },
        { "swd sequence cut", BYTES(0x1d, 1, 16, 1) },
        { "swd sequence count", BYTES(0x1d, 2, 8, 1) },
        { "execute cut", BYTES(0x7f, 2, 0, 4) },
        { "execute nested", BYTES(0x7f, 1, 0x7f, 1, 0, 4) },
        { "execute unknown", BYTES(0x7f, 1, 0x55) },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (!span_eq(ask(cases[i].request), BYTES(DAP_ERROR)))
            fail_msg("%s: not refused", cases[i].name);
}

static void a_block_read_never_overruns_the_packet(void **state)
{
    (void)state;
    assert_true(span_eq(ask(BYTES(6, 0, 0xff, 0xff, 0x0f)), BYTES(DAP_ERROR)));
    assert_true(span_eq(ask(BYTES(6, 0, 128, 0, 0x0f)), BYTES(DAP_ERROR)));
    assert_int_equal(ask(BYTES(6, 0, 126, 0, 0x0f)).len, 4 + 126 * 4);
}

static void nothing_answers_before_connect(void **state)
{
    (void)state;
    line_up();
    assert_true(span_eq(ask(BYTES(5, 0, 1, 2)), BYTES(5, 0, 0)));
    assert_true(span_eq(ask(BYTES(8, 0, 0x1e, 0, 0, 0)), BYTES(8, 0xff)));
}

static void the_line_needs_its_sequence(void **state)
{
    (void)state;
    const struct {
        const char *name;
        struct span sequence;
        bool answers;
    } cases[] = {
        { "nothing", BYTES(0x12, 8, 0), false },
        { "line reset only", BYTES(0x12, 64, 255, 255, 255, 255, 255, 255, 255, 0), false },
        { "switch without second reset",
          BYTES(0x12, 80, 255, 255, 255, 255, 255, 255, 255, 0x9e, 0xe7, 0), false },
        { "48 ones",
          BYTES(0x12, 128, 255, 255, 255, 255, 255, 255, 0x9e, 0xe7, 255, 255, 255, 255, 255,
                255, 255, 0),
          false },
        { "wrong switch",
          BYTES(0x12, 136, 255, 255, 255, 255, 255, 255, 255, 0x9e, 0xe6, 255, 255, 255, 255,
                255, 255, 255, 0),
          false },
        { "no idle bits",
          BYTES(0x12, 128, 255, 255, 255, 255, 255, 255, 255, 0x9e, 0xe7, 255, 255, 255, 255,
                255, 255, 255),
          false },
        { "all of it",
          BYTES(0x12, 136, 255, 255, 255, 255, 255, 255, 255, 0x9e, 0xe7, 255, 255, 255, 255,
                255, 255, 255, 0),
          true },
        { "back to JTAG", BYTES(0x12, 80, 255, 255, 255, 255, 255, 255, 255, 0x3c, 0xe7, 0),
          false },
    };
    ask(BYTES(2, 1));
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (i + 1 < COUNT(cases)) /* the last one follows a connection */
            swd_init(&dap.swd);
        ask(cases[i].sequence);
        struct span answer = ask(BYTES(5, 0, 1, 2));
        if ((answer.ptr[2] == SWD_OK) != cases[i].answers)
            fail_msg("%s", cases[i].name);
    }
}

static void after_a_line_reset_only_dpidr(void **state)
{
    (void)state;
    static const uint8_t reset[] = { 0x12, 64, 255, 255, 255, 255, 255, 255, 255, 0 };
    ask(SPAN(reset));
    ask_ok(BYTES(5, 0, 1, 6), BYTES(5, 0, 7)); /* CTRL/STAT: lost */
    ask_ok(BYTES(5, 0, 1, 2), BYTES(5, 0, 7)); /* and stays lost */
    ask(SPAN(reset));
    assert_int_equal(ask(BYTES(5, 0, 1, 2)).ptr[2], SWD_OK);
    ask(BYTES(0x12, 8, 1)); /* a start bit that no request follows */
    ask_ok(BYTES(5, 0, 1, 2), BYTES(5, 0, 7));
}

static void memory_needs_power_up(void **state)
{
    (void)state;
    ask_ok(BYTES(5, 0, 1, 4, 0, 0, 0, 0), BYTES(5, 1, 1));
    ask_ok(BYTES(5, 0, 2, 5, 0, 0, 0, 0x20, 0x0f), BYTES(5, 0, 4));
}

static void a_fault_shows_at_the_next_transfer_and_sticks(void **state)
{
    (void)state;
    ask_ok(BYTES(5, 0, 2, 5, 0, 0, 0, 0x60, 0x0f),
           BYTES(5, 2, 4)); /* unmapped: the flush says so */
    ask_ok(BYTES(5, 0, 1, 5, 0, 0, 0, 0x20), BYTES(5, 0, 4));
    ask_ok(BYTES(5, 0, 1, 2), BYTES(5, 1, 1, 0x77, 0x14, 0xf1, 0x0b)); /* DPIDR still answers */
    struct span stat = ask(BYTES(5, 0, 1, 6));
    assert_int_equal(stat.ptr[3] & 1 << 5, 1 << 5);
    ask_ok(BYTES(8, 0, 0x1e, 0, 0, 0), BYTES(8, 0));
    ask_ok(BYTES(5, 0, 1, 5, 0, 0, 0, 0x20), BYTES(5, 1, 1));
    ask_ok(BYTES(5, 0, 3, 5, 0, 0, 0, 0x60, 0x0d, 1, 2, 3, 4, 0x0d, 1, 2, 3, 4),
           BYTES(5, 2, 4));
}

static void tar_wraps_at_1_kib(void **state)
{
    (void)state;
    memset(chip.sram, 0, 0x1000);
    ask_ok(BYTES(5, 0, 3, 5, 0xfc, 3, 0, 0x20, 0x0d, 1, 0, 0, 0, 0x0d, 2, 0, 0, 0),
           BYTES(5, 3, 1));
    assert_int_equal(chip.sram[0x3fc], 1);
    assert_int_equal(chip.sram[0x400], 0);
    assert_int_equal(chip.sram[0], 2);
}

static void bytes_and_halfwords_use_their_lanes(void **state)
{
    (void)state;
    memset(chip.sram, 0, 16);
    ask_ok(BYTES(5, 0, 3, 1, 0x50, 0, 0, 0x23, 5, 3, 0, 0, 0x20, 0x0d, 0x11, 0x22, 0x33, 0x44),
           BYTES(5, 3, 1));
    assert_memory_equal(chip.sram, ((const uint8_t[]){ 0, 0, 0, 0x44, 0 }), 5);
    ask_ok(BYTES(5, 0, 3, 1, 0x51, 0, 0, 0x23, 5, 1, 0, 0, 0x20, 0x0d, 1, 2, 3, 4),
           BYTES(5, 3, 4));
}

static void what_csw_does_not_have_reads_back_as_absent(void **state)
{
    (void)state;
    static const struct {
        uint8_t write, read; /* low byte; DeviceEn is always set */
    } cases[] = { { 0x12, 0x52 }, { 0x20, 0x40 }, { 0x13, 0x52 }, { 0x31, 0x41 } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct span answer = ask(BYTES(5, 0, 2, 1, cases[i].write, 0, 0, 0x23, 3));
        assert_int_equal(answer.ptr[3], cases[i].read);
    }
}

static void a_nonsecure_transfer_finds_no_memory(void **state)
{
    (void)state;
    ask_ok(BYTES(5, 0, 3, 1, 0x52, 0, 0, 0x63, 5, 0, 0, 0, 0x20, 0x0f), BYTES(5, 3, 4));
}

static void match_reads_poll_and_skip_the_rest(void **state)
{
    (void)state;
    memset(chip.sram, 0, 16);
    chip.sram[0] = 0x5a;
    ask(BYTES(4, 0, 0, 0, 5, 0));
    ask_ok(BYTES(5, 0, 4, 1, 0x42, 0, 0, 0x23, 0x20, 0xff, 0, 0, 0, 5, 0, 0, 0, 0x20, 0x1f,
                 0x5a, 0, 0, 0),
           BYTES(5, 4, 1));
    ask_ok(BYTES(5, 0, 2, 0x1f, 0x5b, 0, 0, 0, 5, 4, 0, 0, 0x20), BYTES(5, 0, 0x11));
    assert_int_equal(dap.swd.tar, 0x20000000);
}

static void info_tells_the_truth(void **state)
{
    (void)state;
    ask_ok(BYTES(0, 0xff), BYTES(0, 2, 0, 2));
    ask_ok(BYTES(0, 0xfe), BYTES(0, 1, 8));
    ask_ok(BYTES(0, 0xf0), BYTES(0, 1, 0x11));
    ask_ok(BYTES(0, 0x42), BYTES(0, 0));
    struct span serial = ask(BYTES(0, 3));
    assert_int_equal(serial.len, 2 + 25);
    assert_memory_equal(serial.ptr + 2, dap.serial, 25);
}

static void many_commands_in_one_packet(void **state)
{
    (void)state;
    ask_ok(BYTES(0x7f, 2, 5, 0, 1, 2, 0x11, 0, 0, 0, 0), /* the clock of 0 Hz fails alone */
           BYTES(0x7f, 2, 5, 1, 1, 0x77, 0x14, 0xf1, 0x0b, 0x11, 0xff));
    ask_ok(BYTES(0x7e, 1, 3), BYTES(0x7f, 1, 3, 0));
    assert_int_equal(ask(BYTES(7)).len, 0); /* TransferAbort has no response */
}

static void a_dropped_link_needs_a_new_start(void **state)
{
    (void)state;
    assert_int_equal(fault_set(&chip, "link-drop", "2"), ERR_OK);
    ask_ok(BYTES(5, 0, 2, 2, 2), BYTES(5, 1, 7, 0x77, 0x14, 0xf1, 0x0b));
    connect_dap();
    assert_int_equal(fault_set(&chip, "link-down", "on"), ERR_OK);
    line_up();
    ask_ok(BYTES(5, 0, 1, 2), BYTES(5, 0, 7));
    assert_int_equal(fault_set(&chip, "link-down", "off"), ERR_OK);
    chip_power(&chip, false);
    line_up();
    ask_ok(BYTES(5, 0, 1, 2), BYTES(5, 0, 7));
    chip_power(&chip, true);
    connect_dap();
}

static void wait_is_retried_by_the_probe(void **state)
{
    (void)state;
    const struct {
        const char *name, *waits;
        uint8_t retry;
        struct span request, want;
    } cases[] = {
        { "fewer than retries", "3", 5, BYTES(5, 0, 1, 3),
          BYTES(5, 1, 1, 0x52, 0, 0x80, 0x23) },
        { "as many", "5", 5, BYTES(5, 0, 1, 3), BYTES(5, 1, 1, 0x52, 0, 0x80, 0x23) },
        { "more", "6", 5, BYTES(5, 0, 1, 3), BYTES(5, 0, 2) },
        { "none allowed", "1", 0, BYTES(5, 0, 1, 5, 0, 0, 0, 0x20), BYTES(5, 0, 2) },
        { "the rest is skipped", "9", 0, BYTES(5, 0, 2, 3, 3), BYTES(5, 0, 2) },
        { "a block", "9", 0, BYTES(6, 0, 2, 0, 0x0f), BYTES(6, 0, 0, 2) },
        { "RDBUFF too", "9", 0, BYTES(5, 0, 1, 0x0e), BYTES(5, 0, 2) },
        { "DPIDR never", "9", 0, BYTES(5, 0, 1, 2), BYTES(5, 1, 1, 0x77, 0x14, 0xf1, 0x0b) },
        { "CTRL/STAT never", "9", 0, BYTES(5, 0, 1, 6), BYTES(5, 1, 1, 0x40, 0, 0, 0xf0) },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        ask_ok(BYTES(4, 0, cases[i].retry, 0, 0, 0), BYTES(4, 0));
        assert_int_equal(fault_set(&chip, "wait", cases[i].waits), ERR_OK);
        if (!span_eq(ask(cases[i].request), cases[i].want))
            fail_msg("%s: ack %u of %u", cases[i].name, out[2], out[1]);
        assert_int_equal(fault_set(&chip, "wait", "off"), ERR_OK);
    }
}

/* ABORT.DAPABORT gives the access up; after it the port answers. */
static void dapabort_ends_waiting(void **state)
{
    (void)state;
    ask_ok(BYTES(4, 0, 2, 0, 0, 0), BYTES(4, 0));
    assert_int_equal(fault_set(&chip, "wait", "1000"), ERR_OK);
    ask_ok(BYTES(5, 0, 1, 3), BYTES(5, 0, 2));
    ask_ok(BYTES(8, 0, 1, 0, 0, 0), BYTES(8, 0));
    ask_ok(BYTES(5, 0, 1, 3), BYTES(5, 1, 1, 0x52, 0, 0x80, 0x23));
}

static void chip_reset_takes_the_link_along(void **state)
{
    (void)state;
    ask(BYTES(5, 0, 2, 5, 8, 0, 0, 0x40, 0x0d, 1, 0, 0, 0));
    ask_ok(BYTES(5, 0, 1, 2), BYTES(5, 0, 7));
    connect_dap();
}

#define TEST(name)      cmocka_unit_test_setup_teardown(name, setup, teardown)
#define CONNECTED(name) cmocka_unit_test_setup_teardown(name, setup_connected, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONNECTED(short_and_unknown_requests_are_errors),
        CONNECTED(a_block_read_never_overruns_the_packet),
        TEST(nothing_answers_before_connect),
        TEST(the_line_needs_its_sequence),
        CONNECTED(after_a_line_reset_only_dpidr),
        CONNECTED(memory_needs_power_up),
        CONNECTED(a_fault_shows_at_the_next_transfer_and_sticks),
        CONNECTED(tar_wraps_at_1_kib),
        CONNECTED(bytes_and_halfwords_use_their_lanes),
        CONNECTED(what_csw_does_not_have_reads_back_as_absent),
        CONNECTED(a_nonsecure_transfer_finds_no_memory),
        CONNECTED(match_reads_poll_and_skip_the_rest),
        CONNECTED(info_tells_the_truth),
        CONNECTED(many_commands_in_one_packet),
        CONNECTED(a_dropped_link_needs_a_new_start),
        CONNECTED(wait_is_retried_by_the_probe),
        CONNECTED(dapabort_ends_waiting),
        CONNECTED(chip_reset_takes_the_link_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
