/* SPDX-License-Identifier: MIT */
#include "tests/unit/check.h"

#include <stdlib.h>
#include <string.h>

#include "common/core/crc32.h"
#include "common/core/mailbox.h"
#include "common/host/log.h"
#include "common/host/own.h"
#include "station-agent/link/link.h"
#include "station-agent/probe/mem.h"
#include "tests/unit/test_probe_fake.h"

enum { SRAM = 0x20000000, BOX = 0x20004010, NONCE = 0x1234, TIMEOUT_MS = 2000 };

/* A board that echoes each frame, with one thing wrong if asked for. */
struct bench {
    struct fake fake;
    struct swd swd;
    struct mem mem;
    struct link *link;
    uint32_t taken, sent, chunks;
    bool wrong_crc, huge, empty, jump, wrong_ack, deaf, reset;
    bool chunks_held, refuse_chunks;
    unsigned answer_after; /* looks at the sequence until the echo is there */
    size_t chunk_len;
    uint8_t image[16 * MAILBOX_BULK_MAX];
    unsigned bad_chunks;
};

static uint32_t at(size_t offset)
{
    return BOX + (uint32_t)offset;
}

#define UP(field)   at(offsetof(struct mailbox, up.field))
#define DOWN(field) at(offsetof(struct mailbox, down.field))

static const uint8_t *bytes_at(const struct bench *b, uint32_t address)
{
    return b->fake.sram + (address - SRAM);
}

static void put_up(struct bench *b, struct span frame)
{
    memcpy(b->fake.sram + (UP(payload) - SRAM), frame.ptr, frame.len);
    uint32_t length = b->huge ? MAILBOX_UP_MAX + 1 : b->empty ? 0 : (uint32_t)frame.len;
    fake_set(&b->fake, UP(length), length);
    fake_set(&b->fake, UP(crc), crc32_of(frame) ^ (b->wrong_crc ? 1 : 0));
    fake_set(&b->fake, UP(sequence), b->sent);
}

static void echo(struct bench *b)
{
    uint32_t length = fake_get(&b->fake, DOWN(length));
    uint32_t used = (length + 3) & ~3u;
    struct span frame = span_of(bytes_at(b, DOWN(length) - used), length);
    assert_int_equal(crc32_of(frame), fake_get(&b->fake, DOWN(crc)));
    assert_int_equal(fake_get(&b->fake, DOWN(up_ack)), b->sent);
    if (frame.len > MAILBOX_UP_MAX)
        frame.len = MAILBOX_UP_MAX;
    b->sent += b->jump ? 2 : 1;
    fake_set(&b->fake, UP(down_ack), b->taken + (b->wrong_ack ? 1 : 0));
    put_up(b, frame);
}

static void reboot(struct bench *b)
{
    memset(b->fake.sram + (BOX - SRAM), 0, sizeof(struct mailbox));
    fake_set(&b->fake, at(4), MAILBOX_VERSION);
    fake_set(&b->fake, at(8), NONCE + 1);
    fake_set(&b->fake, at(0), MAILBOX_MAGIC);
}

static void take_chunk(struct bench *b)
{
    uint32_t slot = at(offsetof(struct mailbox, bulk)) +
                    b->chunks % MAILBOX_BULK_COUNT * (uint32_t)sizeof(struct mailbox_bulk);
    uint32_t tail = slot + MAILBOX_BULK_MAX;
    if (fake_get(&b->fake, tail + 12) != b->chunks + 1)
        return;
    uint32_t length = fake_get(&b->fake, tail), offset = fake_get(&b->fake, tail + 4);
    struct span data = span_of(bytes_at(b, slot), length);
    if (crc32_of(data) != fake_get(&b->fake, tail + 8) || offset + length > sizeof(b->image))
        b->bad_chunks++;
    else
        memcpy(b->image + offset, data.ptr, length);
    fake_set(&b->fake, UP(bulk_done), ++b->chunks);
}

