#include "tests/unit/test_store_dir.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>

#include "common/host/log.h"
#include "oem-server/tlog/proof.h"
#include "oem-server/tlog/tlog.h"
#include "tests/unit/test_tlog_key.h"

#define ORIGIN "log.example/factory"

enum { WAIT_MS = 20000, CHECKPOINT_MAX = 512 };

static struct test_dir dir;
static struct test_key key;
static struct note_key note_key;
static struct store *store;
static struct tlog *event_log;

static enum err open_log(void)
{
    TRY(store_open(dir.store, &store));
    return tlog_open(store, ORIGIN, key.public_key, test_key_sign, &key, &event_log);
}

static void close_log(void)
{
    tlog_free(event_log);
    store_close(store);
    event_log = NULL;
    store = NULL;
}

static int set_up(void **state)
{
    (void)state;
    test_dir_make(&dir);
    test_key_make(&key, 7);
    return note_key_make(ORIGIN, key.public_key, &note_key) == ERR_OK && open_log() == ERR_OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    (void)state;
    close_log();
    test_key_free(&key);
    test_dir_remove(&dir);
    return 0;
}

static struct store_tx *begin(void)
{
    struct store_tx *tx = NULL;
    assert_int_equal(store_begin(store, WAIT_MS, &tx), ERR_OK);
    return tx;
}

static enum err append_in(struct store_tx *tx, uint64_t time_us, uint64_t *index_out)
{
    Hallmark__V1__Event event = HALLMARK__V1__EVENT__INIT;
    char kind[] = "call";
    event.time_us = time_us;
    event.kind = kind;
    return tlog_append(event_log, tx, &event, index_out);
}

static void append(uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        struct store_tx *tx = begin();
        assert_int_equal(append_in(tx, i, NULL), ERR_OK);
        assert_int_equal(store_commit(&tx), ERR_OK);
    }
}

static void checkpoint_is(uint64_t want_size)
{
    AUTO(buf_free) struct buf note = { 0 };
    struct checkpoint checkpoint;
    uint64_t size = 0;
    assert_int_equal(tlog_checkpoint(event_log, &note, &size), ERR_OK);
    assert_int_equal(size, want_size);
    assert_int_equal(checkpoint_open(buf_span(&note), &note_key, &checkpoint), ERR_OK);
    assert_int_equal(checkpoint.size, want_size);
    assert_int_equal(checkpoint.extensions.len, 0);
}

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

/* What an auditor does: entry after entry, in the memory of one edge. */
struct auditor {
    struct tree_edge edge;
    uint8_t (*roots)[SHA256_SIZE]; /* by size */
    struct buf *entries;           /* by index; NULL: not kept */
};

static enum err audit(void *context, uint64_t index, struct span entry)
{
    struct auditor *auditor = context;
    uint8_t leaf[SHA256_SIZE];
    TRY(tree_leaf(entry, leaf));
    TRY(tree_add(&auditor->edge, leaf, NULL, NULL));
    if (auditor->entries != NULL)
        TRY(buf_copy(&auditor->entries[index], entry));
    return tree_root(&auditor->edge, auditor->roots[auditor->edge.size]);
}

