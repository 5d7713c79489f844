/* SPDX-License-Identifier: MIT */
#include "tests/unit/check.h"

#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "station-agent/probe/mem.h"
#include "tests/unit/test_probe_fake.h"

enum { BASE = 0x20000000 };

/* A target, a line to it and its memory, all in one. */
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

static void bench_connect(struct bench *b)
{
    assert_int_equal(swd_init(&b->swd, &b->fake.probe, 0), ERR_OK);
    assert_int_equal(mem_init(&b->mem, &b->swd, 0), ERR_OK);
}

static struct bench *bench_open(void)
{
    struct bench *b = bench_new();
    bench_connect(b);
    return b;
}

static void pattern(uint8_t *out, size_t len, unsigned seed)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(i * 7 + i / 251 + seed);
}

/* Every kind of probe must carry every length, whatever it does to the packets. */
static void any_length_by_any_probe(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint16_t packet_size;
        uint8_t packet_count;
        bool atomic;
        size_t spare;
    } kinds[] = {
        { "full-speed HID", 64, 1, false, 0 },  { "full-speed bulk", 64, 8, true, 1 },
        { "high-speed bulk", 512, 8, true, 1 }, { "no ExecuteCommands", 512, 4, false, 1 },
        { "large packets", 1024, 4, true, 0 },  { "claims 64 KiB", 65535, 255, true, 0 },
    };
    static const struct {
        uint32_t offset;
        size_t len;
    } pieces[] = { { 0, 4 },    { 0x3fc, 8 },    { 4, 16 },        { 0x7f0, 36 },
                   { 8, 1024 }, { 0x400, 1024 }, { 0x104, 28672 }, { 0, 0xfff0 } };
    static uint8_t out[FAKE_SRAM_SIZE], in[FAKE_SRAM_SIZE];
    for (size_t k = 0; k < COUNT(kinds); k++) {
        AUTO(free_drop) struct bench *b = bench_new();
        b->fake.packet_size = kinds[k].packet_size;
        b->fake.packet_count = kinds[k].packet_count;
        b->fake.atomic = kinds[k].atomic;
        b->fake.probe.spare = kinds[k].spare;
        bench_connect(b);
        for (size_t i = 0; i < COUNT(pieces); i++) {
            size_t len = pieces[i].len;
            pattern(out, len, (unsigned)(k * 16 + i));
            memset(b->fake.sram, 0xA5, sizeof(b->fake.sram));
            assert_int_equal(mem_write(&b->mem, BASE + pieces[i].offset, span_of(out, len)),
                             ERR_OK);
            assert_memory_equal(b->fake.sram + pieces[i].offset, out, len);
            if (pieces[i].offset > 0)
                assert_int_equal(b->fake.sram[pieces[i].offset - 1], 0xA5);
            assert_int_equal(b->fake.sram[pieces[i].offset + len], 0xA5);
            assert_int_equal(mem_read(&b->mem, BASE + pieces[i].offset, in, len), ERR_OK);
            assert_memory_equal(in, out, len);
        }
        assert_true(b->fake.largest <= kinds[k].packet_size - kinds[k].spare);
    }
}

static void packets_are_in_flight(void **state)
{
    (void)state;
    AUTO(free_drop) struct bench *b = bench_open();
    static uint8_t image[0x4000];
    unsigned before = b->fake.packets;
    assert_int_equal(mem_write(&b->mem, BASE, SPAN(image)), ERR_OK);
    assert_int_equal(b->fake.deepest, 4);
    assert_in_range(b->fake.packets - before, 33, 48); /* 16 KiB in 512-byte packets */
}

static void odd_addresses_are_refused(void **state)
{
    (void)state;
    AUTO(free_drop) struct bench *b = bench_open();
    uint8_t bytes[8] = { 0 };
    unsigned before = b->fake.packets;
    assert_int_equal(mem_write(&b->mem, BASE + 2, SPAN(bytes)), ERR_INVALID);
    assert_int_equal(mem_write(&b->mem, BASE, span_of(bytes, 3)), ERR_INVALID);
    assert_int_equal(mem_read(&b->mem, 0xfffffffc, bytes, 8), ERR_INVALID);
    assert_int_equal(b->fake.packets, before);
}

