/* SPDX-License-Identifier: MIT */
/* What a peer is told of failures inside the server. */
#include "oem-server/call/message.h"
#include "tests/unit/check.h"

static const char hidden[] = "the server failed: see its log";

static void what_fails_inside_stays_inside(void **state)
{
    (void)state;
    static const struct {
        enum err e;
        const char *words, *told;
    } rows[] = {
        { ERR_STORE, "store: /srv/h.db: script: database or disk is full (13)", hidden },
        { ERR_INTERNAL, "runs: no randomness", hidden },
        { ERR_HSM, "hsm: token \"boot\": C_Sign key: CKR_DEVICE_ERROR", hidden },
        { ERR_PIN, "hsm: token \"boot\": the PIN of /etc/pin was refused", hidden },
        { ERR_IO, "/srv/h.db: no such file", hidden },
        { ERR_CONFIG, "hsm: token \"boot\": 2 tokens have this label", hidden },
        { ERR_DATA_LOSS, "store: /srv/h.db: log entry 7 is missing", hidden },
        { ERR_RANGE, "store: LOG_READ: value 1: over 2^63", "out of range" },
        { ERR_BUSY, "hsm: token \"boot\": all 4 sessions were busy", "busy" },
        { ERR_NOT_FOUND, "there is no order 7", "there is no order 7" },
        { ERR_QUOTA, "order 7 is exhausted", "order 7 is exhausted" },
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_string_equal(peer_words(rows[i].e, rows[i].words), rows[i].told);
}

static void text_is_printable_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
        enum err want;
    } rows[] = {
        { "plain", "station is dead", ERR_OK },
        { "two bytes",
          "Pr\xc3\xbc"
          "fung",
          ERR_OK },
        { "three bytes", "\xe2\x82\xac", ERR_OK },
        { "four bytes", "\xf0\x9f\x98\x80", ERR_OK },
        { "no-break space",
          "a\xc2\xa0"
          "b",
          ERR_OK },
        { "empty", "", ERR_INVALID },
        { "too long", "0123456789012345678901234567890123", ERR_INVALID },
        { "new line", "a\nb", ERR_INVALID },
        { "delete", "a\x7f", ERR_INVALID },
        { "C1 control", "a\xc2\x85", ERR_INVALID },
        { "overlong", "\xc0\xaf", ERR_INVALID },
        { "overlong of three", "\xe0\x80\xaf", ERR_INVALID },
        { "surrogate", "\xed\xa0\x80", ERR_INVALID },
        { "over U+10FFFF", "\xf4\x90\x80\x80", ERR_INVALID },
        { "cut short", "a\xe2\x82", ERR_INVALID },
        { "lone continuation", "\x80", ERR_INVALID },
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        if (message_text("text", rows[i].text, 1, 32) != rows[i].want)
            fail_msg("%s", rows[i].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fails_inside_stays_inside),
        cmocka_unit_test(text_is_printable_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
