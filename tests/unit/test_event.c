/* SPDX-License-Identifier: MIT */
/* An entry is always made: texts and bytes of every length and content into every field. */
#include "tests/unit/check.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "common/host/clean.h"
#include "common/host/clock.h"
#include "oem-server/event/event.h"

static const struct {
    const char *name;
    enum event_text field;
    size_t max; /* by hand: the table of event.h is what is tested */
} texts[] = {
    { "kind", EVENT_KIND, 16 },
    { "actor", EVENT_ACTOR, 192 },
    { "certificate", EVENT_CERTIFICATE, 64 },
    { "peer", EVENT_PEER, 64 },
    { "order", EVENT_ORDER, 64 },
    { "method", EVENT_METHOD, 80 },
    { "message", EVENT_MESSAGE, 640 },
    { "software", EVENT_SOFTWARE, 64 },
    { "reason", EVENT_REASON, 256 },
    { "server", EVENT_SERVER, 64 },
    { "second", EVENT_SECOND, 192 },
    { "probe", EVENT_PROBE, 160 },
};

static const struct {
    const char *name, *text;
    const char *kept; /* NULL: cut to the field's length */
} values[] = {
    { "plain", "line-1", "line-1" },
    { "two bytes",
      "Pr\xc3\xbc"
      "fung",
      "Pr\xc3\xbc"
      "fung" },
    { "empty", "", "" },
    { "invalid UTF-8",
      "a\xff\xc3"
      "(b",
      "a?"
      "?(b" },
    { "surrogate", "a\xed\xa0\x80", "a???" },
    { "C0", "a\x1b[2J\n", "a?[2J?" },
    { "DEL", "a\x7f", "a?" },
    { "C1", "a\xc2\x9b", "a?" },
    { "bidi",
      "a\xe2\x80\xae"
      "b",
      "a?b" },
    { "70 kB", NULL, NULL },
};

static const Hallmark__V1__Digest *digest_of(const Hallmark__V1__Event *event, const char *name)
{
    for (size_t i = 0; i < event->n_digests; i++)
        if (strcmp(event->digests[i]->name, name) == 0)
            return event->digests[i];
    return NULL;
}

static char *member_of(const Hallmark__V1__Event *event, const char *name)
{
    const ProtobufCFieldDescriptor *f =
        protobuf_c_message_descriptor_get_field_by_name(event->base.descriptor, name);
    char *text;
    memcpy(&text, (const char *)event + f->offset, sizeof(text));
    return text;
}

static void check_one(size_t field, size_t value, const char *text)
{
    struct event event;
    uint8_t want[SHA256_SIZE], packed[65535];
    event_init(&event, "call", "", ERR_OK, "");
    event_text(&event, texts[field].field, text);
    size_t len = hallmark__v1__event__get_packed_size(&event.pb);
    assert_in_range(len, 1, sizeof(packed));
    hallmark__v1__event__pack(&event.pb, packed);
    Hallmark__V1__Event *back = hallmark__v1__event__unpack(NULL, len, packed);
    assert_non_null(back);
    const char *got = member_of(back, texts[field].name);
    const Hallmark__V1__Digest *digest = digest_of(back, texts[field].name);
    bool same = strcmp(got, text) == 0;
    if (!clean_is(got) || strlen(got) > texts[field].max ||
        (values[value].kept != NULL ? strcmp(got, values[value].kept) != 0
                                    : strlen(got) != texts[field].max) ||
        same != (digest == NULL))
        fail_msg("%s, %s: %s", texts[field].name, values[value].name, got);
    if (digest != NULL) {
        SHA256((const uint8_t *)text, strlen(text), want);
        assert_memory_equal(digest->sha256.data, want, SHA256_SIZE);
    }
    hallmark__v1__event__free_unpacked(back, NULL);
}

static void text_is_bounded_and_cleaned(void **state)
{
    (void)state;
    static char big[70001];
    memset(big, 'x', 70000);
    for (size_t f = 0; f < COUNT(texts); f++)
        for (size_t v = 0; v < COUNT(values); v++)
            check_one(f, v, values[v].text == NULL ? big : values[v].text);
}

