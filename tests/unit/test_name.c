/* SPDX-License-Identifier: MIT */
/* Names: what one program takes, every program takes. */
#include "tests/unit/check.h"

#include <string.h>

#include "common/host/name.h"
#include "common/host/own.h"

#define LONG64 "a23456789012345678901234567890123456789012345678901234567890123z"

static void names_are_held_to_the_rule(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool good;
    } cases[] = {
        { "line-1", true },    { "a", true },    { "7", true },         { "a.b-c", true },
        { "a--b", true },      { LONG64, true }, { "x" LONG64, false }, { "", false },
        { "-", false },        { ".", false },   { "..", false },       { "-x", false },
        { "x-", false },       { ".x", false },  { "x.", false },       { "a..b", false },
        { "a_b", false },      { "A", false },   { "a b", false },      { "a/b", false },
        { "\xc3\xa4", false }, { "a\n", false },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (name_is_good(cases[i].name) != cases[i].good)
            fail_msg("'%s'", cases[i].name);
}

static void organizations_are_printable(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        { "Example Instruments", true },
        { "M\xc3\xbcller & Sohn", true },
        { LONG64, true },
        { "", false },
        { "x" LONG64, false },
        { "a\nb", false },
        { "a\x7f", false },
        { "M\xfcller", false }, /* Latin-1 */
        { "a\xe2\x80\xae"
          "b",
          false },              /* U+202E, right to left */
        { "a\xc2\x85", false }, /* a C1 control */
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (name_is_organization(cases[i].text) != cases[i].good)
            fail_msg("'%s'", cases[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_held_to_the_rule),
        cmocka_unit_test(organizations_are_printable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
