/* SPDX-License-Identifier: MIT */
/* What holds after every event, written by hand as SQL over the tables: each query counts what
 * must not be. It knows neither the code nor the reference model. */
#pragma once

#include <sqlite3.h>

#include "common/host/own.h"
#include "tests/unit/check.h"

#define SHARED_OF(u) "'shared/' || lower(hex(" u ".uid)) || '/' || " u ".gen || '/%'"

static const struct {
    const char *name, *sql;
} invariants[] = {
    { "a generation has two certificates",
      "SELECT COUNT(*) FROM (SELECT 1 FROM fact_certificate GROUP BY uid, gen"
      " HAVING COUNT(DISTINCT certificate) > 1)" },
    { "a certificate without a claim",
      "SELECT COUNT(*) FROM fact_certificate c WHERE NOT EXISTS (SELECT 1 FROM fact_claim f"
      " WHERE f.uid = c.uid AND f.gen = c.gen)" },
    { "a key is of two UIDs",
      "SELECT COUNT(*) FROM (SELECT 1 FROM fact_claim GROUP BY auth_public_key"
      " HAVING COUNT(DISTINCT uid) > 1)" },
    { "a claim whose key is not its UID's",
      "SELECT COUNT(*) FROM fact_claim c LEFT JOIN auth_key k ON k.pub = c.auth_public_key"
      " WHERE k.uid IS NULL OR k.uid <> c.uid" },
    { "a commit statement with a key that was not agreed in a finished run",
      "SELECT COUNT(*) FROM fact_commit c WHERE NOT EXISTS (SELECT 1 FROM fact_agreement a"
      " JOIN fact_receipt r ON r.uid = a.uid AND r.gen = a.gen AND r.run_id = a.run_id"
      " WHERE a.uid = c.uid AND a.gen = c.gen AND a.kcv = c.kcv)" },
    { "commit statements with two keys",
      "SELECT COUNT(*) FROM (SELECT 1 FROM fact_commit GROUP BY uid, gen"
      " HAVING COUNT(DISTINCT kcv) > 1)" },
    { "committed without a commit statement",
      "SELECT COUNT(*) FROM units u WHERE u.state IN (3, 4) AND NOT EXISTS (SELECT 1 FROM"
      " fact_commit c WHERE c.uid = u.uid AND c.gen = u.gen)" },
    { "locked without being committed",
      "SELECT COUNT(*) FROM fact_lock l JOIN units u ON u.uid = l.uid AND u.gen = l.gen"
      " WHERE u.state NOT IN (3, 4, 6)" },
    { "a lock statement without its commit statement",
      "SELECT COUNT(*) FROM fact_lock l WHERE NOT EXISTS (SELECT 1 FROM fact_commit c"
      " WHERE c.uid = l.uid AND c.gen = l.gen AND c.run_id = l.run_id"
      " AND c.lock_level = l.lock_level)" },
    { "sealed without a lock statement, and not accepted",
      "SELECT COUNT(*) FROM units u WHERE u.state = 4 AND u.accepted = 0 AND NOT EXISTS"
      " (SELECT 1 FROM fact_lock l WHERE l.uid = u.uid AND l.gen = u.gen)" },
    { "more good, under way and unknown than the quantity",
      "SELECT COUNT(*) FROM orders WHERE good + under_way + unknown > quantity" },
    { "more issued than quantity and spares",
      "SELECT COUNT(*) FROM orders WHERE issued > quantity + spares" },
    { "good is not what a recount gives",
      "SELECT COUNT(*) FROM orders o WHERE o.good <> (SELECT COUNT(*) FROM fact_seal s"
      " JOIN units u ON u.uid = s.uid AND u.gen = s.gen WHERE u.order_name = o.name)" },
    { "under way is not what a recount gives",
      "SELECT COUNT(*) FROM orders o WHERE o.under_way <> (SELECT COUNT(*) FROM units u"
      " WHERE u.order_name = o.name AND (u.state IN (2, 3) OR (u.state = 1"
      " AND u.run_id IS NOT NULL)))" },
    { "issued is not what a recount gives",
      "SELECT COUNT(*) FROM orders o WHERE o.issued <> (SELECT COUNT(*) FROM fact_claim c"
      " WHERE c.order_name = o.name)" },
    { "a committed unit has not one wrapped key",
      "SELECT COUNT(*) FROM units u WHERE u.state = 3 AND 1 <> (SELECT COUNT(*) FROM wrapped w"
      " WHERE w.id LIKE " SHARED_OF("u") ")"
                                         " AND NOT (u.run_id IS NOT NULL AND 2 = (SELECT "
                                         "COUNT(*) FROM wrapped w WHERE w.id LIKE " SHARED_OF(
                                             "u") "))" },
    { "a wrapped key of a run that is over without a receipt",
      "SELECT COUNT(*) FROM fact_agreement a JOIN wrapped w ON w.id = 'shared/' ||"
      " lower(hex(a.uid)) || '/' || a.gen || '/' || lower(hex(a.run_id))"
      " WHERE NOT EXISTS (SELECT 1 FROM fact_receipt r WHERE r.run_id = a.run_id)"
      " AND NOT EXISTS (SELECT 1 FROM units u WHERE u.run_id = a.run_id)" },
    { "a wrapped key of a released generation",
      "SELECT COUNT(*) FROM fact_release u JOIN wrapped w ON w.id LIKE " SHARED_OF("u") },
    { "held without a standing hold, or a standing hold and not held",
      "SELECT COUNT(*) FROM units u WHERE u.state IN (2, 3) AND (u.held <> '') <> EXISTS"
      " (SELECT 1 FROM fact_hold h WHERE h.uid = u.uid AND h.gen = u.gen AND NOT EXISTS"
      " (SELECT 1 FROM fact_allow a WHERE a.uid = h.uid AND a.gen = h.gen AND a.n = h.n))" },
    { "a released or scrapped unit whose certificate is not revoked",
      "SELECT COUNT(*) FROM fact_claim c WHERE (EXISTS (SELECT 1 FROM fact_release r"
      " WHERE r.uid = c.uid AND r.gen = c.gen) OR EXISTS (SELECT 1 FROM units u"
      " WHERE u.uid = c.uid AND u.gen = c.gen AND u.state = 6)) AND NOT EXISTS"
      " (SELECT 1 FROM fact_revoked v WHERE v.uid = c.uid AND v.serial = c.serial)" },
};

