/* SPDX-License-Identifier: MIT */
/* log verify: a log is what its key signed, or it is not verified. */
#include "tests/unit/check.h"

#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "hallmark/v1/log.pb-c.h"
#include "oem-server/ctl/verify.h"
#include "tests/unit/test_tlog_key.h"

enum { ENTRIES = 11 };

#define ORIGIN "log.example"

static struct test_key signer, stranger;
static struct note_key key;

/* Entry i of a log; a changed one is another entry. */
static struct span entry_of(uint64_t i, bool changed)
{
    static uint8_t bytes[16];
    int len =
        snprintf((char *)bytes, sizeof(bytes), "entry %u%s", (unsigned)i, changed ? "!" : "");
    return span_of(bytes, (size_t)len);
}

/* The note over the first size entries, of which number changed differs (-1: none). */
static struct buf note_of(uint64_t size, int changed, struct test_key *by, const char *origin)
{
    struct tree_edge edge = { 0 };
    uint8_t leaf[SHA256_SIZE], root[SHA256_SIZE], signature[NOTE_ED25519_SIZE];
    struct buf text = { 0 }, note = { 0 };
    struct note_key name;
    for (uint64_t i = 0; i < size; i++) {
        assert_int_equal(tree_leaf(entry_of(i, (int)i == changed), leaf), ERR_OK);
        assert_int_equal(tree_add(&edge, leaf, NULL, NULL), ERR_OK);
    }
    assert_int_equal(tree_root(&edge, root), ERR_OK);
    assert_int_equal(checkpoint_text(origin, size, root, &text), ERR_OK);
    assert_int_equal(test_key_sign(by, buf_span(&text), signature), ERR_OK);
    assert_int_equal(note_key_make(origin, by->public_key, &name), ERR_OK);
    assert_int_equal(note_build(buf_span(&text), &name, signature, &note), ERR_OK);
    buf_free(&text);
    return note;
}

static const struct {
    const char *name;
    int kept;         /* size of the kept checkpoint, -1: none */
    int kept_changed; /* entry that was another one then */
    int size;         /* that the checkpoint claims */
    int given;        /* entries that the server gives */
    int changed;      /* of those, the one that is not what was signed */
    const char *origin;
    bool strange; /* signed by another key */
    enum err want;
} cases[] = {
    { "whole log", -1, -1, 11, 11, -1, ORIGIN, false, ERR_OK },
    { "empty log", -1, -1, 0, 0, -1, ORIGIN, false, ERR_OK },
    { "grown since", 4, -1, 11, 11, -1, ORIGIN, false, ERR_OK },
    { "grown from nothing", 0, -1, 11, 11, -1, ORIGIN, false, ERR_OK },
    { "not grown since", 11, -1, 11, 11, -1, ORIGIN, false, ERR_OK },
    { "first entry edited", -1, -1, 11, 11, 0, ORIGIN, false, ERR_DATA_LOSS },
    { "last entry edited", -1, -1, 11, 11, 10, ORIGIN, false, ERR_DATA_LOSS },
    { "one entry held back", -1, -1, 11, 10, -1, ORIGIN, false, ERR_DATA_LOSS },
    { "one entry too many", -1, -1, 10, 11, -1, ORIGIN, false, ERR_DATA_LOSS },
    { "shrunk", 11, -1, 10, 10, -1, ORIGIN, false, ERR_DATA_LOSS },
    { "rewritten since, and signed anew", 4, 2, 11, 11, -1, ORIGIN, false, ERR_DATA_LOSS },
    { "same size, another root", 11, 2, 11, 11, -1, ORIGIN, false, ERR_DATA_LOSS },
    { "another log of the same key", -1, -1, 11, 11, -1, "other.example", false, ERR_SIG },
    { "another key", -1, -1, 11, 11, -1, ORIGIN, true, ERR_SIG },
};

static enum err verify_case(size_t i)
{
    struct verify v = { .key = key };
    struct buf kept = { 0 };
    struct buf note = note_of((uint64_t)cases[i].size, -1,
                              cases[i].strange ? &stranger : &signer, cases[i].origin);
    if (cases[i].kept >= 0) {
        kept = note_of((uint64_t)cases[i].kept, cases[i].kept_changed, &signer, ORIGIN);
        assert_int_equal(verify_keep(&v, buf_span(&kept)), ERR_OK);
    }
    enum err e = verify_start(&v, buf_span(&note));
    for (int n = 0; n < cases[i].given && e == ERR_OK; n++)
        e = verify_entry(&v, (uint64_t)n, entry_of((uint64_t)n, n == cases[i].changed));
    if (e == ERR_OK)
        e = verify_end(&v);
    buf_free(&kept);
    buf_free(&note);
    return e;
}

