/* SPDX-License-Identifier: MIT */
/* schema_units: the tables of units, of what became a fact of them, and of keys. For schema.c.
 * unit/table.h has the same ways from state to state (test_unit_table). */
#pragma once

#include "oem-server/store/schema_words.h"

#define FACT_BY_GEN(table, columns)                                                            \
    "CREATE TABLE " table " (" UID_GEN ", " columns                                            \
    ", PRIMARY KEY (uid, gen));" INSERT_ONLY(table)
#define FACT_BY_RUN(table, columns)                                                            \
    "CREATE TABLE " table " (" UID_GEN ", " RUN ", " columns                                   \
    ", PRIMARY KEY (uid, gen, run_id));" INSERT_ONLY(table)

// clang-format off
#define SCHEMA_UNITS                                                                          \
    "CREATE TABLE units (uid BYTEA NOT NULL PRIMARY KEY CHECK (length(uid) = 12),"            \
    " gen BIGINT NOT NULL CHECK (gen >= 1), state BIGINT NOT NULL CHECK (state BETWEEN 1"     \
    " AND 6), order_name TEXT NOT NULL REFERENCES orders, station TEXT NOT NULL,"             \
    " held TEXT NOT NULL CHECK (held = '' OR state IN (2, 3)),"                               \
    " run_id BYTEA CHECK (run_id IS NULL OR length(run_id) = 16),"                            \
    " holder_server TEXT NOT NULL, holder_station TEXT NOT NULL,"                             \
    " opened_us BIGINT NOT NULL, boot_failed BIGINT NOT NULL CHECK (boot_failed IN (0,"       \
    " 1)), accepted BIGINT NOT NULL CHECK (accepted IN (0, 1)),"                              \
    " started_us BIGINT NOT NULL, changed_us BIGINT NOT NULL,"                                \
    " lease_us BIGINT NOT NULL DEFAULT 0, CHECK (run_id IS NULL OR state IN (1, 2,"           \
    " 3)), CHECK (accepted = 0 OR state IN (4, 6)));"                                         \
    "CREATE INDEX units_by_order ON units (order_name, state);"                               \
    "CREATE INDEX units_by_holder ON units (lease_us) WHERE run_id IS NOT NULL;"              \
    "CREATE INDEX units_by_run ON units (run_id) WHERE run_id IS NOT NULL;"                   \
    "CREATE INDEX units_by_station ON units (station, state);"                                \
    "CREATE TRIGGER units_state BEFORE UPDATE OF state ON units WHEN NOT (OLD.state ="        \
    " NEW.state OR (OLD.state = 1 AND NEW.state IN (2, 5,"                                    \
    " 6)) OR (OLD.state = 2 AND NEW.state IN (3, 6)) OR (OLD.state = 3 AND NEW.state IN (4,"  \
    " 6)) OR (OLD.state IN (4, 5) AND NEW.state = 6)) BEGIN SELECT RAISE(ABORT,"              \
    " 'units: a state does not go back'); END;"                                               \
    "CREATE TRIGGER units_identity BEFORE UPDATE OF uid, gen,"                                \
    " order_name ON units WHEN OLD.uid <> NEW.uid OR OLD.gen <> NEW.gen OR OLD.order_name"    \
    " <> NEW.order_name BEGIN SELECT RAISE(ABORT, 'units: UID,"                               \
    " generation and order do not change'); END;"                                             \
    "CREATE TRIGGER units_deleted BEFORE DELETE ON units WHEN OLD.state NOT IN (1, 4,"        \
    " 5) BEGIN SELECT RAISE(ABORT, 'units: not to be released'); END;"

