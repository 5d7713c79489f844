/* SPDX-License-Identifier: MIT */
/* Other people's vectors through oem-server/tlog: what the server proves with and what oemctl
 * verifies with. */
#include "tests/unit/check.h"

#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "oem-server/tlog/proof.h"
#include "oem-server/tlog/text.h"
#include "tests/unit/test_tlog_key.h"
#include "tests/unit/vectors.h"

enum { LEAVES = 8, LEVELS = 4 };

#define SIZES_OF_ONE "consistency/additional/sizes-are-equal-one-and-proof-is-empty.json"

/* The leaves of transparency-dev/merkle's testonly/constants.go, whose tree all its vectors but
 * the additional ones are of. */
static const char *const leaves[LEAVES] = { "",
                                            "00",
                                            "10",
                                            "2021",
                                            "3031",
                                            "40414243",
                                            "5051525354555657",
                                            "606162636465666768696a6b6c6d6e6f" };

static struct test_key log_key;
static struct note_key verifier;

static int set_up(void **state)
{
    (void)state;
    log_set_level((enum log_level)0);
    test_key_make(&log_key, 7);
    return note_key_make("vectors.example", log_key.public_key, &verifier) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    test_key_free(&log_key);
    return 0;
}

/* ---- Ed25519 ---- */

/* The message is the note's text, whatever it is: note_parse() is left out. */
static enum err verify_note(struct vectors *v, struct span key, struct span sig)
{
    AUTO(buf_free) struct buf base64 = { 0 };
    AUTO(buf_free) struct buf bytes = { 0 };
    struct note_key by;
    assert_int_equal(note_key_make("vectors.example", key.ptr, &by), ERR_OK);
    assert_int_equal(buf_append(&bytes, SPAN(by.id)), ERR_OK);
    assert_int_equal(buf_append(&bytes, sig), ERR_OK);
    assert_int_equal(text_add_base64(&base64, buf_span(&bytes)), ERR_OK);
    struct note note = { .text = vector_hex(v, "msg"), .count = 1 };
    note.signatures[0].name = span_of(by.name, strlen(by.name));
    memcpy(note.signatures[0].id, by.id, sizeof(by.id));
    note.signatures[0].base64 = buf_span(&base64);
    return note_verify(&note, &by);
}

static void ed25519_verifies_what_the_file_calls_valid(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "ed25519.jsonl");
    while (vectors_next(&v))
        vectors_hold(&v,
                     verify_note(&v, vector_hex(&v, "key"), vector_hex(&v, "sig")) ==
                         (vector_is(&v, "valid") ? ERR_OK : ERR_SIG),
                     "note_verify");
    vectors_close(&v, 151);
}

/* ---- RFC 6962 ---- */

static struct span base64_of(struct vectors *v, json_t *text)
{
    const char *string = json_string_value(text);
    struct buf *b = &v->bytes[v->used++];
    assert_true(v->used <= VECTOR_FIELDS && string != NULL);
    assert_int_equal(buf_resize(b, 3 * SHA256_SIZE), ERR_OK);
    size_t len = 0;
    assert_int_equal(text_base64(span_of(string, strlen(string)), b->ptr, b->len, &len),
                     ERR_OK);
    return span_of(b->ptr, len);
}

static struct span member_of(struct vectors *v, const char *member)
{
    return base64_of(v, json_object_get(v->row, member));
}

/* As a tlog-proof has it, so that a hash of another length meets the parser. */
static void proof_text(struct vectors *v, struct buf *text)
{
    size_t i;
    json_t *each;
    AUTO(buf_free) struct buf checkpoint = { 0 };
    AUTO(buf_free) struct buf note = { 0 };
    uint8_t signature[NOTE_ED25519_SIZE], root[SHA256_SIZE] = { 0 };
    struct span want = member_of(v, "root");
    if (want.len == SHA256_SIZE)
        memcpy(root, want.ptr, SHA256_SIZE);
    assert_int_equal(text_add(&checkpoint, "vectors.example\n%s\n", vector_text(v, "treeSize")),
                     ERR_OK);
    assert_int_equal(text_add_base64(&checkpoint, SPAN(root)), ERR_OK);
    assert_int_equal(text_add(&checkpoint, "\n"), ERR_OK);
    assert_int_equal(test_key_sign(&log_key, buf_span(&checkpoint), signature), ERR_OK);
    assert_int_equal(note_build(buf_span(&checkpoint), &verifier, signature, &note), ERR_OK);
    assert_int_equal(
        text_add(text, "c2sp.org/tlog-proof@v1\nindex %s\n", vector_text(v, "leafIdx")),
        ERR_OK);
    json_array_foreach(json_object_get(v->row, "proof"), i, each)
        assert_int_equal(text_add(text, "%s\n", json_string_value(each)), ERR_OK);
    assert_int_equal(text_add(text, "\n"), ERR_OK);
    assert_int_equal(buf_append(text, buf_span(&note)), ERR_OK);
}

