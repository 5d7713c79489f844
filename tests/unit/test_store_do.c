/* SPDX-License-Identifier: MIT */
/* Transactions: who waits, what is kept, and what a full disk or a kill leaves. */
#include "tests/unit/test_store_open.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void rollback_leaves_nothing(void **state)
{
    (void)state;
    struct store_tx *tx = begin();
    setting_put(tx, "origin", "a");
    store_rollback(&tx);
    assert_null(tx);
    store_rollback(&tx);
    {
        AUTO(store_rollback) struct store_tx *dropped = begin();
        setting_put(dropped, "origin", "b");
    }
    setting_is("origin", NULL);
}

static enum err twice(struct store_tx *tx)
{
    TRY(store_log_append(tx, 1, span_of("a", 1)));
    return store_log_append(tx, 1, span_of("b", 1));
}

static enum err checkpoint_twice(struct store_tx *tx)
{
    TRY(store_checkpoint_put(tx, 1, span_of("a", 1)));
    return store_checkpoint_put(tx, 1, span_of("b", 1));
}

static enum err index_too_large(struct store_tx *tx)
{
    return store_log_append(tx, UINT64_MAX, span_of("a", 1));
}

static enum err unit_without_order(struct store_tx *tx)
{
    struct store_unit unit = { .order = "order-1", .state = STORE_UNIT_OPEN };
    return store_unit_put(tx, &unit);
}

static enum err name_not_terminated(struct store_tx *tx)
{
    struct store_principal principal = { .role = 1 };
    memset(principal.name, 'a', sizeof(principal.name));
    return store_principal_add(tx, &principal);
}

static enum err unit_name_not_terminated(struct store_tx *tx)
{
    struct store_unit unit = { .order = "order-1", .state = STORE_UNIT_OPEN };
    memset(unit.station, 'a', sizeof(unit.station));
    return store_unit_put(tx, &unit);
}

/* A statement that failed leaves a transaction that can only be rolled back. */
static void failures_end_the_transaction(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum err (*run)(struct store_tx *tx);
        enum err want;
    } cases[] = {
        { "log entry twice", twice, ERR_DATA_LOSS },
        { "checkpoint twice", checkpoint_twice, ERR_DATA_LOSS },
        { "index over 63 bits", index_too_large, ERR_INVALID },
        { "unit of no order", unit_without_order, ERR_PRECONDITION },
        { "name without NUL", name_not_terminated, ERR_INVALID },
        { "unit's name without NUL", unit_name_not_terminated, ERR_INVALID },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct store_tx *tx = begin();
        setting_put(tx, "half", "done");
        enum err got = cases[i].run(tx);
        if (got != cases[i].want)
            fail_msg("%s: %s", cases[i].name, err_text(got));
        assert_int_equal(store_commit(&tx), ERR_ABORTED);
        setting_is("half", NULL);
    }
}

/* What the watchers of a transaction saw. */
struct seen {
    int committed;
    int rolled_back;
};

static void see(void *context, bool committed)
{
    struct seen *seen = context;
    if (committed)
        seen->committed++;
    else
        seen->rolled_back++;
}

static void watchers_are_told_once(void **state)
{
    (void)state;
    struct seen seen = { 0 };
    struct store_tx *tx = begin();
    assert_int_equal(store_tx_watch(tx, see, &seen), ERR_OK);
    commit(tx);
    assert_true(seen.committed == 1 && seen.rolled_back == 0);
    tx = begin();
    assert_int_equal(store_tx_watch(tx, see, &seen), ERR_OK);
    store_rollback(&tx);
    assert_true(seen.committed == 1 && seen.rolled_back == 1);
    tx = begin();
    assert_int_equal(store_tx_watch(tx, see, &seen), ERR_OK);
    store_tx_doom(tx);
    assert_int_equal(store_commit(&tx), ERR_ABORTED);
    assert_true(seen.committed == 1 && seen.rolled_back == 2);
    commit(begin());
    assert_true(seen.committed == 1 && seen.rolled_back == 2);
}

static void watchers_are_limited(void **state)
{
    (void)state;
    struct seen seen = { 0 };
    AUTO(store_rollback) struct store_tx *tx = begin();
    for (int i = 0; i < 4; i++)
        assert_int_equal(store_tx_watch(tx, see, &seen), ERR_OK);
    assert_int_equal(store_tx_watch(tx, see, &seen), ERR_LIMIT);
}

static void the_writer_is_awaited_for_so_long(void **state)
{
    (void)state;
    AUTO(store_rollback) struct store_tx *tx = begin();
    struct store_tx *second = NULL;
    assert_int_equal(store_begin(store, 0, &second), ERR_DEADLINE);
    assert_int_equal(store_begin(store, 30, &second), ERR_DEADLINE);
    assert_null(second);
    assert_non_null(strstr(fail_words(), "busy after 30 ms"));
}

/* Each of some threads adds one to a number in the store, many times. */
static void *add_ones(void *context)
{
    (void)context;
    for (int i = 0; i < 50; i++) {
        struct store_tx *tx = NULL;
        AUTO(buf_free) struct buf value = { 0 };
        if (store_begin(store, 20000, &tx) != ERR_OK)
            return "begin";
        uint32_t number = 0;
        if (store_setting_get(tx, "number", &value) == ERR_OK)
            memcpy(&number, value.ptr, sizeof(number));
        number++;
        if (store_setting_put(tx, "number", span_of(&number, sizeof(number))) != ERR_OK ||
            store_commit(&tx) != ERR_OK)
            return "commit";
    }
    return NULL;
}

