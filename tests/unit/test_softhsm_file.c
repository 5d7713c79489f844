/* SPDX-License-Identifier: MIT */
/* softhsm_file: a token's file is whole, or it is not: each way to cut it short. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oem-server/hsm/softhsm_file.h"

/* Generation 3; then attributes of type, kind and value. */
#define U64(n)    0, 0, 0, 0, 0, 0, 0, (n)
#define VENDOR(n) 0, 0, 0, 0, 0x80, 0, 0x53, (0x48 + (n))
#define SIXTEEN   1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16
static const uint8_t token[] = {
    U64(3),    VENDOR(1), U64(3),  U64(32), SIXTEEN, SIXTEEN, /* label */
    VENDOR(2), U64(3),    U64(16), SIXTEEN,                   /* serial number */
    VENDOR(3), U64(2),    U64(13),                            /* flags */
    VENDOR(4), U64(3),    U64(16), SIXTEEN,                   /* SO PIN */
    VENDOR(5), U64(3),    U64(16), SIXTEEN,                   /* user PIN */
};
enum { USER_PIN = 8 + 8 + 8 + 16 }; /* bytes of the last attribute */

static bool is_token(struct span bytes)
{
    struct softhsm_file file;
    return softhsm_file_parse(bytes, &file) && file.is_token;
}

static void a_whole_one_is_a_token(void **state)
{
    (void)state;
    struct softhsm_file file;
    assert_true(softhsm_file_parse(SPAN(token), &file));
    assert_true(file.is_token);
    assert_false(file.is_object);
    assert_int_equal(file.label.len, 32);
}

static void cut_short_it_is_none(void **state)
{
    (void)state;
    struct softhsm_file file;
    for (size_t len = 0; len < sizeof(token); len++)
        assert_false(is_token(span_of(token, len)));
    assert_false(softhsm_file_parse(span_of(token, 0), &file));
    assert_false(softhsm_file_parse(span_of(token, 8), &file));
    assert_false(softhsm_file_parse(span_of(token, sizeof(token) - 1), &file));
    /* As while it is initialised again: whole, and not ready. */
    assert_true(softhsm_file_parse(span_of(token, sizeof(token) - USER_PIN), &file));
    assert_false(file.is_token);
}

static void counts_do_not_reach_beyond_the_end(void **state)
{
    (void)state;
    static const uint8_t kinds[] = { 3, 4, 5, 6, 0 };
    for (size_t i = 0; i < sizeof(kinds); i++) {
        const uint8_t bytes[] = { U64(1), U64(0), U64(kinds[i]), 0xFF, 0xFF, 0xFF,
                                  0xFF,   0xFF,   0xFF,          0xFF, 0xFF };
        struct softhsm_file file;
        assert_false(softhsm_file_parse(SPAN(bytes), &file));
    }
}

static void each_kind_is_read(void **state)
{
    (void)state;
    static const uint8_t key[] = { U64(9), U64(0), U64(2), U64(3),         /* CKA_CLASS */
                                   U64(1), U64(1), 1,                      /* CKA_TOKEN */
                                   U64(6), U64(5), U64(2), U64(1), U64(2), /* mechanisms */
                                   U64(7), U64(4), U64(1), 7 };            /* a map */
    struct softhsm_file file;
    assert_true(softhsm_file_parse(SPAN(key), &file));
    assert_true(file.is_object);
    assert_false(file.is_token);
}

static void generations_do_not_matter(void **state)
{
    (void)state;
    uint8_t other[sizeof(token)];
    memcpy(other, token, sizeof(token));
    other[7]++;
    assert_true(softhsm_file_same(SPAN(token), SPAN(other)));
    other[sizeof(other) - 1]++;
    assert_false(softhsm_file_same(SPAN(token), SPAN(other)));
    assert_false(softhsm_file_same(SPAN(token), span_of(token, sizeof(token) - 1)));
    assert_false(softhsm_file_same(span_of(token, 0), span_of(token, 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_one_is_a_token),
        cmocka_unit_test(cut_short_it_is_none),
        cmocka_unit_test(counts_do_not_reach_beyond_the_end),
        cmocka_unit_test(each_kind_is_read),
        cmocka_unit_test(generations_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
