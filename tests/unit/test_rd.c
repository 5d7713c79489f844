/* SPDX-License-Identifier: MIT */
#include "tests/unit/check.h"

#include "common/core/wr.h"
#include "common/host/own.h"

static const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8 };

static void reads_in_order(void **state)
{
    (void)state;
    struct rd r = rd_of(SPAN(bytes));
    assert_int_equal(rd_u8(&r), 1);
    assert_int_equal(rd_u16le(&r), 0x0302);
    assert_int_equal(rd_u32be(&r), 0x04050607);
    assert_int_equal(rd_u8(&r), 8);
    assert_int_equal(rd_end(&r), ERR_OK);
}

static void short_read_sticks(void **state)
{
    (void)state;
    struct rd r = rd_of(SPAN(bytes));
    rd_take(&r, 6);
    assert_int_equal(rd_u32le(&r), 0);
    assert_int_equal(rd_u8(&r), 0); /* though two bytes remain */
    assert_int_equal(rd_take(&r, 1).len, 0);
    assert_int_equal(rd_end(&r), ERR_TRUNC);
}

static void excess_is_told(void **state)
{
    (void)state;
    struct rd r = rd_of(SPAN(bytes));
    rd_u64be(&r);
    assert_int_equal(rd_end(&r), ERR_OK);
    r = rd_of(SPAN(bytes));
    rd_u32le(&r);
    assert_int_equal(rd_end(&r), ERR_EXCESS);
    assert_int_equal(rd_take(&r, SIZE_MAX).len, 0);
    assert_int_equal(rd_end(&r), ERR_TRUNC);
}

static void write_past_end_sticks(void **state)
{
    (void)state;
    uint8_t out[4] = { 0 };
    struct wr w = wr_of(out, 3);
    wr_u16be(&w, 0x0102);
    wr_u16be(&w, 0x0304);
    wr_u8(&w, 9); /* would fit, but the failure sticks */
    assert_int_equal(wr_end(&w), ERR_LIMIT);
    assert_int_equal(wr_done(&w).len, 0);
    assert_int_equal(out[3], 0);
}

static void buf_owns_and_moves(void **state)
{
    (void)state;
    struct buf b = { 0 };
    for (int i = 0; i < 100; i++)
        assert_int_equal(buf_append(&b, SPAN(bytes)), ERR_OK);
    assert_int_equal(b.len, 800);
    assert_memory_equal(b.ptr + 792, bytes, 8);
    struct buf moved = buf_take(&b);
    assert_null(b.ptr);
    assert_true(ct_eq(span_of(moved.ptr, 8), SPAN(bytes)));
    assert_false(ct_eq(span_of(moved.ptr, 7), SPAN(bytes)));
    buf_free(&moved);
    assert_null(moved.ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_in_order),     cmocka_unit_test(short_read_sticks),
        cmocka_unit_test(excess_is_told),     cmocka_unit_test(write_past_end_sticks),
        cmocka_unit_test(buf_owns_and_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
