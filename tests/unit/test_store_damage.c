/* SPDX-License-Identifier: MIT */
/* What the store says of a database that somebody edited or a disk damaged. */
#include <fcntl.h>

#include "oem-server/store/state.h"
#include "tests/unit/test_store_edit.h"
#include "tests/unit/test_unit_world.h"

#define BOARD 1

static const uint8_t call_key[STORE_CALL_KEY_SIZE] = { 3 };

static enum err fill(struct store_tx *tx, void *context)
{
    uint8_t byte[] = { 9 };
    static const uint8_t hash[SHA256_SIZE] = { 4 };
    struct store_answer answer = { .response = { byte, 1, 1 } };
    (void)context;
    TRY(store_setting_put(tx, "s", SPAN(byte)));
    TRY(unit_boot_key_put(tx, "k", "kek", SPAN(byte), NUMBERED(ROTPK_SIZE, 'p', 1)));
    TRY(store_answer_put(tx, "c", call_key, &answer));
    for (uint64_t i = 0; i < 3; i++)
        TRY(store_log_append(tx, i, SPAN(byte), &(struct store_log_search){ 0 }));
    TRY(store_log_node_put(tx, 0, 0, hash));
    TRY(store_log_head_put(tx, 3, SPAN(byte)));
    return store_checkpoint_put(tx, 3, SPAN(byte));
}

/* A sealed unit, one of everything else, and nobody in the store. */
static void store_make(void)
{
    struct act act = act_of(BOARD, 1, 1);
    assert_int_equal(world_open(NULL), 0);
    run_to_seal(&act);
    assert_int_equal(change(fill, NULL), ERR_OK);
    store_close(world.store);
    world.store = NULL;
}

static void edit(const char *sql)
{
    store_edit(world.dir.store, sql);
}

static enum err get_setting(struct store_tx *tx, void *context)
{
    AUTO(buf_free) struct buf value = { 0 };
    (void)context;
    return store_setting_get(tx, "s", &value);
}

static enum err get_principal(struct store_tx *tx, void *context)
{
    struct store_principal principal;
    (void)context;
    TRY(store_principal_get(tx, 1, "line-1", &principal));
    return store_principal_check(tx, 1, "line-1", principal.certificate_sha256);
}

static enum err get_image(struct store_tx *tx, void *context)
{
    AUTO(image_free) struct image firmware = image_numbered(FIRMWARE);
    AUTO(image_free) struct image image = { 0 };
    (void)context;
    return image_get(tx, firmware.sha256, &image);
}

static enum err get_order(struct store_tx *tx, void *context)
{
    AUTO(order_free) struct order order = { 0 };
    (void)context;
    return order_get(tx, "order-b", &order);
}

static enum err get_counts(struct store_tx *tx, void *context)
{
    struct order_counts counts;
    (void)context;
    return order_counts_get(tx, &limits, "order-b", &counts);
}

static enum err get_unit(struct store_tx *tx, void *context)
{
    struct unit unit;
    (void)context;
    return unit_get(tx, UID(BOARD), &unit);
}

static enum err get_facts(struct store_tx *tx, void *context)
{
    struct unit unit;
    AUTO(unit_facts_free) struct unit_facts facts = { 0 };
    (void)context;
    TRY(unit_get(tx, UID(BOARD), &unit));
    return unit_facts_get(tx, &unit, &facts);
}

static enum err get_boot_key(struct store_tx *tx, void *context)
{
    AUTO(buf_free) struct buf wrapped = { 0 };
    uint8_t rotpk[ROTPK_SIZE];
    (void)context;
    return unit_boot_key_get(tx, "k", &wrapped, rotpk);
}

static enum err get_answer(struct store_tx *tx, void *context)
{
    AUTO(store_answer_free) struct store_answer answer = { 0 };
    (void)context;
    return store_answer_get(tx, "c", call_key, &answer);
}

static enum err get_node(struct store_tx *tx, void *context)
{
    uint8_t read[SHA256_SIZE];
    (void)context;
    return store_log_node_get(tx, 0, 0, read);
}

static enum err get_size(struct store_tx *tx, void *context)
{
    uint64_t size;
    (void)context;
    return store_log_size(tx, &size);
}

static enum err get_head(struct store_tx *tx, void *context)
{
    AUTO(buf_free) struct buf edge = { 0 };
    uint64_t size;
    (void)context;
    return store_log_head_get(tx, &size, &edge);
}

static enum err take_value(void *context, const char *row, const char *field, const char *value)
{
    (void)row, (void)field, (void)value;
    ++*(unsigned *)context;
    return ERR_OK;
}

/* What "log verify --state" compares with the log. */
static enum err get_dump(struct store_tx *tx, void *context)
{
    unsigned values = 0;
    (void)context;
    TRY(state_dump(tx, take_value, &values));
    assert_in_range(values, 1, 1000);
    return ERR_OK;
}

static enum err take_any(void *context, uint64_t index, struct span entry)
{
    (void)context;
    (void)index;
    (void)entry;
    return ERR_OK;
}