static void fault_names_the_address_and_clears(void **state)
{
    (void)state;
    AUTO(free_drop) struct bench *b = bench_open();
    static uint8_t image[0x6000];
    uint32_t word = 0;
    b->fake.fault_from = BASE + 0x5000;
    b->fake.fault_to = BASE + 0x5100;
    b->mem.quiet = true;
    assert_int_equal(mem_write(&b->mem, BASE, SPAN(image)), ERR_FAULT);
    assert_non_null(strstr(fail_words(), "write at 0x20000000"));
    assert_false(b->fake.sticky);
    assert_int_equal(mem_read_word(&b->mem, BASE + 0x5000, &word), ERR_FAULT);
    fake_set(&b->fake, BASE + 0x4ffc, 0x12345678);
    assert_int_equal(mem_read_word(&b->mem, BASE + 0x4ffc, &word), ERR_OK);
    assert_int_equal(word, 0x12345678);
}

static void connects_again_by_itself(void **state)
{
    (void)state;
    AUTO(free_drop) struct bench *b = bench_open();
    uint32_t word = 0;
    b->mem.quiet = true;
    b->fake.no_answer = true;
    assert_int_equal(mem_read_word(&b->mem, BASE, &word), ERR_UNAVAILABLE);
    assert_non_null(strstr(fail_words(), "is the board powered"));
    assert_true(b->swd.lost);
    b->fake.no_answer = false;
    b->fake.csw = b->fake.select = 0xdead0000; /* what a power cycle leaves */
    fake_set(&b->fake, BASE, 77);
    assert_int_equal(mem_read_word(&b->mem, BASE, &word), ERR_OK);
    assert_int_equal(word, 77);
}

static void dormant_parts_are_woken(void **state)
{
    (void)state;
    AUTO(free_drop) struct bench *b = bench_new();
    uint32_t word;
    b->fake.dormant = true;
    bench_connect(b);
    unsigned before = b->fake.packets;
    assert_int_equal(mem_read_word(&b->mem, BASE, &word), ERR_OK);
    assert_int_equal(b->fake.packets - before, 1);
}

static void mute_probe_is_an_error(void **state)
{
    (void)state;
    AUTO(free_drop) struct bench *b = bench_open();
    uint32_t word = 0;
    b->mem.quiet = true;
    b->fake.mute = true;
    assert_int_equal(mem_read_word(&b->mem, BASE, &word), ERR_IO);
    assert_true(b->swd.stale);
    b->fake.mute = false;
    assert_int_equal(mem_read_word(&b->mem, BASE, &word), ERR_OK);
}

/* A reply that came too late belongs to nobody: it is dropped, and what it answered is asked
 * again. */
static void late_replies_are_dropped(void **state)
{
    (void)state;
    AUTO(free_drop) struct bench *b = bench_open();
    uint32_t word = 0;
    fake_set(&b->fake, BASE, 1);
    fake_set(&b->fake, BASE + 4, 2);
    b->fake.late = 1;
    assert_int_equal(mem_read_word(&b->mem, BASE, &word), ERR_OK);
    assert_int_equal(word, 1);
    assert_int_equal(b->fake.probe.counts.resyncs, 1);
    assert_int_equal(b->fake.probe.counts.stale_replies, 1);
    assert_int_equal(b->fake.probe.counts.redone, 1);
    b->mem.once = b->mem.quiet = true;
    b->fake.late = 1;
    assert_int_equal(mem_read_word(&b->mem, BASE, &word), ERR_IO);
    assert_true(mem_is_unsure(&b->mem, ERR_IO));
    assert_int_equal(mem_read_word(&b->mem, BASE + 4, &word), ERR_OK);
    assert_int_equal(word, 2);
}

/* Whatever the wire does, to whichever transfer: what is written is there, what is read is
 * right, and it is told. */
static void glitches_are_mended(void **state)
{
    (void)state;
    static uint8_t wrote[3000], got[3000];
    for (unsigned g = FAKE_DROP; g < FAKE_GLITCHES; g++) {
        unsigned met = 0;
        for (unsigned at = 1; at < 1700; at += at < 60 ? 1 : 7) {
            AUTO(free_drop) struct bench *b = bench_open();
            b->fake.glitch = (enum fake_glitch)g;
            b->fake.glitch_at = at;
            pattern(wrote, sizeof(wrote), at);
            assert_int_equal(mem_write(&b->mem, BASE + 0x104, SPAN(wrote)), ERR_OK);
            assert_memory_equal(b->fake.sram + 0x104, wrote, sizeof(wrote));
            assert_int_equal(mem_read(&b->mem, BASE + 0x104, got, sizeof(got)), ERR_OK);
            assert_memory_equal(got, wrote, sizeof(got));
            const struct probe_counts *c = &b->fake.probe.counts;
            assert_int_equal(c->redone, c->lost_links + c->waits);
            assert_int_equal(c->faults, 0);
            met += c->redone;
        }
        assert_true(met > 100);
    }
}

