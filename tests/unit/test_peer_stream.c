/* SPDX-License-Identifier: MIT */
#include "tests/unit/check.h"

#include "common/rpc/peer.h"

typedef Hallmark__V1__Frame frame;

/* A client that has called, and a server that has taken the call on stream 1. */
struct ends {
    struct peer *client, *server;
    int tag;
};

static uint8_t bytes[RPC_MESSAGE_MAX];

static void deliver(struct peer *from, struct peer *to)
{
    struct buf message = { 0 };
    while (peer_pull(from, &message))
        assert_int_equal(peer_receive(to, buf_span(&message), 0), ERR_OK);
    buf_free(&message);
}

static struct peer_event expect(struct peer *peer, enum peer_event_kind kind)
{
    struct peer_event event = { 0 };
    assert_true(peer_next_event(peer, &event));
    assert_int_equal(event.kind, kind);
    return event;
}

static void drop(struct peer *peer, enum peer_event_kind kind)
{
    struct peer_event event = expect(peer, kind);
    peer_event_free(&event);
}

static void expect_none(struct peer *peer)
{
    struct peer_event event;
    assert_false(peer_next_event(peer, &event));
}

static void open_stream(struct ends *e)
{
    static char method[] = "hallmark.v1.Test/Stream";
    Hallmark__V1__FrameRequest request = HALLMARK__V1__FRAME_REQUEST__INIT;
    e->client = peer_new(PEER_CLIENT, "test", 0);
    e->server = peer_new(PEER_SERVER, "test", 0);
    deliver(e->client, e->server);
    deliver(e->server, e->client);
    drop(e->client, PEER_OPEN);
    drop(e->server, PEER_OPEN);
    request.method = method;
    assert_int_equal(peer_call(e->client, &request, &e->tag, 0), ERR_OK);
    deliver(e->client, e->server);
    drop(e->server, PEER_REQUEST);
}

static void close_stream(struct ends *e)
{
    peer_free(e->client);
    peer_free(e->server);
}

static void respond(struct ends *e)
{
    Hallmark__V1__FrameResponse response = HALLMARK__V1__FRAME_RESPONSE__INIT;
    response.stream = 1;
    assert_int_equal(peer_respond(e->server, &response), ERR_OK);
}

static void messages_go_both_ways(void **state)
{
    (void)state;
    struct ends e = { 0 };
    open_stream(&e);
    assert_int_equal(peer_send(e.client, 1, span_of("up", 2), true), ERR_OK);
    assert_int_equal(peer_send(e.client, 1, span_of("more", 4), false), ERR_CLOSED);
    assert_int_equal(peer_send(e.server, 1, span_of("down", 4), false), ERR_OK);
    deliver(e.client, e.server);
    deliver(e.server, e.client);
    struct peer_event up = expect(e.server, PEER_DATA), down = expect(e.client, PEER_DATA);
    assert_memory_equal(up.frame->data->payload.data, "up", 2);
    assert_true(up.frame->data->end_stream);
    assert_memory_equal(down.frame->data->payload.data, "down", 4);
    assert_ptr_equal(down.tag, &e.tag);
    peer_event_free(&up);
    peer_event_free(&down);
    respond(&e);
    deliver(e.server, e.client);
    drop(e.client, PEER_RESPONSE);
    assert_int_equal(peer_send(e.client, 1, span_of("late", 4), true), ERR_CLOSED);
    close_stream(&e);
}

/* A reader that takes nothing holds its writer back; taking lets it go on. */
static void credit_holds_the_writer(void **state)
{
    (void)state;
    struct ends e = { 0 };
    open_stream(&e);
    for (size_t i = 0; i < RPC_CREDIT_MESSAGES; i++)
        assert_int_equal(peer_send(e.server, 1, span_of(bytes, 10), false), ERR_OK);
    assert_int_equal(peer_send(e.server, 1, span_of(bytes, 10), false), ERR_BUSY);
    deliver(e.server, e.client);
    for (size_t i = 0; i < RPC_CREDIT_MESSAGES; i++)
        drop(e.client, PEER_DATA);
    expect_none(e.client);
    peer_consumed(e.client, 1, 10);
    deliver(e.client, e.server);
    drop(e.server, PEER_CREDIT);
    assert_int_equal(peer_send(e.server, 1, span_of(bytes, 10), false), ERR_OK);
    assert_int_equal(peer_send(e.server, 1, span_of(bytes, 10), false), ERR_BUSY);
    close_stream(&e);
}

static void bytes_are_credit_too(void **state)
{
    (void)state;
    struct ends e = { 0 };
    open_stream(&e);
    size_t room = 0;
    assert_int_equal(peer_room(e.server, 1, &room), ERR_OK);
    assert_int_equal(room, RPC_CREDIT_BYTES);
    assert_int_equal(peer_send(e.server, 1, span_of(bytes, RPC_CREDIT_BYTES), false), ERR_OK);
    assert_int_equal(peer_send(e.server, 1, span_of(bytes, 1), false), ERR_BUSY);
    assert_int_equal(peer_room(e.server, 1, &room), ERR_BUSY);
    deliver(e.server, e.client);
    drop(e.client, PEER_DATA);
    peer_consumed(e.client, 1, RPC_CREDIT_BYTES);
    deliver(e.client, e.server);
    drop(e.server, PEER_CREDIT);
    assert_int_equal(peer_room(e.server, 1, &room), ERR_OK);
    close_stream(&e);
}

/* What no credit will ever let go. */
static void a_message_has_a_limit(void **state)
{
    (void)state;
    struct ends e = { 0 };
    open_stream(&e);
    struct span large = span_of(bytes, peer_message_max(e.server) + 1);
    assert_int_equal(peer_send(e.server, 1, large, false), ERR_LIMIT);
    close_stream(&e);
}

