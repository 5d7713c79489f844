/* SPDX-License-Identifier: MIT */
/* Changes and reads: how they are grouped, what isolates them, what a full disk or a kill
 * leaves. */
#include "oem-server/store/hooks.h"
#include "oem-server/store/tx.h"
#include "tests/unit/test_store_open.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- A change from a thread of its own, and a gate that keeps the writer busy. --- */

struct job {
    pthread_t thread;
    store_fn *fn;
    void *context;
    uint64_t deadline_ms;
    enum err err;
    char message[FAIL_WORDS_MAX];
};

static void *job_main(void *context)
{
    struct job *job = context;
    job->err = store_do(store, job->fn, job->context, job->deadline_ms);
    snprintf(job->message, sizeof(job->message), "%s", fail_words());
    return NULL;
}

static void job_start(struct job *job, store_fn *fn, void *context)
{
    *job = (struct job){ .fn = fn, .context = context, .deadline_ms = UINT64_MAX };
    assert_int_equal(pthread_create(&job->thread, NULL, job_main, job), 0);
}

static enum err job_end(struct job *job)
{
    pthread_join(job->thread, NULL);
    return job->err;
}

static sem_t gate_entered, gate_open;

/* Holds the writer until the gate is opened, so that what comes after it is one group. */
static enum err gate(struct store_tx *tx, void *context)
{
    (void)tx;
    (void)context;
    sem_post(&gate_entered);
    sem_wait(&gate_open);
    return ERR_OK;
}

static void gate_shut(struct job *job)
{
    sem_init(&gate_entered, 0, 0);
    sem_init(&gate_open, 0, 0);
    job_start(job, gate, NULL);
    sem_wait(&gate_entered);
}

/* Once so many wait: they are one group then. */
static void gate_release(struct job *job, size_t waiting)
{
    while (store_waiting(store) < waiting)
        sched_yield();
    sem_post(&gate_open);
    assert_int_equal(job_end(job), ERR_OK);
}

/* --- Refusals. --- */

static struct setting half = { "half", "done" };

static enum err refuses(struct store_tx *tx, void *context)
{
    (void)context;
    TRY(setting_put(tx, &half));
    return fail_quiet(ERR_QUOTA, "no more of %s", "these");
}

static void a_refusal_leaves_nothing(void **state)
{
    (void)state;
    assert_int_equal(change(refuses, NULL), ERR_QUOTA);
    assert_string_equal(fail_words(),
                        "no more of these"); /* carried from the writer's thread */
    setting_is("half", NULL);
}

static enum err node_twice(struct store_tx *tx)
{
    static const uint8_t hash[SHA256_SIZE];
    TRY(store_log_node_put(tx, 0, 1, hash));
    return store_log_node_put(tx, 0, 1, hash);
}

static enum err index_too_large(struct store_tx *tx)
{
    return store_log_append(tx, UINT64_MAX, span_of("a", 1), &(struct store_log_search){ 0 });
}

static enum err name_not_terminated(struct store_tx *tx)
{
    struct store_principal principal = { .role = 1 };
    memset(principal.name, 'a', sizeof(principal.name));
    return store_principal_add(tx, &principal);
}

static enum err certificate_of_nobody(struct store_tx *tx)
{
    struct store_principal principal = { .role = 1, .name = "line-9" };
    return store_registration_put(tx, &principal, &(struct store_registration){ 0 });
}

static const struct failing {
    const char *name;
    enum err (*run)(struct store_tx *tx);
    enum err want;
} failing[] = {
    { "log node twice", node_twice, ERR_DATA_LOSS },
    { "index over 63 bits", index_too_large, ERR_INVALID },
    { "name without NUL", name_not_terminated, ERR_INVALID },
    { "row that names a missing one", certificate_of_nobody, ERR_PRECONDITION },
};

static enum err fails(struct store_tx *tx, void *context)
{
    const struct failing *f = context;
    TRY(setting_put(tx, &half));
    return f->run(tx);
}

/* Says that all is well after a statement failed. */
static enum err fails_and_hides(struct store_tx *tx, void *context)
{
    const struct failing *f = context;
    TRY(setting_put(tx, &half));
    return f->run(tx) == ERR_OK ? ERR_INTERNAL : ERR_OK;
}

