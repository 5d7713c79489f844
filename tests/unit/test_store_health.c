/* SPDX-License-Identifier: MIT */
/* A store that takes no changes: what its callers and Health are told, and its recovery without
 * a caller. */
#include "oem-server/store/hooks.h"
#include "tests/unit/test_store_open.h"

#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "common/host/clock.h"

enum { FAR_MS = 60000 };

static struct store_health health(void)
{
    struct store_health h;
    store_health(store, &h);
    return h;
}

/* Nobody makes a change meanwhile. */
static void recovers(void)
{
    uint64_t until_ms = clock_ms() + FAR_MS;
    while (health().fails && clock_ms() < until_ms)
        poll(NULL, 0, 10);
    assert_false(health().fails);
    assert_null(health().words);
}

static atomic_int runs;

static enum err counted(struct store_tx *tx, void *context)
{
    (void)context;
    atomic_fetch_add(&runs, 1);
    return setting_put(tx, &(struct setting){ "counted", "1" });
}

static sqlite3 *other;

static void other_holds(void)
{
    assert_int_equal(sqlite3_open(dir.store, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
}

static void other_ends(void)
{
    assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
}

static void another_process_holds_it(void **state)
{
    (void)state;
    atomic_store(&runs, 0);
    other_holds();
    /* The deadline counts as long as fn has not started: the writer waits for the lock. */
    assert_int_equal(store_do(store, counted, NULL, clock_ms() + 100), ERR_DEADLINE);
    assert_int_equal(change(counted, NULL), ERR_UNAVAILABLE);
    assert_int_equal(atomic_load(&runs), 0);
    assert_int_equal(health().err, ERR_BUSY);
    assert_non_null(health().words);
    assert_string_equal(health().words, "another process holds its file");
    other_ends();
    recovers();
    assert_int_equal(change(counted, NULL), ERR_OK);
    assert_int_equal(atomic_load(&runs), 1);
}

static void a_full_disk_is_told_and_ends(void **state)
{
    (void)state;
    struct rlimit before, none;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    none = (struct rlimit){ 0, before.rlim_max };
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    assert_int_equal(change(counted, NULL), ERR_UNAVAILABLE);
    bool fails = health().fails;
    enum err why = health().err;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_true(fails);
    assert_int_equal(why, ERR_STORE);
    recovers();
    assert_int_equal(change(counted, NULL), ERR_OK);
}

static enum err refuses(struct store_tx *tx, void *context)
{
    (void)tx, (void)context;
    return fail_quiet(ERR_QUOTA, "no");
}

/* A refusal writes nothing, so it says nothing of the disk, either way. */
static void a_refusal_tells_nothing_of_it(void **state)
{
    (void)state;
    assert_int_equal(change(refuses, NULL), ERR_QUOTA);
    assert_null(health().words);
    store_fail(store, true);
    assert_int_equal(change(counted, NULL), ERR_UNAVAILABLE);
    assert_non_null(health().words);
    store_fail(store, false);
    recovers();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(another_process_holds_it),
        TEST(a_full_disk_is_told_and_ends),
        TEST(a_refusal_tells_nothing_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
