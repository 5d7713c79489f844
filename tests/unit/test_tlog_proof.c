/* SPDX-License-Identifier: MIT */
/* Base64, checkpoints and receipts. */
#include "oem-server/tlog/proof.h"

#include "tests/unit/test_tlog_key.h"
#include "tests/unit/test_tlog_text.h"

static void base64_has_one_spelling(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum err want;
        size_t len;
    } cases[] = {
        { "", ERR_OK, 0 },         { "AA==", ERR_OK, 1 },        { "AAA=", ERR_OK, 2 },
        { "AAAA", ERR_OK, 3 },     { "+/+/", ERR_OK, 3 },        { "AB==", ERR_PROTO, 0 },
        { "AAB=", ERR_PROTO, 0 },  { "A===", ERR_PROTO, 0 },     { "====", ERR_PROTO, 0 },
        { "=", ERR_PROTO, 0 },     { "AA", ERR_PROTO, 0 },       { "AAA", ERR_PROTO, 0 },
        { "AA=A", ERR_PROTO, 0 },  { "AA== ", ERR_PROTO, 0 },    { "AA\n=", ERR_PROTO, 0 },
        { "-_AA", ERR_PROTO, 0 },  { " AAA", ERR_PROTO, 0 },     { "AA==AA==", ERR_PROTO, 0 },
        { "AAAAA", ERR_PROTO, 0 }, { "AAAAAAAA", ERR_LIMIT, 0 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t bytes[5];
        size_t len = 0;
        enum err got = text_base64(text_of(cases[i].text), bytes, sizeof(bytes), &len);
        if (got != cases[i].want || (got == ERR_OK && len != cases[i].len))
            fail_msg("'%s': %s, %zu bytes", cases[i].text, err_text(got), len);
    }
}

static void base64_there_and_back(void **state)
{
    (void)state;
    uint8_t bytes[64], back[64];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 67 + 3);
    for (size_t n = 0; n <= sizeof(bytes); n++) {
        AUTO(buf_free) struct buf b = { 0 };
        size_t len = 0;
        assert_int_equal(text_add_base64(&b, span_of(bytes, n)), ERR_OK);
        assert_int_equal(text_base64(buf_span(&b), back, sizeof(back), &len), ERR_OK);
        assert_int_equal(len, n);
        assert_memory_equal(back, bytes, n);
    }
}

static void checkpoints_are_taken_strictly(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *text;
        enum err want;
    } cases[] = {
        { "good", "a.example/log\n7\n" ROOT "\n", ERR_OK },
        { "empty tree", "a.example/log\n0\n" ROOT "\n", ERR_OK },
        { "extension", "a.example/log\n7\n" ROOT "\nmore\nstill\n", ERR_OK },
        { "largest", "a.example/log\n9223372036854775807\n" ROOT "\n", ERR_OK },
        { "empty extension", "a.example/log\n7\n" ROOT "\n\n", ERR_PROTO },
        { "extension cut", "a.example/log\n7\n" ROOT "\nmore", ERR_TRUNC },
        { "empty", "", ERR_TRUNC },
        { "two lines", "a.example/log\n7\n", ERR_TRUNC },
        { "no last newline", "a.example/log\n7\n" ROOT, ERR_TRUNC },
        { "no origin", "\n7\n" ROOT "\n", ERR_PROTO },
        { "leading zero", "a.example/log\n07\n" ROOT "\n", ERR_PROTO },
        { "two zeros", "a.example/log\n00\n" ROOT "\n", ERR_PROTO },
        { "sign", "a.example/log\n+7\n" ROOT "\n", ERR_PROTO },
        { "negative", "a.example/log\n-7\n" ROOT "\n", ERR_PROTO },
        { "hexadecimal", "a.example/log\n0x7\n" ROOT "\n", ERR_PROTO },
        { "space", "a.example/log\n7 \n" ROOT "\n", ERR_PROTO },
        { "no size", "a.example/log\n\n" ROOT "\n", ERR_PROTO },
        { "2^63", "a.example/log\n9223372036854775808\n" ROOT "\n", ERR_PROTO },
        { "2^64", "a.example/log\n18446744073709551616\n" ROOT "\n", ERR_PROTO },
        { "root short", "a.example/log\n7\nAAAA\n", ERR_PROTO },
        { "root long", "a.example/log\n7\nAAAA" ROOT "\n", ERR_LIMIT },
        { "root without padding",
          "a.example/log\n7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", ERR_PROTO },
        { "root empty", "a.example/log\n7\n\n", ERR_PROTO },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct checkpoint checkpoint;
        enum err got = checkpoint_parse(text_of(cases[i].text), &checkpoint);
        if (got != cases[i].want)
            fail_msg("%s: %s", cases[i].name, err_text(got));
    }
}

