/* SPDX-License-Identifier: MIT */
/* Frames to and from a board that does not keep to the rules. */
#include "tests/unit/check.h"

#include <string.h>

#include "common/core/mailbox.h"
#include "common/host/log.h"
#include "common/rpc/rpc.h"
#include "station-agent/site/mail.h"

enum { QUEUE_MAX = 4 };

/* What the board sends, whatever it is sent. */
static struct {
    struct buf frames[QUEUE_MAX];
    size_t count, next;
    struct buf sent; /* the agent's last frame */
    unsigned bulk_sent;
    unsigned bulk_refused_after; /* chunks; 0: never */
} board;

enum err link_send(struct link *link, struct span frame, unsigned timeout_ms)
{
    (void)link;
    (void)timeout_ms;
    return buf_copy(&board.sent, frame);
}

enum err link_receive(struct link *link, struct buf *frame, unsigned timeout_ms)
{
    (void)link;
    (void)timeout_ms;
    if (board.next == board.count)
        return ERR_DEADLINE;
    return buf_copy(frame, buf_span(&board.frames[board.next++]));
}

enum err link_exchange(struct link *link, struct span frame, struct buf *reply,
                       unsigned timeout_ms)
{
    TRY(link_send(link, frame, timeout_ms));
    return link_receive(link, reply, timeout_ms);
}

enum err link_bulk_begin(struct link *link)
{
    (void)link;
    board.bulk_sent = 0;
    return ERR_OK;
}

enum err link_bulk(struct link *link, uint32_t offset, struct span chunk, unsigned timeout_ms)
{
    (void)link;
    (void)timeout_ms;
    assert_int_equal(offset, board.bulk_sent * MAILBOX_BULK_MAX);
    assert_in_range(chunk.len, 1, MAILBOX_BULK_MAX);
    board.bulk_sent++;
    return board.bulk_refused_after != 0 && board.bulk_sent > board.bulk_refused_after
               ? ERR_ABORTED
               : ERR_OK;
}

static void clear(void)
{
    for (size_t i = 0; i < QUEUE_MAX; i++)
        buf_free(&board.frames[i]);
    buf_free(&board.sent);
    board.count = board.next = 0;
    board.bulk_refused_after = 0;
}

static void will_send(const Hallmark__V1__Frame *frame)
{
    assert_int_equal(rpc_pack(&frame->base, &board.frames[board.count++]), ERR_OK);
}

static void will_respond(uint32_t stream, enum err e)
{
    Hallmark__V1__FrameResponse response = HALLMARK__V1__FRAME_RESPONSE__INIT;
    Hallmark__V1__Frame frame = HALLMARK__V1__FRAME__INIT;
    response.stream = stream;
    response.status = err_status(e);
    response.code = (uint32_t)e > 16 ? (uint32_t)e : 0;
    frame.kind_case = HALLMARK__V1__FRAME__KIND_RESPONSE;
    frame.response = &response;
    will_send(&frame);
}

static void will_call(uint32_t stream, size_t method_len, bool end_stream)
{
    char method[200] = "";
    Hallmark__V1__FrameRequest request = HALLMARK__V1__FRAME_REQUEST__INIT;
    Hallmark__V1__Frame frame = HALLMARK__V1__FRAME__INIT;
    memset(method, 'm', method_len);
    request.stream = stream;
    request.method = method;
    request.end_stream = end_stream;
    frame.kind_case = HALLMARK__V1__FRAME__KIND_REQUEST;
    frame.request = &request;
    will_send(&frame);
}

static void will_cancel(void)
{
    Hallmark__V1__FrameCancel cancel = HALLMARK__V1__FRAME_CANCEL__INIT;
    Hallmark__V1__Frame frame = HALLMARK__V1__FRAME__INIT;
    frame.kind_case = HALLMARK__V1__FRAME__KIND_CANCEL;
    frame.cancel = &cancel;
    will_send(&frame);
}

static struct mail mail_of(void)
{
    struct mail mail = { 0 };
    static uint8_t somewhere;
    mail_open(&mail, (struct link *)&somewhere);
    return mail;
}

static enum err call(struct mail *mail)
{
    AUTO(buf_free) struct buf response = { 0 };
    const struct mail_call call = { .method = "hallmark.v1.Target/X", .timeout_ms = 1000 };
    return mail_call(mail, &call, &response);
}

/* The script of each case runs before the agent's first call, on stream 1. */
static void good(void)
{
    will_respond(1, ERR_OK);
}

static void early_call(void)
{
    will_call(2, 8, true);
    will_respond(1, ERR_OK);
}

static void refusal(void)
{
    will_respond(1, ERR_SIG);
}

static void plain_refusal(void)
{
    will_respond(1, ERR_DENIED);
}

static void wrong_stream(void)
{
    will_respond(3, ERR_OK);
}

static void unread(void)
{
    will_respond(0, ERR_DATA_LOSS);
}

static void garbage(void)
{
    static const uint8_t bytes[] = { 0xff, 0xff, 0xff };
    assert_int_equal(buf_copy(&board.frames[board.count++], SPAN(bytes)), ERR_OK);
}

static void two_early_calls(void)
{
    will_call(2, 8, true);
    will_call(4, 8, true);
}

