/* SPDX-License-Identifier: MIT */
/* The store against its log: every change of units, orders and principals is told by entries,
 * and what somebody edits by SQL is found by name. */
#include "oem-server/store/approval.h"
#include "oem-server/tlog/tlog.h"
#include "tests/unit/test_store_edit.h"
#include "tests/unit/test_tlog_key.h"
#include "tests/unit/test_unit_world.h"

static struct test_key key;
static struct tlog *event_log;

/* Each change of the world has its entry. */
static enum err enter(struct store_tx *tx, void *context)
{
    Hallmark__V1__Event event = HALLMARK__V1__EVENT__INIT;
    char kind[] = "call";
    (void)context;
    event.kind = kind;
    return tlog_append(event_log, tx, &event, NULL);
}

static enum err logged_open(void)
{
    TRY(store_open(world.dir.store, &world.store));
    return tlog_open(world.store, "log.example/factory", key.public_key, test_key_sign, &key,
                     &event_log);
}

static void logged_close(void)
{
    tlog_free(event_log);
    if (world.store != NULL)
        store_close(world.store);
    world.store = NULL;
    event_log = NULL;
}

static int set_up(void **state)
{
    (void)state;
    memset(&world, 0, sizeof(world));
    test_dir_make_fast(&world.dir);
    test_key_make(&key, 7);
    if (logged_open() != ERR_OK)
        return -1;
    world.after = enter;
    return change(world_fill, NULL) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    logged_close();
    test_key_free(&key);
    test_dir_remove(&world.dir);
    return 0;
}

/* --- A factory's day, with everything that row_kinds.h lists. --- */

static enum err small_tables_fill(struct store_tx *tx)
{
    struct store_principal line_1 = { .role = 1, .name = "line-1" };
    struct store_registration registration = { .csr_sha256 = { 7 } };
    struct store_answer answer = { .request_sha256 = { 8 } };
    uint8_t call_key[STORE_CALL_KEY_SIZE] = { 9 };
    TRY(store_setting_put(tx, "root", span_of("certificate", 11)));
    TRY(store_setting_put(tx, "root", span_of("another one", 11)));
    TRY(store_principal_key_put(tx, line_1.role, line_1.name, NUMBERED(SHA256_SIZE, 'k', 1)));
    TRY(buf_copy(&registration.certificate, span_of("certificate", 11)));
    enum err e = store_registration_put(tx, &line_1, &registration);
    store_registration_free(&registration);
    TRY(e);
    TRY(buf_copy(&answer.response, span_of("answer", 6)));
    e = store_answer_put(tx, "line-1", call_key, &answer);
    store_answer_free(&answer);
    return e;
}

/* Two operators: one asks, the other decides and is answered. */
static enum err approvals_fill(struct store_tx *tx)
{
    const struct store_approval_limits bounds = { 9, 9, INT64_C(3600) * 1000000 };
    struct store_principal alice = { .role = 2, .name = "alice" };
    struct store_principal bob = { .role = 2, .name = "bob" };
    AUTO(store_approval_free)
    struct store_approval asked = { .method = "m", .requester = "alice", .reason = "why" };
    AUTO(store_approval_free) struct store_approval row = { 0 };
    bool fresh = false, again = false;
    TRY(store_principal_add(tx, &alice));
    TRY(store_principal_add(tx, &bob));
    TRY(buf_copy(&asked.request, span_of("request", 7)));
    TRY(store_approval_ask(tx, &bounds, &asked, &fresh));
    TRY(store_approval_decide(tx, asked.number, APPROVAL_APPROVED, "bob", "seen", &row,
                              &again));
    return store_approval_answer_put(tx, asked.number, span_of("answer", 6));
}

/* A station that is seized, and whose units are to be scrapped. */
static enum err seizure_fill(struct store_tx *tx)
{
    struct store_principal station = { .role = 1, .name = "line-9" };
    struct unit_seized seized = { 0 };
    uint32_t count = 0;
    TRY(store_principal_add(tx, &station));
    TRY(unit_seize(tx, "line-9", "stolen", ignore_ended, NULL, &seized));
    return unit_seize_scrap(tx, "line-9", "gone", &count);
}

