/* SPDX-License-Identifier: MIT */
/* Signed notes and verifier keys. */
#include "oem-server/tlog/note.h"

#include "tests/unit/test_tlog_text.h"

/* The example of Go's golang.org/x/mod/sumdb/note: another implementation's key and note. */
#define GO_KEY "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
#define GO_TEXT                                                                                \
    "If you think cryptography is the answer to your problem,\n"                               \
    "then you don't know what your problem is.\n"
#define GO_BASE64                                                                              \
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJ" \
    "nAM="
#define GO_LINE DASH "PeterNeumann " GO_BASE64 "\n"

static void another_implementations_note(void **state)
{
    (void)state;
    struct note_key key;
    struct note note;
    AUTO(buf_free) struct buf text = { 0 };
    assert_int_equal(note_key_parse(text_of(GO_KEY), &key), ERR_OK);
    assert_string_equal(key.name, "PeterNeumann");
    assert_int_equal(note_key_text(&key, &text), ERR_OK);
    assert_true(span_eq(buf_span(&text), text_of(GO_KEY)));
    assert_int_equal(note_parse(text_of(GO_TEXT "\n" GO_LINE), &note), ERR_OK);
    assert_true(span_eq(note.text, text_of(GO_TEXT)));
    assert_int_equal(note.count, 1);
    assert_int_equal(note_verify(&note, &key), ERR_OK);
}

