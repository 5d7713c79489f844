/* SPDX-License-Identifier: MIT */
/* The connection that sites share: routing, limits, and its loss. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/host/log.h"
#include "station-agent/site/calls.h"
#include "station-agent/site/server.h"
#include "tests/unit/certs.h"
#include "tests/unit/test_site_fake.h"

enum { SOON_MS = 20, LONG_MS = 5000 };

static char pem[] = "/tmp/test_site_line.XXXXXX";

static int set_up(void **state)
{
    (void)state;
    log_set_level((enum log_level)0);
    certs_station_file(pem);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(pem);
}

/* Two lines with a run each, on one connection. */
struct bench {
    struct server *server;
    struct channel *a, *b;
};

static void open_run(struct channel *channel)
{
    AUTO(buf_free) struct buf response = { 0 };
    const struct channel_call call = {
        .method = "hallmark.v1.Runs/Open",
        .timeout_ms = LONG_MS,
        .opens_run = true,
    };
    assert_int_equal(channel_call(channel, &call, &response), ERR_OK);
}

static void start(struct bench *t)
{
    const struct server_config config = {
        .host = "localhost",
        .port = 1,
        .ca_file = pem,
        .certificate_file = pem,
        .key_file = pem,
    };
    *t = (struct bench){ 0 };
    scene_begin(FAULT_NONE);
    assert_int_equal(server_open(&config, &t->server), ERR_OK);
    assert_int_equal(channel_open(t->server, &t->a), ERR_OK);
    assert_int_equal(channel_open(t->server, &t->b), ERR_OK);
    open_run(t->a);
    open_run(t->b);
    fake_server_settle();
}

static void stop(struct bench *t)
{
    channel_close(t->a);
    channel_close(t->b);
    server_close(t->server);
}

/* The server calls arrow 3 by itself after each Runs.Open. */
static void expect(struct channel *channel, const char *method)
{
    struct peer_event event = { 0 };
    assert_int_equal(channel_next(channel, LONG_MS, &event), ERR_OK);
    assert_string_equal(event.frame->request->method + strlen("hallmark.v1."), method);
    peer_event_free(&event);
}

static const struct span nothing;

static void calls_go_to_the_site_of_their_run(void **state)
{
    (void)state;
    struct bench t;
    struct peer_event event = { 0 };
    start(&t);
    fake_server_call(2, "Station/PutRotpk", nothing, 0);
    fake_server_call(1, "Station/PutDeviceCertificate", nothing, 0);
    expect(t.a, "Station/PutWebServerCertificate");
    expect(t.a, "Station/PutDeviceCertificate");
    expect(t.b, "Station/PutWebServerCertificate");
    expect(t.b, "Station/PutRotpk");
    assert_int_equal(channel_next(t.a, SOON_MS, &event), ERR_DEADLINE);
    stop(&t);
}

static void a_full_inbox_refuses(void **state)
{
    (void)state;
    struct bench t;
    start(&t);
    for (size_t i = 1; i < CHANNEL_INBOX_MAX; i++) /* arrow 3 waits already */
        fake_server_call(1, "Station/PutRotpk", nothing, 0);
    fake_server_settle();
    assert_int_equal(scene.answer_count, 0);
    fake_server_call(1, "Station/PutRotpk", nothing, 0);
    fake_server_settle();
    assert_int_equal(scene.answer_count, 1);
    assert_int_equal(scene.answers[0], ERR_EXHAUSTED);
    expect(t.b, "Station/PutWebServerCertificate"); /* the other site has its own */
    stop(&t);
    assert_int_equal(scene.answer_count, 1 + CHANNEL_INBOX_MAX); /* nobody is left waiting */
    assert_int_equal(scene.answers[scene.answer_count - 1], ERR_NOT_FOUND);
}

static void a_cancelled_call_is_dropped(void **state)
{
    (void)state;
    struct bench t;
    struct peer_event event = { 0 };
    start(&t);
    expect(t.a, "Station/PutWebServerCertificate");
    fake_server_call(1, "Station/PutRotpk", nothing, 100);
    fake_server_call(1, "Station/PutDeviceCertificate", nothing, 102);
    fake_server_call(1, "Station/PutSignedFirmware", nothing, 104);
    fake_server_cancel(102);
    fake_server_cancel(999);
    fake_server_settle();
    expect(t.a, "Station/PutRotpk");
    expect(t.a, "Station/PutSignedFirmware");
    assert_int_equal(channel_next(t.a, SOON_MS, &event), ERR_DEADLINE);
    stop(&t);
    assert_int_equal(scene.answer_count, 1); /* of b's arrow 3, at its end */
}

static void a_run_that_ended_is_unknown(void **state)
{
    (void)state;
    struct bench t;
    start(&t);
    channel_close(t.a);
    t.a = NULL;
    size_t before = scene.answer_count;
    fake_server_call(1, "Station/PutRotpk", nothing, 0);
    fake_server_settle();
    assert_int_equal(scene.answer_count, before + 1);
    assert_int_equal(scene.answers[before], ERR_NOT_FOUND);
    stop(&t);
}

static void loss_ends_every_wait(void **state)
{
    (void)state;
    struct bench t;
    struct peer_event event = { 0 };
    AUTO(buf_free) struct buf response = { 0 };
    const struct channel_call call = { .method = "hallmark.v1.Runs/Report",
                                       .timeout_ms = LONG_MS };
    start(&t);
    expect(t.a, "Station/PutWebServerCertificate");
    fake_server_lose("cable\ncut");
    assert_int_equal(channel_next(t.a, LONG_MS, &event), ERR_CLOSED);
    assert_non_null(strstr(fail_words(), "cable?cut"));
    assert_int_equal(channel_call(t.b, &call, &response), ERR_CLOSED);
    assert_int_equal(channel_next(t.b, LONG_MS, &event), ERR_CLOSED); /* not even what waits */
    stop(&t);
}

static void files_that_will_not_do(void **state)
{
    (void)state;
    static const char open_to_all[] = "/etc/passwd";
    const struct {
        struct server_config config;
        enum err want;
        const char *words;
    } cases[] = {
        { { "h", 1, NULL, "/nonexistent", pem, pem, 0, NULL, 1 },
          ERR_NOT_FOUND,
          "trusted root /nonexistent" },
        { { "h", 1, NULL, pem, "/nonexistent", pem, 0, NULL, 1 },
          ERR_NOT_FOUND,
          "certificate /nonexistent" },
        { { "h", 1, NULL, pem, pem, "/dev/null", 0, NULL, 1 }, ERR_CONFIG, "key /dev/null" },
        { { "h", 1, NULL, pem, pem, open_to_all, 0, NULL, 1 },
          ERR_CONFIG,
          "others may read it" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct server *server = NULL;
        assert_int_equal(server_open(&cases[i].config, &server), cases[i].want);
        assert_non_null(strstr(fail_words(), cases[i].words));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_go_to_the_site_of_their_run),
        cmocka_unit_test(a_full_inbox_refuses),
        cmocka_unit_test(a_cancelled_call_is_dropped),
        cmocka_unit_test(a_run_that_ended_is_unknown),
        cmocka_unit_test(loss_ends_every_wait),
        cmocka_unit_test(files_that_will_not_do),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
