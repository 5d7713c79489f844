/* SPDX-License-Identifier: MIT */
#include "tests/unit/check.h"

#include <string.h>

#include "common/rpc/peer.h"
#include "common/rpc/retry.h"

typedef Hallmark__V1__Frame frame;

struct ends {
    struct peer *client, *server;
};

static char method[] = "hallmark.v1.Test/Echo";

static void deliver(struct peer *from, struct peer *to, uint64_t now_ms)
{
    struct buf message = { 0 };
    while (peer_pull(from, &message))
        assert_int_equal(peer_receive(to, buf_span(&message), now_ms), ERR_OK);
    buf_free(&message);
}

static struct peer_event expect(struct peer *peer, enum peer_event_kind kind)
{
    struct peer_event event = { 0 };
    assert_true(peer_next_event(peer, &event));
    assert_int_equal(event.kind, kind);
    return event;
}

static void expect_none(struct peer *peer)
{
    struct peer_event event;
    assert_false(peer_next_event(peer, &event));
}

static struct ends open_ends(void)
{
    struct ends e = { peer_new(PEER_CLIENT, "test", 0), peer_new(PEER_SERVER, "test", 0) };
    assert_non_null(e.client);
    assert_non_null(e.server);
    deliver(e.client, e.server, 0);
    deliver(e.server, e.client, 0);
    expect(e.client, PEER_OPEN);
    expect(e.server, PEER_OPEN);
    return e;
}

static void close_ends(struct ends *e)
{
    peer_free(e->client);
    peer_free(e->server);
}

static void call(struct peer *peer, uint32_t timeout_ms, void *tag, uint64_t now_ms)
{
    Hallmark__V1__FrameRequest request = HALLMARK__V1__FRAME_REQUEST__INIT;
    request.method = method;
    request.timeout_ms = timeout_ms;
    assert_int_equal(peer_call(peer, &request, tag, now_ms), ERR_OK);
}

static void respond(struct peer *peer, uint32_t stream)
{
    Hallmark__V1__FrameResponse response = HALLMARK__V1__FRAME_RESPONSE__INIT;
    response.stream = stream;
    assert_int_equal(peer_respond(peer, &response), ERR_OK);
}

static void both_sides_call(void **state)
{
    (void)state;
    struct ends e = open_ends();
    int up, down;
    call(e.client, 0, &up, 0);
    call(e.server, 0, &down, 0);
    deliver(e.client, e.server, 0);
    deliver(e.server, e.client, 0);
    struct peer_event at_server = expect(e.server, PEER_REQUEST);
    struct peer_event at_client = expect(e.client, PEER_REQUEST);
    assert_int_equal(at_server.stream, 1);
    assert_int_equal(at_client.stream, 2);
    assert_int_equal(at_server.deadline_ms, RPC_TIMEOUT_DEFAULT_MS);
    respond(e.server, 1);
    respond(e.client, 2);
    peer_event_free(&at_server);
    peer_event_free(&at_client);
    deliver(e.server, e.client, 0);
    deliver(e.client, e.server, 0);
    struct peer_event answer = expect(e.client, PEER_RESPONSE);
    assert_ptr_equal(answer.tag, &up);
    peer_event_free(&answer);
    answer = expect(e.server, PEER_RESPONSE);
    assert_ptr_equal(answer.tag, &down);
    peer_event_free(&answer);
    assert_int_equal(peer_open_calls(e.client), 0);
    assert_int_equal(peer_wake_ms(e.server), UINT64_MAX);
    close_ends(&e);
}

