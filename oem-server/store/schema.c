/* SPDX-License-Identifier: MIT */
#include "oem-server/store/schema.h"

#include "common/host/own.h"

const char schema_base[] =
    "CREATE TABLE IF NOT EXISTS schema_versions (version BIGINT NOT NULL PRIMARY KEY);";

/* Append, never edit one that was released. */
const char *const schema_migrations[] = {
    /* 1 */
    "CREATE TABLE settings (name TEXT NOT NULL PRIMARY KEY, value BYTEA NOT NULL);"

    "CREATE TABLE principals (role BIGINT NOT NULL, name TEXT NOT NULL,"
    " certificate_sha256 BYTEA NOT NULL CHECK (length(certificate_sha256) = 32),"
    " revoked BIGINT NOT NULL CHECK (revoked IN (0, 1)), PRIMARY KEY (role, name));"

    "CREATE TABLE images (sha256 BYTEA NOT NULL PRIMARY KEY CHECK (length(sha256) = 32),"
    " kind BIGINT NOT NULL, version TEXT NOT NULL, bytes BYTEA NOT NULL);"

    "CREATE TABLE orders (name TEXT NOT NULL PRIMARY KEY, quantity BIGINT NOT NULL,"
    " firmware_sha256 BYTEA NOT NULL REFERENCES images (sha256),"
    " devauth_sha256 BYTEA NOT NULL REFERENCES images (sha256),"
    " lock_level BIGINT NOT NULL, boot_key_scope BIGINT NOT NULL,"
    " not_before BIGINT NOT NULL, not_after BIGINT NOT NULL);"

    "CREATE TABLE order_stations (order_name TEXT NOT NULL REFERENCES orders (name),"
    " station TEXT NOT NULL, PRIMARY KEY (order_name, station));"

    "CREATE TABLE units (uid BYTEA NOT NULL PRIMARY KEY CHECK (length(uid) = 12),"
    " order_name TEXT NOT NULL REFERENCES orders (name), station TEXT NOT NULL,"
    " state BIGINT NOT NULL, run_id BYTEA NOT NULL CHECK (length(run_id) = 16),"
    " csr BYTEA, certificate BYTEA, auth_public_key BYTEA, rotpk BYTEA, fwinfo BYTEA,"
    " shared_key BYTEA, receipt BYTEA, finish BYTEA,"
    " opened_us BIGINT NOT NULL, done_us BIGINT NOT NULL);"
    "CREATE INDEX units_by_order ON units (order_name, state);"
    "CREATE INDEX units_by_state ON units (state);"

    "CREATE TABLE boot_keys (scope_key TEXT NOT NULL PRIMARY KEY, wrapped BYTEA NOT NULL,"
    " rotpk BYTEA NOT NULL CHECK (length(rotpk) = 64));"

    "CREATE TABLE answers (caller TEXT NOT NULL,"
    " call_key BYTEA NOT NULL CHECK (length(call_key) = 16),"
    " request_sha256 BYTEA NOT NULL CHECK (length(request_sha256) = 32),"
    " response BYTEA NOT NULL, created_us BIGINT NOT NULL, PRIMARY KEY (caller, call_key));"
    "CREATE INDEX answers_by_age ON answers (created_us);"

    "CREATE TABLE log_entries (position BIGINT NOT NULL PRIMARY KEY, entry BYTEA NOT NULL);"

    "CREATE TABLE log_nodes (level BIGINT NOT NULL, n BIGINT NOT NULL,"
    " hash BYTEA NOT NULL CHECK (length(hash) = 32), PRIMARY KEY (level, n));"

    "CREATE TABLE checkpoints (size BIGINT NOT NULL PRIMARY KEY, note BYTEA NOT NULL);",
    /* 2 */
    "CREATE TABLE registrations (role BIGINT NOT NULL, name TEXT NOT NULL,"
    " csr_sha256 BYTEA NOT NULL CHECK (length(csr_sha256) = 32),"
    " certificate BYTEA NOT NULL, PRIMARY KEY (role, name),"
    " FOREIGN KEY (role, name) REFERENCES principals (role, name));",
};

const unsigned schema_version = COUNT(schema_migrations);
