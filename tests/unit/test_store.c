#include "tests/unit/test_store_dir.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/host/log.h"
#include "oem-server/store/store.h"

enum { WAIT_MS = 1000 };

static struct test_dir dir;
static struct store *store;

static int open_store(void **state)
{
    (void)state;
    test_dir_make(&dir);
    return store_open(dir.store, &store) == ERR_OK ? 0 : -1;
}

static int close_store(void **state)
{
    (void)state;
    store_close(store);
    test_dir_remove(&dir);
    return 0;
}

static struct store_tx *begin(void)
{
    struct store_tx *tx = NULL;
    assert_int_equal(store_begin(store, WAIT_MS, &tx), ERR_OK);
    return tx;
}

static void commit(struct store_tx *tx)
{
    assert_int_equal(store_commit(&tx), ERR_OK);
    assert_null(tx);
}

static void setting_is(const char *name, const char *want)
{
    AUTO(store_rollback) struct store_tx *tx = begin();
    AUTO(buf_free) struct buf value = { 0 };
    assert_int_equal(store_setting_get(tx, name, &value),
                     want != NULL ? ERR_OK : ERR_NOT_FOUND);
    if (want != NULL)
        assert_true(span_eq(buf_span(&value), span_of(want, strlen(want))));
}

static void setting_put(struct store_tx *tx, const char *name, const char *value)
{
    assert_int_equal(store_setting_put(tx, name, span_of(value, strlen(value))), ERR_OK);
}

static void settings_are_replaced(void **state)
{
    (void)state;
    setting_is("origin", NULL);
    struct store_tx *tx = begin();
    setting_put(tx, "origin", "a");
    setting_put(tx, "origin", "example.com/log");
    setting_put(tx, "empty", "");
    commit(tx);
    setting_is("origin", "example.com/log");
    setting_is("empty", "");
}

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

static void principals(void **state)
{
    (void)state;
    struct store_principal station = { .role = 1, .name = "line-1" }, read;
    memset(station.certificate_sha256, 7, SHA256_SIZE);
    struct store_tx *tx = begin();
    assert_int_equal(store_principal_add(tx, &station), ERR_OK);
    assert_int_equal(store_principal_add(tx, &station), ERR_EXISTS);
    station.role = 2; /* the same name in another role is another principal */
    assert_int_equal(store_principal_add(tx, &station), ERR_OK);
    assert_int_equal(store_principal_get(tx, 3, "line-1", &read), ERR_NOT_FOUND);
    assert_int_equal(store_principal_get(tx, 1, "line-2", &read), ERR_NOT_FOUND);
    assert_int_equal(store_principal_revoke(tx, 1, "line-2"), ERR_NOT_FOUND);
    assert_int_equal(store_principal_revoke(tx, 1, "line-1"), ERR_OK);
    assert_int_equal(store_principal_revoke(tx, 1, "line-1"), ERR_OK);
    assert_int_equal(store_principal_get(tx, 1, "line-1", &read), ERR_OK);
    assert_true(read.revoked);
    assert_string_equal(read.name, "line-1");
    assert_memory_equal(read.certificate_sha256, station.certificate_sha256, SHA256_SIZE);
    assert_int_equal(store_principal_get(tx, 2, "line-1", &read), ERR_OK);
    assert_false(read.revoked);
    commit(tx); /* an answer of "exists" or "not found" does not end it */
}

static void image_put(struct store_tx *tx, uint8_t fill)
{
    uint8_t bytes[] = { 1, 2, fill };
    char version[] = "1.0";
    struct store_image image = { .kind = 1,
                                 .version = version,
                                 .bytes = { bytes, sizeof(bytes), sizeof(bytes) } };
    memset(image.sha256, fill, SHA256_SIZE);
    assert_int_equal(store_image_put(tx, &image), ERR_OK);
    assert_int_equal(store_image_put(tx, &image), ERR_EXISTS);
}