static void failed_statements_undo_their_change(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(failing); i++) {
        struct failing f = failing[i];
        enum err got = change(fails, &f);
        if (got != f.want)
            fail_msg("%s: %s", f.name, err_text(got));
        setting_is("half", NULL);
        assert_int_equal(change(fails_and_hides, &f), ERR_ABORTED);
        setting_is("half", NULL);
    }
}

/* A constraint error in the middle of a group: the others of the group are committed. */
static void a_group_is_isolated(void **state)
{
    (void)state;
    struct setting settings[6];
    char names[COUNT(settings)][8];
    struct job jobs[COUNT(settings) + COUNT(failing)], gate_job;
    struct failing f[COUNT(failing)];
    gate_shut(&gate_job);
    for (size_t i = 0; i < COUNT(settings); i++) {
        snprintf(names[i], sizeof(names[i]), "s%zu", i);
        settings[i] = (struct setting){ names[i], "kept" };
        job_start(&jobs[i], setting_put, &settings[i]);
        if (i < COUNT(failing)) {
            f[i] = failing[i];
            job_start(&jobs[COUNT(settings) + i], fails, &f[i]);
        }
    }
    gate_release(&gate_job, COUNT(jobs));
    for (size_t i = 0; i < COUNT(settings); i++)
        assert_int_equal(job_end(&jobs[i]), ERR_OK);
    for (size_t i = 0; i < COUNT(failing); i++)
        assert_int_equal(job_end(&jobs[COUNT(settings) + i]), f[i].want);
    for (size_t i = 0; i < COUNT(settings); i++)
        setting_is(names[i], "kept");
    setting_is("half", NULL);
}

/* --- The deadline. --- */

static void the_deadline_counts_until_it_starts(void **state)
{
    (void)state;
    struct job gate_job, late;
    gate_shut(&gate_job);
    late = (struct job){ .fn = setting_put, .context = &half, .deadline_ms = now_ms() + 30 };
    assert_int_equal(pthread_create(&late.thread, NULL, job_main, &late), 0);
    assert_int_equal(job_end(&late), ERR_DEADLINE); /* while the gate is still shut */
    assert_int_equal(store_do(store, setting_put, &half, 0), ERR_DEADLINE);
    gate_release(&gate_job, 0);
    setting_is("half", NULL);
    struct setting s = { "after", "1" };
    assert_int_equal(store_do(store, setting_put, &s, now_ms() + 5000), ERR_OK);
}

static enum err slow(struct store_tx *tx, void *context)
{
    nanosleep(&(struct timespec){ .tv_nsec = 60000000 }, NULL);
    return setting_put(tx, context);
}

static void once_started_the_answer_is_waited_for(void **state)
{
    (void)state;
    struct setting s = { "slow", "done" };
    assert_int_equal(store_do(store, slow, &s, now_ms() + 20), ERR_OK);
    setting_is("slow", "done");
}

/* --- Reading. --- */

static void readers_do_not_wait_for_the_writer(void **state)
{
    (void)state;
    struct job gate_job;
    setting_set("a", "1");
    gate_shut(&gate_job);
    struct setting s = { "a", "1" };
    for (int i = 0; i < 20; i++)
        assert_int_equal(store_read(store, setting_compare, &s, now_ms() + 5000), ERR_OK);
    gate_release(&gate_job, 0);
}

static enum err write_in_read(struct store_tx *tx, void *context)
{
    return setting_put(tx, context);
}

static void a_reader_cannot_write(void **state)
{
    (void)state;
    assert_int_not_equal(look(write_in_read, &half), ERR_OK);
    setting_is("half", NULL);
}

static enum err read_holds(struct store_tx *tx, void *context)
{
    (void)context;
    (void)store_setting_get(tx, "a", &(struct buf){ 0 });
    sem_post(&gate_entered);
    sem_wait(&gate_open);
    return ERR_OK;
}

static void *read_main(void *context)
{
    enum err *e = context;
    *e = look(read_holds, NULL);
    return NULL;
}