static const struct {
    const char *name;
    const char *note;
    enum err parse;
    enum err verify;
} notes[] = {
    { "as signed", GO_TEXT "\n" GO_LINE, ERR_OK, ERR_OK },
    { "unknown key before", GO_TEXT "\n" OTHER GO_LINE, ERR_OK, ERR_OK },
    { "unknown key after", GO_TEXT "\n" GO_LINE OTHER, ERR_OK, ERR_OK },
    { "signed twice", GO_TEXT "\n" GO_LINE GO_LINE, ERR_OK, ERR_OK },
    { "unknown key only", GO_TEXT "\n" OTHER, ERR_OK, ERR_SIG },
    { "same name, another ID", GO_TEXT "\n" DASH "PeterNeumann AAAAAAAA\n", ERR_OK, ERR_SIG },
    { "same ID, another name", GO_TEXT "\n" DASH "Peter " GO_BASE64 "\n", ERR_OK, ERR_SIG },
    { "signature cut", GO_TEXT "\n" DASH "PeterNeumann x08go/ZJkuBS\n", ERR_OK, ERR_SIG },
    { "one good, one cut", GO_TEXT "\n" GO_LINE DASH "PeterNeumann x08go/ZJkuBS\n", ERR_OK,
      ERR_SIG },
    { "signature long", GO_TEXT "\n" DASH "PeterNeumann AAAA" GO_BASE64 "\n", ERR_OK, ERR_SIG },
    { "text altered", "if" GO_TEXT "\n" GO_LINE, ERR_OK, ERR_SIG },
    { "text with a line more", GO_TEXT "more\n\n" GO_LINE, ERR_OK, ERR_SIG },
    { "text with an empty line more", GO_TEXT "\n\n" GO_LINE, ERR_OK, ERR_SIG },
    { "empty", "", ERR_PROTO, ERR_OK },
    { "a newline", "\n", ERR_PROTO, ERR_OK },
    { "newlines only", "\n\n", ERR_PROTO, ERR_OK },
    { "text only", GO_TEXT, ERR_PROTO, ERR_OK },
    { "no signatures", GO_TEXT "\n", ERR_PROTO, ERR_OK },
    { "no empty line", GO_TEXT GO_LINE, ERR_PROTO, ERR_OK },
    { "no newline at the end", GO_TEXT "\n" DASH "PeterNeumann " GO_BASE64, ERR_TRUNC, ERR_OK },
    { "empty line at the end", GO_TEXT "\n" GO_LINE "\n", ERR_PROTO, ERR_OK },
    { "text among signatures", GO_TEXT "\n" GO_LINE "text\n", ERR_PROTO, ERR_OK },
    { "hyphen for the dash", GO_TEXT "\n- PeterNeumann " GO_BASE64 "\n", ERR_PROTO, ERR_OK },
    { "no space after the dash", GO_TEXT "\n\xE2\x80\x94PeterNeumann " GO_BASE64 "\n",
      ERR_PROTO, ERR_OK },
    { "no name", GO_TEXT "\n" DASH " " GO_BASE64 "\n", ERR_PROTO, ERR_OK },
    { "no signature", GO_TEXT "\n" DASH "PeterNeumann\n", ERR_PROTO, ERR_OK },
    { "empty signature", GO_TEXT "\n" DASH "PeterNeumann \n", ERR_PROTO, ERR_OK },
    { "ID only", GO_TEXT "\n" DASH "PeterNeumann x08gow==\n", ERR_PROTO, ERR_OK },
    { "plus in the name", GO_TEXT "\n" DASH "Peter+Neumann " GO_BASE64 "\n", ERR_PROTO,
      ERR_OK },
    { "no-break space in the name", GO_TEXT "\n" DASH "Peter\xC2\xA0N " GO_BASE64 "\n",
      ERR_PROTO, ERR_OK },
    { "wide space in the name", GO_TEXT "\n" DASH "Peter\xE3\x80\x80N " GO_BASE64 "\n",
      ERR_PROTO, ERR_OK },
    { "two spaces", GO_TEXT "\n" DASH "PeterNeumann  " GO_BASE64 "\n", ERR_PROTO, ERR_OK },
    { "space at the end", GO_TEXT "\n" DASH "PeterNeumann " GO_BASE64 " \n", ERR_PROTO,
      ERR_OK },
    { "carriage return", GO_TEXT "\n" DASH "PeterNeumann " GO_BASE64 "\r\n", ERR_PROTO,
      ERR_OK },
    { "base64 without padding", GO_TEXT "\n" DASH "PeterNeumann AAAAAAA\n", ERR_PROTO, ERR_OK },
    { "base64 for URLs", GO_TEXT "\n" DASH "PeterNeumann AAAA-AA_\n", ERR_PROTO, ERR_OK },
    { "padding in the middle", GO_TEXT "\n" DASH "PeterNeumann AA==AAAA\n", ERR_PROTO, ERR_OK },
    { "tab in the text", "a\tb\n\n" GO_LINE, ERR_PROTO, ERR_OK },
    { "escape in the text", "a\x1B[2Jb\n\n" GO_LINE, ERR_PROTO, ERR_OK },
    { "not UTF-8", "a\xFF\n\n" GO_LINE, ERR_PROTO, ERR_OK },
    { "UTF-8 cut", "a\xE2\x80\n\n" GO_LINE, ERR_PROTO, ERR_OK },
    { "UTF-8 overlong", "a\xC0\xAF\n\n" GO_LINE, ERR_PROTO, ERR_OK },
    { "UTF-8 overlong, three bytes", "a\xE0\x80\xAF\n\n" GO_LINE, ERR_PROTO, ERR_OK },
    { "UTF-8 surrogate", "a\xED\xA0\x80\n\n" GO_LINE, ERR_PROTO, ERR_OK },
    { "UTF-8 over U+10FFFF", "a\xF4\x90\x80\x80\n\n" GO_LINE, ERR_PROTO, ERR_OK },
    { "UTF-8 of four bytes is fine", "a\xF0\x9F\x94\x91\n\n" GO_LINE, ERR_OK, ERR_SIG },
};

static void notes_are_taken_strictly(void **state)
{
    (void)state;
    struct note_key key;
    struct note note;
    assert_int_equal(note_key_parse(text_of(GO_KEY), &key), ERR_OK);
    for (size_t i = 0; i < COUNT(notes); i++) {
        enum err got = note_parse(text_of(notes[i].note), &note);
        if (got != notes[i].parse)
            fail_msg("%s: parse: %s", notes[i].name, err_text(got));
        if (got == ERR_OK && (got = note_verify(&note, &key)) != notes[i].verify)
            fail_msg("%s: verify: %s", notes[i].name, err_text(got));
    }
}

static void a_nul_is_refused(void **state)
{
    (void)state;
    struct note note;
    static const char bytes[] = "a\0b\n\n" OTHER;
    assert_int_equal(note_parse(span_of(bytes, sizeof(bytes) - 1), &note), ERR_PROTO);
}