static void on_write(struct fake *fake, uint32_t address, uint32_t value)
{
    struct bench *b = fake->user;
    if (address == DOWN(sequence) && value == b->taken + 1 && !b->deaf) {
        b->taken = value;
        if (b->reset)
            reboot(b);
        else if (b->answer_after == 0)
            echo(b);
    }
    if (b->refuse_chunks && address > at(offsetof(struct mailbox, bulk)) && b->sent == 0) {
        static const uint8_t no[] = "no";
        b->sent = 1;
        put_up(b, SPAN(no));
    }
    if (!b->chunks_held && !b->refuse_chunks)
        take_chunk(b);
}

static void on_read(struct fake *fake, uint32_t address)
{
    struct bench *b = fake->user;
    if (address == UP(sequence) && b->answer_after > 0 && b->taken > b->sent &&
        --b->answer_after == 0)
        echo(b);
    if (address == UP(bulk_done) && b->chunks_held)
        take_chunk(b);
}

static struct bench *bench_new(void)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    fake_init(&b->fake);
    b->fake.user = b;
    b->fake.on_write = on_write;
    b->fake.on_read = on_read;
    reboot(b);
    fake_set(&b->fake, at(8), NONCE);
    assert_int_equal(swd_init(&b->swd, &b->fake.probe, 0), ERR_OK);
    assert_int_equal(mem_init(&b->mem, &b->swd, 0), ERR_OK);
    return b;
}

static struct bench *bench_open(void)
{
    struct bench *b = bench_new();
    assert_int_equal(link_open(&b->mem, BOX, 100, &b->link), ERR_OK);
    return b;
}

static void bench_drop(struct bench **b)
{
    link_close((*b)->link);
    free(*b);
}

static void fill(uint8_t *out, size_t len, unsigned seed)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(i * 13 + seed);
}

static void echoes_every_length(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_open();
    AUTO(buf_free) struct buf reply = { 0 };
    uint8_t frame[MAILBOX_DOWN_MAX];
    static const size_t lengths[] = { 1, 2, 3, 4, 5, 171, 172, 173, 511, 512, 1600, 1664 };
    for (size_t i = 0; i < COUNT(lengths); i++) {
        fill(frame, lengths[i], (unsigned)i);
        struct span sent = span_of(frame, lengths[i]);
        assert_int_equal(link_exchange(b->link, sent, &reply, TIMEOUT_MS), ERR_OK);
        sent.len = sent.len > MAILBOX_UP_MAX ? MAILBOX_UP_MAX : sent.len;
        assert_true(span_eq(buf_span(&reply), sent));
    }
    assert_int_equal(link_acknowledge(b->link), ERR_OK);
    assert_int_equal(fake_get(&b->fake, DOWN(up_ack)), COUNT(lengths));
}

static void exchange_is_one_round_trip(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_open();
    AUTO(buf_free) struct buf reply = { 0 };
    uint8_t frame[100] = { 0 };
    unsigned before = b->fake.packets;
    assert_int_equal(link_exchange(b->link, SPAN(frame), &reply, TIMEOUT_MS), ERR_OK);
    assert_int_equal(b->fake.packets - before, 1);
}

static void late_answers_are_awaited(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_open();
    AUTO(buf_free) struct buf reply = { 0 };
    uint8_t frame[40] = { 7 };
    b->answer_after = 50;
    assert_int_equal(link_exchange(b->link, SPAN(frame), &reply, TIMEOUT_MS), ERR_OK);
    assert_true(span_eq(buf_span(&reply), SPAN(frame)));
    b->answer_after = 20;
    assert_int_equal(link_send(b->link, SPAN(frame), TIMEOUT_MS), ERR_OK);
    assert_int_equal(link_receive(b->link, &reply, TIMEOUT_MS), ERR_OK);
    assert_int_equal(link_receive(b->link, &reply, 10), ERR_DEADLINE);
}

/* Two frames down, one up between them: the second send must take it out of the way. */
static void send_makes_way(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_open();
    AUTO(buf_free) struct buf reply = { 0 };
    uint8_t first[4] = { 1 }, second[4] = { 2 };
    assert_int_equal(link_send(b->link, SPAN(first), TIMEOUT_MS), ERR_OK);
    assert_int_equal(link_send(b->link, SPAN(second), TIMEOUT_MS), ERR_OK);
    assert_int_equal(link_receive(b->link, &reply, TIMEOUT_MS), ERR_OK);
    assert_int_equal(reply.ptr[0], 1);
    assert_int_equal(link_receive(b->link, &reply, TIMEOUT_MS), ERR_OK);
    assert_int_equal(reply.ptr[0], 2);
}

