/* SPDX-License-Identifier: MIT */
#include "tests/unit/check.h"

#include "common/host/log.h"
#include "common/host/own.h"
#include "station-agent/probe/dap.h"

#define BYTES(...)                                                                             \
    {                                                                                          \
        (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })             \
    }

/* One read was asked. */
static void transfer_replies(void **state)
{
    (void)state;
    const struct {
        const char *name;
        struct span reply;
        enum err want;
    } cases[] = {
        { "one word", BYTES(5, 1, 1, 0xef, 0xbe, 0xad, 0xde), ERR_OK },
        { "empty", { NULL, 0 }, ERR_TRUNC },
        { "no response byte", BYTES(5, 1), ERR_TRUNC },
        { "another command's reply", BYTES(6, 1, 1, 0, 0), ERR_PROTO },
        { "unknown command", BYTES(0xff), ERR_UNIMPLEMENTED },
        { "more than asked", BYTES(5, 2, 1, 0, 0, 0, 0), ERR_PROTO },
        { "count of a hostile probe", BYTES(5, 255, 1, 1, 0, 0, 0), ERR_PROTO },
        { "less than asked, no error", BYTES(5, 0, 1), ERR_PROTO },
        { "wait", BYTES(5, 0, 2), ERR_BUSY },
        { "fault", BYTES(5, 0, 4), ERR_FAULT },
        { "no answer", BYTES(5, 0, 7), ERR_FAULT },
        { "acknowledge of zero", BYTES(5, 0, 0), ERR_PROTO },
        { "parity", BYTES(5, 0, 8), ERR_FAULT },
        { "mismatch", BYTES(5, 0, 0x11), ERR_MISMATCH },
        { "bits nobody defined", BYTES(5, 1, 0x81), ERR_PROTO },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct rd r = rd_of(cases[i].reply);
        uint8_t response;
        enum err got = dap_transfer_reply(&r, 1, &response);
        if (got != cases[i].want)
            print_message("%s\n", cases[i].name);
        assert_int_equal(got, cases[i].want);
    }
}

static void block_replies(void **state)
{
    (void)state;
    const struct {
        const char *name;
        struct span reply;
        enum err want;
    } cases[] = {
        { "two words", BYTES(6, 2, 0, 1), ERR_OK },
        { "65535 words of two", BYTES(6, 255, 255, 1), ERR_PROTO },
        { "one of two", BYTES(6, 1, 0, 1), ERR_PROTO },
        { "one of two, then fault", BYTES(6, 1, 0, 4), ERR_FAULT },
        { "cut", BYTES(6, 2, 0), ERR_TRUNC },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct rd r = rd_of(cases[i].reply);
        uint8_t response;
        enum err got = dap_block_reply(&r, 2, &response);
        if (got != cases[i].want)
            print_message("%s\n", cases[i].name);
        assert_int_equal(got, cases[i].want);
    }
}

static void status_replies(void **state)
{
    (void)state;
    const struct {
        const char *name;
        struct span reply;
        bool padded;
        enum err want;
    } cases[] = {
        { "ok", BYTES(0x11, 0), false, ERR_OK },
        { "refused", BYTES(0x11, 0xff), false, ERR_FAULT },
        { "short", BYTES(0x11), false, ERR_TRUNC },
        { "long", BYTES(0x11, 0, 0), false, ERR_EXCESS },
        { "padded", BYTES(0x11, 0, 0xa5, 0xa5), true, ERR_OK },
        { "padded, short", BYTES(0x11), true, ERR_TRUNC },
        { "padded, refused", BYTES(0x11, 0xff, 0), true, ERR_FAULT },
        { "a stale reply", BYTES(0x05, 0), false, ERR_PROTO },
        { "unknown", BYTES(0xff), false, ERR_UNIMPLEMENTED },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        enum err got = dap_status_reply(cases[i].reply, cases[i].padded, DAP_SWJ_CLOCK);
        if (got != cases[i].want)
            print_message("%s\n", cases[i].name);
        assert_int_equal(got, cases[i].want);
    }
}

static void other_replies(void **state)
{
    (void)state;
    static const uint8_t info[] = { 0, 2, 0x00, 0x02 }, cut[] = { 0, 9, 0x00, 0x02 };
    static const uint8_t padded[] = { 0, 1, 4, 0xa5, 0xa5 };
    static const uint8_t jtag[] = { 2, 2 }, none[] = { 2, 0 }, swd[] = { 2, 1 };
    static const uint8_t inner[] = { 0x7f, 3 }, inner_cut[] = { 0x7f };
    struct span data;
    assert_int_equal(dap_info_reply(SPAN(info), false, &data), ERR_OK);
    assert_int_equal(data.len, 2);
    assert_int_equal(dap_info_reply(SPAN(cut), true, &data), ERR_TRUNC);
    assert_int_equal(dap_info_reply(SPAN(padded), true, &data), ERR_OK);
    assert_int_equal(data.len, 1);
    assert_int_equal(dap_info_reply(SPAN(padded), false, &data), ERR_EXCESS);
    assert_int_equal(dap_connect_reply(SPAN(swd), false), ERR_OK);
    assert_int_equal(dap_connect_reply(SPAN(jtag), false), ERR_FAULT);
    assert_int_equal(dap_connect_reply(SPAN(none), false), ERR_FAULT);
    struct rd r = rd_of(SPAN(inner));
    assert_int_equal(dap_execute_reply(&r, 3), ERR_OK);
    r = rd_of(SPAN(inner));
    assert_int_equal(dap_execute_reply(&r, 2), ERR_PROTO);
    r = rd_of(SPAN(inner_cut));
    assert_int_equal(dap_execute_reply(&r, 1), ERR_PROTO);
}

static void builds_commands(void **state)
{
    (void)state;
    static const uint8_t want[] = { 0x7f, 2, 0x05, 0,    2, 0x05, 4, 3,
                                    2,    1, 0x0f, 0x06, 0, 2,    0, 0x0d };
    uint8_t bytes[64];
    struct wr w = wr_of(bytes, sizeof(bytes));
    dap_execute(&w, 2);
    dap_transfer(&w, 2);
    dap_transfer_one(&w, DAP_AP | 0x4, 0x01020304);
    dap_transfer_one(&w, DAP_AP | DAP_READ | 0xC, 99);
    dap_block(&w, DAP_AP | 0xC, 2);
    assert_int_equal(w.len, sizeof(want));
    assert_memory_equal(bytes, want, sizeof(want));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transfer_replies), cmocka_unit_test(block_replies),
        cmocka_unit_test(status_replies),   cmocka_unit_test(other_replies),
        cmocka_unit_test(builds_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