static enum err do_extras(struct store_tx *tx, void *context)
{
    uint8_t sha256[SHA256_SIZE] = { 1 };
    AUTO(buf_free) struct buf held = { 0 };
    uint32_t count = 0;
    (void)context;
    TRY(unit_boot_key_put(tx, "order/order-b", "kek", span_of("wrapped", 7),
                          NUMBERED(ROTPK_SIZE, 'p', 1000)));
    TRY(unit_wrapped_replace(tx, "boot/order/order-b", "kek-2", span_of("rewrapped", 9)));
    TRY(store_principal_renew(tx, 1, "line-1", sha256));
    TRY(order_add_station(tx, "order-a", "line-3", "more"));
    TRY(order_remove_station(tx, "order-a", "line-2", "less"));
    TRY(order_extend(tx, "order-a", INT64_MAX / 2 + 9, "later"));
    TRY(small_tables_fill(tx));
    TRY(approvals_fill(tx));
    TRY(seizure_fill(tx));
    TRY(unit_reassign_all(tx, "line-1", "line-2", "its PC died", ignore_ended, NULL, &held,
                          &count));
    return store_principal_revoke(tx, 1, "line-3", "sold");
}

static void a_day(void)
{
    struct act sealed = act_of(1, 1, 1), committed = act_of(2, 2, 0), started = act_of(3, 3, 1);
    struct act released = act_of(4, 4, 1), scrapped = act_of(5, 5, 1);
    run_to_seal(&sealed);
    run_to_commit(&committed);
    run_to_claim(&started);
    run_to_claim(&released);
    assert_int_equal(change(do_release, &released), ERR_OK);
    run_to_finish(&scrapped);
    assert_int_equal(change(do_scrap, &scrapped), ERR_OK);
    assert_int_equal(change(do_extras, NULL), ERR_OK);
    assert_int_equal(change(do_hold, &committed), ERR_OK);
    assert_int_equal(change(do_allow, &committed), ERR_OK);
    assert_int_equal(change(do_hold, &committed), ERR_OK);
}

/* --- Comparing. --- */

struct seen {
    size_t count;
    char all[4000];
};

static void see(void *context, const char *row, const char *field, const char *want,
                const char *got)
{
    struct seen *seen = context;
    size_t at = strlen(seen->all);
    seen->count++;
    snprintf(seen->all + at, sizeof(seen->all) - at, "%s %s: log %.20s, store %.20s\n", row,
             field, want == NULL ? "(none)" : want, got == NULL ? "(none)" : got);
}

static void store_is_as_logged(uint64_t newest)
{
    struct seen seen = { 0 };
    assert_int_equal(tlog_verify_state(event_log, newest, see, &seen), ERR_OK);
    if (seen.count != 0)
        fail_msg("%s", seen.all);
}

static void every_change_is_told(void **state)
{
    (void)state;
    store_is_as_logged(0);
    a_day();
    store_is_as_logged(0);
    store_is_as_logged(10);
    store_is_as_logged(10000);
    logged_close();
    assert_int_equal(logged_open(), ERR_OK);
    store_is_as_logged(0);
}