static sqlite3 *invariants_db;
static sqlite3_stmt *invariant_rows[COUNT(invariants)]; /* prepared once for each world */

static inline sqlite3_stmt *count_prepare(const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v2(invariants_db, sql, -1, &stmt, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(invariants_db));
    return stmt;
}

static inline void invariants_open(const char *store)
{
    assert_int_equal(sqlite3_open(store, &invariants_db), SQLITE_OK);
    sqlite3_busy_timeout(invariants_db, 5000);
    for (size_t i = 0; i < COUNT(invariants); i++)
        invariant_rows[i] = count_prepare(invariants[i].sql);
}

static inline void invariants_close(void)
{
    for (size_t i = 0; i < COUNT(invariants); i++)
        sqlite3_finalize(invariant_rows[i]);
    sqlite3_close(invariants_db);
}

static inline int64_t count_step(sqlite3_stmt *stmt)
{
    if (sqlite3_step(stmt) != SQLITE_ROW)
        fail_msg("%s: %s", sqlite3_sql(stmt), sqlite3_errmsg(invariants_db));
    int64_t count = sqlite3_column_int64(stmt, 0);
    sqlite3_reset(stmt);
    return count;
}

static inline int64_t count_of(const char *sql)
{
    sqlite3_stmt *stmt = count_prepare(sql);
    int64_t count = count_step(stmt);
    sqlite3_finalize(stmt);
    return count;
}

/* NULL: all hold; else the name of one that does not. */
static inline const char *invariant_broken(void)
{
    for (size_t i = 0; i < COUNT(invariants); i++)
        if (count_step(invariant_rows[i]) != 0)
            return invariants[i].name;
    return NULL;
}
