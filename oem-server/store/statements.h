/* SPDX-License-Identifier: MIT */
/*
 * statements: all SQL of the server except its schema, as a list of named statements. Callers
 * name one; none is built at run time. Values are $1, $2, ... of PostgreSQL, which SQLite reads
 * as named parameters. Used by the store's backends, its functions and those of unit/.
 *
 * "ON CONFLICT DO NOTHING" with a count of 0 means the row exists: so a conflict ends no
 * transaction, in either database. The log's entries and nodes do without: there a conflict is
 * damage. REPLACE is not used (tests/lint/sql): it would delete a fact and write another.
 */
#pragma once

#include "oem-server/store/row_kinds.h"
#include "oem-server/store/statements_approval.h"
#include "oem-server/store/statements_order.h"
#include "oem-server/store/statements_unit.h"

/* first is the column whose index finds the entries; the others are then compared in each. */
#define LOG_FIND_SQL(first)                                                                    \
    "SELECT position, entry FROM log_entries WHERE " first " AND position >= $1"               \
    " AND ($3 IS NULL OR unit = $3) AND ($4 IS NULL OR order_name = $4)"                       \
    " AND ($5 IS NULL OR station = $5) AND ($6 IS NULL OR operator = $6)"                      \
    " AND ($7 IS NULL OR kind = $7) AND ($8 IS NULL OR method = $8)"                           \
    " AND ($9 = 0 OR arrow = $9) AND ($10 IS NULL OR firmware = $10)"                          \
    " AND time_us >= $11 AND ($12 = 0 OR time_us <= $12) ORDER BY position LIMIT $2"