static void both_ends_enforce_the_deadline(void **state)
{
    (void)state;
    struct ends e = open_ends();
    call(e.client, 100, &e, 1000);
    deliver(e.client, e.server, 1000);
    struct peer_event request = expect(e.server, PEER_REQUEST);
    peer_event_free(&request);
    assert_int_equal(peer_wake_ms(e.client), 1100);
    peer_tick(e.client, 1099);
    expect_none(e.client);
    peer_tick(e.client, 1100);
    struct peer_event late = expect(e.client, PEER_RESPONSE);
    assert_int_equal(late.frame->response->status, ERR_DEADLINE);
    peer_event_free(&late);
    peer_tick(e.server, 1100);
    expect(e.server, PEER_CANCELLED);
    respond(e.server, 1); /* too late: nobody is asked, nothing is sent twice */
    deliver(e.server, e.client, 1101);
    deliver(e.client, e.server, 1101);
    expect_none(e.client);
    expect_none(e.server);
    assert_int_equal(peer_open_calls(e.client) + peer_open_calls(e.server), 0);
    close_ends(&e);
}

static void cancel_ends_the_call(void **state)
{
    (void)state;
    struct ends e = open_ends();
    call(e.client, 0, &e, 0);
    deliver(e.client, e.server, 0);
    struct peer_event request = expect(e.server, PEER_REQUEST);
    peer_event_free(&request);
    peer_cancel(e.client, 1, "no longer wanted");
    struct peer_event answer = expect(e.client, PEER_RESPONSE);
    assert_int_equal(answer.frame->response->status, ERR_CANCELLED);
    peer_event_free(&answer);
    deliver(e.client, e.server, 0);
    expect(e.server, PEER_CANCELLED);
    close_ends(&e);
}

static void expect_answer(struct peer *peer, void *tag, enum err code)
{
    struct peer_event answer = expect(peer, PEER_RESPONSE);
    assert_ptr_equal(answer.tag, tag);
    assert_int_equal(answer.frame->response->code, code);
    assert_int_equal(answer.frame->response->status, err_status(code));
    peer_event_free(&answer);
}

static void expect_away(struct peer *peer)
{
    struct peer_event away = expect(peer, PEER_GOING_AWAY);
    peer_event_free(&away);
}

static void going_away_refuses_new_calls(void **state)
{
    (void)state;
    struct ends e = open_ends();
    int crosses;
    call(e.client, 0, &crosses, 0); /* the GOAWAY */
    peer_go_away(e.server, "stopping", 100);
    deliver(e.client, e.server, 0);
    expect_none(e.server);
    deliver(e.server, e.client, 0);
    expect_away(e.client);
    expect_answer(e.client, &crosses, ERR_UNSEEN);
    expect_none(e.client); /* the server's own refusal of it is one answer too many */
    Hallmark__V1__FrameRequest request = HALLMARK__V1__FRAME_REQUEST__INIT;
    request.method = method;
    assert_int_equal(peer_call(e.client, &request, &e, 0), ERR_UNSEEN);
    close_ends(&e);
}

/* A client that does not read GOAWAY's last stream hears it by the answer. */
static void a_refused_call_was_not_looked_at(void **state)
{
    (void)state;
    struct ends e = open_ends();
    struct buf away = { 0 };
    peer_go_away(e.server, "stopping", 100);
    assert_true(peer_pull(e.server, &away)); /* and is lost */
    call(e.client, 0, &e, 0);
    deliver(e.client, e.server, 0);
    deliver(e.server, e.client, 0);
    expect_answer(e.client, &e, ERR_UNSEEN);
    buf_free(&away);
    close_ends(&e);
}

static void going_away_leaves_earlier_calls_alone(void **state)
{
    (void)state;
    struct ends e = open_ends();
    int seen, unseen;
    call(e.client, 0, &seen, 0);
    deliver(e.client, e.server, 0);
    struct peer_event request = expect(e.server, PEER_REQUEST);
    peer_event_free(&request);
    peer_go_away(e.server, "stopping", 100);
    call(e.client, 0, &unseen, 0);
    deliver(e.server, e.client, 0);
    expect_away(e.client);
    expect_answer(e.client, &unseen, ERR_UNSEEN);
    expect_none(e.client);
    respond(e.server, 1);
    deliver(e.server, e.client, 0);
    expect_answer(e.client, &seen, ERR_OK);
    close_ends(&e);
}