static bool wants_error(const struct vectors *v)
{
    return json_is_true(json_object_get(v->row, "wantErr"));
}

static void leaf_hash(size_t index, uint8_t hash[static SHA256_SIZE], uint8_t *entry,
                      size_t *len)
{
    *len = strlen(leaves[index]) / 2;
    assert_int_equal(hex_read(leaves[index], entry, *len), ERR_OK);
    assert_int_equal(tree_leaf(span_of(entry, *len), hash), ERR_OK);
}

/* The whole way of oemctl, if the entry is known: its hash is the file's leaf hash. */
static bool verifies_whole(const struct proof *proof, struct span leaf, bool *known)
{
    *known = false;
    for (size_t i = 0; i < LEAVES; i++) {
        uint8_t hash[SHA256_SIZE], entry[32];
        size_t len;
        leaf_hash(i, hash, entry, &len);
        if (!span_eq(leaf, SPAN(hash)))
            continue;
        *known = true;
        return proof_verify(proof, span_of(entry, len), &verifier, NULL) == ERR_OK;
    }
    return false;
}

static bool includes(struct vectors *v, unsigned *whole)
{
    AUTO(buf_free) struct buf text = { 0 };
    struct proof proof;
    struct checkpoint checkpoint;
    bool known;
    struct span leaf = member_of(v, "leafHash"), root = member_of(v, "root");
    proof_text(v, &text);
    if (leaf.len != SHA256_SIZE || root.len != SHA256_SIZE)
        return false; /* both have 32 bytes by their type */
    if (proof_parse(buf_span(&text), &proof) != ERR_OK ||
        checkpoint_open(proof.checkpoint, &verifier, &checkpoint) != ERR_OK)
        return false;
    bool good = tree_verify_inclusion(proof.index, checkpoint.size, leaf.ptr, &proof.path,
                                      root.ptr) == ERR_OK;
    bool same = verifies_whole(&proof, leaf, &known);
    if (known)
        vectors_hold(v, same == good, "proof_verify");
    *whole += known;
    return good;
}

static void inclusion_is_what_the_file_says(void **state)
{
    (void)state;
    struct vectors v;
    unsigned whole = 0;
    vectors_open(&v, "inclusion.jsonl");
    while (vectors_next(&v))
        vectors_hold(&v, includes(&v, &whole) == !wants_error(&v), "tree_verify_inclusion");
    vectors_close(&v, 98);
    assert_true(whole >= 20);
}

/* tree_verify_consistency() takes no text. Roots and hashes have 32 bytes by their type: others
 * cannot be put to it. */
static bool continues(struct vectors *v, unsigned *of_another_length)
{
    struct tree_proof path = { 0 };
    size_t i;
    json_t *each;
    struct span old_root = member_of(v, "root1"), root = member_of(v, "root2");
    bool fits = old_root.len == SHA256_SIZE && root.len == SHA256_SIZE;
    json_array_foreach(json_object_get(v->row, "proof"), i, each)
    {
        struct span hash = base64_of(v, each);
        fits = fits && hash.len == SHA256_SIZE && path.count < TREE_PROOF_MAX;
        if (fits)
            memcpy(path.hashes[path.count++], hash.ptr, SHA256_SIZE);
    }
    *of_another_length += !fits;
    if (!fits)
        return false;
    uint64_t old_size = strtoull(vector_text(v, "size1"), NULL, 10);
    uint64_t size = strtoull(vector_text(v, "size2"), NULL, 10);
    return tree_verify_consistency(old_size, size, old_root.ptr, root.ptr, &path) == ERR_OK;
}

static void consistency_is_what_the_file_says(void **state)
{
    (void)state;
    struct vectors v;
    unsigned of_another_length = 0, sizes_of_one = 0;
    vectors_open(&v, "consistency.jsonl");
    while (vectors_next(&v)) {
        bool good = continues(&v, &of_another_length);
        /* Two equal roots of 12 bytes, which theirs compares and nothing more. */
        bool one = strcmp(vector_text(&v, "file"), SIZES_OF_ONE) == 0;
        sizes_of_one += one;
        vectors_hold(&v, one ? !good : good == !wants_error(&v), "tree_verify_consistency");
    }
    vectors_close(&v, 98);
    assert_int_equal(of_another_length, 27);
    assert_int_equal(sizes_of_one, 1);
}

