/* SPDX-License-Identifier: MIT */
/* The mailbox from the board's side: what a broken or hostile agent writes is never believed.
 */
#include "tests/unit/check.h"

#include "common/core/crc32.h"
#include "tests/unit/test_devauth_bench.h"

#include <string.h>

enum { TURNS = 50 };

static void turns(void)
{
    for (int i = 0; i < TURNS; i++)
        devauth_step(&bench_devauth);
}

/* A good request frame, not sent. */
static void make_frame(struct buf *out, uint32_t stream, const char *method)
{
    peer_request_frame(out, stream, method, (struct span){ 0 });
}

static void starts_clean(void **state)
{
    (void)state;
    memset(&bench_mailbox, 0xa5, sizeof(bench_mailbox));
    devauth_start(&bench_devauth, &bench_mailbox);
    assert_int_equal(bench_mailbox.magic, MAILBOX_MAGIC);
    assert_int_equal(bench_mailbox.version, MAILBOX_VERSION);
    assert_int_not_equal(bench_mailbox.boot_nonce, 0);
    uint32_t nonce = bench_mailbox.boot_nonce;
    devauth_start(&bench_devauth, &bench_mailbox);
    assert_int_not_equal(bench_mailbox.boot_nonce, nonce);
    assert_int_equal(bench_mailbox.up.sequence, 0);
    assert_int_equal(bench_mailbox.bulk[1].sequence, 0);
}

/* Nothing is sent while the agent has not taken what was sent before. */
static void waits_for_room(void **state)
{
    struct peer *p = *state;
    AUTO(buf_free) struct buf frame = { 0 };
    turns();
    assert_int_equal(bench_mailbox.up.sequence, 1); /* Hello */
    make_frame(&frame, 1, "Target/GenerateAuthKey");
    bench_mailbox.down.up_ack = 0;
    struct span all = buf_span(&frame);
    uint32_t taken = p->up;
    peer_put_frame(p, all, (uint32_t)all.len, crc32_of(all), 1);
    assert_int_equal(p->up, taken);
    turns();
    assert_int_equal(bench_mailbox.up.sequence, 1);
    assert_int_equal(bench_mailbox.up.down_ack, 0);
    bench_mailbox.down.up_ack = 1;
    turns();
    assert_int_equal(bench_mailbox.up.sequence, 2);
    assert_int_equal(bench_mailbox.up.down_ack, 1);
}

static const struct slot_case {
    const char *name;
    int32_t length; /* added to the right one */
    uint32_t crc;   /* mixed into the right one */
    uint32_t ahead; /* added to the right sequence */
    uint32_t want;
} slot_cases[] = {
    { "CRC differs", 0, 1, 0, ERR_DATA_LOSS },
    { "a byte less than the CRC covers", -1, 0, 0, ERR_DATA_LOSS },
    { "no bytes", -1000, 0, 0, ERR_LIMIT },
    { "over the slot", MAILBOX_DOWN_MAX, 0, 0, ERR_LIMIT },
    { "sequence jumps forward", 0, 0, 1, ERR_PROTO },
    { "sequence jumps far", 0, 0, 0x80000000, ERR_PROTO },
    { "sequence jumps back", 0, 0, (uint32_t)-2, ERR_PROTO },
};

/* Said on stream 0; then the right frame under the right sequence is served. */
static void bad_slots_are_told(void **state)
{
    for (size_t i = 0; i < COUNT(slot_cases); i++) {
        const struct slot_case *row = &slot_cases[i];
        AUTO(buf_free) struct buf frame = { 0 };
        assert_int_equal(bench_open(state), 0);
        struct peer *p = *state;
        peer_run_to(p, 8);
        turns();
        make_frame(&frame, 99, "Target/DeriveAuthPublicKey");
        struct span all = buf_span(&frame);
        int32_t length = row->length == -1000 ? 0 : (int32_t)all.len + row->length;
        uint32_t sequence = p->down + 1 + row->ahead;
        peer_put_frame(p, all, (uint32_t)length, crc32_of(all) ^ row->crc, sequence);
        uint32_t got = peer_await(p, 0);
        if (got != row->want)
            fail_msg("%s: code %u, want %u", row->name, got, row->want);
        turns();
        if (row->ahead == 0)
            p->down++; /* the bad frame is consumed; a wrong sequence is not */
        assert_int_equal(bench_mailbox.up.down_ack, p->down);
        assert_int_equal(bench_mailbox.up.sequence, p->up); /* told once */
        peer_run_to(p, 32);
        assert_int_equal(bench_close(state), 0);
    }
}

static const struct frame_case {
    const char *name;
    size_t len;
    uint8_t bytes[12];
} frame_cases[] = {
    { "not a message", 3, { 0xff, 0xff, 0xff } },
    { "empty request, stream 0", 2, { 0x12, 0x00 } },
    { "request ends early", 3, { 0x12, 0x10, 0x08 } },
    { "method runs over the end", 8, { 0x12, 0x06, 0x08, 0, 0x12, 0x7f, 'a', 'b' } },
    { "length of 2^64", 11, { 0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1 } },
    { "HELLO", 4, { 0x0a, 0x02, 0x08, 0x01 } },
    { "DATA", 4, { 0x1a, 0x02, 0x08, 0x01 } },
    { "GOAWAY", 2, { 0x3a, 0x00 } },
    { "no kind", 3, { 0xfa, 0x01, 0x00 } },
};