/* Every prefix of a note, and the note with any one bit flipped, is refused somewhere. */
static void every_byte_of_a_note_counts(void **state)
{
    (void)state;
    struct note_key key;
    char bytes[] = GO_TEXT "\n" GO_LINE;
    size_t len = sizeof(bytes) - 1;
    struct note note;
    assert_int_equal(note_key_parse(text_of(GO_KEY), &key), ERR_OK);
    for (size_t i = 0; i < len; i++)
        assert_int_not_equal(note_parse(span_of(bytes, i), &note), ERR_OK);
    for (size_t bit = 0; bit < len * 8; bit++) {
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
        enum err got = note_parse(span_of(bytes, len), &note);
        if (got == ERR_OK)
            got = note_verify(&note, &key);
        assert_int_not_equal(got, ERR_OK);
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
    }
}

static void note_limits(void **state)
{
    (void)state;
    struct note note;
    AUTO(buf_free) struct buf b = { 0 };
    assert_int_equal(text_add(&b, "a\n\n"), ERR_OK);
    for (int i = 0; i < NOTE_SIGNATURES_MAX; i++)
        assert_int_equal(text_add(&b, OTHER), ERR_OK);
    assert_int_equal(note_parse(buf_span(&b), &note), ERR_OK);
    assert_int_equal(note.count, NOTE_SIGNATURES_MAX);
    assert_int_equal(text_add(&b, OTHER), ERR_OK);
    assert_int_equal(note_parse(buf_span(&b), &note), ERR_LIMIT);

    b.len = 0;
    assert_int_equal(text_add(&b, "a\n\n" DASH "other.example "), ERR_OK);
    for (int i = 0; i < NOTE_SIGNATURE_MAX / 3 + 3; i++)
        assert_int_equal(text_add(&b, "AAAA"), ERR_OK);
    assert_int_equal(text_add(&b, "\n"), ERR_OK);
    assert_int_equal(note_parse(buf_span(&b), &note), ERR_LIMIT);

    assert_int_equal(buf_resize(&b, NOTE_MAX + 1), ERR_OK);
    assert_int_equal(note_parse(buf_span(&b), &note), ERR_LIMIT);
}

static void keys_are_taken_strictly(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *text;
        enum err want;
    } cases[] = {
        { "good", GO_KEY, ERR_OK },
        { "empty", "", ERR_TRUNC },
        { "name only", "PeterNeumann", ERR_TRUNC },
        { "no key", "PeterNeumann+c74f20a3", ERR_TRUNC },
        { "empty key", "PeterNeumann+c74f20a3+", ERR_PROTO },
        { "empty name", "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", ERR_PROTO },
        { "space in name", "Peter N+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
          ERR_PROTO },
        { "another hash", "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
          ERR_PROTO },
        { "hash in capitals",
          "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", ERR_PROTO },
        { "hash short", "PeterNeumann+c74f20+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
          ERR_PROTO },
        { "another key", "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TX",
          ERR_PROTO },
        { "key short",
          "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy1w==", ERR_PROTO },
        { "key long", "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWAAAA",
          ERR_LIMIT },
        { "a witness's type",
          "PeterNeumann+c74f20a3+BBpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", ERR_PROTO },
        { "newline after", GO_KEY "\n", ERR_PROTO },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct note_key key;
        enum err got = note_key_parse(text_of(cases[i].text), &key);
        if (got != cases[i].want)
            fail_msg("%s: %s", cases[i].name, err_text(got));
    }
}

static void names_of_keys(void **state)
{
    (void)state;
    static const uint8_t public_key[NOTE_PUBLIC_KEY_SIZE];
    struct note_key key;
    char name[NOTE_NAME_SIZE + 1];
    memset(name, 'a', sizeof(name));
    name[NOTE_NAME_SIZE] = '\0';
    assert_int_equal(note_key_make(name, public_key, &key), ERR_LIMIT);
    name[NOTE_NAME_SIZE - 1] = '\0';
    assert_int_equal(note_key_make(name, public_key, &key), ERR_OK);
    assert_int_equal(note_key_make("", public_key, &key), ERR_PROTO);
    assert_int_equal(note_key_make("a b", public_key, &key), ERR_PROTO);
    assert_int_equal(note_key_make("a+b", public_key, &key), ERR_PROTO);
    assert_int_equal(note_key_make("a\nb", public_key, &key), ERR_PROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_implementations_note),
        cmocka_unit_test(notes_are_taken_strictly),
        cmocka_unit_test(a_nul_is_refused),
        cmocka_unit_test(every_byte_of_a_note_counts),
        cmocka_unit_test(note_limits),
        cmocka_unit_test(keys_are_taken_strictly),
        cmocka_unit_test(names_of_keys),
    };
    return cmocka_run_group_tests(tests, quiet, NULL);
}
