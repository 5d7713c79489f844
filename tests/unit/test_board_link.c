/* SPDX-License-Identifier: MIT */
/* The two wires from outside: CMSIS-DAP frames over TCP, and remote_bitbang's characters. */
#include "tests/unit/check.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/host/own.h"
#include "target-fw/board/bitbang.h"
#include "tests/unit/test_board_bench.h"

#define BYTES(...)                                                                             \
    span_of((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static struct chip chip;
static struct dap dap;

static int setup(void **state)
{
    (void)state;
    bench_open(&chip);
    dap_init(&dap, &chip, 512, 8);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    chip_close(&chip);
    return 0;
}

/* ---- framing ---- */

static enum err feed(struct link *link, struct span bytes)
{
    memcpy(link->in, bytes.ptr, bytes.len);
    link->in_len = bytes.len;
    return link_frames(link, &dap);
}

static void frames(void **state)
{
    (void)state;
    static struct link link;
    const struct {
        const char *name;
        struct span bytes;
        enum err want;
        size_t left;
    } cases[] = {
        { "one", BYTES('D', 'A', 'P', 0, 2, 0, 1, 0, 0, 4), ERR_OK, 0 },
        { "two, pipelined",
          BYTES('D', 'A', 'P', 0, 1, 0, 1, 0, 3, 'D', 'A', 'P', 0, 1, 0, 1, 0, 3), ERR_OK, 0 },
        { "head cut", BYTES('D', 'A', 'P', 0, 2), ERR_OK, 5 },
        { "body cut", BYTES('D', 'A', 'P', 0, 2, 0, 1, 0, 0), ERR_OK, 9 },
        { "signature", BYTES('D', 'A', 'Q', 0, 2, 0, 1, 0, 0, 4), ERR_PROTO, 0 },
        { "a response", BYTES('D', 'A', 'P', 0, 2, 0, 2, 0, 0, 4), ERR_PROTO, 0 },
        { "empty", BYTES('D', 'A', 'P', 0, 0, 0, 1, 0), ERR_LIMIT, 0 },
        { "too long", BYTES('D', 'A', 'P', 0, 1, 4, 1, 0), ERR_LIMIT, 0 },
    };
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    link.client = pair[0];
    for (size_t i = 0; i < COUNT(cases); i++) {
        enum err e = feed(&link, cases[i].bytes);
        if (e != cases[i].want || (e == ERR_OK && link.in_len != cases[i].left))
            fail_msg("%s: error %d, %zu left", cases[i].name, (int)e, link.in_len);
    }
    close(pair[0]);
    close(pair[1]);
}

/* OpenOCD sends up to 1024 bytes until it has asked; then the probe's own limit holds. */
static void the_packet_size_holds_once_told(void **state)
{
    (void)state;
    static struct link link;
    static uint8_t frame[8 + 513] = { 'D', 'A', 'P', 0, 0x01, 0x02, 1, 0, 0, 4 };
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    link.client = pair[0];
    assert_int_equal(feed(&link, SPAN(frame)), ERR_OK);
    assert_int_equal(feed(&link, BYTES('D', 'A', 'P', 0, 2, 0, 1, 0, 0, 0xff)), ERR_OK);
    assert_int_equal(feed(&link, SPAN(frame)), ERR_LIMIT);
    close(pair[0]);
    close(pair[1]);
}

/* ---- what is not answered in turn ---- */

static struct link pipe_link;
static int far_end = -1;

static int setup_pipe(void **state)
{
    int pair[2];
    setup(state);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    pipe_link = (struct link){ .client = pair[0] };
    far_end = pair[1];
    return 0;
}

static int teardown_pipe(void **state)
{
    close(pipe_link.client);
    close(far_end);
    return teardown(state);
}

static void send_packet(struct span body)
{
    const uint8_t head[] = { 'D', 'A', 'P', 0, (uint8_t)body.len, 0, 1, 0 };
    assert_int_equal(send(far_end, head, sizeof(head), 0), sizeof(head));
    assert_int_equal(send(far_end, body.ptr, body.len, 0), body.len);
}

static struct span next_answer(void)
{
    static uint8_t in[64];
    ssize_t head = recv(far_end, in, 8, MSG_DONTWAIT);
    ssize_t len = head == 8 ? recv(far_end, in, in[4], MSG_DONTWAIT) : 0;
    return span_of(in, (size_t)len);
}

static void want_answer(struct span want)
{
    struct span got = next_answer();
    if (!span_eq(got, want))
        fail_msg("%zu bytes, the first %u", got.len, got.len == 0 ? 0 : got.ptr[0]);
}

static void connect_pipe(void)
{
    static const uint8_t packets[][20] = {
        { 2, 2, 1 },
        { 19,   0x12, 136,  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
          0x9e, 0xe7, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0 },
        { 4, 5, 0, 1, 2 },
        { 13, 5, 0, 2, 0, 0x1e, 0, 0, 0, 4, 0, 0, 0, 0x50 },
        { 6, 4, 0, 0xff, 0xff, 0xff, 0xff }, /* as many retries as there are */
    };
    uint8_t out[64];
    for (size_t i = 0; i < COUNT(packets); i++) {
        struct wr w = wr_of(out, sizeof(out));
        dap_execute(&dap, span_of(packets[i] + 1, packets[i][0]), &w);
    }
}

#define MATCH_DPIDR BYTES(5, 0, 2, 0x20, 0xff, 0xff, 0xff, 0xff, 0x12, 1, 2, 3, 4)

/* A match that never comes, and a host that loses patience: no answer to its abort, and the
 * match ends as one that failed. */
static void an_abort_ends_what_runs(void **state)
{
    (void)state;
    connect_pipe();
    uint64_t before = chip.pace.transfers;
    send_packet(MATCH_DPIDR);
    send_packet(BYTES(0, 0xfe));
    send_packet(BYTES(DAP_TRANSFER_ABORT));
    send_packet(BYTES(3));
    link_serve(&pipe_link, &dap);
    assert_true(chip.pace.transfers - before < 100);
    want_answer(BYTES(5, 1, 0x11));
    want_answer(BYTES(0, 1, 8));
    want_answer(BYTES(3, 0));
    assert_int_equal(next_answer().len, 0);
}

static void an_abort_ends_waiting(void **state)
{
    (void)state;
    connect_pipe();
    assert_int_equal(fault_set(&chip, "wait", "50000"), ERR_OK);
    send_packet(BYTES(5, 0, 1, 3));
    send_packet(BYTES(DAP_TRANSFER_ABORT));
    link_serve(&pipe_link, &dap);
    assert_true(chip.faults.wait > 49000);
    want_answer(BYTES(5, 0, 2));
    send_packet(MATCH_DPIDR); /* it is over with that packet: this one runs to its end */
    link_serve(&pipe_link, &dap);
    assert_true(chip.pace.transfers > 65535);
    want_answer(BYTES(5, 1, 0x11));
}

static void queued_commands_wait_for_one_that_is_not(void **state)
{
    (void)state;
    send_packet(BYTES(0x7e, 1, 0x11, 0x40, 0x42, 0x0f, 0));
    link_serve(&pipe_link, &dap);
    send_packet(BYTES(0x7e, 1, 0, 0xfe));
    link_serve(&pipe_link, &dap);
    assert_int_equal(next_answer().len, 0);
    send_packet(BYTES(2, 1));
    link_serve(&pipe_link, &dap);
    want_answer(BYTES(0x7f, 1, 0x11, 0));
    want_answer(BYTES(0x7f, 1, 0, 1, 8));
    want_answer(BYTES(2, 1));
    for (unsigned i = 0; i < 8; i++) /* as many as the probe holds: it need not wait longer */
        send_packet(BYTES(0x7e, 1, 0, 0xfe));
    link_serve(&pipe_link, &dap);
    for (unsigned i = 0; i < 8; i++)
        want_answer(BYTES(0x7f, 1, 0, 1, 8));
}

/* ---- remote_bitbang ---- */

static uint64_t scan(struct bitbang *bang, const char *before, uint64_t bits, unsigned count)
{
    uint64_t in = 0;
    char reply;
    for (const char *tms = before; *tms != '\0'; tms++) {
        assert_true(bitbang_char(bang, &chip, *tms == '1' ? '2' : '0', &reply));
        assert_true(bitbang_char(bang, &chip, *tms == '1' ? '6' : '4', &reply));
    }
    for (unsigned i = 0; i < count; i++) {
        unsigned pins = (unsigned)(bits >> i & 1) | (i + 1 == count ? 2 : 0);
        assert_true(bitbang_char(bang, &chip, (char)('0' + pins), &reply));
        assert_true(bitbang_char(bang, &chip, 'R', &reply));
        in |= (uint64_t)(reply == '1') << i;
        assert_true(bitbang_char(bang, &chip, (char)('4' + pins), &reply));
    }
    return in;
}

static void jtag_reads_memory(void **state)
{
    (void)state;
    static struct bitbang bang;
    char reply;
    jtag_init(&bang.jtag);
    memcpy(chip.sram, "\x78\x56\x34\x12", 4);
    assert_int_equal(scan(&bang, "111110100", 0, 32), 0x0bf11477); /* IDCODE after reset */
    assert_int_equal(scan(&bang, "11100", 10, 4) & 3, 1);          /* DPACC */
    scan(&bang, "1100", 0x50000000ULL << 3 | 1 << 1, 35);          /* CTRL/STAT */
    scan(&bang, "1100", 2 << 1, 35);                               /* SELECT 0 */
    scan(&bang, "11100", 11, 4);                                   /* APACC */
    scan(&bang, "1100", 0x23000012ULL << 3, 35);                   /* CSW */
    scan(&bang, "1100", 0x20000000ULL << 3 | 1 << 1, 35);          /* TAR */
    scan(&bang, "1100", 3 << 1 | 1, 35);                           /* read DRW */
    assert_int_equal(scan(&bang, "1100", 3 << 1 | 1, 35) >> 3, 0x12345678);
    assert_true(bitbang_char(&bang, &chip, 'x', &reply)); /* unknown: nothing */
    assert_int_equal(reply, '\0');
    assert_true(bitbang_char(&bang, &chip, 's', &reply)); /* SRST */
    assert_true(chip.reset_held);
    assert_true(bitbang_char(&bang, &chip, 'r', &reply));
    assert_false(chip.reset_held);
    assert_false(bitbang_char(&bang, &chip, 'Q', &reply));
}

/* A bit-level SWD host over the characters. */
static void swd_bits(struct bitbang *bang, uint64_t bits, unsigned count)
{
    char reply;
    for (unsigned i = 0; i < count; i++) {
        assert_true(bitbang_char(bang, &chip, bits >> i & 1 ? 'e' : 'd', &reply));
        assert_true(bitbang_char(bang, &chip, bits >> i & 1 ? 'g' : 'f', &reply));
    }
}

static uint64_t swd_read_bits(struct bitbang *bang, unsigned count)
{
    uint64_t in = 0;
    char reply;
    bitbang_char(bang, &chip, 'o', &reply);
    for (unsigned i = 0; i < count; i++) {
        bitbang_char(bang, &chip, 'd', &reply);
        bitbang_char(bang, &chip, 'c', &reply);
        in |= (uint64_t)(reply == '1') << i;
        bitbang_char(bang, &chip, 'f', &reply);
    }
    bitbang_char(bang, &chip, 'O', &reply);
    return in;
}

static uint8_t header(uint8_t request)
{
    unsigned parity = __builtin_parity(request) != 0;
    return (uint8_t)(0x81U | (unsigned)request << 1 | parity << 5);
}

/* The acknowledge; value and its parity are checked on the way. */
static unsigned swd_get(struct bitbang *bang, uint8_t request, uint32_t *value)
{
    swd_bits(bang, header(request), 8);
    unsigned ack = (unsigned)(swd_read_bits(bang, 4) >> 1);
    if (ack == SWD_OK) {
        uint64_t in = swd_read_bits(bang, 34);
        *value = (uint32_t)in;
        assert_int_equal(in >> 32 & 1, __builtin_parity(*value));
    } else {
        swd_read_bits(bang, 1);
    }
    swd_bits(bang, 0, 8);
    return ack;
}

static unsigned swd_put(struct bitbang *bang, uint8_t request, uint32_t value, unsigned flip)
{
    swd_bits(bang, header(request), 8);
    unsigned ack = (unsigned)(swd_read_bits(bang, 5) >> 1 & 7);
    uint64_t parity = (unsigned)__builtin_parity(value) ^ flip;
    if (ack == SWD_OK)
        swd_bits(bang, value | parity << 32, 33);
    swd_bits(bang, 0, 8);
    return ack;
}

static void swd_start(struct bitbang *bang)
{
    swd_bits(bang, ~0ULL, 56);
    swd_bits(bang, 0xe79e, 16);
    swd_bits(bang, ~0ULL, 56);
    swd_bits(bang, 0, 8);
}

static void swd_bit_by_bit(void **state)
{
    (void)state;
    static struct bitbang bang;
    uint32_t value = 0;
    bitbang_init(&bang);
    memcpy(chip.sram, "\x78\x56\x34\x12", 4);
    assert_int_equal(swd_get(&bang, SWD_READ, &value), SWD_NONE); /* no sequence yet */
    swd_start(&bang);
    assert_int_equal(swd_get(&bang, SWD_READ, &value), SWD_OK);
    assert_int_equal(value, 0x0bf11477);
    assert_int_equal(swd_put(&bang, 4, 0x50000000, 0), SWD_OK);
    assert_int_equal(swd_put(&bang, 8, 0, 0), SWD_OK);
    assert_int_equal(swd_put(&bang, SWD_AP, 0x23000012, 0), SWD_OK);
    assert_int_equal(swd_put(&bang, SWD_AP | 4, 0x20000000, 0), SWD_OK);
    assert_int_equal(swd_get(&bang, SWD_AP | SWD_READ | 12, &value), SWD_OK);
    assert_int_equal(swd_get(&bang, SWD_READ | 12, &value), SWD_OK);
    assert_int_equal(value, 0x12345678);
    swd_bits(&bang, header(SWD_READ) ^ 0x20, 8); /* parity of the request */
    assert_int_equal(swd_read_bits(&bang, 4) >> 1, SWD_NONE);
    swd_start(&bang);
    assert_int_equal(swd_get(&bang, SWD_READ, &value), SWD_OK);
}

static void a_write_with_wrong_parity_changes_nothing(void **state)
{
    (void)state;
    static struct bitbang bang;
    uint32_t value = 0;
    bitbang_init(&bang);
    swd_start(&bang);
    assert_int_equal(swd_get(&bang, SWD_READ, &value), SWD_OK);
    assert_int_equal(swd_put(&bang, 4, 0x50000000, 0), SWD_OK);
    assert_int_equal(swd_put(&bang, SWD_AP | 4, 0x20000000, 0), SWD_OK);
    assert_int_equal(swd_put(&bang, SWD_AP | 4, 0x20000400, 1), SWD_OK); /* it had said OK */
    assert_int_equal(bang.swd.tar, 0x20000000);
    assert_int_equal(swd_put(&bang, SWD_AP | 4, 0x20000400, 0), SWD_FAULT);
    assert_int_equal(swd_get(&bang, SWD_READ | 4, &value), SWD_OK);
    assert_int_equal(value & 1 << 7, 1 << 7); /* WDATAERR */
    assert_int_equal(swd_put(&bang, 0, 1 << 3, 0), SWD_OK);
    assert_int_equal(swd_put(&bang, SWD_AP | 4, 0x20000400, 0), SWD_OK);
    assert_int_equal(bang.swd.tar, 0x20000400);
}

static void a_line_reset_works_in_the_middle_of_a_write(void **state)
{
    (void)state;
    static struct bitbang bang;
    uint32_t value = 0;
    bitbang_init(&bang);
    swd_start(&bang);
    assert_int_equal(swd_get(&bang, SWD_READ, &value), SWD_OK);
    swd_bits(&bang, header(4), 8);
    swd_read_bits(&bang, 5);
    swd_bits(&bang, ~0ULL, 60);
    swd_bits(&bang, 0, 8);
    assert_int_equal(swd_get(&bang, SWD_READ, &value), SWD_OK);
}

#define PIPE(name) cmocka_unit_test_setup_teardown(name, setup_pipe, teardown_pipe)
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(frames),
        TEST(the_packet_size_holds_once_told),
        PIPE(an_abort_ends_what_runs),
        PIPE(an_abort_ends_waiting),
        PIPE(queued_commands_wait_for_one_that_is_not),
        TEST(jtag_reads_memory),
        TEST(swd_bit_by_bit),
        TEST(a_write_with_wrong_parity_changes_nothing),
        TEST(a_line_reset_works_in_the_middle_of_a_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
