/* SPDX-License-Identifier: MIT */
/* tcp.c against a server that frames badly, cuts short or keeps silent. */
#include "tests/unit/check.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "station-agent/probe/probe.h"

enum { REPLY_MS = 50 };

/* A probe and the far end of its connection. */
struct bench {
    struct probe *probe;
    int listener, far;
};

static void bench_drop(struct bench *b)
{
    probe_close(b->probe);
    fd_drop(&b->far);
    fd_drop(&b->listener);
}

static struct bench bench_open(void)
{
    struct bench b = { .far = -1 };
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t size = sizeof(at);
    char uri[64];
    b.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(b.listener, (const struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(b.listener, 1), 0);
    assert_int_equal(getsockname(b.listener, (struct sockaddr *)&at, &size), 0);
    snprintf(uri, sizeof(uri), "tcp://127.0.0.1:%u", ntohs(at.sin_port));
    assert_int_equal(probe_open(uri, REPLY_MS, &b.probe), ERR_OK);
    b.far = accept(b.listener, NULL, NULL);
    assert_true(b.far >= 0);
    return b;
}

static void say(const struct bench *b, const void *bytes, size_t len)
{
    assert_int_equal(send(b->far, bytes, len, MSG_NOSIGNAL), len);
}

static void replies_are_refused_or_taken(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint8_t bytes[16];
        size_t len;
        bool hang_up;
        enum err want;
        const char *words;
    } cases[] = {
        { "whole", { 'D', 'A', 'P', 0, 2, 0, 2, 0, 0x11, 0 }, 10, false, ERR_OK, "" },
        { "whole, then the end",
          { 'D', 'A', 'P', 0, 2, 0, 2, 0, 0x11, 0 },
          10,
          true,
          ERR_OK,
          "" },
        { "no bytes", { 'D', 'A', 'P', 0, 0, 0, 2, 0 }, 8, false, ERR_OK, "" },
        { "another protocol", "HTTP/1.1 400 Bad", 16, false, ERR_PROTO, "not a CMSIS-DAP" },
        { "a request",
          { 'D', 'A', 'P', 0, 2, 0, 1, 0, 0x11, 0 },
          10,
          false,
          ERR_PROTO,
          "type 1" },
        { "too long", { 'D', 'A', 'P', 0, 1, 0x10, 2, 0 }, 8, false, ERR_LIMIT, "4097 bytes" },
        { "no answer", { 0 }, 0, false, ERR_DEADLINE, "no reply in time" },
        { "half a header", { 'D', 'A', 'P' }, 3, false, ERR_DEADLINE, "no reply in time" },
        { "half a reply",
          { 'D', 'A', 'P', 0, 9, 0, 2, 0, 1 },
          9,
          false,
          ERR_DEADLINE,
          "in time" },
        { "closed", { 0 }, 0, true, ERR_CLOSED, "connection closed" },
        { "closed in the header", { 'D', 'A', 'P' }, 3, true, ERR_CLOSED, "connection closed" },
        { "closed in the reply",
          { 'D', 'A', 'P', 0, 9, 0, 2, 0, 1 },
          9,
          true,
          ERR_CLOSED,
          "connection closed" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(bench_drop) struct bench b = bench_open();
        struct span reply = { NULL, 0 };
        fail_clear();
        say(&b, cases[i].bytes, cases[i].len);
        if (cases[i].hang_up)
            fd_drop(&b.far);
        b.far = cases[i].hang_up ? -1 : b.far;
        enum err got = b.probe->receive(b.probe, &reply, REPLY_MS);
        if (got != cases[i].want || strstr(fail_words(), cases[i].words) == NULL)
            print_message("%s: %d %s\n", cases[i].name, (int)got, fail_words());
        assert_int_equal(got, cases[i].want);
        assert_non_null(strstr(fail_words(), cases[i].words));
        if (got == ERR_OK)
            assert_int_equal(reply.len, cases[i].len - 8);
    }
}

/* However TCP cuts the stream: what came before a time-out is not lost. */
static void pieces_are_put_together(void **state)
{
    (void)state;
    static const uint8_t two[] = { 'D', 'A', 'P', 0, 2, 0, 2, 0,    0x11, 0, 'D',
                                   'A', 'P', 0,   3, 0, 2, 0, 0x00, 1,    4 };
    for (size_t cut = 0; cut <= sizeof(two); cut++) {
        AUTO(bench_drop) struct bench b = bench_open();
        struct span reply = { NULL, 0 };
        say(&b, two, cut);
        if (cut < 10)
            assert_int_equal(b.probe->receive(b.probe, &reply, 1), ERR_DEADLINE);
        say(&b, two + cut, sizeof(two) - cut);
        assert_int_equal(b.probe->receive(b.probe, &reply, 1000), ERR_OK);
        assert_true(span_eq(reply, span_of(two + 8, 2)));
        assert_int_equal(b.probe->receive(b.probe, &reply, 1000), ERR_OK);
        assert_true(span_eq(reply, span_of(two + 18, 3)));
        assert_int_equal(b.probe->receive(b.probe, &reply, 1), ERR_DEADLINE);
    }
}

static void requests_are_framed(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench b = bench_open();
    static const uint8_t info[] = { 0, 0xFE },
                         framed[] = { 'D', 'A', 'P', 0, 2, 0, 1, 0, 0, 0xFE };
    static uint8_t large[PROBE_PACKET_MAX + 1];
    uint8_t got[sizeof(framed)];
    assert_int_equal(b.probe->send(b.probe, SPAN(large)), ERR_LIMIT);
    assert_int_equal(b.probe->send(b.probe, SPAN(info)), ERR_OK);
    assert_int_equal(recv(b.far, got, sizeof(got), MSG_WAITALL), sizeof(got));
    assert_memory_equal(got, framed, sizeof(framed));
}

/* A server that reads nothing, and one that is gone. */
static void sending_ends(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench b = bench_open();
    static uint8_t packet[PROBE_PACKET_MAX];
    enum err e = ERR_OK;
    for (unsigned i = 0; i < 100000 && e == ERR_OK; i++)
        e = b.probe->send(b.probe, SPAN(packet));
    assert_int_equal(e, ERR_DEADLINE);
    fd_drop(&b.far);
    b.far = -1;
    e = ERR_OK;
    for (unsigned i = 0; i < 100 && e == ERR_OK; i++)
        e = b.probe->send(b.probe, SPAN(packet));
    assert_int_equal(e, ERR_CLOSED);
}

/* Stale replies before the answer to Info, or something else in its place. */
static void draining(void **state)
{
    (void)state;
    static const uint8_t stale[] = { 'D', 'A', 'P', 0, 2, 0, 2, 0, 0x11, 0 };
    static const uint8_t answer[] = { 'D', 'A', 'P', 0, 3, 0, 2, 0, 0x00, 1, 4 };
    for (unsigned n = 0; n < 3; n++) {
        AUTO(bench_drop) struct bench b = bench_open();
        for (unsigned i = 0; i < n; i++)
            say(&b, stale, sizeof(stale));
        say(&b, answer, sizeof(answer)); /* of an earlier Info: as good as any */
        assert_int_equal(probe_drain(b.probe), ERR_IO);
        assert_int_equal(b.probe->counts.stale_replies, n + 1);
        assert_non_null(strstr(fail_words(), "does not answer"));
    }
}

int main(void)
{
    log_set_level(LOG_LEVEL_NONE);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_are_refused_or_taken),
        cmocka_unit_test(pieces_are_put_together),
        cmocka_unit_test(requests_are_framed),
        cmocka_unit_test(sending_ends),
        cmocka_unit_test(draining),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