static void odd_call(void)
{
    will_call(3, 8, true);
}

static void call_zero(void)
{
    will_call(0, 8, true);
}

static void long_method(void)
{
    will_call(2, RPC_METHOD_MAX + 1, true);
}

static void streaming_call(void)
{
    will_call(2, 8, false);
}

static void silence(void)
{
}

static void answers_as_they_come(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        void (*script)(void);
        enum err want;
    } cases[] = {
        { "an answer", good, ERR_OK },
        { "a call before the answer", early_call, ERR_OK },
        { "a refusal with a finer cause", refusal, ERR_SIG },
        { "a refusal by status", plain_refusal, ERR_DENIED },
        { "an answer to another call", wrong_stream, ERR_PROTO },
        { "our frame was unreadable", unread, ERR_DATA_LOSS },
        { "no Frame", garbage, ERR_PROTO },
        { "a frame of another kind", will_cancel, ERR_PROTO },
        { "two calls before the answer", two_early_calls, ERR_PROTO },
        { "a call on an odd stream", odd_call, ERR_PROTO },
        { "a call on stream 0", call_zero, ERR_PROTO },
        { "a long method", long_method, ERR_PROTO },
        { "a call that streams", streaming_call, ERR_PROTO },
        { "silence", silence, ERR_DEADLINE },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct mail mail = mail_of();
        clear();
        cases[i].script();
        enum err e = call(&mail);
        if (e != cases[i].want)
            fail_msg("%s: error %d", cases[i].name, (int)e);
        if (e == ERR_DEADLINE)
            assert_non_null(strstr(fail_words(), "Target/X"));
        mail_fini(&mail);
    }
}

static void a_kept_call_is_given_next(void **state)
{
    (void)state;
    struct mail mail = mail_of();
    AUTO(mail_frame_drop) Hallmark__V1__Frame *frame = NULL;
    clear();
    early_call();
    assert_int_equal(call(&mail), ERR_OK);
    assert_int_equal(mail_next(&mail, 1000, &frame), ERR_OK);
    assert_int_equal(frame->request->stream, 2);
    mail_frame_drop(&frame);
    assert_int_equal(mail_next(&mail, 1000, &frame), ERR_DEADLINE);
    clear();
    will_call(2, 8, true); /* a stream is used once */
    assert_int_equal(mail_next(&mail, 1000, &frame), ERR_PROTO);
    clear();
    will_respond(1, ERR_OK); /* to nothing */
    assert_int_equal(mail_next(&mail, 1000, &frame), ERR_PROTO);
    mail_fini(&mail);
}

static void our_streams_are_odd_and_grow(void **state)
{
    (void)state;
    struct mail mail = mail_of();
    for (uint32_t stream = 1; stream < 8; stream += 2) {
        clear();
        will_respond(stream, ERR_OK);
        assert_int_equal(call(&mail), ERR_OK);
    }
    mail_fini(&mail);
}

static void what_no_slot_holds_is_not_sent(void **state)
{
    (void)state;
    static uint8_t payload[MAILBOX_DOWN_MAX];
    struct mail mail = mail_of();
    AUTO(buf_free) struct buf response = { 0 };
    const struct mail_call big = {
        .method = "hallmark.v1.Target/X",
        .payload = { payload, sizeof(payload) },
        .timeout_ms = 1000,
    };
    clear();
    assert_int_equal(mail_call(&mail, &big, &response), ERR_LIMIT);
    assert_int_equal(mail_answer(&mail, 2, ERR_OK, big.payload), ERR_LIMIT);
    assert_int_equal(board.sent.len, 0);
    mail_fini(&mail);
}

static void no_call_before_devauth_runs(void **state)
{
    (void)state;
    struct mail mail = { 0 };
    assert_int_equal(call(&mail), ERR_PRECONDITION);
}

static void a_burn_refused_halfway_says_why(void **state)
{
    (void)state;
    AUTO(buf_free) struct buf image = { 0 };
    AUTO(buf_free) struct buf response = { 0 };
    struct mail mail = mail_of();
    assert_int_equal(buf_resize(&image, 5 * MAILBOX_BULK_MAX + 3), ERR_OK);
    const struct mail_call burn = {
        .method = "hallmark.v1.Target/BurnFirmware",
        .timeout_ms = 1000,
        .bulk = &image,
    };
    clear();
    will_respond(1, ERR_OK);
    assert_int_equal(mail_call(&mail, &burn, &response), ERR_OK);
    assert_int_equal(board.bulk_sent, 6);
    clear();
    board.bulk_refused_after = 2;
    will_respond(3, ERR_CHIP);
    assert_int_equal(mail_call(&mail, &burn, &response), ERR_CHIP);
    assert_int_equal(board.bulk_sent, 3);
    clear();
    mail_fini(&mail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_as_they_come),
        cmocka_unit_test(a_kept_call_is_given_next),
        cmocka_unit_test(our_streams_are_odd_and_grow),
        cmocka_unit_test(what_no_slot_holds_is_not_sent),
        cmocka_unit_test(no_call_before_devauth_runs),
        cmocka_unit_test(a_burn_refused_halfway_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