static enum err get_entries(struct store_tx *tx, void *context)
{
    (void)context;
    return store_log_read(tx, 0, 10, take_any, NULL);
}

static enum err get_checkpoint(struct store_tx *tx, void *context)
{
    AUTO(buf_free) struct buf note = { 0 };
    uint64_t size;
    (void)context;
    return store_checkpoint_latest(tx, &size, &note);
}

static const struct {
    const char *name;
    const char *sql;
    store_fn *get;
} edits[] = {
    { "setting is text", "UPDATE settings SET value = 'a'", get_setting },
    { "setting is a number", "UPDATE settings SET value = 7", get_setting },
    { "setting is a fraction", "UPDATE settings SET value = 0.5", get_setting },
    { "fingerprint short", "UPDATE principal_certificates SET certificate_sha256 = x'00'",
      get_principal },
    { "fingerprint is text",
      "UPDATE principal_certificates SET certificate_sha256 = printf('%032d', 1)",
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
    { "station name of 65",
      "UPDATE order_stations SET station = printf('%065d', 1)"
      " WHERE station = 'line-1'",
      get_order },
    { "station name is bytes",
      "UPDATE order_stations SET station = x'41' WHERE station ="
      " 'line-1'",
      get_order },
    { "counter is text", "UPDATE orders SET good = 'one'", get_counts },
    { "state is text", "UPDATE units SET state = 'done'", get_counts },
    { "state negative", "UPDATE units SET state = -3", get_unit },
    { "generation is text", "UPDATE units SET gen = 'x'", get_unit },
    { "station of 1000", "UPDATE units SET station = printf('%01000d', 1)", get_unit },
    { "opened is text", "UPDATE units SET opened_us = 'noon'", get_unit },
    { "csr is a number", "UPDATE fact_certificate SET csr = 1", get_facts },
    { "receipt is a fraction", "UPDATE fact_receipt SET receipt = 0.25", get_facts },
    { "unit's ROTPK short", "UPDATE fact_rotpk SET rotpk = zeroblob(63)", get_facts },
    { "commit statement is text", "UPDATE fact_commit SET statement = 's'", get_facts },
    { "rotpk short", "UPDATE boot_key SET rotpk = zeroblob(63)", get_boot_key },
    { "wrapped key is text", "UPDATE wrapped SET blob = 'k'", get_boot_key },
    { "request digest short", "UPDATE answers SET request_sha256 = x'01'", get_answer },
    { "response is a number", "UPDATE answers SET response = 1", get_answer },
    { "node short", "UPDATE log_nodes SET hash = zeroblob(31)", get_node },
    { "node is text", "UPDATE log_nodes SET hash = printf('%032d', 1)", get_node },
    { "log position is text", "UPDATE log_entries SET position = 'x' WHERE position = 2",
      get_size },
    { "log position negative", "UPDATE log_entries SET position = position - 10", get_size },
    { "log head is text", "UPDATE log_head SET edge = 'x'", get_head },
    { "log entry missing", "DELETE FROM log_entries WHERE position = 1", get_entries },
    { "first log entry missing", "DELETE FROM log_entries WHERE position = 0", get_entries },
    { "log entry is text", "UPDATE log_entries SET entry = 'x' WHERE position = 1",
      get_entries },
    /* Keys that sort before or beside those of the program, and rows that would read the same
     * as the one that was there. */
    { "a setting's name is bytes", "INSERT INTO settings VALUES (x'73', x'00')", get_dump },
    { "a unit's UID is text", "UPDATE units SET uid = printf('%012d', 1)", get_dump },
    { "a unit's UID is the same as text", "UPDATE units SET uid = lower(hex(uid))", get_dump },
    { "another unit's UID is text",
      "INSERT INTO units SELECT 'abcdefghijkl', gen, state, order_name, station, held, run_id,"
      " holder_server, holder_station, opened_us, lease_us, boot_failed, accepted, started_us,"
      " changed_us FROM units LIMIT 1",
      get_dump },
    { "an image's digest is text", "UPDATE images SET sha256 = lower(hex(sha256))", get_dump },
    { "a role is below all numbers", "INSERT INTO principals VALUES (-9e999, 'eve', 0, '', 1)",
      get_dump },
    { "a role is text", "INSERT INTO principals VALUES ('x', 'eve', 0, '', 1)", get_dump },
    { "a fact's generation is a fraction", "UPDATE fact_seal SET gen = 1.5", get_dump },
    { "a key's owner is the same as text", "UPDATE auth_key SET uid = lower(hex(uid))",
      get_dump },
    { "a lot is the same as bytes", "UPDATE orders SET lot = CAST(lot AS BLOB)", get_dump },
    { "a lot goes on behind a NUL", "UPDATE orders SET lot = lot || char(0) || 'x'", get_dump },
    { "a counter is the same as bytes", "UPDATE orders SET good = CAST(good AS BLOB)",
      get_dump },
    { "checkpoint size negative", "UPDATE checkpoints SET size = -1", get_checkpoint },
    { "checkpoint is a number", "UPDATE checkpoints SET note = 1", get_checkpoint },
};

struct hiding {
    store_fn *get;
    enum err got;
};

/* Goes on as if nothing were wrong. */
static enum err get_and_hide(struct store_tx *tx, void *context)
{
    struct hiding *h = context;
    h->got = h->get(tx, NULL);
    return ERR_OK;
}

static void edited_rows_are_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(edits); i++) {
        struct hiding hiding = { edits[i].get, ERR_OK };
        store_make();
        edit(edits[i].sql);
        assert_int_equal(store_open(world.dir.store, &world.store), ERR_OK);
        enum err got = look(edits[i].get, NULL);
        if (got != ERR_DATA_LOSS)
            fail_msg("%s: %s", edits[i].name, err_text(got));
        assert_non_null(strstr(fail_words(), world.dir.store)); /* the message names the file */
        assert_int_equal(change(get_and_hide, &hiding), ERR_ABORTED);
        assert_int_equal(hiding.got, ERR_DATA_LOSS);
        world_close(NULL);
    }
}

