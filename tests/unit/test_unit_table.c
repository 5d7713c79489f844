/* SPDX-License-Identifier: MIT */
/* The table of states against the schema's triggers and against what core rules say of it. */
#include "tests/unit/test_unit_world.h"

#include <sqlite3.h>

#include "oem-server/unit/inside.h"

static sqlite3 *db;

static int edit(const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static void edit_must(const char *sql)
{
    if (edit(sql) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
}

static bool table_leads(enum unit_state from, enum unit_state to)
{
    for (unsigned i = 0; i < unit_table_count; i++)
        if ((unit_table[i].from & (1U << from)) != 0 && unit_table[i].to == (int)to)
            return true;
    return false;
}

/* A row in a state, by SQL: then each other state is tried. */
static void unit_in(enum unit_state state)
{
    char sql[400];
    edit_must("DROP TRIGGER IF EXISTS units_deleted; DELETE FROM units");
    snprintf(sql, sizeof(sql),
             "INSERT INTO units (uid, gen, state, order_name, station, held, run_id,"
             " holder_server, holder_station, opened_us, boot_failed, accepted, started_us,"
             " changed_us) VALUES (zeroblob(12), 1, %d, 'order-a', 'line-1', '', NULL, '', '',"
             " 0, 0, 0, 0, 0)",
             state);
    edit_must(sql);
}

static void the_schema_knows_the_same_ways(void **state)
{
    (void)state;
    assert_int_equal(sqlite3_open(world.dir.store, &db), SQLITE_OK);
    for (unsigned from = UNIT_STARTED; from <= UNIT_SCRAPPED; from++)
        for (unsigned to = UNIT_STARTED; to <= UNIT_SCRAPPED; to++) {
            char sql[80];
            unit_in((enum unit_state)from);
            snprintf(sql, sizeof(sql), "UPDATE units SET state = %u", to);
            bool may = from == to || table_leads((enum unit_state)from, (enum unit_state)to);
            if ((edit(sql) == SQLITE_OK) != may)
                fail_msg("%u to %u: the table says %d", from, to, may);
        }
    sqlite3_close(db);
}

static void the_schema_deletes_what_the_table_frees(void **state)
{
    (void)state;
    for (unsigned from = UNIT_STARTED; from <= UNIT_SCRAPPED; from++) {
        world_close(NULL);
        assert_int_equal(world_open(NULL), 0);
        assert_int_equal(sqlite3_open(world.dir.store, &db), SQLITE_OK);
        char sql[400];
        snprintf(sql, sizeof(sql),
                 "INSERT INTO units (uid, gen, state, order_name, station, held, run_id,"
                 " holder_server, holder_station, opened_us, boot_failed, accepted, started_us,"
                 " changed_us) VALUES (zeroblob(12), 1, %u, 'order-a', 'line-1', '', NULL, '',"
                 " '', 0, 0, 0, 0, 0)",
                 from);
        edit_must(sql);
        bool may = table_leads((enum unit_state)from, UNIT_FREE);
        if ((edit("DELETE FROM units") == SQLITE_OK) != may)
            fail_msg("deleted from %u: the table says %d", from, may);
        sqlite3_close(db);
    }
}

static void states_are_numbered_without_gaps(void **state)
{
    (void)state;
    static const int numbers[] = {
#define X(name, number, text) number,
        UNIT_STATE_LIST(X)
#undef X
    };
    for (size_t i = 0; i < COUNT(numbers); i++)
        assert_int_equal(numbers[i], i);
    assert_int_equal(UNIT_IN_SCRAPPED, 1 << UNIT_SCRAPPED);
    assert_int_equal(UNIT_IN_SEALED, 1 << UNIT_SEALED);
    assert_int_equal(UNIT_IN_STARTED, 1 << UNIT_STARTED);
}

/* No two rows for one event from one state, and no event without a row. */
static void each_way_is_one(void **state)
{
    (void)state;
    for (unsigned event = 0; event < UNIT_EVENT_COUNT; event++) {
        unsigned from = 0;
        for (unsigned i = 0; i < unit_table_count; i++) {
            if (unit_table[i].event != event)
                continue;
            assert_int_equal(from & unit_table[i].from, 0);
            from |= unit_table[i].from;
        }
        assert_int_not_equal(from, 0);
    }
}

/* Of every fact and of the log: it is not changed, deleted or replaced. */
static void facts_stay(void **state)
{
    (void)state;
    static const char *const tables[] = {
        "fact_release",     "fact_rotpk",  "fact_claim",
        "fact_certificate", "fact_fwinfo", "fact_receipt",
        "fact_commit",      "fact_lock",   "fact_seal",
        "fact_revoked",     "auth_key",    "fact_agreement",
        "fact_hold",        "fact_allow",  "principal_certificates",
    };
    struct act act = act_of(1, 1, 1);
    run_to_commit(&act);
    assert_int_equal(change(do_hold, &act), ERR_OK);
    assert_int_equal(change(do_allow, &act), ERR_OK);
    assert_int_equal(change(do_locked, &act), ERR_OK);
    assert_int_equal(change(do_seal, &act), ERR_OK);
    act.flag = false;
    assert_int_equal(change(do_release, &act), ERR_OK);
    assert_int_equal(sqlite3_open(world.dir.store, &db), SQLITE_OK);
    edit_must("PRAGMA recursive_triggers = ON");
    for (size_t i = 0; i < COUNT(tables); i++) {
        char sql[3][200];
        snprintf(sql[0], sizeof(sql[0]), "UPDATE %s SET rowid = rowid", tables[i]);
        snprintf(sql[1], sizeof(sql[1]), "DELETE FROM %s", tables[i]);
        snprintf(sql[2], sizeof(sql[2]), "REPLACE INTO %s SELECT * FROM %s", tables[i],
                 tables[i]);
        for (size_t k = 0; k < COUNT(sql); k++) {
            if (edit(sql[k]) == SQLITE_OK)
                fail_msg("passed: %s", sql[k]);
            if (strstr(sqlite3_errmsg(db), "a fact is not") == NULL)
                fail_msg("%s: %s", sql[k], sqlite3_errmsg(db));
        }
    }
    sqlite3_close(db);
}

/* Of an order, and of a unit: what the rest was made for. */
static void terms_stay(void **state)
{
    (void)state;
    static const char *const changes[] = {
        "UPDATE orders SET lock_level = 4 - lock_level",
        "UPDATE orders SET boot_key_scope = 3 - boot_key_scope",
        "UPDATE orders SET firmware_sha256 = devauth_sha256",
        "UPDATE orders SET devauth_sha256 = firmware_sha256",
        "UPDATE units SET gen = gen + 1",
        "UPDATE units SET order_name = 'order-b'",
        "UPDATE principals SET revoked = 1; UPDATE principals SET revoked = 0",
        "UPDATE orders SET good = quantity + 1",
        "UPDATE orders SET issued = quantity + spares + 1",
        "UPDATE orders SET under_way = quantity + 1",
        "UPDATE orders SET unknown = quantity",
        "UPDATE orders SET unknown = -1",
        "UPDATE units SET state = 9",
        "UPDATE units SET held = 'started units are not held'",
    };
    struct act act = act_of(1, 1, 0);
    run_to_claim(&act);
    assert_int_equal(sqlite3_open(world.dir.store, &db), SQLITE_OK);
    for (size_t i = 0; i < COUNT(changes); i++)
        if (edit(changes[i]) == SQLITE_OK)
            fail_msg("passed: %s", changes[i]);
    sqlite3_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_schema_knows_the_same_ways),
        TEST(the_schema_deletes_what_the_table_frees),
        TEST(states_are_numbered_without_gaps),
        TEST(each_way_is_one),
        TEST(facts_stay),
        TEST(terms_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