static void writers_take_turns(void **state)
{
    (void)state;
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_ones, NULL), 0);
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    AUTO(buf_free) struct buf value = { 0 };
    AUTO(store_rollback) struct store_tx *tx = begin();
    assert_int_equal(store_setting_get(tx, "number", &value), ERR_OK);
    uint32_t number = 0;
    memcpy(&number, value.ptr, sizeof(number));
    assert_int_equal(number, 200);
}

static void one_process_at_a_time(void **state)
{
    (void)state;
    struct store *second = NULL;
    assert_int_equal(store_open(dir.store, &second), ERR_BUSY);
    assert_non_null(strstr(fail_words(), "in use by another process"));
    pid_t child = fork();
    if (child == 0) {
        close(STDERR_FILENO);
        _exit((int)store_open(dir.store, &second));
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), ERR_BUSY);
    store_close(store);
    assert_int_equal(store_open(dir.store, &store), ERR_OK);
}

static void nobody_else_may_read(void **state)
{
    (void)state;
    static const char *const suffixes[] = { "", "-wal", "-shm", ".lock" };
    struct store_tx *tx = begin();
    setting_put(tx, "a", "b");
    commit(tx);
    for (size_t i = 0; i < COUNT(suffixes); i++) {
        char path[96];
        struct stat st;
        snprintf(path, sizeof(path), "%s%s", dir.store, suffixes[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    store_close(store);
    assert_int_equal(chmod(dir.store, 0644), 0);
    assert_int_equal(store_open(dir.store, &store), ERR_OK);
    struct stat st;
    assert_int_equal(stat(dir.store, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void no_folder_no_store(void **state)
{
    (void)state;
    struct store *none = NULL;
    assert_int_equal(store_open("/nonexistent/store.db", &none), ERR_STORE);
    assert_null(none);
}

/* A full disk, as far as the kernel lets a test make one: no file may grow. */
static void a_full_disk_loses_nothing(void **state)
{
    (void)state;
    static uint8_t bytes[1 << 20];
    struct store_image image = { .kind = 1, .bytes = { bytes, sizeof(bytes), sizeof(bytes) } };
    char version[] = "big";
    image.version = version;
    struct store_tx *tx = begin();
    setting_put(tx, "before", "kept");
    commit(tx);
    struct rlimit limit, small = { 128 << 10, RLIM_INFINITY };
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small.rlim_max = limit.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    tx = begin();
    enum err put = store_image_put(tx, &image);
    enum err end = store_commit(&tx);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_true(put == ERR_OK ? end == ERR_STORE : put == ERR_STORE && end == ERR_ABORTED);
    setting_is("before", "kept");
    tx = begin();
    assert_int_equal(store_image_put(tx, &image), ERR_OK);
    commit(tx);
}

/* Commits numbers for ever and tells each to the pipe once it is durable. */
static _Noreturn void commit_for_ever(int pipe_fd)
{
    struct store *own = NULL;
    if (store_open(dir.store, &own) != ERR_OK)
        _exit(1);
    for (uint64_t i = 0;; i++) {
        struct store_tx *tx = NULL;
        if (store_begin(own, WAIT_MS, &tx) != ERR_OK ||
            store_log_append(tx, i, span_of(&i, sizeof(i))) != ERR_OK ||
            store_log_node_put(tx, 0, i, (const uint8_t[SHA256_SIZE]){ 1 }) != ERR_OK ||
            store_commit(&tx) != ERR_OK || write(pipe_fd, &i, sizeof(i)) != (ssize_t)sizeof(i))
            _exit(1);
    }
}

static void a_kill_keeps_what_was_committed(void **state)
{
    (void)state;
    store_close(store);
    store = NULL;
    int fds[2];
    uint64_t last = 0, size = 0, nodes = 0;
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    if (child == 0)
        commit_for_ever(fds[1]);
    close(fds[1]);
    while (last < 100)
        assert_int_equal(read(fds[0], &last, sizeof(last)), sizeof(last));
    kill(child, SIGKILL);
    while (read(fds[0], &last, sizeof(last)) == (ssize_t)sizeof(last))
        continue;
    close(fds[0]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(store_open(dir.store, &store), ERR_OK);
    AUTO(store_rollback) struct store_tx *tx = begin();
    assert_int_equal(store_log_size(tx, &size), ERR_OK);
    assert_int_equal(store_log_node_count(tx, &nodes), ERR_OK);
    assert_true(size == last + 1 || size == last + 2); /* durable, but not told */
    assert_int_equal(size, nodes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rollback_leaves_nothing),
        TEST(failures_end_the_transaction),
        TEST(watchers_are_told_once),
        TEST(watchers_are_limited),
        TEST(the_writer_is_awaited_for_so_long),
        TEST(writers_take_turns),
        TEST(one_process_at_a_time),
        TEST(nobody_else_may_read),
        TEST(no_folder_no_store),
        TEST(a_full_disk_loses_nothing),
        TEST(a_kill_keeps_what_was_committed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