#define SCHEMA_FACTS                                                                          \
    FACT_BY_GEN("fact_release",                                                               \
        FLAG("board_refuses") ", reason TEXT NOT NULL, released_us BIGINT NOT NULL")          \
    FACT_BY_GEN("fact_rotpk", SIZED("rotpk", "64") ", boot_key TEXT NOT NULL")                \
    FACT_BY_GEN("fact_claim",                                                                 \
        "order_name TEXT NOT NULL REFERENCES orders, " SIZED("auth_public_key", "65") ""      \
        ", serial BYTEA NOT NULL UNIQUE CHECK (length(serial) = 20),"                         \
        " not_before BIGINT NOT NULL, not_after BIGINT NOT NULL")                             \
    "CREATE INDEX fact_claim_by_order ON fact_claim (order_name);"                            \
    FACT_BY_GEN("fact_certificate", "csr BYTEA NOT NULL, certificate BYTEA NOT NULL")         \
    "CREATE TABLE fact_fwinfo (" UID_GEN ", " SIZED("firmware_sha256", "32") ", "             \
    SIZED("fwinfo", "192") ", PRIMARY KEY (uid, gen, firmware_sha256));"                      \
    INSERT_ONLY("fact_fwinfo")                                                                \
    FACT_BY_RUN("fact_agreement",                                                             \
        SIZED("kcv", "16") ", " SIZED("tag_target", "16") ", " SIZED("tag_write", "16") ", "  \
        SIZED("tag_keep", "16") ", " SIZED("lock_tag", "16"))                                 \
    FACT_BY_RUN("fact_receipt",                                                               \
        "n BIGINT NOT NULL, receipt BYTEA NOT NULL, " SIZED("sha256", "32") ","               \
        " lock_level BIGINT NOT NULL, " FLAG("rotpk_unproven") ","                            \
        " slot BIGINT NOT NULL, slot_kcv BYTEA CHECK (slot_kcv IS NULL OR length(slot_kcv)"   \
        " = 16), " SIZED("firmware_sha256", "32") ", " FLAG("keep") ","                       \
        " station TEXT NOT NULL, received_us BIGINT NOT NULL, UNIQUE (uid, gen, n)")          \
    FACT_BY_RUN("fact_commit",                                                                \
        "slot BIGINT NOT NULL, " SIZED("kcv", "16") ", lock_level BIGINT NOT NULL, "          \
        SIZED("receipt_sha256", "32") ", " SIZED("sha256", "32") ","                          \
        " statement BYTEA NOT NULL, station TEXT NOT NULL, committed_us BIGINT NOT NULL")     \
    FACT_BY_GEN("fact_lock",                                                                  \
        RUN ", lock_level BIGINT NOT NULL, " SIZED("statement_sha256", "32") ","              \
        " statement BYTEA NOT NULL, station TEXT NOT NULL, locked_us BIGINT NOT NULL")        \
    FACT_BY_GEN("fact_seal",                                                                  \
        "station TEXT NOT NULL, detail TEXT NOT NULL, " FLAG("accepted") ","                  \
        " sealed_us BIGINT NOT NULL")                                                         \
    "CREATE TABLE fact_revoked (" UID_GEN ", " SIZED("serial", "20") ","                      \
    " reason TEXT NOT NULL, revoked_us BIGINT NOT NULL, PRIMARY KEY (uid, gen, serial));"     \
    "CREATE INDEX fact_revoked_by_time ON fact_revoked (revoked_us, uid, gen);"               \
    INSERT_ONLY("fact_revoked")

/* A hold stands while no fact_allow has its n. */
#define SCHEMA_HOLDS                                                                          \
    "CREATE TABLE fact_hold (" UID_GEN ", n BIGINT NOT NULL CHECK (n >= 1),"                  \
    " cause BIGINT NOT NULL CHECK (cause BETWEEN 1 AND 3), reason TEXT NOT NULL,"             \
    " held_us BIGINT NOT NULL, PRIMARY KEY (uid, gen, n));"                                   \
    "CREATE TABLE fact_allow (" UID_GEN ", n BIGINT NOT NULL,"                                \
    " reason TEXT NOT NULL, allowed_us BIGINT NOT NULL, PRIMARY KEY (uid, gen, n),"           \
    " FOREIGN KEY (uid, gen, n) REFERENCES fact_hold);"                                       \
    INSERT_ONLY("fact_hold")                                                                  \
    INSERT_ONLY("fact_allow")

#define SCHEMA_KEYS                                                                           \
    "CREATE TABLE auth_key (pub BYTEA NOT NULL PRIMARY KEY CHECK (length(pub) = 65), "        \
    SIZED("uid", "12") ");"                                                                   \
    INSERT_ONLY("auth_key")                                                                   \
    "CREATE TABLE boot_key (scope TEXT NOT NULL PRIMARY KEY, " SIZED("rotpk", "64") ");"      \
    INSERT_ONLY("boot_key")                                                                   \
    "CREATE TABLE boot_certificate (scope TEXT NOT NULL PRIMARY KEY REFERENCES boot_key,"     \
    " certificate BYTEA NOT NULL);"                                                           \
    INSERT_ONLY("boot_certificate")                                                           \
    "CREATE TABLE wrapped (id TEXT NOT NULL PRIMARY KEY, kek TEXT NOT NULL,"                  \
    " blob BYTEA NOT NULL);"
// clang-format on
