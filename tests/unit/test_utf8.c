/* SPDX-License-Identifier: MIT */
/* UTF-8: one spelling for each character, and nothing else. */
#include "tests/unit/check.h"

#include <string.h>

#include "common/host/own.h"
#include "common/host/utf8.h"

#define TEXT(literal) literal, sizeof(literal) - 1

static void each_character_has_one_spelling(void **state)
{
    (void)state;
    static const struct {
        const char *name, *bytes;
        size_t len;
        uint32_t code; /* of the first character */
        enum err want;
    } cases[] = {
        { "ASCII", TEXT("A"), 'A', ERR_OK },
        { "NUL", TEXT("\0"), 0, ERR_OK },
        { "last of one byte", TEXT("\x7f"), 0x7f, ERR_OK },
        { "first of two", TEXT("\xc2\x80"), 0x80, ERR_OK },
        { "last of two", TEXT("\xdf\xbf"), 0x7ff, ERR_OK },
        { "first of three", TEXT("\xe0\xa0\x80"), 0x800, ERR_OK },
        { "last before the surrogates", TEXT("\xed\x9f\xbf"), 0xd7ff, ERR_OK },
        { "first after the surrogates", TEXT("\xee\x80\x80"), 0xe000, ERR_OK },
        { "last of three", TEXT("\xef\xbf\xbf"), 0xffff, ERR_OK },
        { "first of four", TEXT("\xf0\x90\x80\x80"), 0x10000, ERR_OK },
        { "last of all", TEXT("\xf4\x8f\xbf\xbf"), 0x10ffff, ERR_OK },
        { "a follower first", TEXT("\x80"), UTF8_REPLACEMENT, ERR_PROTO },
        { "overlong, two", TEXT("\xc0\x80"), UTF8_REPLACEMENT, ERR_PROTO },
        { "overlong, two, last", TEXT("\xc1\xbf"), UTF8_REPLACEMENT, ERR_PROTO },
        { "overlong, three", TEXT("\xe0\x9f\xbf"), UTF8_REPLACEMENT, ERR_PROTO },
        { "overlong, four", TEXT("\xf0\x8f\xbf\xbf"), UTF8_REPLACEMENT, ERR_PROTO },
        { "first surrogate", TEXT("\xed\xa0\x80"), UTF8_REPLACEMENT, ERR_PROTO },
        { "last surrogate", TEXT("\xed\xbf\xbf"), UTF8_REPLACEMENT, ERR_PROTO },
        { "over U+10FFFF", TEXT("\xf4\x90\x80\x80"), UTF8_REPLACEMENT, ERR_PROTO },
        { "a lead over all", TEXT("\xf5\x80\x80\x80"), UTF8_REPLACEMENT, ERR_PROTO },
        { "five bytes", TEXT("\xf8\x88\x80\x80\x80"), UTF8_REPLACEMENT, ERR_PROTO },
        { "no follower",
          TEXT("\xc2"
               "A"),
          UTF8_REPLACEMENT, ERR_PROTO },
        { "third is no follower",
          TEXT("\xe2\x82"
               "A"),
          UTF8_REPLACEMENT, ERR_PROTO },
        { "cut after one of two", TEXT("\xc2"), UTF8_REPLACEMENT, ERR_TRUNC },
        { "cut after three of four", TEXT("\xf0\x9f\x94"), UTF8_REPLACEMENT, ERR_TRUNC },
        { "nothing", TEXT(""), UTF8_REPLACEMENT, ERR_TRUNC },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct span bytes = span_of(cases[i].bytes, cases[i].len);
        struct rd r = rd_of(bytes);
        uint32_t code = utf8_next(&r);
        bool good = r.err == cases[i].want && code == cases[i].code &&
                    (r.err != ERR_OK || r.rest.len == 0);
        if (!good || (bytes.len != 0 && utf8_is(bytes) != (cases[i].want == ERR_OK)))
            fail_msg("%s: error %d, U+%04X, %zu bytes left", cases[i].name, (int)r.err,
                     (unsigned)code, r.rest.len);
    }
}

static void a_text_is_read_to_its_end(void **state)
{
    (void)state;
    assert_true(utf8_is(span_of(TEXT(""))));
    assert_true(utf8_is(span_of(TEXT("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\x91\0z"))));
    assert_false(utf8_is(span_of(TEXT("a\xc3\xa4\xff"))));
    assert_false(utf8_is(span_of(TEXT("a\xc3\xa4\xe2\x82"))));
}

static void the_first_error_stays(void **state)
{
    (void)state;
    struct rd r = rd_of(span_of(TEXT("\xff"
                                     "AB")));
    (void)utf8_next(&r);
    assert_int_equal(r.err, ERR_PROTO);
    (void)utf8_next(&r);
    assert_int_equal(r.err, ERR_PROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_character_has_one_spelling),
        cmocka_unit_test(a_text_is_read_to_its_end),
        cmocka_unit_test(the_first_error_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
