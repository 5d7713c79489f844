/* SPDX-License-Identifier: MIT */
/* What the store says of a database that somebody edited or a disk damaged. */
#include "tests/unit/test_store_dir.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>

#include "common/host/log.h"
#include "oem-server/store/store.h"

enum { WAIT_MS = 1000 };

static struct test_dir dir;

static const uint8_t uid[UID_SIZE] = { 1 };
static const uint8_t image_sha256[SHA256_SIZE] = { 2 };
static const uint8_t call_key[STORE_CALL_KEY_SIZE] = { 3 };
static const uint8_t hash[SHA256_SIZE] = { 4 };

static enum err fill(struct store_tx *tx)
{
    char version[] = "1", station[1][65] = { "line-1" };
    uint8_t byte[] = { 9 };
    struct buf one = { byte, 1, 1 };
    struct store_principal principal = { .role = 1, .name = "line-1" };
    struct store_image image = { .kind = 1, .version = version, .bytes = one };
    memcpy(image.sha256, image_sha256, SHA256_SIZE);
    struct store_order order = { .name = "o", .stations = station, .station_count = 1 };
    memcpy(order.firmware_sha256, image_sha256, SHA256_SIZE);
    memcpy(order.devauth_sha256, image_sha256, SHA256_SIZE);
    struct store_unit unit = { .order = "o", .station = "line-1", .state = 1, .csr = one };
    memcpy(unit.uid, uid, UID_SIZE);
    struct store_boot_key key = { .wrapped = one };
    struct store_answer answer = { .response = one };
    TRY(store_setting_put(tx, "s", SPAN(byte)));
    TRY(store_principal_add(tx, &principal));
    TRY(store_image_put(tx, &image));
    TRY(store_order_put(tx, &order));
    TRY(store_unit_put(tx, &unit));
    TRY(store_boot_key_put(tx, "k", &key));
    TRY(store_answer_put(tx, "c", call_key, &answer, 1));
    for (uint64_t i = 0; i < 3; i++)
        TRY(store_log_append(tx, i, SPAN(byte)));
    TRY(store_log_node_put(tx, 0, 0, hash));
    return store_checkpoint_put(tx, 3, SPAN(byte));
}

static void store_make(void)
{
    struct store *store = NULL;
    struct store_tx *tx = NULL;
    test_dir_make(&dir);
    assert_int_equal(store_open(dir.store, &store), ERR_OK);
    assert_int_equal(store_begin(store, WAIT_MS, &tx), ERR_OK);
    assert_int_equal(fill(tx), ERR_OK);
    assert_int_equal(store_commit(&tx), ERR_OK);
    store_close(store);
}

