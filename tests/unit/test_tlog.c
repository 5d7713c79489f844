/* SPDX-License-Identifier: MIT */
/* The server's log: entries, checkpoints, receipts, many threads. */
#include "tests/unit/test_tlog_log.h"

#include <pthread.h>
#include <stdatomic.h>

static void entries_are_numbered(void **state)
{
    (void)state;
    struct store_tx *tx = begin();
    for (uint64_t i = 0; i < 10; i++) {
        uint64_t index = 99;
        assert_int_equal(append_in(tx, i, &index), ERR_OK);
        assert_int_equal(index, i);
    }
    assert_int_equal(tlog_size(event_log), 0); /* not before it is committed */
    assert_int_equal(store_commit(&tx), ERR_OK);
    assert_int_equal(tlog_size(event_log), 10);
    append(1);
    assert_int_equal(tlog_size(event_log), 11);
    assert_int_equal(tlog_verify_all(event_log), ERR_OK);
}

static void a_rollback_leaves_the_tree(void **state)
{
    (void)state;
    uint64_t index = 99;
    append(3);
    struct store_tx *tx = begin();
    assert_int_equal(append_in(tx, 1, NULL), ERR_OK);
    assert_int_equal(append_in(tx, 2, NULL), ERR_OK);
    store_rollback(&tx);
    assert_int_equal(tlog_size(event_log), 3);
    {
        AUTO(store_rollback) struct store_tx *dropped = begin();
        assert_int_equal(append_in(dropped, 1, NULL), ERR_OK);
    }
    tx = begin();
    assert_int_equal(append_in(tx, 1, NULL), ERR_OK);
    store_tx_doom(tx);
    assert_int_equal(store_commit(&tx), ERR_ABORTED);
    assert_int_equal(tlog_size(event_log), 3);
    checkpoint_is(3);
    tx = begin();
    assert_int_equal(append_in(tx, 5, &index), ERR_OK);
    assert_int_equal(index, 3);
    assert_int_equal(store_commit(&tx), ERR_OK);
    checkpoint_is(4);
    assert_int_equal(tlog_verify_all(event_log), ERR_OK);
    close_log();
    assert_int_equal(open_log(), ERR_OK);
    checkpoint_is(4);
}

static void a_conflict_dooms_the_transaction(void **state)
{
    (void)state;
    append(2);
    struct store_tx *tx = begin();
    assert_int_equal(store_log_append(tx, 2, span_of("x", 1)), ERR_OK); /* not by the log */
    assert_int_equal(append_in(tx, 1, NULL), ERR_DATA_LOSS);
    assert_int_equal(store_commit(&tx), ERR_ABORTED);
    append(1);
    assert_int_equal(tlog_verify_all(event_log), ERR_OK);
}

static void events_are_limited(void **state)
{
    (void)state;
    static char message[TLOG_ENTRY_MAX];
    Hallmark__V1__Event event = HALLMARK__V1__EVENT__INIT;
    event.message = message;
    memset(message, 'm', TLOG_ENTRY_MAX - 4); /* tag and length are the other four bytes */
    struct store_tx *tx = begin();
    assert_int_equal(tlog_append(event_log, tx, &event, NULL), ERR_OK);
    message[TLOG_ENTRY_MAX - 4] = 'm';
    assert_int_equal(tlog_append(event_log, tx, &event, NULL), ERR_LIMIT);
    assert_int_equal(append_in(tx, 1, NULL), ERR_OK);
    assert_int_equal(store_commit(&tx), ERR_OK); /* nothing of it was written */
    assert_int_equal(tlog_size(event_log), 2);
    assert_int_equal(tlog_verify_all(event_log), ERR_OK);
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
    AUTO(store_rollback) struct store_tx *tx = begin();
    assert_int_equal(store_checkpoint_latest(tx, &size, &note), ERR_NOT_FOUND);
    test_key_free(&other);
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

static void *append_in_thread(void *context)
{
    (void)context;
    for (int i = 0; i < 60; i++) {
        struct store_tx *tx = NULL;
        if (store_begin(store, WAIT_MS, &tx) != ERR_OK || append_in(tx, 1, NULL) != ERR_OK)
            return "append";
        if (i % 5 == 0)
            store_rollback(&tx);
        else if (store_commit(&tx) != ERR_OK)
            return "commit";
    }
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
    void *failed;
    stop = false;
    for (size_t i = 0; i < COUNT(readers); i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_in_thread, NULL), 0);
    for (size_t i = 0; i < COUNT(writers); i++)
        assert_int_equal(pthread_create(&writers[i], NULL, append_in_thread, NULL), 0);
    for (size_t i = 0; i < COUNT(writers); i++) {
        pthread_join(writers[i], &failed);
        assert_null(failed);
    }
    stop = true;
    for (size_t i = 0; i < COUNT(readers); i++) {
        pthread_join(readers[i], &failed);
        assert_null(failed);
    }
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
        TEST(a_conflict_dooms_the_transaction),
        TEST(events_are_limited),
        TEST(a_checkpoint_is_signed_once),
        TEST(a_bad_signer_makes_no_checkpoint),
        TEST(a_receipt_of_nothing_is_refused),
        TEST(receipts),
        TEST(consistency),
        TEST(verifier_key_text),
        TEST(threads_share_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