/* A log of two entries, signed by a test's own key. */
static const uint8_t first[] = { 'a' }, second[] = { 'b' };

static void receipt_make(struct test_key *key, const char *name, const char *origin,
                         struct note_key *note_key, struct buf *text_out)
{
    uint8_t leaf[2][SHA256_SIZE], root[SHA256_SIZE], signature[NOTE_ED25519_SIZE];
    AUTO(buf_free) struct buf text = { 0 };
    AUTO(buf_free) struct buf note = { 0 };
    struct tree_proof path = { .count = 1 };
    assert_int_equal(tree_leaf(SPAN(first), leaf[0]), ERR_OK);
    assert_int_equal(tree_leaf(SPAN(second), leaf[1]), ERR_OK);
    assert_int_equal(tree_node(leaf[0], leaf[1], root), ERR_OK);
    memcpy(path.hashes[0], leaf[0], SHA256_SIZE);
    assert_int_equal(note_key_make(name, key->public_key, note_key), ERR_OK);
    assert_int_equal(checkpoint_text(origin, 2, root, &text), ERR_OK);
    assert_int_equal(test_key_sign(key, buf_span(&text), signature), ERR_OK);
    assert_int_equal(note_build(buf_span(&text), note_key, signature, &note), ERR_OK);
    assert_int_equal(proof_build(1, &path, buf_span(&note), text_out), ERR_OK);
}

static void receipts_are_verified(void **state)
{
    (void)state;
    struct test_key key, wrong;
    struct note_key note_key, wrong_key;
    struct proof proof;
    struct checkpoint checkpoint;
    AUTO(buf_free) struct buf text = { 0 };
    test_key_make(&key, 1);
    test_key_make(&wrong, 2);
    receipt_make(&key, "a.example/log", "a.example/log", &note_key, &text);
    assert_int_equal(note_key_make("a.example/log", wrong.public_key, &wrong_key), ERR_OK);
    assert_int_equal(proof_parse(buf_span(&text), &proof), ERR_OK);
    assert_int_equal(proof_verify(&proof, SPAN(second), &note_key, &checkpoint), ERR_OK);
    assert_int_equal(checkpoint.size, 2);
    assert_int_equal(proof_verify(&proof, SPAN(first), &note_key, NULL), ERR_VERIFY);
    assert_int_equal(proof_verify(&proof, SPAN(second), &wrong_key, NULL), ERR_SIG);
    proof.index = 0;
    assert_int_equal(proof_verify(&proof, SPAN(second), &note_key, NULL), ERR_VERIFY);
    proof.index = 2;
    assert_int_equal(proof_verify(&proof, SPAN(second), &note_key, NULL), ERR_VERIFY);
    proof.index = 1;
    proof.path.count = 0;
    assert_int_equal(proof_verify(&proof, SPAN(second), &note_key, NULL), ERR_VERIFY);
    receipt_make(&key, "a.example/log", "b.example/log", &note_key, &text);
    assert_int_equal(proof_parse(buf_span(&text), &proof), ERR_OK);
    assert_int_equal(proof_verify(&proof, SPAN(second), &note_key, NULL), ERR_MISMATCH);
    test_key_free(&key);
    test_key_free(&wrong);
}