static void a_wire_that_keeps_failing_is_slowed_down_then_given_up(void **state)
{
    (void)state;
    static uint8_t image[0x8000];
    AUTO(free_drop) struct bench *b = bench_open();
    b->mem.quiet = true;
    b->fake.glitch = FAKE_DROP;
    b->fake.glitch_at = b->fake.glitch_every = 500;
    assert_int_equal(mem_write(&b->mem, BASE, SPAN(image)), ERR_FAULT);
    assert_non_null(strstr(fail_words(), "no answer on SWD"));
    assert_in_range(b->fake.probe.counts.redone, 3, 8);
    assert_in_range(b->fake.clock, PROBE_CLOCK_MIN_HZ, PROBE_CLOCK_DEFAULT_HZ / 4);
    b->fake.glitch_at = b->fake.glitch_every = 200; /* single words get through */
    uint32_t slower = b->fake.clock;
    for (unsigned i = 0; i < 2000; i++)
        assert_int_equal(mem_write_word(&b->mem, BASE, i), ERR_OK);
    assert_int_equal(fake_get(&b->fake, BASE), 1999);
    assert_in_range(b->fake.clock, PROBE_CLOCK_MIN_HZ, slower - 1);
}

static void once_means_once(void **state)
{
    (void)state;
    AUTO(free_drop) struct bench *b = bench_open();
    b->mem.once = b->mem.quiet = true;
    for (unsigned g = FAKE_DROP; g < FAKE_GLITCHES; g++) {
        assert_int_equal(mem_write_word(&b->mem, BASE, 7), ERR_OK);
        fake_set(&b->fake, BASE, 0);
        b->fake.glitch = (enum fake_glitch)g;
        b->fake.glitch_at = g == FAKE_PARITY ? 1 : 2;
        uint32_t word = 0;
        enum err e = g == FAKE_PARITY ? mem_read_word(&b->mem, BASE, &word)
                                      : mem_write_word(&b->mem, BASE, 8);
        if (g == FAKE_PARITY && e == ERR_OK) /* TAR came first */
            continue;
        assert_int_equal(e, g == FAKE_WAIT ? ERR_BUSY : ERR_FAULT);
        assert_true(mem_is_unsure(&b->mem, e));
        assert_int_equal(fake_get(&b->fake, BASE), 0);
    }
    b->fake.fault_from = BASE;
    b->fake.fault_to = BASE + 4;
    assert_int_equal(mem_write_word(&b->mem, BASE, 8), ERR_FAULT);
    assert_false(mem_is_unsure(&b->mem, ERR_FAULT));
    assert_non_null(strstr(fail_words(), "FAULT (CTRL/STAT 0xf0000020)"));
    assert_int_equal(b->fake.probe.counts.faults, 1);
}

/* The wire fails while the probe tests itself: that says nothing about its value match. */
static void connecting_bears_glitches(void **state)
{
    (void)state;
    for (unsigned g = FAKE_DROP; g < FAKE_GLITCHES; g++)
        for (unsigned at = 1; at < 30; at++) {
            AUTO(free_drop) struct bench *b = bench_new();
            uint32_t word = 0;
            b->fake.glitch = (enum fake_glitch)g;
            b->fake.glitch_at = at;
            bench_connect(b);
            assert_true(b->swd.can_match);
            fake_set(&b->fake, BASE, at);
            assert_int_equal(mem_read_word(&b->mem, BASE, &word), ERR_OK);
            assert_int_equal(word, at);
        }
}

/* Whatever a probe answers: an error or a value, never more than was asked for. */
static void damaged_replies_harm_nothing(void **state)
{
    (void)state;
    AUTO(free_drop) struct bench *b = bench_open();
    struct {
        uint8_t before[16], in[600], after[16];
    } box;
    unsigned good = 0, bad = 0;
    b->mem.quiet = true;
    b->fake.noise = 1;
    for (unsigned i = 0; i < 3000; i++) {
        memset(&box, 0x77, sizeof(box));
        const struct mem_exchange x = {
            .write_address = BASE,
            .write = SPAN(box.before),
            .poll = { BASE + 0x100, i % 3 == 0 ? 1 : 0, 0, 0 },
            .read_address = BASE + 0x200,
            .read = box.in,
            .read_len = sizeof(box.in),
        };
        if (mem_exchange(&b->mem, &x) == ERR_OK)
            good++;
        else
            bad++;
        for (size_t k = 0; k < sizeof(box.before); k++)
            assert_true(box.before[k] == 0x77 && box.after[k] == 0x77);
    }
    assert_true(good > 100 && bad > 100);
    b->fake.noise = 0;
    uint32_t word;
    fake_set(&b->fake, BASE, 99);
    b->swd.lost = b->swd.stale = true;
    assert_int_equal(mem_read_word(&b->mem, BASE, &word), ERR_OK);
    assert_int_equal(word, 99);
}