static void misbehaving_boards(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t flag;
        enum err want;
        const char *words;
    } cases[] = {
        { "CRC", offsetof(struct bench, wrong_crc), ERR_PROTO, "CRC" },
        { "length over the limit", offsetof(struct bench, huge), ERR_PROTO, "513 bytes" },
        { "length 0", offsetof(struct bench, empty), ERR_PROTO, "0 bytes" },
        { "sequence jumps", offsetof(struct bench, jump), ERR_PROTO, "jumps" },
        { "acknowledges too much", offsetof(struct bench, wrong_ack), ERR_PROTO, "not sent" },
        { "takes nothing", offsetof(struct bench, deaf), ERR_DEADLINE, "no frame" },
        { "starts anew", offsetof(struct bench, reset), ERR_ABORTED, "reset" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(bench_drop) struct bench *b = bench_open();
        AUTO(buf_free) struct buf reply = { 0 };
        uint8_t frame[20] = { 0 };
        *(bool *)((char *)b + cases[i].flag) = true;
        enum err got = link_exchange(b->link, SPAN(frame), &reply, 50);
        if (got != cases[i].want || strstr(fail_words(), cases[i].words) == NULL)
            print_message("%s: %s\n", cases[i].name, fail_words());
        assert_int_equal(got, cases[i].want);
        assert_non_null(strstr(fail_words(), cases[i].words));
        assert_int_equal(reply.len, 0);
    }
}

static void limits_of_our_own(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_open();
    static uint8_t big[MAILBOX_BULK_MAX + 1];
    struct span none = { big, 0 };
    assert_int_equal(link_send(b->link, none, 10), ERR_LIMIT);
    assert_int_equal(link_send(b->link, span_of(big, MAILBOX_DOWN_MAX + 1), 10), ERR_LIMIT);
    assert_int_equal(link_bulk(b->link, 0, SPAN(big), 10), ERR_LIMIT);
    assert_int_equal(link_bulk(b->link, 0, none, 10), ERR_LIMIT);
}

static void not_ready_boards(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t word, value;
        enum err want;
    } cases[] = {
        { "no magic", 0, 0, ERR_FAULT },
        { "another version", 4, MAILBOX_VERSION + 1, ERR_MISMATCH },
        { "no nonce", 8, 0, ERR_PROTO },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(bench_drop) struct bench *b = bench_new();
        fake_set(&b->fake, BOX + cases[i].word, cases[i].value);
        assert_int_equal(link_open(&b->mem, BOX, 10, &b->link), cases[i].want);
    }
}

static void stopped_board_is_described(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_open();
    AUTO(buf_free) struct buf reply = { 0 };
    uint8_t frame[20] = { 0 };
    b->deaf = true;
    fake_set(&b->fake, 0xE000EDF0, 1 << 19 | 1 << 16 | 1 << 17);
    fake_set(&b->fake, 0xE000EDF8, 0x20000123);
    assert_int_equal(link_exchange(b->link, SPAN(frame), &reply, 5000), ERR_FAULT);
    assert_non_null(strstr(fail_words(), "lock-up"));
    b->fake.fault_from = SRAM;
    b->fake.fault_to = SRAM + FAKE_SRAM_SIZE;
    assert_int_equal(link_receive(b->link, &reply, 50), ERR_FAULT);
    assert_non_null(strstr(fail_words(), "FAULT"));
}

static void bulk_carries_images(void **state)
{
    (void)state;
    for (int held = 0; held < 2; held++) {
        AUTO(bench_drop) struct bench *b = bench_open();
        static uint8_t image[15 * MAILBOX_BULK_MAX + 333];
        fill(image, sizeof(image), 5);
        b->chunks_held = held != 0;
        assert_int_equal(link_bulk_begin(b->link), ERR_OK);
        for (size_t i = 0; i < sizeof(image); i += MAILBOX_BULK_MAX) {
            size_t left = sizeof(image) - i;
            struct span chunk =
                span_of(image + i, left < MAILBOX_BULK_MAX ? left : MAILBOX_BULK_MAX);
            assert_int_equal(link_bulk(b->link, (uint32_t)i, chunk, TIMEOUT_MS), ERR_OK);
        }
        while (b->chunks < 16)
            take_chunk(b);
        assert_int_equal(b->bad_chunks, 0);
        assert_memory_equal(b->image, image, sizeof(image));
    }
}