static void every_byte_of_a_receipt_counts(void **state)
{
    (void)state;
    struct test_key key;
    struct note_key note_key;
    struct proof proof;
    AUTO(buf_free) struct buf text = { 0 };
    test_key_make(&key, 1);
    receipt_make(&key, "a.example/log", "a.example/log", &note_key, &text);
    for (size_t i = 0; i < text.len; i++)
        assert_int_not_equal(proof_parse(span_of(text.ptr, i), &proof), ERR_OK);
    for (size_t bit = 0; bit < text.len * 8; bit++) {
        text.ptr[bit / 8] ^= (uint8_t)(1u << bit % 8);
        enum err got = proof_parse(buf_span(&text), &proof);
        if (got == ERR_OK)
            got = proof_verify(&proof, SPAN(second), &note_key, NULL);
        assert_int_not_equal(got, ERR_OK);
        text.ptr[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    test_key_free(&key);
}

#define V1   "c2sp.org/tlog-proof@v1\n"
#define NOTE "a.example/log\n7\n" ROOT "\n\n" OTHER

static void proofs_are_taken_strictly(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *text;
        enum err want;
    } cases[] = {
        { "good", V1 "index 7\n" ROOT "\n\n" NOTE, ERR_OK },
        { "no hashes", V1 "index 0\n\n" NOTE, ERR_OK },
        { "extra", V1 "extra AAAA\nindex 0\n\n" NOTE, ERR_OK },
        { "empty extra", V1 "extra \nindex 0\n\n" NOTE, ERR_OK },
        { "empty", "", ERR_PROTO },
        { "version 2", "c2sp.org/tlog-proof@v2\nindex 0\n\n" NOTE, ERR_PROTO },
        { "extra is not base64", V1 "extra a\nindex 0\n\n" NOTE, ERR_PROTO },
        { "extra twice", V1 "extra AAAA\nextra AAAA\nindex 0\n\n" NOTE, ERR_PROTO },
        { "extra after index", V1 "index 0\nextra AAAA\n\n" NOTE, ERR_PROTO },
        { "no index", V1 "\n" NOTE, ERR_PROTO },
        { "index with zeros", V1 "index 007\n\n" NOTE, ERR_PROTO },
        { "index negative", V1 "index -7\n\n" NOTE, ERR_PROTO },
        { "index empty", V1 "index \n\n" NOTE, ERR_PROTO },
        { "index twice", V1 "index 7\nindex 7\n\n" NOTE, ERR_PROTO },
        { "hash short", V1 "index 7\nAAAA\n\n" NOTE, ERR_PROTO },
        { "hash long", V1 "index 7\nAAAA" ROOT "\n\n" NOTE, ERR_LIMIT },
        { "space before a hash", V1 "index 7\n " ROOT "\n\n" NOTE, ERR_PROTO },
        { "carriage returns", V1 "index 7\r\n\r\n" NOTE, ERR_PROTO },
        { "no checkpoint", V1 "index 7\n" ROOT "\n\n", ERR_PROTO },
        { "ends in the index", V1 "index 7", ERR_TRUNC },
        { "ends in the hashes", V1 "index 7\n" ROOT "\n", ERR_TRUNC },
        { "no empty line", V1 "index 7\n" ROOT "\n" NOTE, ERR_PROTO },
        { "checkpoint without signatures", V1 "index 7\n\na.example/log\n7\n" ROOT "\n",
          ERR_PROTO },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct proof proof;
        enum err got = proof_parse(text_of(cases[i].text), &proof);
        if (got != cases[i].want)
            fail_msg("%s: %s", cases[i].name, err_text(got));
    }
}

static void proof_limits(void **state)
{
    (void)state;
    struct proof proof;
    AUTO(buf_free) struct buf b = { 0 };
    assert_int_equal(text_add(&b, V1 "index 7\n"), ERR_OK);
    for (int i = 0; i < TREE_PROOF_MAX + 1; i++)
        assert_int_equal(text_add(&b, ROOT "\n"), ERR_OK);
    assert_int_equal(text_add(&b, "\n" NOTE), ERR_OK);
    assert_int_equal(proof_parse(buf_span(&b), &proof), ERR_LIMIT);
    assert_int_equal(buf_resize(&b, PROOF_MAX + 1), ERR_OK);
    assert_int_equal(proof_parse(buf_span(&b), &proof), ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_has_one_spelling),
        cmocka_unit_test(base64_there_and_back),
        cmocka_unit_test(checkpoints_are_taken_strictly),
        cmocka_unit_test(receipts_are_verified),
        cmocka_unit_test(every_byte_of_a_receipt_counts),
        cmocka_unit_test(proofs_are_taken_strictly),
        cmocka_unit_test(proof_limits),
    };
    return cmocka_run_group_tests(tests, quiet, NULL);
}