/* Only what was never handed to the carrier is known not to have been seen. */
static void lost_connection_fails_calls(void **state)
{
    (void)state;
    struct ends e = open_ends();
    struct buf message = { 0 };
    int sent, unsent;
    call(e.client, 0, &sent, 0);
    call(e.client, 0, &unsent, 0);
    assert_true(peer_pull(e.client, &message));
    peer_fail_calls(e.client, ERR_CLOSED, "gone");
    struct peer_event answer = expect(e.client, PEER_RESPONSE);
    assert_int_equal(answer.frame->response->status, 14);
    assert_int_equal(answer.frame->response->code, ERR_CLOSED);
    assert_string_equal(answer.frame->response->message, "gone");
    peer_event_free(&answer);
    expect_answer(e.client, &unsent, ERR_UNSEEN);
    buf_free(&message);
    close_ends(&e);
}

static void what_may_be_made_again(void **state)
{
    (void)state;
    static const struct {
        enum err err;
        bool plain, safe;
    } cases[] = {
        { ERR_UNSEEN, true, true },        { ERR_CLOSED, false, true },
        { ERR_UNAVAILABLE, false, false }, { ERR_DEADLINE, false, false },
        { ERR_CANCELLED, false, false },   { ERR_DENIED, false, false },
        { ERR_HSM, false, false },         { ERR_OK, false, false },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(again_may(cases[i].err, false), cases[i].plain);
        assert_int_equal(again_may(cases[i].err, true), cases[i].safe);
    }
}

static void open_calls_are_bounded(void **state)
{
    (void)state;
    struct ends e = open_ends();
    Hallmark__V1__FrameRequest request = HALLMARK__V1__FRAME_REQUEST__INIT;
    request.method = method;
    for (size_t i = 0; i < RPC_STREAMS_MAX; i++)
        call(e.client, 0, &e, 0);
    assert_int_equal(peer_call(e.client, &request, &e, 0), ERR_EXHAUSTED);
    close_ends(&e);
}

static void hello_frame(frame *f, Hallmark__V1__FrameHello *hello)
{
    static char software[] = "test";
    hallmark__v1__frame__init(f);
    hallmark__v1__frame_hello__init(hello);
    f->kind_case = HALLMARK__V1__FRAME__KIND_HELLO;
    f->hello = hello;
    hello->version = RPC_VERSION;
    hello->software = software;
    hello->max_message = RPC_MESSAGE_MAX;
}

static int64_t time_told(uint64_t time_us)
{
    frame f;
    Hallmark__V1__FrameHello hello;
    AUTO(buf_free) struct buf packed = { 0 };
    struct peer *client = peer_new(PEER_CLIENT, "test", 0);
    hello_frame(&f, &hello);
    hello.max_streams = 1;
    hello.time_us = time_us;
    assert_int_equal(buf_resize(&packed, hallmark__v1__frame__get_packed_size(&f)), ERR_OK);
    hallmark__v1__frame__pack(&f, packed.ptr);
    assert_int_equal(peer_receive(client, buf_span(&packed), 0), ERR_OK);
    int64_t told_us = peer_time_us(client);
    peer_free(client);
    return told_us;
}

/* Through the years that 31 and 32 bits of seconds do not hold; what is no time is not told. */
static void the_servers_time_is_kept(void **state)
{
    (void)state;
    assert_int_equal(time_told(0), 0);
    assert_int_equal(time_told(2147483648000000), 2147483648000000);
    assert_int_equal(time_told(4294967296000000), 4294967296000000);
    assert_int_equal(time_told(253402300799000000), 253402300799000000);
    assert_int_equal(time_told(UINT64_MAX), 0);
    struct ends e = open_ends();
    assert_int_equal(peer_time_us(e.server), 0); /* a client tells none */
    assert_true(peer_time_us(e.client) != 0);
    close_ends(&e);
}