static void edit(const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(dir.store, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA ignore_check_constraints = ON", NULL, NULL, NULL),
                     SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_close(db);
}

static enum err get_setting(struct store_tx *tx)
{
    AUTO(buf_free) struct buf value = { 0 };
    return store_setting_get(tx, "s", &value);
}

static enum err get_principal(struct store_tx *tx)
{
    struct store_principal principal;
    return store_principal_get(tx, 1, "line-1", &principal);
}

static enum err get_image(struct store_tx *tx)
{
    AUTO(store_image_free) struct store_image image = { 0 };
    return store_image_get(tx, image_sha256, &image);
}

static enum err get_order(struct store_tx *tx)
{
    AUTO(store_order_free) struct store_order order = { 0 };
    return store_order_get(tx, "o", &order);
}

static enum err get_counts(struct store_tx *tx)
{
    struct store_order_counts counts;
    return store_order_count(tx, "o", &counts);
}

static enum err get_unit(struct store_tx *tx)
{
    AUTO(store_unit_free) struct store_unit unit = { 0 };
    return store_unit_get(tx, uid, &unit);
}

static enum err get_boot_key(struct store_tx *tx)
{
    AUTO(store_boot_key_free) struct store_boot_key key = { 0 };
    return store_boot_key_get(tx, "k", &key);
}

static enum err get_answer(struct store_tx *tx)
{
    AUTO(store_answer_free) struct store_answer answer = { 0 };
    return store_answer_get(tx, "c", call_key, &answer);
}

static enum err get_node(struct store_tx *tx)
{
    uint8_t read[SHA256_SIZE];
    return store_log_node_get(tx, 0, 0, read);
}

static enum err get_size(struct store_tx *tx)
{
    uint64_t size;
    return store_log_size(tx, &size);
}

static enum err take_any(void *context, uint64_t index, struct span entry)
{
    (void)context;
    (void)index;
    (void)entry;
    return ERR_OK;
}

static enum err get_entries(struct store_tx *tx)
{
    return store_log_read(tx, 0, 10, take_any, NULL);
}

static enum err get_checkpoint(struct store_tx *tx)
{
    AUTO(buf_free) struct buf note = { 0 };
    uint64_t size;
    return store_checkpoint_latest(tx, &size, &note);
}

static const struct {
    const char *name;
    const char *sql;
    enum err (*get)(struct store_tx *tx);
} edits[] = {
    { "setting is text", "UPDATE settings SET value = 'a'", get_setting },
    { "setting is a number", "UPDATE settings SET value = 7", get_setting },
    { "setting is a fraction", "UPDATE settings SET value = 0.5", get_setting },
    { "fingerprint short", "UPDATE principals SET certificate_sha256 = x'00'", get_principal },
    { "fingerprint empty", "UPDATE principals SET certificate_sha256 = x''", get_principal },
    { "fingerprint is text", "UPDATE principals SET certificate_sha256 = printf('%032d', 1)",
      get_principal },
    { "revoked is 2", "UPDATE principals SET revoked = 2", get_principal },
    { "revoked is negative", "UPDATE principals SET revoked = -1", get_principal },
    { "revoked is text", "UPDATE principals SET revoked = 'no'", get_principal },
    { "kind over 32 bits", "UPDATE images SET kind = 4294967296", get_image },
    { "version is bytes", "UPDATE images SET version = x'31'", get_image },
    { "version holds a NUL", "UPDATE images SET version = 'a' || char(0) || 'b'", get_image },
    { "image is text", "UPDATE images SET bytes = 'b'", get_image },
    { "quantity negative", "UPDATE orders SET quantity = -1", get_order },
    { "quantity is a fraction", "UPDATE orders SET quantity = 1.5", get_order },
    { "firmware digest long", "UPDATE orders SET firmware_sha256 = zeroblob(33)", get_order },
    { "station name of 65", "UPDATE order_stations SET station = printf('%065d', 1)",
      get_order },
    { "station name is bytes", "UPDATE order_stations SET station = x'41'", get_order },
    { "state is text", "UPDATE units SET state = 'done'", get_counts },
    { "state negative", "UPDATE units SET state = -3", get_unit },
    { "run id short", "UPDATE units SET run_id = zeroblob(15)", get_unit },
    { "run id huge", "UPDATE units SET run_id = zeroblob(100000)", get_unit },
    { "csr is a number", "UPDATE units SET csr = 1", get_unit },
    { "receipt is a fraction", "UPDATE units SET receipt = 0.25", get_unit },
    { "station of 1000", "UPDATE units SET station = printf('%01000d', 1)", get_unit },
    { "opened is text", "UPDATE units SET opened_us = 'noon'", get_unit },
    { "rotpk short", "UPDATE boot_keys SET rotpk = zeroblob(63)", get_boot_key },
    { "wrapped key is text", "UPDATE boot_keys SET wrapped = 'k'", get_boot_key },
    { "request digest short", "UPDATE answers SET request_sha256 = x'01'", get_answer },
    { "response is a number", "UPDATE answers SET response = 1", get_answer },
    { "node short", "UPDATE log_nodes SET hash = zeroblob(31)", get_node },
    { "node is text", "UPDATE log_nodes SET hash = printf('%032d', 1)", get_node },
    { "log position is text", "UPDATE log_entries SET position = 'x' WHERE position = 2",
      get_size },
    { "log position negative", "UPDATE log_entries SET position = position - 10", get_size },
    { "log entry missing", "DELETE FROM log_entries WHERE position = 1", get_entries },
    { "first log entry missing", "DELETE FROM log_entries WHERE position = 0", get_entries },
    { "log entry is text", "UPDATE log_entries SET entry = 'x' WHERE position = 1",
      get_entries },
    { "checkpoint size negative", "UPDATE checkpoints SET size = -1", get_checkpoint },
    { "checkpoint is a number", "UPDATE checkpoints SET note = 1", get_checkpoint },
};

static void edited_rows_are_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(edits); i++) {
        struct store *store = NULL;
        struct store_tx *tx = NULL;
        store_make();
        edit(edits[i].sql);
        assert_int_equal(store_open(dir.store, &store), ERR_OK);
        assert_int_equal(store_begin(store, WAIT_MS, &tx), ERR_OK);
        enum err got = edits[i].get(tx);
        if (got != ERR_DATA_LOSS)
            fail_msg("%s: %s", edits[i].name, err_text(got));
        assert_non_null(strstr(fail_words(), dir.store)); /* the words name the file */
        assert_int_equal(store_commit(&tx), ERR_ABORTED);
        store_close(store);
        test_dir_remove(&dir);
    }
}

