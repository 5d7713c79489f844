/* SPDX-License-Identifier: MIT */
/* Simulated time: what packets would have taken, computed beside what they did. */
#include "tests/unit/check.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/host/own.h"
#include "target-fw/board/chip/pace.h"
#include "target-fw/board/link.h"
#include "tests/unit/test_board_bench.h"

enum { MHZ = 1000000, COUNT_MAX = 4, INFO_FRAME = 10 };

static void a_clock_is_never_lost_to_rounding(void **state)
{
    (void)state;
    struct pace pace;
    pace_init(&pace, 3 * MHZ, 0, 0);
    for (int i = 0; i < 3000; i++)
        pace_clocks(&pace, 1, 3 * MHZ);
    assert_int_equal(pace.probe_ns, 1000000);
    assert_int_equal(pace.clocks, 3000);
}

static void answer(struct pace *pace)
{
    pace_released(pace, pace_answer_ns(pace));
}

/* Each packet waits for the answer before: round trips add up. */
static void one_packet_at_a_time(void **state)
{
    (void)state;
    struct pace pace;
    pace_init(&pace, MHZ, 250, 0);
    for (int i = 0; i < 10; i++) {
        pace_request(&pace);
        pace_clocks(&pace, 100, MHZ);
        answer(&pace);
    }
    assert_int_equal(pace.host_ns, 10 * (250 + 100) * 1000);
    assert_int_equal(pace.packets, 10);
    assert_int_equal(pace.waits, 10);
}

/* All under way at once: the wire is busy throughout, one round trip in all. */
static void packets_in_flight(void **state)
{
    (void)state;
    struct pace pace;
    uint64_t answers[10];
    pace_init(&pace, MHZ, 250, 0);
    for (int i = 0; i < 10; i++) {
        pace_request(&pace);
        pace_clocks(&pace, 100, MHZ);
        answers[i] = pace_answer_ns(&pace);
    }
    for (int i = 0; i < 10; i++)
        pace_released(&pace, answers[i]);
    assert_int_equal(pace.host_ns, (250 + 10 * 100) * 1000);
    assert_int_equal(pace.waits, 1);
}

static void silence_moves_both_clocks(void **state)
{
    (void)state;
    struct pace pace;
    pace_init(&pace, MHZ, 100, 0);
    pace_idle(&pace, 5000);
    assert_int_equal(pace.host_ns, 5000000);
    assert_int_equal(pace.probe_ns, 5000000);
    pace_request(&pace);
    assert_int_equal(pace.probe_ns, 5050000);
}

static void the_clock_is_what_was_said(void **state)
{
    (void)state;
    struct pace pace;
    pace_init(&pace, 10 * MHZ, 0, 0);
    assert_int_equal(pace_clock_of(&pace, 24 * MHZ), 10 * MHZ);
    assert_int_equal(pace_clock_of(&pace, MHZ), 10 * MHZ);
    pace_init(&pace, 0, 0, 0);
    assert_false(pace.on);
    assert_int_equal(pace_clock_of(&pace, 24 * MHZ), 24 * MHZ);
}

static void the_chip_is_led(void **state)
{
    (void)state;
    static struct chip chip;
    bench_open(&chip);
    pace_init(&chip.pace, MHZ, 250, chip.cycles);
    uint64_t before = chip.cycles;
    pace_us(&chip.pace, 1000);
    chip_follow(&chip);
    assert_int_equal(chip.cycles - before, CHIP_HCLK_HZ / 1000);
    chip_close(&chip);
}

/* Erasing a page takes simulated time, whoever polls. */
static void flash_takes_its_time(void **state)
{
    (void)state;
    static struct chip chip;
    bench_open(&chip);
    clocks_on(&chip);
    pace_init(&chip.pace, MHZ, 0, chip.cycles);
    poke(&chip, 0x4000c000, 0x49);
    poke(&chip, 0x4000c004, 0x800);
    poke(&chip, 0x4000c00c, 0x22);
    poke(&chip, 0x4000c010, 1);
    pace_us(&chip.pace, 119999);
    chip_follow(&chip);
    assert_true(never(&chip, 0x4000c010, 1, 0));
    pace_us(&chip.pace, 2);
    chip_follow(&chip);
    await(&chip, 0x4000c010, 1, 0);
    chip_close(&chip);
}

/* ---- answers are kept back until the host can have no more to send ---- */

static int answers_at(int fd)
{
    static uint8_t bytes[4096];
    ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    int count = 0;
    for (ssize_t at = 0; at < n; at += 8 + (bytes[at + 4] | bytes[at + 5] << 8))
        count++;
    return count;
}

static void put_requests(struct link *link, struct dap *dap, int count)
{
    static const uint8_t frame[INFO_FRAME] = { 'D', 'A', 'P', 0, 2, 0, 1, 0, 0, 4 };
    for (int i = 0; i < count; i++)
        memcpy(link->in + INFO_FRAME * i, frame, INFO_FRAME);
    link->in_len = (size_t)INFO_FRAME * (size_t)count;
    assert_int_equal(link_frames(link, dap), ERR_OK);
}

static void answers_wait_for_the_host(void **state)
{
    (void)state;
    static struct chip chip;
    static struct dap dap;
    static struct link link;
    int pair[2];
    bench_open(&chip);
    dap_init(&dap, &chip, 512, COUNT_MAX);
    pace_init(&chip.pace, MHZ, 250, chip.cycles);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    link.client = pair[0];
    put_requests(&link, &dap, COUNT_MAX - 1);
    assert_int_equal(answers_at(pair[1]), 0);
    put_requests(&link, &dap, 1); /* no more fit: now it waits */
    assert_int_equal(answers_at(pair[1]), 1);
    assert_int_equal(chip.pace.waits, 1);
    for (int i = 1; i < COUNT_MAX; i++) {
        link_silence(&link, &dap);
        assert_int_equal(answers_at(pair[1]), 1);
    }
    link_silence(&link, &dap);
    assert_int_equal(answers_at(pair[1]), 0);
    assert_int_equal(chip.pace.host_ns, 250000);
    close(pair[1]);
    link_hang_up(&link);
    chip_close(&chip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_is_never_lost_to_rounding),
        cmocka_unit_test(one_packet_at_a_time),
        cmocka_unit_test(packets_in_flight),
        cmocka_unit_test(silence_moves_both_clocks),
        cmocka_unit_test(the_clock_is_what_was_said),
        cmocka_unit_test(the_chip_is_led),
        cmocka_unit_test(flash_takes_its_time),
        cmocka_unit_test(answers_wait_for_the_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