/* ---- what the server proves ---- */

static uint8_t nodes[LEVELS][LEAVES][SHA256_SIZE];

static enum err keep(void *context, unsigned level, uint64_t n,
                     const uint8_t hash[static SHA256_SIZE])
{
    (void)context;
    assert_true(level < LEVELS && n < LEAVES);
    memcpy(nodes[level][n], hash, SHA256_SIZE);
    return ERR_OK;
}

static enum err get(void *context, unsigned level, uint64_t n, uint8_t out[static SHA256_SIZE])
{
    (void)context;
    assert_true(level < LEVELS && n < LEAVES);
    memcpy(out, nodes[level][n], SHA256_SIZE);
    return ERR_OK;
}

static void grow(void)
{
    struct tree_edge edge = { 0 };
    for (size_t i = 0; i < LEAVES; i++) {
        uint8_t hash[SHA256_SIZE], entry[32];
        size_t len;
        leaf_hash(i, hash, entry, &len);
        assert_int_equal(tree_add(&edge, hash, keep, NULL), ERR_OK);
    }
}

static bool is_path(struct vectors *v, const struct tree_proof *proof)
{
    json_t *path = json_object_get(v->row, "proof");
    bool good = proof->count == json_array_size(path);
    for (size_t i = 0; good && i < proof->count; i++)
        good = span_eq(SPAN(proof->hashes[i]), base64_of(v, json_array_get(path, i)));
    return good;
}

static void proofs_are_made_as_the_files_have_them(void **state)
{
    (void)state;
    struct vectors v;
    struct tree_proof proof;
    unsigned made = 0;
    grow();
    vectors_open(&v, "inclusion.jsonl");
    while (vectors_next(&v)) {
        if (wants_error(&v))
            continue;
        assert_int_equal(tree_prove_inclusion(strtoull(vector_text(&v, "leafIdx"), NULL, 10),
                                              strtoull(vector_text(&v, "treeSize"), NULL, 10),
                                              get, NULL, &proof),
                         ERR_OK);
        vectors_hold(&v, is_path(&v, &proof), "tree_prove_inclusion");
        made++;
    }
    vectors_close(&v, 98);
    vectors_open(&v, "consistency.jsonl");
    while (vectors_next(&v)) {
        if (wants_error(&v))
            continue;
        assert_int_equal(tree_prove_consistency(strtoull(vector_text(&v, "size1"), NULL, 10),
                                                strtoull(vector_text(&v, "size2"), NULL, 10),
                                                get, NULL, &proof),
                         ERR_OK);
        vectors_hold(&v, is_path(&v, &proof), "tree_prove_consistency");
        made++;
    }
    vectors_close(&v, 98);
    assert_int_equal(made, 12);
}

/* ---- notes and proofs as texts ---- */

static bool note_agrees(struct vectors *v)
{
    const char *key_text = vector_text(v, "key"), *text = vector_text(v, "note");
    struct note_key key;
    struct note note;
    enum err parsed = note_key_parse(span_of(key_text, strlen(key_text)), &key);
    bool note_parses = note_parse(span_of(text, strlen(text)), &note) == ERR_OK;
    if (!note_parses || vector_is(v, "other key type"))
        return note_parses && parsed != ERR_OK;
    return parsed == ERR_OK &&
           note_verify(&note, &key) == (vector_is(v, "valid") ? ERR_OK : ERR_SIG);
}

static void notes_are_what_the_file_says(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "notes.jsonl");
    while (vectors_next(&v))
        vectors_hold(&v, note_agrees(&v), "note_key_parse, note_parse, note_verify");
    vectors_close(&v, 15);
}

static void proofs_that_the_file_refuses_are_refused(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "proofs_refused.jsonl");
    while (vectors_next(&v)) {
        struct proof proof;
        const char *text = vector_text(&v, "text");
        vectors_hold(&v, proof_parse(span_of(text, strlen(text)), &proof) != ERR_OK,
                     "proof_parse");
    }
    vectors_close(&v, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ed25519_verifies_what_the_file_calls_valid),
        cmocka_unit_test(inclusion_is_what_the_file_says),
        cmocka_unit_test(consistency_is_what_the_file_says),
        cmocka_unit_test(proofs_are_made_as_the_files_have_them),
        cmocka_unit_test(notes_are_what_the_file_says),
        cmocka_unit_test(proofs_that_the_file_refuses_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