/* name, SQL */
#define STATEMENT_LIST_STORE(X)                                                                \
    X(SCHEMA_VERSION, "SELECT COALESCE(MAX(version), 0) FROM schema_versions")                 \
    X(SCHEMA_VERSION_ADD, "INSERT INTO schema_versions (version) VALUES ($1)")                 \
    X(SETTING_PUT, "INSERT INTO settings (name, value) VALUES ($1, $2)"                        \
                   " ON CONFLICT (name) DO UPDATE SET value = excluded.value")                 \
    X(SETTING_GET, "SELECT value FROM settings WHERE name = $1")                               \
    X(PRINCIPAL_GET, "SELECT p.role, p.name, c.certificate_sha256, p.revoked,"                 \
                     " p.revoked_reason, p.added_us, c.n FROM principals p"                    \
                     " JOIN principal_certificates c ON c.role = p.role AND c.name = p.name"   \
                     " WHERE p.role = $1 AND p.name = $2 ORDER BY c.n DESC LIMIT 1")           \
    X(PRINCIPAL_CERTIFICATES, "SELECT certificate_sha256 FROM principal_certificates"          \
                              " WHERE role = $1 AND name = $2 ORDER BY n DESC LIMIT 2")        \
    X(PRINCIPAL_KEY_GET, "SELECT role, name FROM principal_keys WHERE key_sha256 = $1")        \
    X(PRINCIPAL_REVOKE, "UPDATE principals SET revoked = 1, revoked_reason = $3"               \
                        " WHERE role = $1 AND name = $2")                                      \
    X(PRINCIPAL_PAGE, "SELECT p.role, p.name, c.certificate_sha256, p.revoked,"                \
                      " p.revoked_reason, p.added_us, c.n FROM principals p"                   \
                      " JOIN principal_certificates c ON c.role = p.role AND c.name = p.name"  \
                      " WHERE (p.role, p.name) > ($1, $2) AND p.role <= $3 AND c.n ="          \
                      " (SELECT MAX(n) FROM principal_certificates WHERE role = p.role"        \
                      " AND name = p.name) ORDER BY p.role, p.name LIMIT $4")                  \
    X(REGISTRATION_PUT, "INSERT INTO registrations (role, name, csr_sha256, certificate)"      \
                        " VALUES ($1, $2, $3, $4) ON CONFLICT (role, name) DO UPDATE SET"      \
                        " csr_sha256 = excluded.csr_sha256,"                                   \
                        " certificate = excluded.certificate")                                 \
    X(REGISTRATION_GET, "SELECT csr_sha256, certificate FROM registrations"                    \
                        " WHERE role = $1 AND name = $2")                                      \
    X(ANSWER_PUT, "INSERT INTO answers (caller, call_key, request_sha256, response,"           \
                  " created_us) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING")           \
    X(ANSWER_GET, "SELECT request_sha256, response FROM answers"                               \
                  " WHERE caller = $1 AND call_key = $2")                                      \
    X(ANSWERS_OLD, "SELECT COUNT(*) FROM (SELECT 1 FROM answers WHERE created_us < $1"         \
                   " OR created_us > $2 LIMIT 1) AS old")                                      \
    X(ANSWERS_EXPIRE, "DELETE FROM answers WHERE (caller, call_key) IN (SELECT caller,"        \
                      " call_key FROM answers WHERE created_us < $1 OR created_us > $2"        \
                      " LIMIT $3)")                                                            \
    X(LOG_ADD, "INSERT INTO log_entries (position, entry, unit, order_name, station,"          \
               " operator, kind, method, arrow, outcome, firmware, time_us)"                   \
               " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)")                  \
    X(LOG_LAST_TIME, "SELECT time_us FROM log_entries ORDER BY position DESC LIMIT 1")         \
    X(LOG_TIME, "SELECT time_us FROM log_entries WHERE position = $1")                         \
    X(LOG_LAST, "SELECT position FROM log_entries ORDER BY position DESC LIMIT 1")             \
    X(LOG_READ, "SELECT position, entry FROM log_entries WHERE position >= $1"                 \
                " ORDER BY position LIMIT $2")                                                 \
    X(LOG_FIND, LOG_FIND_SQL("position >= $1"))                                                \
    X(LOG_FIND_UNIT, LOG_FIND_SQL("unit = $3"))                                                \
    X(LOG_FIND_ORDER, LOG_FIND_SQL("order_name = $4"))                                         \
    X(LOG_FIND_STATION, LOG_FIND_SQL("station = $5"))                                          \
    X(LOG_FIND_OPERATOR, LOG_FIND_SQL("operator = $6"))                                        \
    X(LOG_FIND_FIRMWARE, LOG_FIND_SQL("firmware = $10"))                                       \
    X(LOG_FIND_METHOD, LOG_FIND_SQL("method = $8"))                                            \
    X(LOG_FIND_KIND, LOG_FIND_SQL("kind = $7"))                                                \
    X(LOG_SAME, "SELECT COUNT(*) FROM log_entries WHERE position = $1"                         \
                " AND unit IS NOT DISTINCT FROM $2 AND order_name IS NOT DISTINCT FROM $3"     \
                " AND station IS NOT DISTINCT FROM $4 AND operator IS NOT DISTINCT FROM $5"    \
                " AND kind IS NOT DISTINCT FROM $6 AND method IS NOT DISTINCT FROM $7"         \
                " AND arrow = $8 AND outcome = $9 AND firmware IS NOT DISTINCT FROM $10"       \
                " AND time_us = $11")                                                          \
    X(LOG_NODE_ADD, "INSERT INTO log_nodes (level, n, hash) VALUES ($1, $2, $3)")              \
    X(LOG_NODE_GET, "SELECT hash FROM log_nodes WHERE level = $1 AND n = $2")                  \
    X(LOG_NODE_COUNT, "SELECT COUNT(*) FROM log_nodes")                                        \
    X(LOG_HEAD_PUT, "INSERT INTO log_head (id, size, edge) VALUES (1, $1, $2)"                 \
                    " ON CONFLICT (id) DO UPDATE SET size = excluded.size,"                    \
                    " edge = excluded.edge")                                                   \
    X(LOG_HEAD_GET, "SELECT size, edge FROM log_head WHERE id = 1")                            \
    X(CHECKPOINT_ADD, "INSERT INTO checkpoints (size, note) VALUES ($1, $2)"                   \
                      " ON CONFLICT (size) DO NOTHING")                                        \
    X(CHECKPOINT_LATEST, "SELECT size, note FROM checkpoints ORDER BY size DESC LIMIT 1")      \
    X(CHECKPOINT_FROM, "SELECT size, note FROM checkpoints WHERE size >= $1"                   \
                       " ORDER BY size LIMIT 1")

/* Of each kind of row_kinds.h: ADD_UNIT, FIRST_UNIT and PAGE_UNIT, ... */
#define STATEMENT_OF_KIND(kind, name, key, keys, columns, count, table, how)                   \
    STATEMENT_ROW(ADD_##kind, ROW_SQL_ADD(key, columns, count, table))                         \
    STATEMENT_ROW(FIRST_##kind, ROW_SQL_FIRST(key, columns, table))                            \
    STATEMENT_ROW(PAGE_##kind, ROW_SQL_PAGE(key, keys, columns, table))

enum statement {
#define X(name, sql)             STATEMENT_##name,
#define STATEMENT_ROW(name, sql) STATEMENT_##name,
    STATEMENT_LIST_STORE(X) STATEMENT_LIST_APPROVAL(X) STATEMENT_LIST_ORDER(X)
        STATEMENT_LIST_UNIT(X) ROW_LIST(STATEMENT_OF_KIND)
#undef STATEMENT_ROW
#undef X
            STATEMENT_COUNT
};

/* Constant text. Any thread. */
const char *statement_sql(enum statement statement);
const char *statement_name(enum statement statement); /* lower layers name it in failures */