static void logs_are_verified(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        enum err e = verify_case(i);
        if (e != cases[i].want)
            fail_msg("%s: %d \"%s\"", cases[i].name, (int)e, fail_words());
    }
}

/* --- Forks. --- */

/* Entries of a log that was adopted at entry 6, where the published one had entries of its own:
 * `checkpoint` is what the entry says was published. */
enum { ADOPTED_AT = 6 };

static struct span adopt_entry(const struct buf *checkpoint, const char *kind)
{
    static uint8_t bytes[2048];
    Hallmark__V1__Event event = HALLMARK__V1__EVENT__INIT;
    event.kind = (char *)(uintptr_t)kind;
    event.reason = (char *)(uintptr_t) "disk lost";
    event.time_us = 7;
    if (checkpoint != NULL)
        event.checkpoint = (ProtobufCBinaryData){ checkpoint->len, checkpoint->ptr };
    assert_true(hallmark__v1__event__get_packed_size(&event) <= sizeof(bytes));
    return span_of(bytes, hallmark__v1__event__pack(&event, bytes));
}

static struct span forked_entry(uint64_t i, const struct buf *checkpoint, const char *kind)
{
    return i == ADOPTED_AT ? adopt_entry(checkpoint, kind) : entry_of(i, i > ADOPTED_AT);
}

static struct buf forked_note(uint64_t size, const struct buf *checkpoint, const char *kind)
{
    struct tree_edge edge = { 0 };
    uint8_t leaf[SHA256_SIZE], root[SHA256_SIZE], signature[NOTE_ED25519_SIZE];
    struct buf text = { 0 }, note = { 0 };
    for (uint64_t i = 0; i < size; i++) {
        assert_int_equal(tree_leaf(forked_entry(i, checkpoint, kind), leaf), ERR_OK);
        assert_int_equal(tree_add(&edge, leaf, NULL, NULL), ERR_OK);
    }
    assert_int_equal(tree_root(&edge, root), ERR_OK);
    assert_int_equal(checkpoint_text(ORIGIN, size, root, &text), ERR_OK);
    assert_int_equal(test_key_sign(&signer, buf_span(&text), signature), ERR_OK);
    assert_int_equal(note_build(buf_span(&text), &key, signature, &note), ERR_OK);
    buf_free(&text);
    return note;
}

static const struct {
    const char *name;
    int kept;      /* size of the kept checkpoint, of the log as it was published; -1: none */
    int published; /* that the entry states; -1: none */
    int size;      /* of the adopted log */
    const char *kind; /* of the entry in the place of the adoption */
    bool strange;     /* its checkpoint is of another key */
    enum err want;
    bool forked, told;
    uint64_t published_found;
} forks[] = {
    { "kept before the backup", 4, 9, 11, "adopt", false, ERR_OK, false, false, 9 },
    { "kept at the backup", 6, 9, 11, "adopt", false, ERR_OK, false, false, 9 },
    { "kept after it, smaller than the log now", 8, 9, 11, "adopt", false, ERR_DATA_LOSS, true,
      true, 9 },
    { "kept is what the entry states", 9, 9, 11, "adopt", false, ERR_DATA_LOSS, true, true, 9 },
    { "kept is larger than the log now", 10, 10, 8, "adopt", false, ERR_DATA_LOSS, true, true,
      10 },
    { "kept is newer than what the entry states", 10, 9, 11, "adopt", false, ERR_DATA_LOSS,
      true, false, 9 },
    { "the anchor was gone", 9, -1, 11, "adopt", false, ERR_DATA_LOSS, true, true, 0 },
    { "its checkpoint is another key's", 9, 9, 11, "adopt", true, ERR_DATA_LOSS, true, true,
      0 },
    { "no adoption", 9, 9, 11, "call", false, ERR_DATA_LOSS, true, false, 0 },
    { "nothing is kept", -1, 9, 11, "adopt", false, ERR_OK, false, false, 9 },
};

static enum err fork_verify(size_t i, struct verify *v)
{
    struct buf states = { 0 }, kept = { 0 };
    if (forks[i].published >= 0)
        states = note_of((uint64_t)forks[i].published, -1,
                         forks[i].strange ? &stranger : &signer, ORIGIN);
    const struct buf *checkpoint = forks[i].published >= 0 ? &states : NULL;
    struct buf note = forked_note((uint64_t)forks[i].size, checkpoint, forks[i].kind);
    if (forks[i].kept >= 0) {
        kept = note_of((uint64_t)forks[i].kept, -1, &signer, ORIGIN);
        assert_int_equal(verify_keep(v, buf_span(&kept)), ERR_OK);
    }
    enum err e = verify_start(v, buf_span(&note));
    for (uint64_t n = 0; n < (uint64_t)forks[i].size && e == ERR_OK; n++)
        e = verify_entry(v, n, forked_entry(n, checkpoint, forks[i].kind));
    if (e == ERR_OK)
        e = verify_end(v);
    buf_free(&states);
    buf_free(&kept);
    buf_free(&note);
    return e;
}