static void audit_all(struct auditor *auditor)
{
    AUTO(store_rollback) struct store_tx *tx = begin();
    assert_int_equal(tree_root(&auditor->edge, auditor->roots[0]), ERR_OK);
    assert_int_equal(store_log_read(tx, 0, INT64_MAX, audit, auditor), ERR_OK);
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

/* Appends for ever, and tells each checkpoint to the pipe once it has it. */
static _Noreturn void append_for_ever(int pipe_fd)
{
    if (open_log() != ERR_OK)
        _exit(1);
    for (uint64_t i = 1;; i++) {
        AUTO(buf_free) struct buf note = { 0 };
        char told[CHECKPOINT_MAX] = "";
        struct store_tx *tx = NULL;
        uint64_t size;
        if (store_begin(store, WAIT_MS, &tx) != ERR_OK || append_in(tx, i, NULL) != ERR_OK ||
            append_in(tx, i, NULL) != ERR_OK || store_commit(&tx) != ERR_OK)
            _exit(1);
        if (i % 3 != 0)
            continue;
        if (tlog_checkpoint(event_log, &note, &size) != ERR_OK || note.len >= sizeof(told))
            _exit(1);
        memcpy(told, note.ptr, note.len);
        if (write(pipe_fd, told, sizeof(told)) != (ssize_t)sizeof(told))
            _exit(1);
    }
}

/* Kills the appender after some checkpoints; gives what it told, the last one at the end. */
static size_t kill_an_appender(char (*told)[CHECKPOINT_MAX], size_t max, size_t enough)
{
    int fds[2];
    size_t count = 0;
    close_log();
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    if (child == 0)
        append_for_ever(fds[1]);
    close(fds[1]);
    while (count < max && read(fds[0], told[count], CHECKPOINT_MAX) == CHECKPOINT_MAX)
        if (++count == enough)
            kill(child, SIGKILL);
    close(fds[0]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(count >= enough && count < max);
    return count;
}

static void a_kill_leaves_a_log_that_continues(void **state)
{
    (void)state;
    enum { TOLD_MAX = 4096, SIZE_MAX_SEEN = 65536 };
    static char told[TOLD_MAX][CHECKPOINT_MAX];
    static uint8_t roots[SIZE_MAX_SEEN][SHA256_SIZE];
    size_t count = 0;
    for (size_t round = 0; round < 5; round++) {
        struct auditor auditor = { .roots = roots };
        count += kill_an_appender(told + count, TOLD_MAX - count, 5 + 4 * round);
        assert_int_equal(open_log(), ERR_OK);
        assert_int_equal(tlog_verify_all(event_log), ERR_OK);
        assert_int_equal(tlog_size(event_log) % 2, 0); /* both events of each, or none */
        assert_true(tlog_size(event_log) < SIZE_MAX_SEEN);
        audit_all(&auditor);
        for (size_t i = 0; i < count; i++) {
            struct checkpoint seen;
            assert_int_equal(
                checkpoint_open(span_of(told[i], strlen(told[i])), &note_key, &seen), ERR_OK);
            assert_true(seen.size <= tlog_size(event_log));
            assert_memory_equal(seen.root, roots[seen.size], SHA256_SIZE);
        }
        append(1);
        append(1);
        checkpoint_is(tlog_size(event_log));
    }
}

static void edit(const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(dir.store, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_close(db);
}

/* 40 entries, with checkpoints of 16 and 30. open: what tlog_open says; all: tlog_verify_all.
 */
static const struct {
    const char *name;
    const char *sql;
    enum err open;
    enum err all;
} edits[] = {
    { "nothing", "SELECT 1", ERR_OK, ERR_OK },
    { "old entry changed", "UPDATE log_entries SET entry = x'0801' WHERE position = 3", ERR_OK,
      ERR_DATA_LOSS },
    { "last signed entry changed", "UPDATE log_entries SET entry = x'' WHERE position = 29",
      ERR_OK, ERR_DATA_LOSS },
    { "unsigned entry changed", "UPDATE log_entries SET entry = x'0801' WHERE position = 33",
      ERR_DATA_LOSS, ERR_OK },
    { "entries swapped",
      "UPDATE log_entries SET position = 1000 WHERE position = 3;"
      "UPDATE log_entries SET position = 3 WHERE position = 4;"
      "UPDATE log_entries SET position = 4 WHERE position = 1000",
      ERR_OK, ERR_DATA_LOSS },
    { "old entry deleted", "DELETE FROM log_entries WHERE position = 3", ERR_OK,
      ERR_DATA_LOSS },
    { "first entry deleted", "DELETE FROM log_entries WHERE position = 0", ERR_OK,
      ERR_DATA_LOSS },
    { "unsigned entry deleted", "DELETE FROM log_entries WHERE position = 33", ERR_DATA_LOSS,
      ERR_OK },
    { "end deleted, entries only", "DELETE FROM log_entries WHERE position >= 35", ERR_OK,
      ERR_DATA_LOSS }, /* by the nodes left over */
    { "signed end deleted", "DELETE FROM log_entries WHERE position >= 25", ERR_DATA_LOSS,
      ERR_OK },
    { "everything deleted", "DELETE FROM log_entries; DELETE FROM log_nodes", ERR_DATA_LOSS,
      ERR_OK },
    { "entry added, without nodes",
      "INSERT INTO log_entries (position, entry) VALUES (40, x'0801')", ERR_DATA_LOSS, ERR_OK },
    { "entry added far off", "INSERT INTO log_entries (position, entry) VALUES (4000, x'0801')",
      ERR_DATA_LOSS, ERR_OK },
    { "node of the edge changed",
      "UPDATE log_nodes SET hash = zeroblob(32) WHERE level = 4 AND n = 0", ERR_DATA_LOSS,
      ERR_OK },
    { "node of the edge deleted", "DELETE FROM log_nodes WHERE level = 3 AND n = 2",
      ERR_DATA_LOSS, ERR_OK },
    { "leaf's node changed",
      "UPDATE log_nodes SET hash = zeroblob(32) WHERE level = 0 AND n = 3", ERR_OK,
      ERR_DATA_LOSS },
    { "leaf's node deleted", "DELETE FROM log_nodes WHERE level = 0 AND n = 3", ERR_OK,
      ERR_DATA_LOSS },
    { "inner node changed",
      "UPDATE log_nodes SET hash = zeroblob(32) WHERE level = 2 AND n = 1", ERR_OK,
      ERR_DATA_LOSS },
    { "unsigned node changed",
      "UPDATE log_nodes SET hash = zeroblob(32) WHERE level = 0 AND n = 35", ERR_DATA_LOSS,
      ERR_OK },
    { "node added", "INSERT INTO log_nodes (level, n, hash) VALUES (7, 9, zeroblob(32))",
      ERR_OK, ERR_DATA_LOSS },
    { "checkpoint's size changed", "UPDATE checkpoints SET size = 31 WHERE size = 30",
      ERR_DATA_LOSS, ERR_OK },
    { "old checkpoint's size changed", "UPDATE checkpoints SET size = 17 WHERE size = 16",
      ERR_OK, ERR_DATA_LOSS },
    { "checkpoint beyond the log", "UPDATE checkpoints SET size = 3000 WHERE size = 30",
      ERR_DATA_LOSS, ERR_OK },
    { "checkpoint's text changed",
      "UPDATE checkpoints SET note = CAST(replace(CAST(note AS TEXT), char(10) || '30',"
      " char(10) || '20') AS BLOB), size = 20 WHERE size = 30",
      ERR_DATA_LOSS, ERR_OK },
    { "checkpoint replaced by an older one",
      "UPDATE checkpoints SET note = (SELECT note FROM checkpoints WHERE size = 16)"
      " WHERE size = 30",
      ERR_DATA_LOSS, ERR_OK },
    { "old checkpoint replaced by a newer one",
      "UPDATE checkpoints SET note = (SELECT note FROM checkpoints WHERE size = 30)"
      " WHERE size = 16",
      ERR_OK, ERR_DATA_LOSS },
    { "checkpoint is noise", "UPDATE checkpoints SET note = zeroblob(200) WHERE size = 30",
      ERR_DATA_LOSS, ERR_OK },
    { "checkpoint is empty", "UPDATE checkpoints SET note = x'' WHERE size = 30", ERR_DATA_LOSS,
      ERR_OK },
    { "checkpoint is text", "UPDATE checkpoints SET note = CAST(note AS TEXT)", ERR_DATA_LOSS,
      ERR_OK },
};

static void fill(void)
{
    append(16);
    checkpoint_is(16);
    append(14);
    checkpoint_is(30);
    append(10);
}

static void edited_logs_are_told(void **state)
{
    log_set_level((enum log_level)0);
    for (size_t i = 0; i < COUNT(edits); i++) {
        fill();
        close_log();
        edit(edits[i].sql);
        enum err opened = open_log();
        if (opened != edits[i].open)
            fail_msg("%s: open: %s", edits[i].name, err_text(opened));
        enum err all = opened == ERR_OK ? tlog_verify_all(event_log) : ERR_OK;
        if (all != edits[i].all)
            fail_msg("%s: verify all: %s", edits[i].name, err_text(all));
        assert_true(tear_down(state) == 0 && set_up(state) == 0);
    }
    log_set_level(LOG_LEVEL_INFO);
}

/* Edits under the open log, with all its own marks kept right: memory still tells. */
static void a_rewritten_log_is_told(void **state)
{
    (void)state;
    append(40);
    edit("DELETE FROM log_entries WHERE position >= 32;"
         "DELETE FROM log_nodes WHERE (n + 1) << level > 32");
    assert_int_equal(tlog_verify_all(event_log), ERR_DATA_LOSS);
    assert_non_null(strstr(fail_words(), "40 were committed"));
}

static void another_key_or_name_is_told(void **state)
{
    (void)state;
    struct test_key other;
    struct tlog *wrong = NULL;
    append(3);
    checkpoint_is(3);
    test_key_make(&other, 9);
    assert_int_equal(tlog_open(store, ORIGIN, other.public_key, test_key_sign, &other, &wrong),
                     ERR_DATA_LOSS);
    assert_int_equal(
        tlog_open(store, "other.example", key.public_key, test_key_sign, &key, &wrong),
        ERR_DATA_LOSS);
    assert_int_equal(tlog_open(store, "no spaces", key.public_key, test_key_sign, &key, &wrong),
                     ERR_PROTO);
    assert_null(wrong);
    test_key_free(&other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
        TEST(a_kill_leaves_a_log_that_continues),
        TEST(edited_logs_are_told),
        TEST(a_rewritten_log_is_told),
        TEST(another_key_or_name_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