static void images(void **state)
{
    (void)state;
    struct store_tx *tx = begin();
    image_put(tx, 5);
    uint8_t sha256[SHA256_SIZE];
    memset(sha256, 5, sizeof(sha256));
    AUTO(store_image_free) struct store_image image = { 0 };
    assert_int_equal(store_image_get(tx, sha256, &image), ERR_OK);
    assert_string_equal(image.version, "1.0");
    assert_int_equal(image.kind, 1);
    assert_true(span_eq(buf_span(&image.bytes), span_of((const uint8_t[]){ 1, 2, 5 }, 3)));
    sha256[31] = 6;
    assert_int_equal(store_image_get(tx, sha256, &image), ERR_NOT_FOUND);
    commit(tx);
}

static struct store_order order_of(const char *name, char (*stations)[65], size_t count)
{
    struct store_order order = { .quantity = 1000,
                                 .lock_level = 3,
                                 .boot_key_scope = 2,
                                 .not_before = -1,
                                 .not_after = INT64_MAX,
                                 .stations = stations,
                                 .station_count = count };
    strncpy(order.name, name, sizeof(order.name) - 1);
    memset(order.firmware_sha256, 5, SHA256_SIZE);
    memset(order.devauth_sha256, 6, SHA256_SIZE);
    return order;
}

static void order_put(struct store_tx *tx, const char *name)
{
    struct store_order order = order_of(name, NULL, 0);
    assert_int_equal(store_order_put(tx, &order), ERR_OK);
}

static void orders(void **state)
{
    (void)state;
    char stations[2][65] = { "line-2", "line-1" };
    struct store_order order = order_of("order-1", stations, 2);
    struct store_tx *tx = begin();
    image_put(tx, 5);
    image_put(tx, 6);
    assert_int_equal(store_order_put(tx, &order), ERR_OK);
    assert_int_equal(store_order_put(tx, &order), ERR_EXISTS);
    AUTO(store_order_free) struct store_order read = { 0 };
    assert_int_equal(store_order_get(tx, "order-2", &read), ERR_NOT_FOUND);
    assert_int_equal(store_order_get(tx, "order-1", &read), ERR_OK);
    assert_string_equal(read.name, "order-1");
    assert_int_equal(read.quantity, 1000);
    assert_int_equal(read.lock_level, 3);
    assert_int_equal(read.boot_key_scope, 2);
    assert_true(read.not_before == -1 && read.not_after == INT64_MAX);
    assert_int_equal(read.devauth_sha256[31], 6);
    assert_int_equal(read.station_count, 2);
    assert_string_equal(read.stations[0], "line-1");
    assert_string_equal(read.stations[1], "line-2");
    commit(tx);
}

static void order_of_unknown_image_is_refused(void **state)
{
    (void)state;
    struct store_order order = order_of("order-1", NULL, 0);
    struct store_tx *tx = begin();
    image_put(tx, 5); /* but not 6 */
    assert_int_equal(store_order_put(tx, &order), ERR_PRECONDITION);
    assert_int_equal(store_commit(&tx), ERR_ABORTED);
}

static struct store_unit unit_of(uint8_t uid, uint32_t state)
{
    struct store_unit unit = { .order = "order-1", .station = "line-1", .state = state };
    memset(unit.uid, uid, UID_SIZE);
    memset(unit.run_id, uid, RUN_ID_SIZE);
    return unit;
}

static void unit_put(struct store_tx *tx, uint8_t uid, uint32_t state)
{
    struct store_unit unit = unit_of(uid, state);
    assert_int_equal(store_unit_put(tx, &unit), ERR_OK);
}

static void orders_and_images(struct store_tx *tx)
{
    image_put(tx, 5);
    image_put(tx, 6);
    order_put(tx, "order-1");
}

