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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(frames),
        TEST(the_packet_size_holds_once_told),
        TEST(jtag_reads_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
