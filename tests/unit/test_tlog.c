/* SPDX-License-Identifier: MIT */
/* The server's log: entries, checkpoints, receipts, many threads. */
#include "oem-server/tlog/state.h"
#include "tests/unit/test_tlog_log.h"

#include <pthread.h>
#include <stdatomic.h>

static enum err append_ten(struct store_tx *tx, void *context)
{
    (void)context;
    for (uint64_t i = 0; i < 10; i++) {
        uint64_t index = 99;
        TRY(append_in(tx, i, &index));
        assert_int_equal(index, i);
    }
    assert_int_equal(tlog_size(event_log), 0); /* not before it is committed */
    return ERR_OK;
}

static void entries_are_numbered(void **state)
{
    (void)state;
    assert_int_equal(change(append_ten, NULL), ERR_OK);
    assert_int_equal(tlog_size(event_log), 10);
    append(1);
    assert_int_equal(tlog_size(event_log), 11);
    assert_int_equal(tlog_verify_all(event_log), ERR_OK);
}

static enum err append_and_refuse(struct store_tx *tx, void *context)
{
    uint64_t *index = context;
    TRY(append_in(tx, 1, NULL));
    TRY(append_in(tx, 2, index));
    return ERR_QUOTA;
}

static enum err append_and_doom(struct store_tx *tx, void *context)
{
    (void)context;
    TRY(append_in(tx, 1, NULL));
    store_tx_doom(tx);
    return ERR_OK;
}

static void a_rollback_leaves_the_tree(void **state)
{
    (void)state;
    uint64_t index = 99, five = 5;
    append(3);
    assert_int_equal(change(append_and_refuse, &index), ERR_QUOTA);
    assert_int_equal(index, 4);
    assert_int_equal(tlog_size(event_log), 3);
    assert_int_equal(change(append_and_doom, NULL), ERR_ABORTED);
    assert_int_equal(tlog_size(event_log), 3);
    checkpoint_is(3);
    assert_int_equal(change(append_one, &five), ERR_OK);
    checkpoint_is(4);
    assert_int_equal(tlog_verify_all(event_log), ERR_OK);
    close_log();
    assert_int_equal(open_log(), ERR_OK);
    checkpoint_is(4);
}

static enum err append_behind(struct store_tx *tx, void *context)
{
    (void)context;
    TRY(store_log_append(tx, 2, span_of("x", 1), &(struct store_log_search){ 0 }));
    assert_int_equal(append_in(tx, 1, NULL), ERR_DATA_LOSS); /* not the log's row */
    return ERR_OK;
}

static void a_conflict_undoes_the_change(void **state)
{
    (void)state;
    append(2);
    assert_int_equal(change(append_behind, NULL), ERR_ABORTED);
    append(1);
    assert_int_equal(tlog_verify_all(event_log), ERR_OK);
}

static char long_message[TLOG_ENTRY_MAX];

static enum err append_limits(struct store_tx *tx, void *context)
{
    Hallmark__V1__Event event = HALLMARK__V1__EVENT__INIT;
    (void)context;
    event.message = long_message;
    memset(long_message, 'm', TLOG_ENTRY_MAX - 4); /* tag and length are the other four bytes */
    long_message[TLOG_ENTRY_MAX - 4] = '\0';
    TRY(tlog_append(event_log, tx, &event, NULL));
    long_message[TLOG_ENTRY_MAX - 4] = 'm';
    assert_int_equal(tlog_append(event_log, tx, &event, NULL), ERR_LIMIT);
    return append_in(tx, 1, NULL);
}

static void events_are_limited(void **state)
{
    (void)state;
    assert_int_equal(change(append_limits, NULL), ERR_OK); /* nothing of it was written */
    assert_int_equal(tlog_size(event_log), 2);
    assert_int_equal(tlog_verify_all(event_log), ERR_OK);
}

/* --- Changes, and what an entry is found by. --- */