static void readers_are_a_few(void **state)
{
    (void)state;
    pthread_t threads[4];
    enum err errs[COUNT(threads)];
    sem_init(&gate_entered, 0, 0);
    sem_init(&gate_open, 0, 0);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_create(&threads[i], NULL, read_main, &errs[i]);
    for (size_t i = 0; i < COUNT(threads); i++)
        sem_wait(&gate_entered);
    struct setting s = { "a", NULL };
    assert_int_equal(store_read(store, setting_compare, &s, now_ms() + 30), ERR_DEADLINE);
    setting_set("a", "1"); /* the writer goes on meanwhile */
    for (size_t i = 0; i < COUNT(threads); i++)
        sem_post(&gate_open);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(errs[i], ERR_OK);
    setting_is("a", "1");
}

static enum err nested(struct store_tx *tx, void *context)
{
    (void)tx;
    return store_do(store, setting_put, context, UINT64_MAX);
}

static void a_change_within_a_change_is_refused(void **state)
{
    (void)state;
    assert_int_equal(change(nested, &half), ERR_INTERNAL);
}

/* --- Time and notes. --- */

static enum err clock_twice(struct store_tx *tx, void *context)
{
    int64_t *first = context;
    *first = store_now_us(tx);
    nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
    return store_now_us(tx) == *first ? ERR_OK : ERR_INTERNAL;
}

static void a_transaction_has_one_time(void **state)
{
    (void)state;
    int64_t first = 0, second = 0;
    int64_t before = (int64_t)time(NULL) * 1000000;
    assert_int_equal(change(clock_twice, &first), ERR_OK);
    assert_int_equal(change(clock_twice, &second), ERR_OK);
    assert_true(first >= before && second > first);
}

static enum err note_some(struct store_tx *tx, void *context)
{
    size_t count = 99, *seen = context;
    (void)store_notes(tx, &count);
    assert_int_equal(count, 0); /* none of the function before */
    for (int i = 0; i < 100; i++)
        TRY(store_note(tx, "row", "field", "value"));
    TRY(store_note(tx, "row", "", NULL));
    const struct store_note *notes = store_notes(tx, seen);
    assert_string_equal(notes[99].value, "value");
    assert_null(notes[100].value);
    return ERR_OK;
}

static void notes_are_of_one_function(void **state)
{
    (void)state;
    size_t seen = 0;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(change(note_some, &seen), ERR_OK);
        assert_int_equal(seen, 101);
    }
}

static enum err finish_ok(void *context, struct store_tx *tx)
{
    (void)context;
    (void)tx;
    return ERR_OK;
}

static enum err principal_put(struct store_tx *tx, void *context)
{
    (void)context;
    struct store_principal principal = { .role = 1, .name = "line-1" };
    return store_principal_add(tx, &principal);
}

static void no_change_without_an_entry(void **state)
{
    (void)state;
    const struct store_follower follower = { .finish = finish_ok };
    store_follow(store, &follower);
    assert_int_equal(change(principal_put, NULL), ERR_INTERNAL);
    assert_non_null(strstr(fail_words(), "principal/1/line-1"));
    store_follow(store, NULL);
    assert_int_equal(change(principal_put, NULL), ERR_OK);
}

/* --- A group that is lost. --- */

struct lost {
    atomic_int finishes, fail_first;
    atomic_int runs;
};

static enum err finish_fails(void *context, struct store_tx *tx)
{
    struct lost *lost = context;
    (void)tx;
    return atomic_fetch_add(&lost->finishes, 1) < atomic_load(&lost->fail_first)
               ? fail_quiet(ERR_STORE, "no head")
               : ERR_OK;
}

static enum err counted(struct store_tx *tx, void *context)
{
    struct lost *lost = context;
    char name[16];
    snprintf(name, sizeof(name), "run%d", atomic_fetch_add(&lost->runs, 1));
    TRY(store_setting_put(tx, name, span_of("1", 1)));
    store_notes_clear(tx); /* as the log's entry does */
    return ERR_OK;
}

static void a_lost_group_is_run_once_more(void **state)
{
    (void)state;
    struct lost lost = { .fail_first = 1 };
    const struct store_follower follower = { .context = &lost, .finish = finish_fails };
    store_follow(store, &follower);
    assert_int_equal(change(counted, &lost), ERR_OK);
    assert_int_equal(lost.runs, 2); /* a function may be run twice */
    setting_is("run0", NULL);
    setting_is("run1", "1");
    lost = (struct lost){ .fail_first = 2 };
    assert_int_equal(change(counted, &lost), ERR_UNAVAILABLE);
    assert_int_equal(lost.runs, 2);
    setting_is("run0", NULL);
    store_follow(store, NULL);
}