/* A message that no credit ever covers is refused at once: it would wait until its deadline. */
static void a_message_over_the_window_is_refused(void **state)
{
    (void)state;
    struct ends e = { 0 };
    open_stream(&e);
    assert_int_equal(peer_message_max(e.server), RPC_CREDIT_BYTES);
    assert_int_equal(peer_send(e.server, 1, span_of(bytes, RPC_CREDIT_BYTES + 1), false),
                     ERR_LIMIT);
    assert_int_equal(peer_send(e.server, 1, span_of(bytes, RPC_CREDIT_BYTES), false), ERR_OK);
    deliver(e.server, e.client);
    drop(e.client, PEER_DATA);
    assert_int_equal(peer_send(e.server, 1, span_of(bytes, RPC_CREDIT_BYTES), false), ERR_BUSY);
    peer_consumed(e.client, 1, RPC_CREDIT_BYTES);
    deliver(e.client, e.server);
    drop(e.server, PEER_CREDIT);
    assert_int_equal(peer_send(e.server, 1, span_of(bytes, RPC_CREDIT_BYTES), false), ERR_OK);
    close_stream(&e);
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

static enum err feed_data(struct peer *peer, uint32_t stream, uint32_t sequence, size_t len,
                          bool end)
{
    Hallmark__V1__FrameData data = HALLMARK__V1__FRAME_DATA__INIT;
    frame f = HALLMARK__V1__FRAME__INIT;
    f.kind_case = HALLMARK__V1__FRAME__KIND_DATA;
    f.data = &data;
    data.stream = stream;
    data.sequence = sequence;
    data.payload = (ProtobufCBinaryData){ len, bytes };
    data.end_stream = end;
    return feed(peer, &f);
}

static enum err feed_credit(struct peer *peer, uint32_t stream, uint32_t messages,
                            uint32_t more)
{
    Hallmark__V1__FrameCredit credit = HALLMARK__V1__FRAME_CREDIT__INIT;
    frame f = HALLMARK__V1__FRAME__INIT;
    f.kind_case = HALLMARK__V1__FRAME__KIND_CREDIT;
    f.credit = &credit;
    credit.stream = stream;
    credit.messages = messages;
    credit.bytes = more;
    return feed(peer, &f);
}

static void hostile_data_closes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t stream, sequence;
        size_t len;
    } cases[] = {
        { "sequence skipped", 1, 1, 1 },
        { "stream 0", 0, 0, 1 },
        { "a stream never opened", 3, 0, 1 },
        { "ours, never opened", 2, 0, 1 },
        { "more bytes than granted", 1, 0, RPC_CREDIT_BYTES + 1 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ends e = { 0 };
        open_stream(&e);
        if (feed_data(e.server, cases[i].stream, cases[i].sequence, cases[i].len, false) !=
            ERR_PROTO)
            fail_msg("%s was taken", cases[i].name);
        assert_int_equal(peer_close_code(e.server), 1002);
        expect_none(e.server);
        close_stream(&e);
    }
}

static void credit_cannot_be_exceeded(void **state)
{
    (void)state;
    struct ends e = { 0 };
    open_stream(&e);
    for (uint32_t i = 0; i < RPC_CREDIT_MESSAGES; i++)
        assert_int_equal(feed_data(e.server, 1, i, 1, false), ERR_OK);
    assert_int_equal(feed_data(e.server, 1, RPC_CREDIT_MESSAGES, 1, false), ERR_PROTO);
    close_stream(&e);
}

static void nothing_follows_the_end(void **state)
{
    (void)state;
    struct ends e = { 0 };
    open_stream(&e);
    assert_int_equal(feed_data(e.server, 1, 0, 1, true), ERR_OK);
    assert_int_equal(feed_data(e.server, 1, 1, 1, false), ERR_PROTO);
    close_stream(&e);
}

static void data_after_the_answer_is_passed_over(void **state)
{
    (void)state;
    struct ends e = { 0 };
    open_stream(&e);
    respond(&e);
    assert_int_equal(feed_data(e.server, 1, 0, 1, false), ERR_OK);
    assert_int_equal(feed_credit(e.server, 1, 1, 1), ERR_OK);
    expect_none(e.server);
    close_stream(&e);
}

static void credit_has_an_end(void **state)
{
    (void)state;
    static const struct {
        uint32_t stream, messages, more;
        enum err want;
    } cases[] = {
        { 1, 1, 1, ERR_OK },
        { 0, 0, 1, ERR_OK },
        { 1, UINT32_MAX, 0, ERR_PROTO },
        { 1, 0, UINT32_MAX, ERR_PROTO },
        { 0, 0, UINT32_MAX, ERR_PROTO },
        { 7, 1, 1, ERR_PROTO },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ends e = { 0 };
        open_stream(&e);
        assert_int_equal(
            feed_credit(e.server, cases[i].stream, cases[i].messages, cases[i].more),
            cases[i].want);
        close_stream(&e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_go_both_ways),
        cmocka_unit_test(credit_holds_the_writer),
        cmocka_unit_test(bytes_are_credit_too),
        cmocka_unit_test(a_message_has_a_limit),
        cmocka_unit_test(a_message_over_the_window_is_refused),
        cmocka_unit_test(hostile_data_closes),
        cmocka_unit_test(credit_cannot_be_exceeded),
        cmocka_unit_test(nothing_follows_the_end),
        cmocka_unit_test(data_after_the_answer_is_passed_over),
        cmocka_unit_test(credit_has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