static enum err open_and_read(void)
{
    TRY(store_open(world.dir.store, &world.store));
    enum err result = look(get_facts, NULL);
    store_close(world.store);
    world.store = NULL;
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
        { "table gone", "DROP TABLE boot_key", ERR_DATA_LOSS },
        { "column gone", "ALTER TABLE fact_receipt DROP COLUMN receipt", ERR_DATA_LOSS },
        { "versions gone", "DELETE FROM schema_versions", ERR_STORE },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        store_make();
        edit(cases[i].sql);
        enum err got = open_and_read();
        if (got != cases[i].want)
            fail_msg("%s: %s", cases[i].name, err_text(got));
        test_dir_remove(&world.dir);
    }
}

static enum err check_schema(struct store_tx *tx, void *context)
{
    (void)context;
    return store_schema_check(tx);
}

static void edit_plainly(const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(world.dir.store, &db), SQLITE_OK);
    edit_exec(db, sql);
    sqlite3_close(db);
}

/* A rule that is gone, or one more that acts in others' changes, is no row of any table. */
static void an_edited_schema_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        const char *words; /* NULL: nothing is wrong */
    } cases[] = {
        { "VACUUM; ANALYZE", NULL },
        { "DROP TRIGGER approvals_terms", "trigger approvals_terms is missing" },
        { "DROP TRIGGER seizures_undeleted", "trigger seizures_undeleted is missing" },
        { "DROP INDEX approvals_pending", "index approvals_pending is missing" },
        { "CREATE TRIGGER aa AFTER UPDATE ON orders BEGIN UPDATE orders SET quantity = 9; END",
          "trigger aa was added" },
        { "CREATE TRIGGER zz AFTER UPDATE ON orders BEGIN UPDATE orders SET quantity = 9; END",
          "trigger zz was added" },
        { "DROP TRIGGER approvals_once; CREATE TRIGGER approvals_once BEFORE UPDATE ON "
          "approvals"
          " WHEN OLD.state > 2 BEGIN SELECT RAISE(ABORT, 'approvals: decided once'); END",
          "trigger approvals_once was changed" },
        { "CREATE TABLE more (n BIGINT)", "table more was added" },
        { "CREATE VIEW more AS SELECT * FROM orders", "view more was added" },
        { "ALTER TABLE principals ADD COLUMN more TEXT", "table principals was changed" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        store_make();
        edit_plainly(cases[i].sql);
        assert_int_equal(store_open(world.dir.store, &world.store), ERR_OK);
        enum err got = look(check_schema, NULL);
        if (got != (cases[i].words == NULL ? ERR_OK : ERR_DATA_LOSS))
            fail_msg("%s: %s", cases[i].sql, err_text(got));
        if (cases[i].words != NULL && strstr(fail_words(), cases[i].words) == NULL)
            fail_msg("%s: %s", cases[i].sql, fail_words());
        world_close(NULL);
    }
}

/* Overwrites part of the file. */
static void scribble(off_t from, size_t len)
{
    AUTO(fd_drop) int fd = open(world.dir.store, O_WRONLY | O_CLOEXEC);
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
    assert_non_null(strstr(fail_words(), world.dir.store));
    test_dir_remove(&world.dir);

    store_make();
    scribble(4096, 200 * 4096); /* the header is whole, no page is */
    assert_int_equal(open_and_read(), ERR_DATA_LOSS);
    assert_non_null(strstr(fail_words(), world.dir.store));
    test_dir_remove(&world.dir);

    store_make();
    assert_int_equal(truncate(world.dir.store, 4096), 0);
    assert_int_equal(open_and_read(), ERR_DATA_LOSS);
    test_dir_remove(&world.dir);

    test_dir_make(&world.dir); /* a text file where the store should be */
    FILE *file = fopen(world.dir.store, "w");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++)
        fprintf(file, "not a database\n");
    fclose(file);
    assert_int_equal(open_and_read(), ERR_DATA_LOSS);
    test_dir_remove(&world.dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edited_rows_are_told),
        cmocka_unit_test(schemas_that_are_not_ours),
        cmocka_unit_test(an_edited_schema_is_told),
        cmocka_unit_test(damaged_files_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