/* Of a peer that takes fewer calls at once than we would open. */
static void the_peers_max_streams_is_kept(void **state)
{
    (void)state;
    frame f;
    Hallmark__V1__FrameHello hello;
    Hallmark__V1__FrameRequest request = HALLMARK__V1__FRAME_REQUEST__INIT;
    struct buf packed = { 0 };
    struct peer *client = peer_new(PEER_CLIENT, "test", 0);
    request.method = method;
    hello_frame(&f, &hello);
    hello.max_streams = 2;
    assert_int_equal(buf_resize(&packed, hallmark__v1__frame__get_packed_size(&f)), ERR_OK);
    hallmark__v1__frame__pack(&f, packed.ptr);
    assert_int_equal(peer_receive(client, buf_span(&packed), 0), ERR_OK);
    buf_free(&packed);
    call(client, 0, &f, 0);
    call(client, 0, &f, 0);
    assert_int_equal(peer_call(client, &request, &f, 0), ERR_EXHAUSTED);
    peer_cancel(client, 1, "room for another");
    assert_int_equal(peer_call(client, &request, &f, 0), ERR_OK);
    assert_int_equal(peer_call(client, &request, &f, 0), ERR_EXHAUSTED);
    peer_free(client);
}

/* Frames that a hostile peer might send to a server that has said and heard HELLO. */
enum { LONG = RPC_METHOD_MAX + 1 };

static void request_frame(frame *f, Hallmark__V1__FrameRequest *r, uint32_t stream)
{
    hallmark__v1__frame__init(f);
    hallmark__v1__frame_request__init(r);
    f->kind_case = HALLMARK__V1__FRAME__KIND_REQUEST;
    f->request = r;
    r->stream = stream;
    r->method = method;
    r->end_stream = true;
}

static enum err feed(struct peer *peer, const frame *f)
{
    struct buf packed = { 0 };
    assert_int_equal(buf_resize(&packed, hallmark__v1__frame__get_packed_size(f)), ERR_OK);
    hallmark__v1__frame__pack(f, packed.ptr);
    enum err e = peer_receive(peer, buf_span(&packed), 0);
    buf_free(&packed);
    return e;
}

static void bad_stream_numbers_close(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t first, second;
        enum err want;
    } cases[] = {
        { "grows", 1, 3, ERR_OK },
        { "skips", 1, 101, ERR_OK },
        { "repeats", 1, 1, ERR_PROTO },
        { "shrinks", 5, 3, ERR_PROTO },
        { "even", 1, 2, ERR_PROTO },
        { "zero", 1, 0, ERR_PROTO },
        { "largest", 1, UINT32_MAX, ERR_OK },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ends e = open_ends();
        frame f;
        Hallmark__V1__FrameRequest r;
        request_frame(&f, &r, cases[i].first);
        assert_int_equal(feed(e.server, &f), ERR_OK);
        r.stream = cases[i].second;
        if (feed(e.server, &f) != cases[i].want)
            fail_msg("%s", cases[i].name);
        assert_int_equal(peer_close_code(e.server), cases[i].want == ERR_OK ? 0 : 1002);
        close_ends(&e);
    }
}

static uint32_t answered_status(struct ends *e)
{
    struct buf message = { 0 };
    assert_true(peer_pull(e->server, &message));
    frame *f = hallmark__v1__frame__unpack(NULL, message.len, message.ptr);
    assert_non_null(f);
    assert_int_equal(f->kind_case, HALLMARK__V1__FRAME__KIND_RESPONSE);
    uint32_t status = f->response->status;
    hallmark__v1__frame__free_unpacked(f, NULL);
    buf_free(&message);
    return status;
}