static void units_keep_what_they_have(void **state)
{
    (void)state;
    uint8_t csr[] = { 0x30, 0 };
    struct store_tx *tx = begin();
    orders_and_images(tx);
    struct store_unit unit = unit_of(9, STORE_UNIT_OPEN);
    assert_int_equal(store_unit_put(tx, &unit), ERR_OK);
    unit.csr = (struct buf){ csr, sizeof(csr), sizeof(csr) };
    unit.state = STORE_UNIT_FINISHED;
    unit.done_us = 77;
    assert_int_equal(store_unit_put(tx, &unit), ERR_OK);
    AUTO(store_unit_free) struct store_unit read = { 0 };
    assert_int_equal(store_unit_get(tx, unit.uid, &read), ERR_OK);
    assert_int_equal(read.state, STORE_UNIT_FINISHED);
    assert_true(span_eq(buf_span(&read.csr), SPAN(csr)));
    assert_int_equal(read.receipt.len, 0);
    assert_true(read.done_us == 77 && read.opened_us == 0);
    assert_memory_equal(read.run_id, unit.run_id, RUN_ID_SIZE);
    assert_string_equal(read.order, "order-1");
    unit.uid[0] = 8;
    assert_int_equal(store_unit_get(tx, unit.uid, &read), ERR_NOT_FOUND);
    commit(tx);
}

static void units_are_counted(void **state)
{
    (void)state;
    struct store_order_counts counts;
    struct store_tx *tx = begin();
    orders_and_images(tx);
    for (uint8_t i = 0; i < 10; i++)
        unit_put(tx, i, i % 5 + 1);
    unit_put(tx, 0, STORE_UNIT_FAILED);
    assert_int_equal(store_order_count(tx, "order-1", &counts), ERR_OK);
    assert_int_equal(counts.open, 1);
    assert_int_equal(counts.done, 4);
    assert_int_equal(counts.failed, 3);
    uint32_t cut = 0;
    assert_int_equal(store_units_cut_open(tx, &cut), ERR_OK);
    assert_int_equal(cut, 1);
    assert_int_equal(store_order_count(tx, "order-1", &counts), ERR_OK);
    assert_int_equal(counts.open, 0);
    assert_int_equal(store_order_count(tx, "order-2", &counts), ERR_OK);
    assert_int_equal(counts.open + counts.done + counts.failed, 0);
    commit(tx);
}

static void a_boot_key_is_made_once(void **state)
{
    (void)state;
    uint8_t wrapped[] = { 1, 2, 3 };
    struct store_boot_key key = { .wrapped = { wrapped, 3, 3 } };
    struct store_tx *tx = begin();
    assert_int_equal(store_boot_key_put(tx, "order/a", &key), ERR_OK);
    wrapped[0] = 9;
    assert_int_equal(store_boot_key_put(tx, "order/a", &key), ERR_EXISTS);
    AUTO(store_boot_key_free) struct store_boot_key read = { 0 };
    assert_int_equal(store_boot_key_get(tx, "order/a", &read), ERR_OK);
    assert_int_equal(read.wrapped.ptr[0], 1);
    assert_int_equal(store_boot_key_get(tx, "order/b", &read), ERR_NOT_FOUND);
    commit(tx);
}

static void answers_expire(void **state)
{
    (void)state;
    uint8_t key[STORE_CALL_KEY_SIZE] = { 1 }, bytes[] = { 4 };
    struct store_answer answer = { .response = { bytes, 1, 1 } };
    struct store_tx *tx = begin();
    assert_int_equal(store_answer_put(tx, "a", key, &answer, 100), ERR_OK);
    assert_int_equal(store_answer_put(tx, "a", key, &answer, 200), ERR_EXISTS);
    assert_int_equal(store_answer_put(tx, "b", key, &answer, 200), ERR_OK);
    assert_int_equal(store_answers_expire(tx, 101), ERR_OK);
    AUTO(store_answer_free) struct store_answer read = { 0 };
    assert_int_equal(store_answer_get(tx, "a", key, &read), ERR_NOT_FOUND);
    assert_int_equal(store_answer_get(tx, "b", key, &read), ERR_OK);
    assert_true(span_eq(buf_span(&read.response), SPAN(bytes)));
    commit(tx);
}

static enum err count_entry(void *context, uint64_t index, struct span entry)
{
    uint64_t *next = context;
    if (index != *next || entry.len != 1 || entry.ptr[0] != index)
        return ERR_MISMATCH;
    ++*next;
    return index == 7 ? ERR_CANCELLED : ERR_OK;
}

