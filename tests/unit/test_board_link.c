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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(frames),
        TEST(the_packet_size_holds_once_told),
        TEST(jtag_reads_memory),
        TEST(swd_bit_by_bit),
        TEST(a_write_with_wrong_parity_changes_nothing),
        TEST(a_line_reset_works_in_the_middle_of_a_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