static void requests_over_a_limit_are_answered(void **state)
{
    (void)state;
    static uint8_t bytes[RPC_METADATA_BYTES_MAX];
    static char long_method[LONG + 1], key[] = "k", control[] = "hallmark.v1.Test/\x1b[2J";
    memset(long_method, 'x', LONG);
    Hallmark__V1__Metadata entry = HALLMARK__V1__METADATA__INIT;
    Hallmark__V1__Metadata *many[RPC_METADATA_MAX + 1];
    for (size_t i = 0; i < COUNT(many); i++)
        many[i] = &entry;
    entry.key = key;
    for (int i = 0; i < 5; i++) {
        struct ends e = open_ends();
        frame f;
        Hallmark__V1__FrameRequest r;
        request_frame(&f, &r, 1);
        r.method = i == 0 ? long_method : i == 1 ? control : method;
        r.idempotency_key = (ProtobufCBinaryData){ i == 2 ? 15 : 0, bytes };
        r.n_metadata = i == 3 ? COUNT(many) : i == 4 ? 1 : 0;
        r.metadata = many;
        entry.value = (ProtobufCBinaryData){ i == 4 ? sizeof(bytes) : 0, bytes };
        assert_int_equal(feed(e.server, &f), ERR_OK);
        struct peer_event refused = expect(e.server, PEER_REFUSED);
        assert_non_null(refused.frame->request);
        assert_int_equal(refused.err, ERR_INVALID);
        assert_non_null(refused.words);
        peer_event_free(&refused);
        expect_none(e.server);
        assert_int_equal(answered_status(&e), ERR_INVALID);
        close_ends(&e);
    }
}

/* Of a peer that makes one more all the same: it gets an answer, and this side is told. */
static void one_call_too_many_is_refused(void **state)
{
    (void)state;
    struct ends e = open_ends();
    frame f;
    Hallmark__V1__FrameRequest r;
    for (uint32_t i = 0; i <= RPC_STREAMS_MAX; i++) {
        request_frame(&f, &r, 2 * i + 1);
        assert_int_equal(feed(e.server, &f), ERR_OK);
        struct peer_event event =
            expect(e.server, i < RPC_STREAMS_MAX ? PEER_REQUEST : PEER_REFUSED);
        assert_int_equal(event.stream, 2 * i + 1);
        assert_int_equal(event.err, i < RPC_STREAMS_MAX ? ERR_OK : ERR_EXHAUSTED);
        assert_string_equal(event.frame->request->method, r.method);
        if (i == RPC_STREAMS_MAX)
            assert_non_null(strstr(event.words, "too many open calls"));
        peer_event_free(&event);
    }
    expect_none(e.server);
    assert_int_equal(peer_open_calls(e.server), RPC_STREAMS_MAX);
    assert_int_equal(answered_status(&e), ERR_EXHAUSTED);
    assert_int_equal(peer_close_code(e.server), 0);
    close_ends(&e);
}

static void breaches_close_with_their_code(void **state)
{
    (void)state;
    struct ends e = open_ends();
    frame hello = HALLMARK__V1__FRAME__INIT, data = HALLMARK__V1__FRAME__INIT,
          answer = HALLMARK__V1__FRAME__INIT, cancel = HALLMARK__V1__FRAME__INIT;
    Hallmark__V1__FrameHello h = HALLMARK__V1__FRAME_HELLO__INIT;
    Hallmark__V1__FrameData d = HALLMARK__V1__FRAME_DATA__INIT;
    Hallmark__V1__FrameResponse a = HALLMARK__V1__FRAME_RESPONSE__INIT;
    Hallmark__V1__FrameCancel c = HALLMARK__V1__FRAME_CANCEL__INIT;
    hello.kind_case = HALLMARK__V1__FRAME__KIND_HELLO, hello.hello = &h;
    data.kind_case = HALLMARK__V1__FRAME__KIND_DATA, data.data = &d;
    answer.kind_case = HALLMARK__V1__FRAME__KIND_RESPONSE, answer.response = &a;
    cancel.kind_case = HALLMARK__V1__FRAME__KIND_CANCEL, cancel.cancel = &c;
    a.stream = 2, c.stream = 1;
    const frame *breaches[] = { &hello, &data, &answer, &cancel };
    close_ends(&e);
    for (size_t i = 0; i < COUNT(breaches); i++) {
        e = open_ends();
        assert_int_equal(feed(e.server, breaches[i]), ERR_PROTO);
        assert_int_equal(peer_close_code(e.server), 1002);
        close_ends(&e);
    }
    e = open_ends();
    assert_int_equal(peer_receive(e.server, span_of("\xff\xff\xff", 3), 0), ERR_PROTO);
    assert_int_equal(peer_close_code(e.server), 1007);
    close_ends(&e);
}