/* The schema's own fields: one without a row here would not be tested. */
static void every_text_has_a_row(void **state)
{
    (void)state;
    const ProtobufCMessageDescriptor *type = &hallmark__v1__event__descriptor;
    for (unsigned i = 0; i < type->n_fields; i++) {
        size_t at = 0;
        if (type->fields[i].type != PROTOBUF_C_TYPE_STRING ||
            type->fields[i].label == PROTOBUF_C_LABEL_REPEATED)
            continue;
        while (at < COUNT(texts) && strcmp(texts[at].name, type->fields[i].name) != 0)
            at++;
        if (at == COUNT(texts))
            fail_msg("no row for %s", type->fields[i].name);
    }
}

static void cut_text_ends_with_a_character(void **state)
{
    (void)state;
    struct event event;
    char text[100] = "", want[65] = "";
    for (size_t i = 0; i < 99; i += 3)
        memcpy(text + i, "\xe2\x82\xac", 3);
    memcpy(want, text, 63);
    event_init(&event, "call", "", ERR_OK, "");
    event_text(&event, EVENT_ORDER, text);
    assert_string_equal(event.pb.order, want);
}

static void bytes_have_their_length_or_are_left_out(void **state)
{
    (void)state;
    static const uint8_t bytes[100] = { 1 };
    static const struct {
        size_t len;
        bool kept, digest;
    } rows[] = { { 0, false, false },
                 { 11, false, true },
                 { 12, true, false },
                 { 13, false, true },
                 { 100, false, true } };
    struct event event;
    event_init(&event, "call", "", ERR_OK, "");
    for (size_t i = 0; i < COUNT(rows); i++) {
        event_bytes(&event, EVENT_UID, span_of(bytes, rows[i].len));
        assert_int_equal(event.pb.uid.len, rows[i].kept ? 12 : 0);
        assert_int_equal(digest_of(&event.pb, "uid") != NULL, rows[i].digest);
    }
}

/* What is set again takes its digest back; a digest of the same name is the newer one; too many
 * are left out. */
static void digests_are_counted(void **state)
{
    (void)state;
    struct event event;
    char name[8];
    event_init(&event, "call", "", ERR_OK, "a\n");
    assert_non_null(digest_of(&event.pb, "message"));
    event_text(&event, EVENT_MESSAGE, "a");
    assert_int_equal(event.pb.n_digests, 0);
    event_digest(&event, "image", span_of("1", 1));
    event_digest(&event, "receipt", span_of("2", 1));
    event_digest(&event, "image", span_of("3", 1));
    assert_int_equal(event.pb.n_digests, 2);
    uint8_t want[SHA256_SIZE];
    SHA256((const uint8_t *)"3", 1, want);
    assert_memory_equal(digest_of(&event.pb, "image")->sha256.data, want, SHA256_SIZE);
    event_digests_undo(&event, 1);
    assert_int_equal(event.pb.n_digests, 1);
    for (unsigned i = 0; i < 40; i++) {
        snprintf(name, sizeof(name), "%u", i);
        event_digest(&event, name, span_of("4", 1));
    }
    assert_int_equal(event.pb.n_digests, EVENT_DIGESTS_MAX);
}

static void operations_over_the_limit_are_one_word(void **state)
{
    (void)state;
    struct event event;
    const char *names[20];
    for (size_t i = 0; i < COUNT(names); i++)
        names[i] = "log: C_Sign EdDSA";
    event_init(&event, "call", "", ERR_OK, "");
    event_operations(&event, names, 20);
    assert_int_equal(event.pb.n_hsm_operations, 20);
    event_operations(&event, names, 20);
    assert_int_equal(event.pb.n_hsm_operations, EVENT_OPERATIONS_MAX);
    assert_string_equal(event.pb.hsm_operations[EVENT_OPERATIONS_MAX - 1], "more");
}

/* By a clock that nobody sets; 71 minutes are the most that the field holds. */
static void durations_are_of_a_clock_that_is_not_set(void **state)
{
    (void)state;
    uint64_t now_us = clock_us();
    assert_in_range(event_took_us(now_us), 0, 60000000);
    assert_in_range(event_took_us(now_us - 1000000), 1000000, 61000000);
    assert_int_equal(event_took_us(now_us - UINT64_C(4300000000)), UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_bounded_and_cleaned),
        cmocka_unit_test(every_text_has_a_row),
        cmocka_unit_test(cut_text_ends_with_a_character),
        cmocka_unit_test(bytes_have_their_length_or_are_left_out),
        cmocka_unit_test(digests_are_counted),
        cmocka_unit_test(durations_are_of_a_clock_that_is_not_set),
        cmocka_unit_test(operations_over_the_limit_are_one_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
