/* SPDX-License-Identifier: MIT */
/* The server's log after kills, and on a store that somebody edited. */
#include "tests/unit/test_store_edit.h"
#include "tests/unit/test_tlog_log.h"

#include <signal.h>
#include <sys/wait.h>

enum { CHECKPOINT_MAX = 512 };

static enum err append_two(struct store_tx *tx, void *context)
{
    TRY(append_one(tx, context));
    return append_one(tx, context);
}

/* Appends until it is killed, and tells each checkpoint to the pipe once it has it. */
static _Noreturn void append_until_killed(int pipe_fd)
{
    if (open_log() != ERR_OK)
        _exit(1);
    for (uint64_t i = 1;; i++) {
        AUTO(buf_free) struct buf note = { 0 };
        char told[CHECKPOINT_MAX] = "";
        uint64_t size;
        if (change(append_two, &i) != ERR_OK)
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
        append_until_killed(fds[1]);
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
    store_edit(dir.store, sql);
}

/* 40 entries, with checkpoints of 16 and 30. open: what tlog_open says, which reads all of
 * them; all: tlog_verify_all. */
static const struct {
    const char *name;
    const char *sql;
    enum err open;
    enum err all;
} edits[] = {
    { "nothing", "SELECT 1", ERR_OK, ERR_OK },
    { "old entry changed", "UPDATE log_entries SET entry = x'0801' WHERE position = 3",
      ERR_DATA_LOSS, ERR_OK },
    { "last signed entry changed", "UPDATE log_entries SET entry = x'' WHERE position = 29",
      ERR_DATA_LOSS, ERR_OK },
    { "unsigned entry changed", "UPDATE log_entries SET entry = x'0801' WHERE position = 33",
      ERR_DATA_LOSS, ERR_OK },
    { "entry not found by its kind", "UPDATE log_entries SET kind = 'x' WHERE position = 3",
      ERR_OK, ERR_DATA_LOSS },
    { "entry found by a station that did not make it",
      "UPDATE log_entries SET station = 'line-1' WHERE position = 3", ERR_OK, ERR_DATA_LOSS },
    { "entry found at another time", "UPDATE log_entries SET time_us = 1 WHERE position = 3",
      ERR_OK, ERR_DATA_LOSS },
    { "entries swapped",
      "UPDATE log_entries SET position = 1000 WHERE position = 3;"
      "UPDATE log_entries SET position = 3 WHERE position = 4;"
      "UPDATE log_entries SET position = 4 WHERE position = 1000",
      ERR_DATA_LOSS, ERR_OK },
    { "old entry deleted", "DELETE FROM log_entries WHERE position = 3", ERR_DATA_LOSS,
      ERR_OK },
    { "first entry deleted", "DELETE FROM log_entries WHERE position = 0", ERR_DATA_LOSS,
      ERR_OK },
    { "unsigned entry deleted", "DELETE FROM log_entries WHERE position = 33", ERR_DATA_LOSS,
      ERR_OK },
    { "end deleted, entries only", "DELETE FROM log_entries WHERE position >= 35",
      ERR_DATA_LOSS, ERR_OK }, /* by the head */
    { "signed end deleted", "DELETE FROM log_entries WHERE position >= 25", ERR_DATA_LOSS,
      ERR_OK },
    { "everything deleted", "DELETE FROM log_entries; DELETE FROM log_nodes", ERR_DATA_LOSS,
      ERR_OK },
    { "entry added, without nodes",
      "INSERT INTO log_entries (position, entry, arrow, outcome, time_us)"
      " VALUES (40, x'0801', 0, 0, 0)",
      ERR_DATA_LOSS, ERR_OK },
    { "entry added far off",
      "INSERT INTO log_entries (position, entry, arrow, outcome, time_us)"
      " VALUES (4000, x'0801', 0, 0, 0)",
      ERR_DATA_LOSS, ERR_OK },
    { "node of the edge changed",
      "UPDATE log_nodes SET hash = zeroblob(32) WHERE level = 4 AND n = 0", ERR_DATA_LOSS,
      ERR_OK },
    { "node of the edge deleted", "DELETE FROM log_nodes WHERE level = 3 AND n = 2",
      ERR_DATA_LOSS, ERR_OK },
    { "leaf's node changed",
      "UPDATE log_nodes SET hash = zeroblob(32) WHERE level = 0 AND n = 3", ERR_DATA_LOSS,
      ERR_OK },
    { "leaf's node deleted", "DELETE FROM log_nodes WHERE level = 0 AND n = 3", ERR_DATA_LOSS,
      ERR_OK },
    { "inner node changed",
      "UPDATE log_nodes SET hash = zeroblob(32) WHERE level = 2 AND n = 1", ERR_DATA_LOSS,
      ERR_OK },
    { "unsigned node changed",
      "UPDATE log_nodes SET hash = zeroblob(32) WHERE level = 0 AND n = 35", ERR_DATA_LOSS,
      ERR_OK },
    { "head gone", "DELETE FROM log_head", ERR_DATA_LOSS, ERR_OK },
    { "head of another size", "UPDATE log_head SET size = 39", ERR_DATA_LOSS, ERR_OK },
    { "head changed", "UPDATE log_head SET edge = zeroblob(64)", ERR_DATA_LOSS, ERR_OK },
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

static enum err append_many(struct store_tx *tx, void *context)
{
    for (uint64_t i = 0; i < *(uint64_t *)context; i++)
        TRY(append_in(tx, i, NULL));
    return ERR_OK;
}

static void copy_file(const char *from, const char *to)
{
    static uint8_t piece[1 << 16];
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    assert_true(in != NULL && out != NULL);
    for (size_t len; (len = fread(piece, 1, sizeof(piece), in)) != 0;)
        assert_int_equal(fwrite(piece, 1, len, out), len);
    fclose(in);
    assert_int_equal(fclose(out), 0);
}

/* A start reads the newest only, from nodes that are theirs; the full check reads all. */
static void a_start_reads_the_newest(void **state)
{
    enum { OLDER = 7 };
    static const struct {
        const char *sql;
        enum err open;
    } rows[] = {
        { "UPDATE log_entries SET entry = x'' WHERE position = 7", ERR_DATA_LOSS },
        { "UPDATE log_nodes SET hash = zeroblob(32) WHERE level = 3 AND n = 1", ERR_DATA_LOSS },
        { "UPDATE log_nodes SET hash = zeroblob(32) WHERE level = 1 AND n = 2", ERR_DATA_LOSS },
        { "UPDATE log_entries SET entry = x'' WHERE position = 6", ERR_OK },
    };
    (void)state;
    uint64_t count = TLOG_NEWEST + OLDER;
    char good[sizeof(dir.store) + 8];
    snprintf(good, sizeof(good), "%s.good", dir.store);
    assert_int_equal(change(append_many, &count), ERR_OK);
    checkpoint_is(count);
    close_log();
    copy_file(dir.store, good);
    for (size_t i = 0; i < COUNT(rows); i++) {
        copy_file(good, dir.store);
        edit(rows[i].sql);
        enum err opened = open_log();
        if (opened != rows[i].open)
            fail_msg("%s: %s", rows[i].sql, err_text(opened));
        if (opened == ERR_OK)
            assert_int_equal(tlog_verify_all(event_log), ERR_DATA_LOSS);
        close_log();
    }
    unlink(good);
    assert_int_equal(open_log(), ERR_OK); /* as the teardown expects */
}

/* Edits under the open log, with all its own marks kept right: memory still tells. */
static void a_rewritten_log_is_told(void **state)
{
    (void)state;
    append(40);
    edit("DELETE FROM log_entries WHERE position >= 32;"
         "DELETE FROM log_nodes WHERE (n + 1) << level > 32;"
         "UPDATE log_head SET size = 32,"
         " edge = (SELECT hash FROM log_nodes WHERE level = 5 AND n = 0)");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_kill_leaves_a_log_that_continues), TEST(edited_logs_are_told),
        TEST(a_start_reads_the_newest),           TEST(a_rewritten_log_is_told),
        TEST(another_key_or_name_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