static void bad_frames_are_told(void **state)
{
    struct peer *p = *state;
    peer_run_to(p, 8);
    for (size_t i = 0; i < COUNT(frame_cases); i++) {
        struct span frame = span_of(frame_cases[i].bytes, frame_cases[i].len);
        turns();
        peer_put_frame(p, frame, (uint32_t)frame.len, crc32_of(frame), ++p->down);
        uint32_t got = peer_await(p, 0);
        if (got != ERR_PROTO)
            fail_msg("%s: code %u", frame_cases[i].name, got);
    }
    peer_run_to(p, 32);
}

static void even_stream_is_refused(void **state)
{
    struct peer *p = *state;
    AUTO(buf_free) struct buf frame = { 0 };
    peer_run_to(p, 8);
    make_frame(&frame, 100, "Target/DeriveAuthPublicKey");
    struct span all = buf_span(&frame);
    peer_put_frame(p, all, (uint32_t)all.len, crc32_of(all), ++p->down);
    assert_int_equal(peer_await(p, 100), ERR_PROTO);
    peer_run_to(p, 32);
}

/* A cancel, or an answer to a call that nobody made, changes nothing and gets no answer. */
static void stray_frames_are_dropped(void **state)
{
    static const uint8_t cancel[] = { 0x2a, 0x02, 0x08, 0x05 };
    static const uint8_t late[] = { 0x22, 0x02, 0x08, 0x02 };
    static const uint8_t unasked[] = { 0x22, 0x04, 0x08, 0x06, 0x10, 0x00 };
    const struct span strays[] = { SPAN(cancel), SPAN(late), SPAN(unasked) };
    struct peer *p = *state;
    peer_run_to(p, 11);
    for (size_t i = 0; i < COUNT(strays); i++) {
        turns();
        uint32_t sent = bench_mailbox.up.sequence;
        peer_put_frame(p, strays[i], (uint32_t)strays[i].len, crc32_of(strays[i]), ++p->down);
        turns();
        assert_int_equal(bench_mailbox.up.down_ack, p->down);
        assert_int_equal(bench_mailbox.up.sequence, sent);
    }
    peer_run_to(p, 32);
}

static void unknown_methods(void **state)
{
    static const char *const names[] = {
        "",           "Target/",  "Target/GenerateAuthKeyX", "Target/GenerateAuthKe",
        "Host/Hello", "Runs/Open"
    };
    struct peer *p = *state;
    peer_run_to(p, 7);
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_int_equal(peer_call(p, names[i], NULL), ERR_UNIMPLEMENTED);
        assert_int_equal(p->status, 12);
        assert_int_equal(p->code, 0);
        assert_int_equal(p->answer_len, 0);
    }
}

/* An answer to Hello with a run id of another length is no answer. */
static void fields_keep_their_size(void **state)
{
    struct peer *p = *state;
    static const uint8_t bad[] = { 0x22, 0x0a, 0x08, 0x02, 0x3a, 0x06, 0x0a, 0x04, 1, 2, 3, 4 };
    turns();
    p->up = bench_mailbox.up.sequence; /* Hello, taken */
    bench_mailbox.down.up_ack = p->up;
    peer_put_frame(p, SPAN(bad), sizeof(bad), crc32_of(SPAN(bad)), ++p->down);
    assert_int_equal(peer_await(p, 0), ERR_PROTO);
    assert_int_equal(peer_call(p, "Target/GenerateAuthKey", NULL), ERR_ORDER);
}

/* A fixed sequence: a failure can be seen again. */
static uint32_t noise(void)
{
    static uint32_t x = 0x2545f491;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return x;
}

/* Whatever a frame with a right CRC says, the board answers or drops it, and goes on. */
static void noise_is_survived(void **state)
{
    static const char *const methods[] = {
        "Target/PutCertificationRequestInfo",
        "Target/ProgramDeviceCertificate",
        "Target/BurnRotpk",
        "Target/EnableSecureLock",
        "Target/PutServerPublicKey",
        "Closing/Commit",
    };
    struct peer *p = *state;
    peer_run_to(p, 9);
    for (int i = 0; i < 20000; i++) {
        AUTO(buf_free) struct buf frame = { 0 };
        uint8_t payload[300];
        for (size_t k = 0; k < sizeof(payload); k++)
            payload[k] = (uint8_t)noise();
        payload[0] = 0x0a; /* often a first field of a likely length */
        payload[1] = (uint8_t)(noise() % 128);
        peer_request_frame(&frame, 1, methods[noise() % COUNT(methods)],
                           span_of(payload, noise() % sizeof(payload)));
        for (uint32_t flips = noise() % 4; flips > 0; flips--)
            frame.ptr[noise() % frame.len] = (uint8_t)noise();
        struct span all = buf_span(&frame);
        peer_put_frame(p, all, (uint32_t)all.len, crc32_of(all), ++p->down);
        for (int k = 0; k < 3; k++)
            devauth_step(&bench_devauth);
        assert_int_equal(bench_mailbox.up.down_ack, p->down);
        p->up = bench_mailbox.up.sequence;
        bench_mailbox.down.up_ack = p->up;
    }
    p->chained = 9;
    peer_run_to(p, 32);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(starts_clean),
        CASE(waits_for_room),
        cmocka_unit_test(bad_slots_are_told),
        CASE(bad_frames_are_told),
        CASE(even_stream_is_refused),
        CASE(stray_frames_are_dropped),
        CASE(unknown_methods),
        CASE(fields_keep_their_size),
        CASE(noise_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