static void nothing_before_hello(void **state)
{
    (void)state;
    struct peer *server = peer_new(PEER_SERVER, "test", 0);
    frame f;
    Hallmark__V1__FrameRequest r;
    request_frame(&f, &r, 1);
    assert_int_equal(feed(server, &f), ERR_PROTO);
    assert_int_equal(peer_close_code(server), 1002);
    peer_free(server);
    server = peer_new(PEER_SERVER, "test", 0);
    assert_int_equal(peer_wake_ms(server), RPC_HELLO_TIMEOUT_MS);
    peer_tick(server, RPC_HELLO_TIMEOUT_MS - 1);
    assert_int_equal(peer_close_code(server), 0);
    peer_tick(server, RPC_HELLO_TIMEOUT_MS); /* it may try again */
    assert_int_equal(peer_close_code(server), 1013);
    peer_free(server);
}

static void unknown_kinds_are_passed_over(void **state)
{
    (void)state;
    static const uint8_t future[] = { 0xa2, 0x06, 0x01, 0x00 }; /* field 100, one byte */
    struct ends e = open_ends();
    assert_int_equal(peer_receive(e.server, SPAN(future), 0), ERR_OK);
    expect_none(e.server);
    close_ends(&e);
}

/* A peer that never reads: what waits for it is bounded. */
static void unread_answers_are_bounded(void **state)
{
    (void)state;
    struct ends e = open_ends();
    static uint8_t bytes[3 << 20];
    Hallmark__V1__FrameRequest request = HALLMARK__V1__FRAME_REQUEST__INIT;
    request.method = method;
    request.payload = (ProtobufCBinaryData){ sizeof(bytes), bytes };
    size_t sent = 0;
    enum err err = ERR_OK;
    while (err == ERR_OK && sent < 100)
        err = peer_call(e.server, &request, &e, 0), sent++;
    assert_int_equal(err, ERR_EXHAUSTED);
    assert_true(sent * sizeof(bytes) <= RPC_OUT_BYTES_MAX + sizeof(bytes));
    close_ends(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_call),
        cmocka_unit_test(both_ends_enforce_the_deadline),
        cmocka_unit_test(cancel_ends_the_call),
        cmocka_unit_test(going_away_refuses_new_calls),
        cmocka_unit_test(a_refused_call_was_not_looked_at),
        cmocka_unit_test(going_away_leaves_earlier_calls_alone),
        cmocka_unit_test(lost_connection_fails_calls),
        cmocka_unit_test(what_may_be_made_again),
        cmocka_unit_test(open_calls_are_bounded),
        cmocka_unit_test(one_call_too_many_is_refused),
        cmocka_unit_test(the_servers_time_is_kept),
        cmocka_unit_test(the_peers_max_streams_is_kept),
        cmocka_unit_test(bad_stream_numbers_close),
        cmocka_unit_test(requests_over_a_limit_are_answered),
        cmocka_unit_test(breaches_close_with_their_code),
        cmocka_unit_test(nothing_before_hello),
        cmocka_unit_test(unknown_kinds_are_passed_over),
        cmocka_unit_test(unread_answers_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
