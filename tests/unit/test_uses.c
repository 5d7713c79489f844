/* SPDX-License-Identifier: MIT */
/* What was asked of a key is told once: after changes that fail, and after a process that ends
 * before, between and after a commit. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "oem-server/uses/uses.h"

static char path[64];
static const uint8_t leaf[SHA256_SIZE] = { 7 };

static int set_up(void **state)
{
    (void)state;
    snprintf(path, sizeof(path), "/tmp/hallmark-uses-XXXXXX");
    int fd = mkstemp(path);
    close(fd);
    return fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(path);
}

static struct uses *open_table(void)
{
    struct uses *uses = NULL;
    assert_int_equal(uses_open(path, &uses), ERR_OK);
    return uses;
}

/* The sums over all rows. */
static void assert_take(struct uses *uses, bool start, uint64_t count, uint64_t left)
{
    struct uses_row rows[USES_MAX];
    uint64_t got[2] = { 0 };
    size_t n = uses_take(uses, start, rows);
    for (size_t i = 0; i < n; i++) {
        got[0] += rows[i].count;
        got[1] += rows[i].unaccounted;
    }
    assert_int_equal(got[0], count);
    assert_int_equal(got[1], left);
}

static void count_n(struct uses *uses, const char *key, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        uses_count(uses, key);
}

static void each_entry_has_what_came_since(void **state)
{
    (void)state;
    struct uses *uses = open_table();
    struct uses_row rows[USES_MAX];
    count_n(uses, "log: log", 2);
    count_n(uses, "tls: web-server", 3);
    uses_save(uses);
    assert_int_equal(uses_take(uses, false, rows), 2);
    assert_string_equal(rows[1].key, "tls: web-server");
    assert_int_equal(rows[1].count, 3);
    assert_take(uses, false, 0, 0); /* told by the entry before */
    uses_restore(uses);
    assert_take(uses, false, 5, 0); /* its fn was rolled back */
    uses_commit(uses, 1, leaf);
    uses_ended(uses, false);
    assert_take(uses, false, 5, 0); /* the group was not committed */
    uses_commit(uses, 1, leaf);
    uses_ended(uses, true);
    assert_take(uses, false, 0, 0);
    uses_close(uses);
}

static const struct {
    const char *name;
    bool commit, ended, stands; /* how far the last process came; is it in the log? */
    uint64_t left;
} deaths[] = {
    { "before the commit", false, false, false, 4 },
    { "in the commit, which stands", true, false, true, 0 },
    { "in the commit, which does not", true, false, false, 4 },
    { "after it", true, true, true, 0 },
};

static void the_next_process_tells_what_was_left(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(deaths); i++) {
        struct uses *uses = open_table();
        uint8_t found[SHA256_SIZE];
        uint64_t size;
        count_n(uses, "boot: unit", 4);
        assert_take(uses, false, 4, 0);
        if (deaths[i].commit)
            uses_commit(uses, 11 + i, leaf);
        if (deaths[i].ended)
            uses_ended(uses, true);
        uses_close(uses);
        uses = open_table();
        bool doubt = uses_in_doubt(uses, &size, found);
        assert_int_equal(doubt, deaths[i].commit && !deaths[i].ended);
        if (doubt) {
            assert_int_equal(size, 11 + i);
            assert_memory_equal(found, leaf, SHA256_SIZE);
            uses_resolve(uses, deaths[i].stands);
        }
        count_n(uses, "boot: unit", 1);
        assert_take(uses, false, 1, 0); /* another entry before "start" */
        assert_take(uses, true, 0, deaths[i].left);
        uses_commit(uses, 20 + i, leaf);
        uses_ended(uses, true);
        uses_close(uses);
    }
}

static void keys_over_the_table_are_others(void **state)
{
    (void)state;
    struct uses *uses = open_table();
    struct uses_row rows[USES_MAX];
    char key[200];
    for (unsigned i = 0; i < USES_MAX + 10; i++) {
        snprintf(key, sizeof(key), "boot: %0100u", i); /* cut: all one */
        uses_count(uses, key);
        snprintf(key, sizeof(key), "boot: %u", i);
        uses_count(uses, key);
    }
    assert_int_equal(uses_take(uses, false, rows), USES_MAX);
    assert_string_equal(rows[USES_MAX - 1].key, "others");
    uint64_t all = 0;
    for (size_t i = 0; i < USES_MAX; i++)
        all += rows[i].count;
    assert_int_equal(all, 2 * (USES_MAX + 10));
    uses_close(uses);
}

static void damaged_file_begins_again(void **state)
{
    (void)state;
    static const char other[] = "no table";
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(other, 1, sizeof(other), file), sizeof(other));
    fclose(file);
    struct uses *uses = open_table();
    assert_take(uses, true, 0, 0);
    uses_close(uses);
    assert_int_equal(uses_open("/nowhere/uses", &uses), ERR_IO);
    assert_int_equal(uses_open(NULL, &uses), ERR_OK);
    count_n(uses, "log: log", 1);
    assert_take(uses, false, 1, 0);
    uses_close(uses);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_entry_has_what_came_since, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_next_process_tells_what_was_left, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(keys_over_the_table_are_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged_file_begins_again, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