static enum err append_notes(struct store_tx *tx, void *context)
{
    Hallmark__V1__Event event = HALLMARK__V1__EVENT__INIT;
    char kind[] = "call", actor[] = "spiffe://factory/operator/ann", order[] = "o";
    const size_t *count = context;
    char value[1000];
    memset(value, 'v', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    event.kind = kind;
    event.actor = actor;
    event.order = order;
    event.code = ERR_QUOTA;
    for (size_t i = 0; i < *count; i++) {
        char row[32];
        snprintf(row, sizeof(row), "row/%zu", i);
        TRY(store_note(tx, row, "field", value));
    }
    TRY(store_note(tx, "row/last", "", NULL));
    return tlog_append(event_log, tx, &event, NULL);
}

struct replayed {
    size_t entries, changes, continued;
    bool gone;
};

static enum err replay_changes(void *context, uint64_t index, struct span entry)
{
    struct replayed *replayed = context;
    Hallmark__V1__Event *event = hallmark__v1__event__unpack(NULL, entry.len, entry.ptr);
    assert_non_null(event);
    assert_true(entry.len <= TLOG_ENTRY_MAX);
    replayed->entries++;
    replayed->continued += strcmp(event->kind, "changes") == 0;
    assert_int_equal(index == 0, strcmp(event->kind, "call") == 0);
    assert_string_equal(event->order, "o");
    for (size_t i = 0; i < event->n_changes; i++) {
        char row[32];
        snprintf(row, sizeof(row), "row/%zu", replayed->changes++);
        replayed->gone = event->changes[i]->field[0] == '\0';
        if (!replayed->gone)
            assert_string_equal(event->changes[i]->row, row);
    }
    hallmark__v1__event__free_unpacked(event, NULL);
    return ERR_OK;
}

static enum err read_changes(struct store_tx *tx, void *context)
{
    return store_log_read(tx, 0, INT64_MAX, replay_changes, context);
}

static void changes_are_in_the_entry(void **state)
{
    (void)state;
    size_t few = 3;
    struct replayed replayed = { 0 };
    assert_int_equal(change(append_notes, &few), ERR_OK);
    assert_int_equal(look(read_changes, &replayed), ERR_OK);
    assert_true(replayed.entries == 1 && replayed.changes == 4 && replayed.gone);
}

static void changes_that_do_not_fit_go_on(void **state)
{
    (void)state;
    size_t many = 1000; /* of 1 kB: 16 entries or so */
    struct replayed replayed = { 0 };
    assert_int_equal(change(append_notes, &many), ERR_OK);
    assert_int_equal(look(read_changes, &replayed), ERR_OK);
    assert_true(replayed.changes == 1001 && replayed.gone);
    assert_true(replayed.entries > 10 && replayed.continued == replayed.entries - 1);
    assert_int_equal(tlog_size(event_log), replayed.entries);
    assert_int_equal(tlog_verify_all(event_log), ERR_OK);
}

static enum err take_none(void *context, uint64_t index, struct span entry)
{
    (void)entry;
    *(uint64_t *)context |= UINT64_C(1) << index;
    return ERR_OK;
}

static enum err find_ann(struct store_tx *tx, void *context)
{
    const struct store_log_search search = { .operator_name = "ann", .order = "o" };
    return store_log_find(tx, &search, 0, 10, take_none, context);
}

static void entries_are_found_by_their_actor(void **state)
{
    (void)state;
    size_t none = 0;
    uint64_t found = 0;
    append(1);
    assert_int_equal(change(append_notes, &none), ERR_OK);
    assert_int_equal(look(find_ann, &found), ERR_OK);
    assert_int_equal(found, 2);
}

static void a_checkpoint_is_signed_once(void **state)
{
    (void)state;
    checkpoint_is(0);
    checkpoint_is(0);
    assert_int_equal(key.signatures, 1);
    append(5);
    checkpoint_is(5);
    checkpoint_is(5);
    assert_int_equal(key.signatures, 2);
    close_log();
    assert_int_equal(open_log(), ERR_OK);
    checkpoint_is(5);
    assert_int_equal(key.signatures, 2);
}

static enum err sign_fails(void *context, struct span message, uint8_t signature_out[static 64])
{
    (void)context;
    (void)message;
    (void)signature_out;
    return ERR_PIN;
}

static enum err no_checkpoint(struct store_tx *tx, void *context)
{
    AUTO(buf_free) struct buf note = { 0 };
    uint64_t size = 0;
    (void)context;
    return store_checkpoint_latest(tx, &size, &note);
}

static void a_bad_signer_makes_no_checkpoint(void **state)
{
    (void)state;
    struct test_key other;
    AUTO(buf_free) struct buf note = { 0 };
    uint64_t size = 77;
    append(2);
    test_key_make(&other, 8);
    tlog_free(event_log);
    assert_int_equal(
        tlog_open(store, ORIGIN, key.public_key, test_key_sign, &other, &event_log), ERR_OK);
    assert_int_equal(tlog_checkpoint(event_log, &note, &size), ERR_HSM);
    tlog_free(event_log);
    assert_int_equal(tlog_open(store, ORIGIN, key.public_key, sign_fails, NULL, &event_log),
                     ERR_OK);
    assert_int_equal(tlog_checkpoint(event_log, &note, &size), ERR_PIN);
    assert_int_equal(note.len, 0);
    assert_int_equal(size, 77);
    assert_int_equal(look(no_checkpoint, NULL), ERR_NOT_FOUND);
    test_key_free(&other);
}

static enum err put_other_checkpoint(struct store_tx *tx, void *context)
{
    return store_checkpoint_put(tx, 2, buf_span(context));
}

/* A checkpoint of the log as another server might have signed it, of the same size. */
static void two_checkpoints_of_one_size_stop_the_log(void **state)
{
    (void)state;
    AUTO(buf_free) struct buf text = { 0 };
    AUTO(buf_free) struct buf note = { 0 };
    uint8_t root[SHA256_SIZE] = { 1 }, signature[NOTE_ED25519_SIZE];
    uint64_t size = 0, one = 1;
    append(2);
    assert_int_equal(checkpoint_text(ORIGIN, 2, root, &text), ERR_OK);
    assert_int_equal(test_key_sign(&key, buf_span(&text), signature), ERR_OK);
    assert_int_equal(note_build(buf_span(&text), &note_key, signature, &note), ERR_OK);
    assert_int_equal(change(put_other_checkpoint, &note), ERR_OK);
    buf_free(&text);
    assert_int_equal(tlog_checkpoint(event_log, &text, &size), ERR_DATA_LOSS);
    assert_true(tlog_stopped(event_log));
    assert_int_equal(tlog_checkpoint(event_log, &text, &size), ERR_DATA_LOSS);
    assert_int_equal(change(append_one, &one), ERR_DATA_LOSS);
    assert_int_equal(text.len, 0);
}

/* The same text is the same checkpoint: the row that stands counts. */
static void the_same_checkpoint_again_is_fine(void **state)
{
    (void)state;
    append(2);
    checkpoint_is(2);
    close_log();
    assert_int_equal(open_log(), ERR_OK);
    buf_free(&event_log->signed_note); /* as if it had not been read at the start */
    checkpoint_is(2);
    assert_false(tlog_stopped(event_log));
}

static enum err head_back(struct store_tx *tx, void *context)
{
    (void)context;
    return tlog_head_put(tx, &(struct tree_edge){ 0 });
}

static void a_head_of_another_writer_stops_the_log(void **state)
{
    (void)state;
    uint64_t one = 1;
    append(2);
    assert_int_equal(change(head_back, NULL), ERR_OK);
    assert_int_equal(change(append_one, &one), ERR_DATA_LOSS);
    assert_true(tlog_stopped(event_log));
}

static void the_published_size_does_not_go_down(void **state)
{
    (void)state;
    AUTO(buf_free) struct buf note = { 0 };
    uint64_t size = 77;
    append(2);
    checkpoint_is(2);
    assert_int_equal(change(head_back, NULL), ERR_OK);
    buf_free(&event_log->signed_note); /* so that one is made */
    assert_int_equal(tlog_checkpoint(event_log, &note, &size), ERR_DATA_LOSS);
    assert_true(tlog_stopped(event_log) && size == 77);
}

static void a_receipt_of_nothing_is_refused(void **state)
{
    (void)state;
    AUTO(buf_free) struct buf proof = { 0 };
    append(1);
    checkpoint_is(1);
    assert_int_equal(tlog_proof(event_log, 1, &proof), ERR_RANGE);
    assert_int_equal(tlog_proof(event_log, UINT64_MAX, &proof), ERR_RANGE);
}

static void receipts(void **state)
{
    (void)state;
    enum { SIZE = 37 };
    static uint8_t roots[SIZE + 1][SHA256_SIZE];
    static struct buf entries[SIZE];
    struct auditor auditor = { .roots = roots, .entries = entries };
    append(20);
    checkpoint_is(20);
    append(SIZE - 20); /* these are not covered yet: their receipts make a checkpoint */
    audit_all(&auditor);
    for (uint64_t i = 0; i < SIZE; i++) {
        AUTO(buf_free) struct buf text = { 0 };
        struct proof proof;
        struct checkpoint checkpoint;
        assert_int_equal(tlog_proof(event_log, i, &text), ERR_OK);
        assert_int_equal(proof_parse(buf_span(&text), &proof), ERR_OK);
        assert_int_equal(proof.index, i);
        assert_int_equal(proof_verify(&proof, buf_span(&entries[i]), &note_key, &checkpoint),
                         ERR_OK);
        assert_int_equal(checkpoint.size, i < 20 ? 20 : SIZE);
        assert_int_equal(
            proof_verify(&proof, buf_span(&entries[(i + 1) % SIZE]), &note_key, NULL),
            ERR_VERIFY);
    }
    for (size_t i = 0; i < SIZE; i++)
        buf_free(&entries[i]);
}

static void consistency(void **state)
{
    (void)state;
    enum { SIZE = 20 };
    static uint8_t roots[SIZE + 1][SHA256_SIZE];
    struct auditor auditor = { .roots = roots };
    uint8_t(*hashes)[SHA256_SIZE] = NULL;
    size_t count = 0;
    append(SIZE);
    audit_all(&auditor);
    for (uint64_t size = 0; size <= SIZE; size++)
        for (uint64_t old = 0; old <= size; old++) {
            struct tree_proof proof;
            assert_int_equal(tlog_consistency(event_log, old, size, &hashes, &count), ERR_OK);
            proof.count = count;
            memcpy(proof.hashes, hashes, count * SHA256_SIZE);
            free(hashes);
            assert_int_equal(
                tree_verify_consistency(old, size, roots[old], roots[size], &proof), ERR_OK);
        }
    assert_int_equal(tlog_consistency(event_log, 5, 4, &hashes, &count), ERR_RANGE);
    assert_int_equal(tlog_consistency(event_log, 5, SIZE + 1, &hashes, &count), ERR_RANGE);
}

static void verifier_key_text(void **state)
{
    (void)state;
    struct note_key parsed;
    AUTO(free_drop) char *text = tlog_verifier_key(ORIGIN, key.public_key);
    assert_non_null(text);
    assert_int_equal(note_key_parse(span_of(text, strlen(text)), &parsed), ERR_OK);
    assert_memory_equal(parsed.public_key, key.public_key, sizeof(key.public_key));
    assert_null(tlog_verifier_key("no spaces", key.public_key));
}

static atomic_bool stop;

static enum err append_or_not(struct store_tx *tx, void *context)
{
    const int *i = context;
    TRY(append_in(tx, 1, NULL));
    return *i % 5 == 0 ? ERR_QUOTA : ERR_OK;
}

static void *append_in_thread(void *context)
{
    (void)context;
    for (int i = 0; i < 60; i++)
        if (change(append_or_not, &i) != (i % 5 == 0 ? ERR_QUOTA : ERR_OK))
            return "append";
    return NULL;
}

static void *read_in_thread(void *context)
{
    (void)context;
    while (!stop) {
        AUTO(buf_free) struct buf note = { 0 };
        AUTO(buf_free) struct buf proof = { 0 };
        uint64_t size = 0;
        if (tlog_checkpoint(event_log, &note, &size) != ERR_OK)
            return "checkpoint";
        if (size != 0 && tlog_proof(event_log, size - 1, &proof) != ERR_OK)
            return "proof";
        if (tlog_verify_all(event_log) != ERR_OK)
            return "verify";
    }
    return NULL;
}

static void threads_share_the_log(void **state)
{
    (void)state;
    pthread_t writers[3], readers[2];
    void *failed[COUNT(writers) + COUNT(readers)];
    stop = false;
    for (size_t i = 0; i < COUNT(readers); i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_in_thread, NULL), 0);
    for (size_t i = 0; i < COUNT(writers); i++)
        assert_int_equal(pthread_create(&writers[i], NULL, append_in_thread, NULL), 0);
    for (size_t i = 0; i < COUNT(writers); i++)
        pthread_join(writers[i], &failed[i]);
    stop = true;
    for (size_t i = 0; i < COUNT(readers); i++)
        pthread_join(readers[i], &failed[COUNT(writers) + i]);
    for (size_t i = 0; i < COUNT(failed); i++)
        assert_null(failed[i]);
    assert_int_equal(tlog_size(event_log), 3 * 48);
    assert_int_equal(tlog_verify_all(event_log), ERR_OK);
    close_log();
    assert_int_equal(open_log(), ERR_OK);
    assert_int_equal(tlog_verify_all(event_log), ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(entries_are_numbered),
        TEST(a_rollback_leaves_the_tree),
        TEST(a_conflict_undoes_the_change),
        TEST(events_are_limited),
        TEST(changes_are_in_the_entry),
        TEST(changes_that_do_not_fit_go_on),
        TEST(entries_are_found_by_their_actor),
        TEST(a_checkpoint_is_signed_once),
        TEST(a_bad_signer_makes_no_checkpoint),
        TEST(two_checkpoints_of_one_size_stop_the_log),
        TEST(the_same_checkpoint_again_is_fine),
        TEST(a_head_of_another_writer_stops_the_log),
        TEST(the_published_size_does_not_go_down),
        TEST(a_receipt_of_nothing_is_refused),
        TEST(receipts),
        TEST(consistency),
        TEST(verifier_key_text),
        TEST(threads_share_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