static struct rlimit disk_free;

static void disk_fill(void)
{
    char wal[96];
    struct stat st;
    snprintf(wal, sizeof(wal), "%s-wal", dir.store);
    assert_int_equal(stat(wal, &st), 0);
    struct rlimit small = { (rlim_t)st.st_size + (256 << 10), RLIM_INFINITY };
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &disk_free), 0);
    small.rlim_max = disk_free.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
}

static void disk_empty(void)
{
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &disk_free), 0);
}

static enum err big(struct store_tx *tx, void *context)
{
    static uint8_t bytes[8 << 20]; /* more than the page cache: it spills to the file */
    (void)context;
    return store_setting_put(tx, "big", SPAN(bytes));
}

/* A full disk, as far as the kernel lets a test make one: no file may grow. SQLite ends the
 * whole transaction then: the small changes of the group are run again, alone, and are kept. */
static void a_full_disk_hurts_one_change_only(void **state)
{
    (void)state;
    struct setting settings[4];
    char names[COUNT(settings)][8];
    struct job jobs[COUNT(settings)], gate_job, big_job;
    setting_set("before", "kept");
    gate_shut(&gate_job);
    for (size_t i = 0; i < COUNT(settings); i++) {
        snprintf(names[i], sizeof(names[i]), "s%zu", i);
        settings[i] = (struct setting){ names[i], "kept" };
        job_start(&jobs[i], setting_put, &settings[i]);
        if (i == 1)
            job_start(&big_job, big, NULL);
    }
    disk_fill();
    gate_release(&gate_job, COUNT(jobs) + 1);
    enum err got = job_end(&big_job);
    for (size_t i = 0; i < COUNT(settings); i++)
        assert_int_equal(job_end(&jobs[i]), ERR_OK);
    disk_empty();
    assert_true(got == ERR_UNAVAILABLE || got == ERR_STORE);
    setting_is("before", "kept");
    setting_is("big", NULL);
    for (size_t i = 0; i < COUNT(settings); i++)
        setting_is(names[i], "kept");
    assert_int_equal(change(big, NULL), ERR_OK);
}

/* The database may not grow: what SQLite calls full (SQLITE_FULL), on the writer's connection.
 */
static enum err pages_limit(struct store_tx *tx, void *context)
{
    return tx->store->backend->script(tx->link, context);
}

static void a_full_database_hurts_one_change_only(void **state)
{
    (void)state;
    char none_left[] = "PRAGMA max_page_count = 100", many[] = "PRAGMA max_page_count = 100000";
    struct setting small[2] = { { "s0", "kept" }, { "s1", "kept" } };
    struct job jobs[2], gate_job, big_job;
    assert_int_equal(change(pages_limit, none_left), ERR_OK); /* or as many as there are */
    gate_shut(&gate_job);
    job_start(&jobs[0], setting_put, &small[0]);
    job_start(&big_job, big, NULL);
    job_start(&jobs[1], setting_put, &small[1]);
    gate_release(&gate_job, 3);
    enum err got = job_end(&big_job);
    assert_true(got == ERR_STORE || got == ERR_UNAVAILABLE);
    assert_non_null(strstr(big_job.message, "full"));
    for (size_t i = 0; i < COUNT(jobs); i++) {
        assert_int_equal(job_end(&jobs[i]), ERR_OK);
        setting_is(small[i].name, "kept");
    }
    setting_is("big", NULL);
    assert_int_equal(change(pages_limit, many), ERR_OK);
    assert_int_equal(change(big, NULL), ERR_OK);
}

/* --- Many threads. --- */

static enum err add_one(struct store_tx *tx, void *context)
{
    AUTO(buf_free) struct buf value = { 0 };
    uint32_t number = 0;
    (void)context;
    if (store_setting_get(tx, "number", &value) == ERR_OK)
        memcpy(&number, value.ptr, sizeof(number));
    number++;
    return store_setting_put(tx, "number", span_of(&number, sizeof(number)));
}