static const struct {
    const char *name, *sql, *row, *field;
} edits[] = {
    { "a principal is not revoked any more", "UPDATE principals SET revoked = 0",
      "principal/1/line-3", "revoked" },
    { "a certificate of another",
      "UPDATE principal_certificates SET certificate_sha256 ="
      " zeroblob(32) WHERE name = 'line-2'",
      "principal-certificate/1/line-2/1", "certificate_sha256" },
    { "a principal more",
      "INSERT INTO principals (role, name, revoked, revoked_reason, added_us)"
      " VALUES (2, 'eve', 0, '', 5)",
      "principal/2/eve", "added_us" },
    { "a quantity", "UPDATE orders SET quantity = 100 WHERE name = 'order-a'", "order/order-a",
      "quantity" },
    { "a lock level", "UPDATE orders SET lock_level = 1 WHERE name = 'order-a'",
      "order/order-a", "lock_level" },
    { "an order's firmware",
      "UPDATE orders SET firmware_sha256 = devauth_sha256 WHERE name ="
      " 'order-b'",
      "order/order-b", "firmware_sha256" },
    { "a counter", "UPDATE orders SET issued = 0 WHERE name = 'order-a'", "order/order-a",
      "issued" },
    { "unknown places", "UPDATE orders SET unknown = 1 WHERE name = 'order-b'", "order/order-b",
      "unknown" },
    { "a station more", "INSERT INTO order_stations VALUES ('order-a', 'line-2', 5)",
      "order-station/order-a/line-2", "added_us" },
    { "a station less",
      "DELETE FROM order_stations WHERE order_name = 'order-a' AND station ="
      " 'line-3'",
      "order-station/order-a/line-3", "added_us" },
    { "firmware bytes", "UPDATE images SET bytes = CAST('imagE 1' AS BLOB) WHERE kind = 1",
      "image/", "bytes" },
    { "an image is withdrawn", "UPDATE images SET withdrawn = 1 WHERE kind = 1", "image/",
      "withdrawn" },
    { "a unit's state", "UPDATE units SET state = 4 WHERE state = 3",
      "unit/757575757575757575000002", "state" },
    { "a unit's station",
      "UPDATE units SET station = 'line-3' WHERE uid ="
      " x'757575757575757575000002'",
      "unit/757575757575757575000002", "station" },
    { "a hold", "UPDATE units SET held = ''", "unit/757575757575757575000002", "held" },
    { "a unit less", "DELETE FROM units WHERE state = 6", "unit/757575757575757575000005",
      "state" },
    { "a claim's serial",
      "UPDATE fact_claim SET serial = zeroblob(20) WHERE uid ="
      " x'757575757575757575000001'",
      "fact/claim/757575757575757575000001/1", "sha256" },
    { "a fact's bytes",
      "UPDATE fact_commit SET statement = x'00' WHERE uid ="
      " x'757575757575757575000002'",
      "fact/commit/757575757575757575000002/1/727272727272727272727272", "sha256" },
    { "a lock's level", "UPDATE fact_lock SET lock_level = 3",
      "fact/lock/757575757575757575000001/1", "sha256" },
    { "a fact less", "DELETE FROM fact_revoked WHERE uid = x'757575757575757575000004'",
      "fact/revoked/757575757575757575000004/1/", "sha256" },
    { "a key's UID",
      "UPDATE auth_key SET uid = zeroblob(12) WHERE uid ="
      " x'757575757575757575000001'",
      "auth-key/", "uid" },
    { "a boot key's ROTPK", "UPDATE boot_key SET rotpk = zeroblob(64)",
      "boot-key/order/order-b", "sha256" },
    { "a certificate that was issued", "UPDATE registrations SET certificate = x'00'",
      "registration/1/line-1", "sha256" },
    { "a setting", "UPDATE settings SET value = x'00'", "setting/root", "sha256" },
    { "a hold's reason", "UPDATE fact_hold SET reason = 'no' WHERE n = 2",
      "fact/hold/757575757575757575000002/1/2", "sha256" },
    { "a hold that seems lifted",
      "INSERT INTO fact_allow SELECT uid, gen, 2, reason, allowed_us FROM fact_allow",
      "fact/allow/757575757575757575000002/1/2", "sha256" },
    { "a wrapped key", "UPDATE wrapped SET blob = x'00' WHERE id = 'boot/order/order-b'",
      "wrapped/boot/order/order-b", "sha256" },
};

static void edits_are_found(const char *name, const char *row, const char *field,
                            uint64_t newest)
{
    struct seen seen = { 0 };
    char want[200];
    assert_int_equal(tlog_verify_state(event_log, newest, see, &seen), ERR_OK);
    const char *line = strstr(seen.all, row);
    snprintf(want, sizeof(want), " %s: ", field);
    if (line == NULL || strstr(line, want) == NULL)
        fail_msg("%s (newest %ju): %s", name, (uintmax_t)newest, seen.all);
}

/* One after another in one store: each is found in turn among those before. */
static void what_is_edited_is_found_by_name(void **state)
{
    (void)state;
    a_day();
    for (size_t i = 0; i < COUNT(edits); i++) {
        logged_close();
        store_edit(world.dir.store, edits[i].sql);
        assert_int_equal(logged_open(), ERR_OK);
        edits_are_found(edits[i].name, edits[i].row, edits[i].field, 0);
    }
}

/* At the start of a server: the newest entries, and the rows that they touch. */
static void the_newest_entries_find_what_they_touch(void **state)
{
    (void)state;
    a_day();
    logged_close();
    store_edit(world.dir.store, "UPDATE units SET held = '';"
                                "UPDATE orders SET quantity = 77 WHERE name = 'order-b';"
                                "UPDATE principals SET revoked = 0");
    assert_int_equal(logged_open(), ERR_OK);
    edits_are_found("a hold", "unit/757575757575757575000002", "held", 1);
    edits_are_found("revoked", "principal/1/line-3", "revoked", 4);
    struct seen seen = { 0 };
    assert_int_equal(tlog_verify_state(event_log, 4, see, &seen), ERR_OK);
    assert_null(strstr(seen.all, "quantity")); /* told by the first entry only */
    edits_are_found("a quantity", "order/order-b", "quantity", 10000);
}

/* --- Every column of every table. --- */

/* What nothing finds, and why that is no loss. */
static const struct {
    const char *table, *column; /* NULL: all of them */
    const char *why;
} unfound[] = {
    { "units", "lease_us",
      "renewed by writes that no entry tells; a run lasts 60 minutes from opened_us, which is "
      "told, whatever its lease says" },
    { "answers", NULL,
      "kept for 24 hours, and given to nobody but the principal that asked, which verifies "
      "what "
      "it is given as it does the first time; nothing is decided by them" },
    { "approval_answers", NULL,
      "given only to the operator that approved and asks again; nothing is decided by them" },
};