static void log_rows(void **state)
{
    (void)state;
    uint8_t hash[SHA256_SIZE] = { 3 }, read[SHA256_SIZE];
    uint64_t value = 9;
    struct store_tx *tx = begin();
    assert_int_equal(store_log_size(tx, &value), ERR_OK);
    assert_int_equal(value, 0);
    for (uint8_t i = 0; i < 6; i++)
        assert_int_equal(store_log_append(tx, i, span_of(&i, 1)), ERR_OK);
    assert_int_equal(store_log_size(tx, &value), ERR_OK);
    assert_int_equal(value, 6);
    uint64_t next = 2;
    assert_int_equal(store_log_read(tx, 2, 3, count_entry, &next), ERR_OK);
    assert_int_equal(next, 5);
    assert_int_equal(store_log_read(tx, 5, 100, count_entry, &next), ERR_OK);
    assert_int_equal(next, 6);
    assert_int_equal(store_log_read(tx, 6, 1, count_entry, &next), ERR_OK);
    assert_int_equal(next, 6);
    assert_int_equal(store_log_node_get(tx, 3, 1, read), ERR_NOT_FOUND);
    assert_int_equal(store_log_node_put(tx, 3, 1, hash), ERR_OK);
    assert_int_equal(store_log_node_get(tx, 3, 1, read), ERR_OK);
    assert_memory_equal(read, hash, SHA256_SIZE);
    assert_int_equal(store_log_node_count(tx, &value), ERR_OK);
    assert_int_equal(value, 1);
    commit(tx);
}

static void log_read_ends_with_its_taker(void **state)
{
    (void)state;
    AUTO(store_rollback) struct store_tx *tx = begin();
    for (uint8_t i = 0; i < 10; i++)
        assert_int_equal(store_log_append(tx, i, span_of(&i, 1)), ERR_OK);
    uint64_t next = 0;
    assert_int_equal(store_log_read(tx, 0, 10, count_entry, &next), ERR_CANCELLED);
    assert_int_equal(next, 8);
    next = 8; /* the statement is free again */
    assert_int_equal(store_log_read(tx, 8, 10, count_entry, &next), ERR_OK);
}

static void checkpoints(void **state)
{
    (void)state;
    AUTO(store_rollback) struct store_tx *tx = begin();
    AUTO(buf_free) struct buf note = { 0 };
    uint64_t size;
    assert_int_equal(store_checkpoint_latest(tx, &size, &note), ERR_NOT_FOUND);
    assert_int_equal(store_checkpoint_put(tx, 9, span_of("nine", 4)), ERR_OK);
    assert_int_equal(store_checkpoint_put(tx, 5, span_of("five", 4)), ERR_OK);
    assert_int_equal(store_checkpoint_latest(tx, &size, &note), ERR_OK);
    assert_int_equal(size, 9);
    assert_int_equal(store_checkpoint_from(tx, 0, &size, &note), ERR_OK);
    assert_int_equal(size, 5);
    assert_true(span_eq(buf_span(&note), span_of("five", 4)));
    assert_int_equal(store_checkpoint_from(tx, 6, &size, &note), ERR_OK);
    assert_int_equal(size, 9);
    assert_int_equal(store_checkpoint_from(tx, 10, &size, &note), ERR_NOT_FOUND);
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
    struct store_unit unit = unit_of(1, STORE_UNIT_OPEN);
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
    struct store_unit unit = unit_of(1, STORE_UNIT_OPEN);
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

static void too_many_stations(void **state)
{
    (void)state;
    static char stations[STORE_STATIONS_MAX + 1][65];
    struct store_order order = order_of("order-1", stations, STORE_STATIONS_MAX + 1);
    AUTO(store_rollback) struct store_tx *tx = begin();
    assert_int_equal(store_order_put(tx, &order), ERR_LIMIT);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(settings_are_replaced),
        TEST(rollback_leaves_nothing),
        TEST(principals),
        TEST(images),
        TEST(orders),
        TEST(order_of_unknown_image_is_refused),
        TEST(units_keep_what_they_have),
        TEST(units_are_counted),
        TEST(a_boot_key_is_made_once),
        TEST(answers_expire),
        TEST(log_rows),
        TEST(log_read_ends_with_its_taker),
        TEST(checkpoints),
        TEST(failures_end_the_transaction),
        TEST(too_many_stations),
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