/* The awaited word arrives at the user-th look at it. */
static void arrive(struct fake *fake, uint32_t address)
{
    unsigned *left = fake->user;
    if (address != BASE + 0x100 || *left == 0)
        return;
    if (--*left == 0) {
        fake_set(fake, BASE + 0x100, 5);
        fake_set(fake, BASE + 0x104, 0xcafe);
    }
}

static void exchange_waits(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool atomic, no_match;
        unsigned looks;
    } cases[] = {
        { "at once", true, false, 1 },           { "in the probe", true, false, 3 },
        { "after mismatches", true, false, 30 }, { "one command a packet", false, false, 30 },
        { "no match", true, true, 9 },           { "neither", false, true, 9 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(free_drop) struct bench *b = bench_new();
        unsigned looks = cases[i].looks;
        uint8_t request[32], reply[8] = { 0 };
        pattern(request, sizeof(request), 3);
        b->fake.atomic = cases[i].atomic;
        b->fake.no_match = cases[i].no_match;
        bench_connect(b);
        assert_int_equal(b->swd.can_match, !cases[i].no_match);
        b->fake.on_read = arrive;
        b->fake.user = &looks;
        const struct mem_exchange x = {
            .write_address = BASE + 0x400 - 16,
            .write = SPAN(request),
            .poll = { BASE + 0x100, 0xff, 5, 1000 },
            .read_address = BASE + 0x100,
            .read = reply,
            .read_len = sizeof(reply),
        };
        assert_int_equal(mem_exchange(&b->mem, &x), ERR_OK);
        assert_memory_equal(b->fake.sram + 0x400 - 16, request, sizeof(request));
        assert_int_equal(reply[0], 5);
        assert_int_equal(reply[4], 0xfe);
        assert_int_equal(mem_read(&b->mem, BASE + 0x100, reply, 8), ERR_OK);
        assert_int_equal(reply[5], 0xca);
    }
}

static void exchange_is_one_packet(void **state)
{
    (void)state;
    AUTO(free_drop) struct bench *b = bench_open();
    uint8_t request[64], reply[64];
    pattern(request, sizeof(request), 1);
    fake_set(&b->fake, BASE + 0x100, 5);
    unsigned before = b->fake.packets;
    const struct mem_exchange x = {
        .write_address = BASE + 0x800,
        .write = SPAN(request),
        .poll = { BASE + 0x100, UINT32_MAX, 5, 100 },
        .read_address = BASE + 0x100,
        .read = reply,
        .read_len = sizeof(reply),
    };
    assert_int_equal(mem_exchange(&b->mem, &x), ERR_OK);
    assert_int_equal(b->fake.packets - before, 1);
}

static void exchange_gives_up(void **state)
{
    (void)state;
    AUTO(free_drop) struct bench *b = bench_open();
    const struct mem_poll poll = { BASE + 0x100, 1, 1, 20 };
    assert_int_equal(mem_poll(&b->mem, &poll), ERR_DEADLINE);
    b->fake.fault_from = BASE;
    b->fake.fault_to = BASE + 0x1000;
    b->mem.quiet = true;
    assert_int_equal(mem_poll(&b->mem, &poll), ERR_FAULT);
}

int main(void)
{
    log_set_level(LOG_LEVEL_NONE);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_length_by_any_probe),
        cmocka_unit_test(packets_are_in_flight),
        cmocka_unit_test(odd_addresses_are_refused),
        cmocka_unit_test(fault_names_the_address_and_clears),
        cmocka_unit_test(connects_again_by_itself),
        cmocka_unit_test(dormant_parts_are_woken),
        cmocka_unit_test(mute_probe_is_an_error),
        cmocka_unit_test(late_replies_are_dropped),
        cmocka_unit_test(glitches_are_mended),
        cmocka_unit_test(a_wire_that_keeps_failing_is_slowed_down_then_given_up),
        cmocka_unit_test(once_means_once),
        cmocka_unit_test(connecting_bears_glitches),
        cmocka_unit_test(damaged_replies_harm_nothing),
        cmocka_unit_test(exchange_waits),
        cmocka_unit_test(exchange_is_one_packet),
        cmocka_unit_test(exchange_gives_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