static void forks_are_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(forks); i++) {
        struct verify v = { .key = key };
        enum err e = fork_verify(i, &v);
        bool told = e != ERR_OK && verify_forked(&v) && verify_fork_told(&v);
        if (e != forks[i].want || (e != ERR_OK && verify_forked(&v)) != forks[i].forked ||
            told != forks[i].told || v.adopted.published != forks[i].published_found)
            fail_msg("%s: %d \"%s\", forked %d, told %d", forks[i].name, (int)e, fail_words(),
                     verify_forked(&v), told);
        bool adopts = strcmp(forks[i].kind, "adopt") == 0;
        assert_int_equal(v.adoptions, adopts ? 1 : 0);
        assert_true(!adopts || (v.adopted.index == ADOPTED_AT && v.adopted.time_us == 7 &&
                                strcmp(v.adopted.reason, "disk lost") == 0));
    }
}

/* A log whose entries are not those signed is no fork, whatever it says. */
static void a_changed_log_is_no_fork(void **state)
{
    (void)state;
    struct verify v = { .key = key };
    struct buf kept = note_of(9, -1, &signer, ORIGIN);
    struct buf note = forked_note(11, NULL, "adopt");
    assert_int_equal(verify_keep(&v, buf_span(&kept)), ERR_OK);
    assert_int_equal(verify_start(&v, buf_span(&note)), ERR_OK);
    for (uint64_t n = 0; n < 11; n++)
        assert_int_equal(
            verify_entry(&v, n, n == 10 ? entry_of(0, true) : forked_entry(n, NULL, "adopt")),
            ERR_OK);
    assert_int_equal(verify_end(&v), ERR_DATA_LOSS);
    assert_false(verify_forked(&v));
    buf_free(&kept);
    buf_free(&note);
}

static void order_matters(void **state)
{
    (void)state;
    struct verify v = { .key = key };
    struct buf note = note_of(ENTRIES, -1, &signer, ORIGIN);
    assert_int_equal(verify_start(&v, buf_span(&note)), ERR_OK);
    assert_int_equal(verify_entry(&v, 1, entry_of(1, false)), ERR_PROTO);
    assert_int_equal(verify_entry(&v, 0, entry_of(0, false)), ERR_OK);
    assert_int_equal(verify_entry(&v, 0, entry_of(0, false)), ERR_PROTO);
    buf_free(&note);
}

static void kept_checkpoint_is_not_believed(void **state)
{
    (void)state;
    struct verify v = { .key = key };
    struct buf note = note_of(4, -1, &stranger, ORIGIN);
    assert_int_equal(verify_keep(&v, buf_span(&note)), ERR_SIG);
    buf_free(&note);
    note = note_of(4, -1, &signer, ORIGIN);
    note.ptr[12] = '5'; /* the size line */
    assert_int_equal(verify_keep(&v, buf_span(&note)), ERR_SIG);
    assert_int_not_equal(verify_keep(&v, span_of("", 0)), ERR_OK);
    assert_int_not_equal(verify_keep(&v, span_of(note.ptr, 20)), ERR_OK);
    assert_false(v.kept);
    buf_free(&note);
}

static void key_files_are_read(void **state)
{
    (void)state;
    struct note_key back;
    struct buf text = { 0 };
    assert_int_equal(note_key_text(&key, &text), ERR_OK);
    assert_int_equal(verify_key_parse(buf_span(&text), &back), ERR_OK);
    assert_int_equal(buf_append(&text, span_of("\r\n", 2)), ERR_OK);
    assert_int_equal(verify_key_parse(buf_span(&text), &back), ERR_OK);
    assert_memory_equal(back.public_key, key.public_key, sizeof(key.public_key));
    text.ptr[0] ^= 1; /* another name has another hash */
    assert_int_not_equal(verify_key_parse(buf_span(&text), &back), ERR_OK);
    assert_int_not_equal(verify_key_parse(span_of("\n", 1), &back), ERR_OK);
    assert_int_not_equal(verify_key_parse(span_of("", 0), &back), ERR_OK);
    buf_free(&text);
}

static int set_up(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_NONE);
    test_key_make(&signer, 1);
    test_key_make(&stranger, 2);
    return note_key_make(ORIGIN, signer.public_key, &key) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    test_key_free(&signer);
    test_key_free(&stranger);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logs_are_verified),
        cmocka_unit_test(forks_are_told),
        cmocka_unit_test(a_changed_log_is_no_fork),
        cmocka_unit_test(order_matters),
        cmocka_unit_test(kept_checkpoint_is_not_believed),
        cmocka_unit_test(key_files_are_read),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
