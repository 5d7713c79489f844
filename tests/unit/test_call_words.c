/* SPDX-License-Identifier: MIT */
/* What a peer is told of failures inside the server, and what of a request is compared. */
#include "oem-server/call/message.h"
#include "oem-server/call/settle.h"
#include "tests/unit/check.h"

/* Linked in the place of malloc: there is no memory while no_memory says so. */
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
static bool no_memory;

void *__wrap_malloc(size_t size)
{
    return no_memory ? NULL : __real_malloc(size);
}

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

/* Two requests are never taken for the same, least of all when there is no memory. */
static void requests_are_told_apart(void **state)
{
    (void)state;
    static const struct auth_method unary = { .shape = AUTH_UNARY },
                                    stream = { .shape = AUTH_STREAM };
    static char a[] = "hallmark.v1.A/B", ab[] = "hallmark.v1.A/BC";
    struct call calls[] = {
        { .rpc = { .method = a, .payload = span_of("", 0) }, .method = &unary },
        { .rpc = { .method = a, .payload = span_of("C", 1) }, .method = &unary },
        { .rpc = { .method = a, .payload = span_of("D", 1) }, .method = &unary },
        { .rpc = { .method = ab, .payload = span_of("", 0) }, .method = &unary },
        { .rpc = { .method = ab, .payload = span_of("C", 1) }, .method = &unary },
        { .rpc = { .method = a, .payload = span_of("C", 1) }, .method = &stream },
        { .rpc = { .method = a }, .method = &stream, .received = { 1 } },
    };
    for (int without = 0; without <= 1; without++) {
        uint8_t digests[COUNT(calls)][SHA256_SIZE];
        for (size_t i = 0; i < COUNT(calls); i++) {
            uint8_t again[SHA256_SIZE];
            no_memory = false;
            replay_digest(&calls[i], again);
            no_memory = without == 1;
            replay_digest(&calls[i], digests[i]);
            no_memory = false;
            assert_memory_equal(digests[i], again, SHA256_SIZE);
            for (size_t j = 0; j < i; j++)
                assert_memory_not_equal(digests[i], digests[j], SHA256_SIZE);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fails_inside_stays_inside),
        cmocka_unit_test(text_is_printable_utf8),
        cmocka_unit_test(requests_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