/* Frames both ways, the board slow, then chunks. */
static void traffic(struct bench *b)
{
    AUTO(buf_free) struct buf reply = { 0 };
    static const size_t lengths[] = { 40, 172, 700, 1600, 60 };
    uint8_t frame[MAILBOX_DOWN_MAX], image[3 * MAILBOX_BULK_MAX];
    for (size_t i = 0; i < COUNT(lengths); i++) {
        struct span sent = span_of(frame, lengths[i]);
        fill(frame, lengths[i], (unsigned)i);
        b->answer_after = i == 1 ? 9 : 0;
        assert_int_equal(link_exchange(b->link, sent, &reply, TIMEOUT_MS), ERR_OK);
        sent.len = sent.len > MAILBOX_UP_MAX ? MAILBOX_UP_MAX : sent.len;
        assert_true(span_eq(buf_span(&reply), sent));
    }
    fill(image, sizeof(image), 9);
    assert_int_equal(link_bulk_begin(b->link), ERR_OK);
    for (size_t i = 0; i < sizeof(image); i += MAILBOX_BULK_MAX)
        assert_int_equal(
            link_bulk(b->link, (uint32_t)i, span_of(image + i, MAILBOX_BULK_MAX), TIMEOUT_MS),
            ERR_OK);
    assert_int_equal(b->taken, COUNT(lengths));
    assert_int_equal(b->sent, COUNT(lengths));
    assert_int_equal(b->chunks, 3);
    assert_int_equal(b->bad_chunks, 0);
    assert_memory_equal(b->image, image, sizeof(image));
}

/* A glitch at each transfer in turn, in the write, the wait or the read: no frame is lost, none
 * is taken twice. */
static void glitches_lose_nothing(void **state)
{
    (void)state;
    for (unsigned g = FAKE_DROP; g < FAKE_GLITCHES; g++) {
        unsigned mended = 0, most = 1;
        for (unsigned k = 1; k <= most; k += k < 200 ? 1 : 5) {
            AUTO(bench_drop) struct bench *b = bench_open();
            unsigned before = b->fake.transfers;
            b->fake.glitch = (enum fake_glitch)g;
            b->fake.glitch_at = k;
            traffic(b);
            most = b->fake.transfers - before;
            mended += b->fake.probe.counts.redone;
        }
        assert_true(mended > 50);
    }
}

static void bulk_stops_when_the_board_answers(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_open();
    AUTO(buf_free) struct buf reply = { 0 };
    static const uint8_t chunk[MAILBOX_BULK_MAX];
    b->refuse_chunks = true;
    assert_int_equal(link_bulk_begin(b->link), ERR_OK);
    assert_int_equal(link_bulk(b->link, 0, SPAN(chunk), TIMEOUT_MS), ERR_OK);
    assert_int_equal(link_bulk(b->link, 2048, SPAN(chunk), TIMEOUT_MS), ERR_ABORTED);
    assert_int_equal(link_receive(b->link, &reply, TIMEOUT_MS), ERR_OK);
    assert_string_equal((const char *)reply.ptr, "no");
    assert_int_equal(link_bulk(b->link, 2048, SPAN(chunk), TIMEOUT_MS), ERR_OK);
    assert_int_equal(link_bulk(b->link, 4096, SPAN(chunk), 30), ERR_DEADLINE);
}

int main(void)
{
    log_set_level(LOG_LEVEL_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(echoes_every_length),
        cmocka_unit_test(exchange_is_one_round_trip),
        cmocka_unit_test(late_answers_are_awaited),
        cmocka_unit_test(send_makes_way),
        cmocka_unit_test(misbehaving_boards),
        cmocka_unit_test(limits_of_our_own),
        cmocka_unit_test(not_ready_boards),
        cmocka_unit_test(stopped_board_is_described),
        cmocka_unit_test(bulk_carries_images),
        cmocka_unit_test(glitches_lose_nothing),
        cmocka_unit_test(bulk_stops_when_the_board_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