static enum err open_and_read(void)
{
    struct store *store = NULL;
    struct store_tx *tx = NULL;
    TRY(store_open(dir.store, &store));
    enum err result = store_begin(store, WAIT_MS, &tx);
    if (result == ERR_OK)
        result = get_unit(tx);
    store_rollback(&tx);
    store_close(store);
    return result;
}

static void schemas_that_are_not_ours(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *sql;
        enum err want;
    } cases[] = {
        { "nothing wrong", "SELECT 1", ERR_OK },
        { "newer", "INSERT INTO schema_versions (version) VALUES (1000)", ERR_CONFIG },
        { "version is text", "UPDATE schema_versions SET version = 'x' WHERE version = 1",
          ERR_DATA_LOSS },
        { "table gone", "DROP TABLE boot_keys", ERR_DATA_LOSS },
        { "column gone", "ALTER TABLE units DROP COLUMN receipt", ERR_DATA_LOSS },
        { "versions gone", "DELETE FROM schema_versions", ERR_STORE },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        store_make();
        edit(cases[i].sql);
        enum err got = open_and_read();
        if (got != cases[i].want)
            fail_msg("%s: %s", cases[i].name, err_text(got));
        test_dir_remove(&dir);
    }
}

/* Overwrites part of the file. */
static void scribble(off_t from, size_t len)
{
    AUTO(fd_drop) int fd = open(dir.store, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    uint8_t noise[4096];
    for (size_t i = 0; i < sizeof(noise); i++)
        noise[i] = (uint8_t)(i * 37 + 11);
    for (size_t done = 0; done < len; done += sizeof(noise))
        assert_true(pwrite(fd, noise, sizeof(noise), from + (off_t)done) > 0);
}

static void damaged_files_are_told(void **state)
{
    (void)state;
    store_make();
    scribble(0, 4096);
    assert_int_equal(open_and_read(), ERR_DATA_LOSS);
    assert_non_null(strstr(fail_words(), dir.store));
    test_dir_remove(&dir);

    store_make();
    scribble(4096, 60 * 4096); /* the header is whole, no page is */
    assert_int_equal(open_and_read(), ERR_DATA_LOSS);
    assert_non_null(strstr(fail_words(), dir.store));
    test_dir_remove(&dir);

    store_make();
    assert_int_equal(truncate(dir.store, 4096), 0);
    assert_int_equal(open_and_read(), ERR_DATA_LOSS);
    test_dir_remove(&dir);

    test_dir_make(&dir); /* a text file where the store should be */
    FILE *file = fopen(dir.store, "w");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++)
        fprintf(file, "not a database\n");
    fclose(file);
    assert_int_equal(open_and_read(), ERR_DATA_LOSS);
    test_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edited_rows_are_told),
        cmocka_unit_test(schemas_that_are_not_ours),
        cmocka_unit_test(damaged_files_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