static void *add_ones(void *context)
{
    (void)context;
    for (int i = 0; i < 50; i++)
        if (change(add_one, NULL) != ERR_OK)
            return "failed";
    return NULL;
}

static enum err number_get(struct store_tx *tx, void *context)
{
    AUTO(buf_free) struct buf value = { 0 };
    TRY(store_setting_get(tx, "number", &value));
    memcpy(context, value.ptr, sizeof(uint32_t));
    return ERR_OK;
}

static void changes_are_one_after_another(void **state)
{
    (void)state;
    pthread_t threads[8];
    uint32_t number = 0;
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_ones, NULL), 0);
    void *failed[COUNT(threads)];
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], &failed[i]);
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_null(failed[i]);
    assert_int_equal(look(number_get, &number), ERR_OK);
    assert_int_equal(number, 400);
}

/* --- The file. --- */

static void one_process_at_a_time(void **state)
{
    (void)state;
    struct store *second = NULL;
    assert_int_equal(store_open(dir.store, &second), ERR_BUSY);
    assert_non_null(strstr(fail_words(), "in use by another process"));
    store_close(store);
    assert_int_equal(store_open(dir.store, &store), ERR_OK);
}

static void nobody_else_may_read(void **state)
{
    (void)state;
    static const char *const suffixes[] = { "", "-wal", "-shm", ".lock" };
    setting_set("a", "b");
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

static enum err append_number(struct store_tx *tx, void *context)
{
    const uint64_t *i = context;
    static const uint8_t hash[SHA256_SIZE] = { 1 };
    TRY(store_log_append(tx, *i, span_of(i, sizeof(*i)), &(struct store_log_search){ 0 }));
    return store_log_node_put(tx, 0, *i, hash);
}

/* Commits numbers until it is killed, and tells each to the pipe once it is durable. */
static _Noreturn void commit_until_killed(int pipe_fd)
{
    if (store_open(dir.store, &store) != ERR_OK)
        _exit(1);
    for (uint64_t i = 0;; i++)
        if (change(append_number, &i) != ERR_OK ||
            write(pipe_fd, &i, sizeof(i)) != (ssize_t)sizeof(i))
            _exit(1);
}

struct sizes {
    uint64_t entries, nodes;
};

static enum err sizes_get(struct store_tx *tx, void *context)
{
    struct sizes *sizes = context;
    TRY(store_log_size(tx, &sizes->entries));
    return store_log_node_count(tx, &sizes->nodes);
}

static void a_kill_keeps_what_was_committed(void **state)
{
    (void)state;
    store_close(store);
    store = NULL;
    int fds[2];
    uint64_t last = 0;
    struct sizes sizes = { 0 };
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    if (child == 0)
        commit_until_killed(fds[1]);
    close(fds[1]);
    while (last < 100)
        assert_int_equal(read(fds[0], &last, sizeof(last)), sizeof(last));
    kill(child, SIGKILL);
    while (read(fds[0], &last, sizeof(last)) == (ssize_t)sizeof(last))
        continue;
    close(fds[0]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(store_open(dir.store, &store), ERR_OK);
    assert_int_equal(look(sizes_get, &sizes), ERR_OK);
    assert_true(sizes.entries == last + 1 || sizes.entries == last + 2); /* durable, not told */
    assert_int_equal(sizes.entries, sizes.nodes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_refusal_leaves_nothing),
        TEST(failed_statements_undo_their_change),
        TEST(a_group_is_isolated),
        TEST(the_deadline_counts_until_it_starts),
        TEST(once_started_the_answer_is_waited_for),
        TEST(readers_do_not_wait_for_the_writer),
        TEST(a_reader_cannot_write),
        TEST(readers_are_a_few),
        TEST(a_change_within_a_change_is_refused),
        TEST(a_transaction_has_one_time),
        TEST(notes_are_of_one_function),
        TEST(no_change_without_an_entry),
        TEST(a_lost_group_is_run_once_more),
        TEST(a_full_disk_hurts_one_change_only),
        TEST(a_full_database_hurts_one_change_only),
        TEST(changes_are_one_after_another),
        TEST(one_process_at_a_time),
        TEST(nobody_else_may_read),
        TEST(no_folder_no_store),
        TEST(a_kill_keeps_what_was_committed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
