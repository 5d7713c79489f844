/* SPDX-License-Identifier: MIT */
/*
 * statements: all SQL of the server but its schema, as a list of named statements. Callers name
 * one; none is ever put together at run time. Values are $1, $2, ... of PostgreSQL, which
 * SQLite takes as named parameters. Used by the store's backends and its functions.
 *
 * "ON CONFLICT DO NOTHING" with a count of 0 means the row exists: so a conflict ends no
 * transaction, in either database. The log's rows do without: there a conflict is damage.
 */
#pragma once

/* name, SQL */
#define STATEMENT_LIST(X)                                                                      \
    X(SCHEMA_VERSION, "SELECT COALESCE(MAX(version), 0) FROM schema_versions")                 \
    X(SCHEMA_VERSION_ADD, "INSERT INTO schema_versions (version) VALUES ($1)")                 \
    X(SETTING_PUT, "INSERT INTO settings (name, value) VALUES ($1, $2)"                        \
                   " ON CONFLICT (name) DO UPDATE SET value = excluded.value")                 \
    X(SETTING_GET, "SELECT value FROM settings WHERE name = $1")                               \
    X(PRINCIPAL_ADD, "INSERT INTO principals (role, name, certificate_sha256, revoked)"        \
                     " VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING")                        \
    X(PRINCIPAL_GET, "SELECT certificate_sha256, revoked FROM principals"                      \
                     " WHERE role = $1 AND name = $2")                                         \
    X(PRINCIPAL_REVOKE, "UPDATE principals SET revoked = 1 WHERE role = $1 AND name = $2")     \
    X(REGISTRATION_PUT, "INSERT INTO registrations (role, name, csr_sha256, certificate)"      \
                        " VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING")                     \
    X(REGISTRATION_GET, "SELECT csr_sha256, certificate FROM registrations"                    \
                        " WHERE role = $1 AND name = $2")                                      \
    X(IMAGE_PUT, "INSERT INTO images (sha256, kind, version, bytes)"                           \
                 " VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING")                            \
    X(IMAGE_GET, "SELECT kind, version, bytes FROM images WHERE sha256 = $1")                  \
    X(ORDER_PUT, "INSERT INTO orders (name, quantity, firmware_sha256, devauth_sha256,"        \
                 " lock_level, boot_key_scope, not_before, not_after)"                         \
                 " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING")            \
    X(ORDER_GET, "SELECT quantity, firmware_sha256, devauth_sha256, lock_level,"               \
                 " boot_key_scope, not_before, not_after FROM orders WHERE name = $1")         \
    X(ORDER_STATION_PUT, "INSERT INTO order_stations (order_name, station) VALUES ($1, $2)"    \
                         " ON CONFLICT DO NOTHING")                                            \
    X(ORDER_STATIONS, "SELECT station FROM order_stations WHERE order_name = $1"               \
                      " ORDER BY station LIMIT $2")                                            \
    X(ORDER_COUNT, "SELECT state, COUNT(*) FROM units WHERE order_name = $1 GROUP BY state")   \
    X(ORDER_UNITS, "SELECT uid FROM units WHERE order_name = $1 AND state = $2"                \
                   " ORDER BY done_us, uid LIMIT $3")                                          \
    X(UNIT_GET, "SELECT order_name, station, state, run_id, csr, certificate,"                 \
                " auth_public_key, rotpk, fwinfo, shared_key, receipt, finish, opened_us,"     \
                " done_us FROM units WHERE uid = $1")                                          \
    X(UNIT_PUT, "INSERT INTO units (uid, order_name, station, state, run_id, csr,"             \
                " certificate, auth_public_key, rotpk, fwinfo, shared_key, receipt, finish,"   \
                " opened_us, done_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,"   \
                " $12, $13, $14, $15) ON CONFLICT (uid) DO UPDATE SET"                         \
                " order_name = excluded.order_name, station = excluded.station,"               \
                " state = excluded.state, run_id = excluded.run_id, csr = excluded.csr,"       \
                " certificate = excluded.certificate,"                                         \
                " auth_public_key = excluded.auth_public_key, rotpk = excluded.rotpk,"         \
                " fwinfo = excluded.fwinfo, shared_key = excluded.shared_key,"                 \
                " receipt = excluded.receipt, finish = excluded.finish,"                       \
                " opened_us = excluded.opened_us, done_us = excluded.done_us")                 \
    X(UNITS_SET_STATE, "UPDATE units SET state = $2 WHERE state = $1")                         \
    X(BOOT_KEY_PUT, "INSERT INTO boot_keys (scope_key, wrapped, rotpk) VALUES ($1, $2, $3)"    \
                    " ON CONFLICT DO NOTHING")                                                 \
    X(BOOT_KEY_GET, "SELECT wrapped, rotpk FROM boot_keys WHERE scope_key = $1")               \
    X(ANSWER_PUT, "INSERT INTO answers (caller, call_key, request_sha256, response,"           \
                  " created_us) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING")           \
    X(ANSWER_GET, "SELECT request_sha256, response FROM answers"                               \
                  " WHERE caller = $1 AND call_key = $2")                                      \
    X(ANSWERS_EXPIRE, "DELETE FROM answers WHERE created_us < $1")                             \
    X(LOG_ADD, "INSERT INTO log_entries (position, entry) VALUES ($1, $2)")                    \
    X(LOG_LAST, "SELECT position FROM log_entries ORDER BY position DESC LIMIT 1")             \
    X(LOG_READ, "SELECT position, entry FROM log_entries WHERE position >= $1"                 \
                " ORDER BY position LIMIT $2")                                                 \
    X(LOG_NODE_ADD, "INSERT INTO log_nodes (level, n, hash) VALUES ($1, $2, $3)")              \
    X(LOG_NODE_GET, "SELECT hash FROM log_nodes WHERE level = $1 AND n = $2")                  \
    X(LOG_NODE_COUNT, "SELECT COUNT(*) FROM log_nodes")                                        \
    X(CHECKPOINT_ADD, "INSERT INTO checkpoints (size, note) VALUES ($1, $2)")                  \
    X(CHECKPOINT_LATEST, "SELECT size, note FROM checkpoints ORDER BY size DESC LIMIT 1")      \
    X(CHECKPOINT_FROM, "SELECT size, note FROM checkpoints WHERE size >= $1"                   \
                       " ORDER BY size LIMIT 1")

enum statement {
#define X(name, sql) STATEMENT_##name,
    STATEMENT_LIST(X)
#undef X
        STATEMENT_COUNT
};

const char *statement_sql(enum statement statement);
const char *statement_name(enum statement statement); /* lower layers name it in failures */
