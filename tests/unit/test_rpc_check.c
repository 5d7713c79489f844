/* SPDX-License-Identifier: MIT */
/* What is asked of a peer's bytes before they are unpacked. */
#include "tests/unit/check.h"

#include <string.h>

#include "common/host/own.h"
#include "common/rpc/check.h"

/* A FrameCancel whose reason, field 2, is text. */
static bool takes(const char *text, size_t len)
{
    uint8_t bytes[2 + 64] = { 0x12, (uint8_t)len };
    assert_true(len <= 64);
    memcpy(bytes + 2, text, len);
    return check_fields(&hallmark__v1__frame_cancel__descriptor, span_of(bytes, len + 2), 8);
}

/* RFC 3629, 3 and 10; Unicode 15, table 3-7. */
static void texts_are_utf8_without_nul(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
        size_t len;
        bool want;
    } cases[] = {
        { "empty", "", 0, true },
        { "ASCII", "given up\n", 9, true },
        { "two bytes", "\xc2\x80\xdf\xbf", 4, true },
        { "three bytes", "\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", 12, true },
        { "four bytes", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8, true },
        { "NUL at the end", "a\0", 2, false },
        { "NUL within", "a\0b", 3, false },
        { "continuation alone", "\x80", 1, false },
        { "cut short", "\xe2\x82", 2, false },
        { "no continuation", "\xe2\x28\xa1", 3, false },
        { "two bytes for ASCII", "\xc0\xaf", 2, false },
        { "two bytes for NUL", "\xc0\x80", 2, false },
        { "three bytes for two", "\xe0\x9f\xbf", 3, false },
        { "four bytes for three", "\xf0\x8f\xbf\xbf", 4, false },
        { "a surrogate", "\xed\xa0\x80", 3, false },
        { "beyond U+10FFFF", "\xf4\x90\x80\x80", 4, false },
        { "five bytes", "\xf8\x88\x80\x80\x80", 5, false },
        { "0xff", "\xff", 1, false },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (takes(cases[i].text, cases[i].len) != cases[i].want)
            fail_msg("%s", cases[i].name);
}

static void words_become_printable_and_short(void **state)
{
    (void)state;
    char out[RPC_MESSAGE_TEXT_MAX], in[2 * RPC_MESSAGE_TEXT_MAX];
    check_words("\x1b[31m r\xc3\xa9sum\xc3\xa9\n", out);
    assert_string_equal(out, "?[31m r??sum???");
    memset(in, 'x', sizeof(in) - 1);
    in[sizeof(in) - 1] = '\0';
    check_words(in, out);
    assert_int_equal(strlen(out), RPC_MESSAGE_TEXT_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_utf8_without_nul),
        cmocka_unit_test(words_become_printable_and_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
