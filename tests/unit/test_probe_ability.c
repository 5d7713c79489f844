/* SPDX-License-Identifier: MIT */
/* Probes that cannot do what they promise: it is found out, asked of them no more, and counted.
 */
#include "tests/unit/check.h"

#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "station-agent/probe/mem.h"
#include "tests/unit/test_probe_fake.h"

enum { BASE = 0x20000000, LEN = 4096 };

struct bench {
    struct fake fake;
    struct swd swd;
    struct mem mem;
};

static struct bench *bench_new(void)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    fake_init(&b->fake);
    return b;
}

static enum err bench_open(struct bench *b, uint32_t clock_hz)
{
    TRY(swd_init(&b->swd, &b->fake.probe, clock_hz));
    return mem_init(&b->mem, &b->swd, 0);
}

static void check_memory(struct bench *b)
{
    static uint8_t out[LEN], in[LEN];
    memset(out, 0x3C, sizeof(out));
    assert_int_equal(mem_write(&b->mem, BASE, SPAN(out)), ERR_OK);
    assert_int_equal(mem_read(&b->mem, BASE, in, sizeof(in)), ERR_OK);
    assert_memory_equal(in, out, sizeof(in));
}

static void fewer_packets_than_promised(void **state)
{
    (void)state;
    static const struct {
        uint8_t says;
        unsigned holds, used, steps;
    } cases[] = { { 16, 1, 1, 3 }, { 8, 2, 2, 2 }, { 4, 3, 2, 1 }, { 4, 4, 4, 0 } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(free_drop) struct bench *b = bench_new();
        b->fake.packet_count = cases[i].says;
        b->fake.holds = cases[i].holds;
        assert_int_equal(bench_open(b, 0), ERR_OK);
        check_memory(b);
        assert_int_equal(b->fake.probe.counts.in_flight, cases[i].used);
        assert_int_equal(b->fake.probe.counts.stepped_down, cases[i].steps);
        assert_int_equal(b->fake.probe.counts.redone, 0); /* found out at open */
    }
}

static void one_command_in_a_packet(void **state)
{
    (void)state;
    AUTO(free_drop) struct bench *b = bench_new();
    b->fake.execute_half = true;
    assert_int_equal(bench_open(b, 0), ERR_OK);
    check_memory(b);
    assert_false(b->swd.can_execute);
    assert_int_equal(b->fake.probe.counts.stepped_down, 1);
}

static void a_refused_clock_is_halved(void **state)
{
    (void)state;
    AUTO(free_drop) struct bench *b = bench_new();
    b->fake.clock_top = 3000000;
    assert_int_equal(bench_open(b, 10000000), ERR_OK);
    assert_int_equal(b->fake.clock, 2500000);
    assert_int_equal(b->fake.probe.counts.clock_hz, 2500000);
    assert_int_equal(b->fake.probe.counts.clock_steps, 2);
    check_memory(b);
}

static void the_least_clock_is_named(void **state)
{
    (void)state;
    AUTO(free_drop) struct bench *b = bench_new();
    b->fake.clock_top = 1;
    assert_int_equal(bench_open(b, 200000), ERR_FAULT);
    assert_non_null(strstr(fail_words(), "from 200000 Hz halved down to 100000 Hz"));
}

int main(void)
{
    log_set_level(LOG_LEVEL_NONE);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fewer_packets_than_promised),
        cmocka_unit_test(one_command_in_a_packet),
        cmocka_unit_test(a_refused_clock_is_halved),
        cmocka_unit_test(the_least_clock_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