static bool is_unfound(const char *table, const char *column)
{
    for (size_t i = 0; i < COUNT(unfound); i++)
        if (strcmp(unfound[i].table, table) == 0 &&
            (unfound[i].column == NULL || strcmp(unfound[i].column, column) == 0))
            return true;
    return false;
}

enum { COLUMNS_MAX = 400 };
static struct column {
    char table[64], name[64];
    bool is_key;
} columns[COLUMNS_MAX];

static size_t columns_read(void)
{
    static const char sql[] = "SELECT m.name, c.name, c.pk FROM sqlite_master m,"
                              " pragma_table_info(m.name) c WHERE m.type = 'table'"
                              " AND m.name NOT LIKE 'sqlite%' ORDER BY m.name, c.cid";
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    size_t count = 0;
    assert_int_equal(sqlite3_open(world.dir.store, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    for (; sqlite3_step(stmt) == SQLITE_ROW; count++) {
        assert_true(count < COLUMNS_MAX);
        snprintf(columns[count].table, sizeof(columns->table), "%s",
                 (const char *)sqlite3_column_text(stmt, 0));
        snprintf(columns[count].name, sizeof(columns->name), "%s",
                 (const char *)sqlite3_column_text(stmt, 1));
        columns[count].is_key = sqlite3_column_int(stmt, 2) != 0;
    }
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return count;
}

/* Another value of the same type and size, in the newest row; of a flag, the other one. The
 * last statement fails if there was none: a table that the day left empty would prove nothing.
 */
static void column_edit(const struct column *column)
{
    char sql[2000];
    const char *t = column->table, *c = column->name;
    const char *toggle = column->is_key ? "0" : "1";
    snprintf(sql, sizeof(sql),
             "UPDATE %s SET %s = CASE typeof(%s) WHEN 'integer' THEN"
             " CASE WHEN %s IN (0, 1) AND %s THEN 1 - %s ELSE %s + 1000 END"
             " WHEN 'text' THEN %s || 'x' WHEN 'blob' THEN CASE length(%s) WHEN 0 THEN x'01'"
             " ELSE CAST(substr(%s, 1, length(%s) - 1) || CASE substr(%s, -1) WHEN x'5a'"
             " THEN x'5b' ELSE x'5a' END AS BLOB) END ELSE 1 END"
             " WHERE rowid = (SELECT MAX(rowid) FROM %s);"
             "CREATE TEMP TABLE edited (n NOT NULL);"
             " INSERT INTO edited SELECT CASE changes() WHEN 1 THEN 1 END",
             t, c, c, c, toggle, c, c, c, c, c, c, c, t);
    store_edit(world.dir.store, sql);
}

static bool edit_is_found(void)
{
    struct seen seen = { 0 };
    enum err e = logged_open();
    if (e == ERR_OK)
        e = tlog_verify_all(event_log);
    if (e == ERR_OK)
        e = tlog_verify_state(event_log, 0, see, &seen);
    logged_close();
    return e != ERR_OK || seen.count != 0;
}

static void store_take(struct buf *bytes)
{
    FILE *file = fopen(world.dir.store, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    assert_int_equal(buf_resize(bytes, (size_t)ftell(file)), ERR_OK);
    rewind(file);
    assert_int_equal(fread(bytes->ptr, 1, bytes->len, file), bytes->len);
    fclose(file);
}

static void store_give(const struct buf *bytes)
{
    FILE *file = fopen(world.dir.store, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes->ptr, 1, bytes->len, file), bytes->len);
    assert_int_equal(fclose(file), 0);
}

static void an_edit_of_any_column_is_found(void **state)
{
    (void)state;
    AUTO(buf_free) struct buf store = { 0 };
    AUTO(buf_free) struct buf note = { 0 };
    uint64_t size = 0;
    unsigned wrong = 0;
    a_day();
    assert_int_equal(tlog_checkpoint(event_log, &note, &size), ERR_OK);
    logged_close();
    store_take(&store);
    assert_false(edit_is_found()); /* else the rest proves nothing */
    store_give(&store);
    size_t count = columns_read();
    log_set_level(LOG_LEVEL_NONE);
    for (size_t i = 0; i < count; i++) {
        column_edit(&columns[i]);
        bool found = edit_is_found();
        store_give(&store);
        if (found != is_unfound(columns[i].table, columns[i].name))
            continue;
        print_error("%s.%s: an edit is %s\n", columns[i].table, columns[i].name,
                    found ? "found: it is no exception" : "not found");
        wrong++;
    }
    print_message("%zu columns\n", count);
    assert_int_equal(wrong, 0);
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_change_is_told),
        TEST(what_is_edited_is_found_by_name),
        TEST(the_newest_entries_find_what_they_touch),
        TEST(an_edit_of_any_column_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
