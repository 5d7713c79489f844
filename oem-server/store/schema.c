/* SPDX-License-Identifier: MIT */
/* The tables, as migrations. Read by store_open() only. Rows that the code must not write are
 * refused here as well: test_unit_table compares the rules with unit/table.h. */
#include "oem-server/store/schema.h"

#include "common/host/own.h"
#include "oem-server/store/schema_log.h"
#include "oem-server/store/schema_policy.h"
const char schema_base[] =
    "CREATE TABLE IF NOT EXISTS schema_versions (version BIGINT NOT NULL PRIMARY KEY);";

/* Rows that are inserted once and stay as they are. */
#define INSERT_ONLY(table)                                                                     \
    "CREATE TRIGGER " table "_unchanged BEFORE UPDATE ON " table                               \
    " BEGIN SELECT RAISE(ABORT, '" table ": a fact is not changed'); END;"                     \
    "CREATE TRIGGER " table "_undeleted BEFORE DELETE ON " table                               \
    " BEGIN SELECT RAISE(ABORT, '" table ": a fact is not deleted'); END;"

#define SIZED(column, size) column " BYTEA NOT NULL CHECK (length(" column ") = " size ")"
#define FLAG(column)        column " BIGINT NOT NULL CHECK (" column " IN (0, 1))"
#define UID_GEN             SIZED("uid", "12") ", gen BIGINT NOT NULL CHECK (gen >= 1)"
#define RUN                 SIZED("run_id", "16")

#define SCHEMA_PEOPLE                                                                                                                                                        \
    "CREATE TABLE settings (name TEXT NOT NULL PRIMARY KEY, value BYTEA NOT NULL);"                                                                                          \
    "CREATE TABLE principals (role BIGINT NOT NULL, name TEXT NOT NULL, " FLAG(                                                                                              \
        "revoked") ", revoked_reason TEXT NOT NULL, added_us BIGINT NOT NULL, PRIMARY KEY "                                                                                  \
                   "(role, name));"                                                                                                                                          \
                   "CREATE TRIGGER principals_revoked BEFORE UPDATE OF revoked ON principals"                                                                                \
                   " WHEN OLD.revoked = 1 AND NEW.revoked = 0"                                                                                                               \
                   " BEGIN SELECT RAISE(ABORT, 'principals: revoked stays revoked'); END;"                                                                                   \
                   "CREATE TABLE principal_certificates (role BIGINT NOT NULL, name TEXT NOT "                                                                               \
                   "NULL,"                                                                                                                                                   \
                   " n BIGINT NOT NULL, " SIZED(                                                                                                                             \
                       "certificate_sha256", "32") ", PRIMARY KEY "                                                                                                          \
                                                   "(role, name, "                                                                                                           \
                                                   "n), FOREIGN KEY "                                                                                                        \
                                                   "(role, name) "                                                                                                           \
                                                   "REFERENCES "                                                                                                             \
                                                   "principals)"                                                                                                             \
                                                   ";" INSERT_ONLY("principal_certificates") "CREATE TABLE registrations (role BIGINT NOT NULL, name TEXT NOT NULL, " SIZED( \
                                                       "csr_sha256",                                                                                                         \
                                                       "32") ", "                                                                                                            \
                                                             "certif"                                                                                                        \
                                                             "icate "                                                                                                        \
                                                             "BYTEA "                                                                                                        \
                                                             "NOT "                                                                                                          \
                                                             "NULL, "                                                                                                        \
                                                             "PRIMAR"                                                                                                        \
                                                             "Y KEY "                                                                                                        \
                                                             "(role,"                                                                                                        \
                                                             " name)"                                                                                                        \
                                                             ","                                                                                                             \
                                                             " FOREI"                                                                                                        \
                                                             "GN "                                                                                                           \
                                                             "KEY "                                                                                                          \
                                                             "(role,"                                                                                                        \
                                                             " name)"                                                                                                        \
                                                             " REFER"                                                                                                        \
                                                             "ENCES "                                                                                                        \
                                                             "princi"                                                                                                        \
                                                             "pals);"                                                                                                        \
                                                             "CREATE"                                                                                                        \
                                                             " TABLE"                                                                                                        \
                                                             " answe"                                                                                                        \
                                                             "rs "                                                                                                           \
                                                             "(calle"                                                                                                        \
                                                             "r "                                                                                                            \
                                                             "TEXT "                                                                                                         \
                                                             "NOT "                                                                                                          \
                                                             "NULL,"                                                                                                         \
                                                             " " SIZED(                                                                                                      \
                                                                 "call_key",                                                                                                 \
                                                                 "16") ", " SIZED("re"                                                                                       \
                                                                                  "qu"                                                                                       \
                                                                                  "es"                                                                                       \
                                                                                  "t_"                                                                                       \
                                                                                  "sh"                                                                                       \
                                                                                  "a2"                                                                                       \
                                                                                  "5"                                                                                        \
                                                                                  "6",                                                                                       \
                                                                                  "3"                                                                                        \
                                                                                  "2") ", "                                                                                  \
                                                                                       "respo"                                                                               \
                                                                                       "nse "                                                                                \
                                                                                       "BYTEA"                                                                               \
                                                                                       " NOT "                                                                               \
                                                                                       "NULL,"                                                                               \
                                                                                       " crea"                                                                               \
                                                                                       "ted_"                                                                                \
                                                                                       "us "                                                                                 \
                                                                                       "BIGIN"                                                                               \
                                                                                       "T "                                                                                  \
                                                                                       "NOT "                                                                                \
                                                                                       "NULL,"                                                                               \
                                                                                       " PRIM"                                                                               \
                                                                                       "ARY "                                                                                \
                                                                                       "KEY "                                                                                \
                                                                                       "(call"                                                                               \
                                                                                       "er, "                                                                                \
                                                                                       "call_"                                                                               \
                                                                                       "key))"                                                                               \
                                                                                       ";"                                                                                   \
                                                                                       "CREAT"                                                                               \
                                                                                       "E "                                                                                  \
                                                                                       "INDEX"                                                                               \
                                                                                       " answ"                                                                               \
                                                                                       "ers_"                                                                                \
                                                                                       "by_"                                                                                 \
                                                                                       "age "                                                                                \
                                                                                       "ON "                                                                                 \
                                                                                       "answe"                                                                               \
                                                                                       "rs "                                                                                 \
                                                                                       "(crea"                                                                               \
                                                                                       "ted_"                                                                                \
                                                                                       "us);"

#define SCHEMA_ORDERS                                                                          \
    "CREATE TABLE images (sha256 BYTEA NOT NULL PRIMARY KEY CHECK (length(sha256) = 32),"      \
    " kind BIGINT NOT NULL, version TEXT NOT NULL, version_number BIGINT NOT NULL,"            \
    " security_counter BIGINT NOT NULL,"                                                       \
    " sbom_sha256 BYTEA CHECK (sbom_sha256 IS NULL OR length(sbom_sha256) = 32),"              \
    " size BIGINT NOT NULL, released_us BIGINT NOT NULL, " FLAG(                               \
        "withdrawn") ", withdrawn_reason TEXT NOT NULL, bytes BYTEA NOT NULL CHECK "           \
                     "(length(bytes) = size));"                                                \
                     "CREATE TABLE orders (name TEXT NOT NULL PRIMARY KEY, quantity BIGINT "   \
                     "NOT NULL,"                                                               \
                     " spares BIGINT NOT NULL, firmware_sha256 BYTEA NOT NULL REFERENCES "     \
                     "images,"                                                                 \
                     " devauth_sha256 BYTEA NOT NULL REFERENCES images,"                       \
                     " lock_level BIGINT NOT NULL CHECK (lock_level IN (1, 3)), "              \
                     "boot_key_scope BIGINT NOT NULL,"                                         \
                     " boot_test BIGINT NOT NULL, not_before BIGINT NOT NULL, not_after "      \
                     "BIGINT NOT NULL,"                                                        \
                     " lot TEXT NOT NULL, line TEXT NOT NULL, part_number TEXT NOT NULL,"      \
                     " attributes BYTEA NOT NULL, " FLAG(                                      \
                         "closed") ", closed_reason TEXT NOT NULL,"                            \
                                   " created_us BIGINT NOT NULL,"                              \
                                   " good BIGINT NOT NULL CHECK (good >= 0),"                  \
                                   " accepted BIGINT NOT NULL CHECK (accepted BETWEEN 0 AND "  \
                                   "good),"                                                    \
                                   " under_way BIGINT NOT NULL CHECK (under_way >= 0),"        \
                                   " issued BIGINT NOT NULL CHECK (issued BETWEEN 0 AND "      \
                                   "quantity + spares),"                                       \
                                   " CHECK (good + under_way <= quantity));"                   \
                                   "CREATE TRIGGER orders_terms BEFORE UPDATE OF "             \
                                   "firmware_sha256, devauth_sha256,"                          \
                                   " lock_level, boot_key_scope ON orders WHEN "               \
                                   "OLD.firmware_sha256 <> NEW.firmware_sha256"                \
                                   " OR OLD.devauth_sha256 <> NEW.devauth_sha256 OR "          \
                                   "OLD.lock_level <> NEW.lock_level"                          \
                                   " OR OLD.boot_key_scope <> NEW.boot_key_scope"              \
                                   " BEGIN SELECT RAISE(ABORT, 'orders: image, level and "     \
                                   "scope do not change'); END;"                               \
                                   "CREATE TABLE order_stations (order_name TEXT NOT NULL "    \
                                   "REFERENCES orders,"                                        \
                                   " station TEXT NOT NULL, added_us BIGINT NOT NULL, "        \
                                   "PRIMARY KEY (order_name, station));"

#define SCHEMA_UNITS                                                                           \
    "CREATE TABLE units (uid BYTEA NOT NULL PRIMARY KEY CHECK (length(uid) = 12),"             \
    " gen BIGINT NOT NULL CHECK (gen >= 1),"                                                   \
    " state BIGINT NOT NULL CHECK (state BETWEEN 1 AND 6),"                                    \
    " order_name TEXT NOT NULL REFERENCES orders, station TEXT NOT NULL,"                      \
    " held TEXT NOT NULL CHECK (held = '' OR state IN (2, 3)),"                                \
    " run_id BYTEA CHECK (run_id IS NULL OR length(run_id) = 16),"                             \
    " holder_server TEXT NOT NULL, holder_station TEXT NOT NULL, opened_us BIGINT NOT NULL,"   \
    " boot_failed BIGINT NOT NULL CHECK (boot_failed IN (0, 1)),"                              \
    " accepted BIGINT NOT NULL CHECK (accepted IN (0, 1)),"                                    \
    " started_us BIGINT NOT NULL, changed_us BIGINT NOT NULL,"                                 \
    " lease_us BIGINT NOT NULL DEFAULT 0,"                                                     \
    " CHECK (run_id IS NULL OR state IN (1, 2, 3)),"                                           \
    " CHECK (accepted = 0 OR state IN (4, 6)));"                                               \
    "CREATE INDEX units_by_order ON units (order_name, state);"                                \
    "CREATE INDEX units_by_holder ON units (lease_us) WHERE run_id IS NOT NULL;"               \
    "CREATE INDEX units_by_run ON units (run_id) WHERE run_id IS NOT NULL;"                    \
    "CREATE INDEX units_by_station ON units (station, state);"                                 \
    "CREATE TRIGGER units_state BEFORE UPDATE OF state ON units WHEN NOT"                      \
    " (OLD.state = NEW.state OR (OLD.state = 1 AND NEW.state IN (2, 5, 6))"                    \
    " OR (OLD.state = 2 AND NEW.state IN (3, 6)) OR (OLD.state = 3 AND NEW.state IN (4, 6))"   \
    " OR (OLD.state IN (4, 5) AND NEW.state = 6))"                                             \
    " BEGIN SELECT RAISE(ABORT, 'units: a state does not go back'); END;"                      \
    "CREATE TRIGGER units_identity BEFORE UPDATE OF uid, gen, order_name ON units"             \
    " WHEN OLD.uid <> NEW.uid OR OLD.gen <> NEW.gen OR OLD.order_name <> NEW.order_name"       \
    " BEGIN SELECT RAISE(ABORT, 'units: UID, generation and order do not change'); END;"       \
    "CREATE TRIGGER units_deleted BEFORE DELETE ON units WHEN OLD.state NOT IN (1, 4, 5)"      \
    " BEGIN SELECT RAISE(ABORT, 'units: not to be released'); END;"

#define FACT_BY_GEN(table, columns)                                                            \
    "CREATE TABLE " table " (" UID_GEN ", " columns                                            \
    ", PRIMARY KEY (uid, gen));" INSERT_ONLY(table)
#define FACT_BY_RUN(table, columns)                                                            \
    "CREATE TABLE " table " (" UID_GEN ", " RUN ", " columns                                   \
    ", PRIMARY KEY (uid, gen, run_id));" INSERT_ONLY(table)

#define SCHEMA_FACTS                                                                                                                                                                                       \
    FACT_BY_GEN("fact_release",                                                                                                                                                                            \
                FLAG("board_refuses") ", reason TEXT NOT NULL, released_us BIGINT NOT NULL")                                                                                                               \
    FACT_BY_GEN("fact_rotpk", SIZED("rotpk", "64") ", boot_key TEXT NOT NULL")                                                                                                                             \
    FACT_BY_GEN("fact_claim",                                                                                                                                                                              \
                "order_name TEXT NOT NULL REFERENCES orders, " SIZED(                                                                                                                                      \
                    "auth_public_key",                                                                                                                                                                     \
                    "65") ", serial BYTEA NOT NULL UNIQUE"                                                                                                                                                 \
                          " CHECK (length(serial) = 20), not_before BIGINT NOT NULL,"                                                                                                                      \
                          " not_after BIGINT NOT NULL")                                                                                                                                                    \
    "CREATE INDEX fact_claim_by_order ON fact_claim (order_name);" FACT_BY_GEN(                                                                                                                            \
        "fact_certificate",                                                                                                                                                                                \
        "csr BYTEA NOT NULL, certificate BYTEA NOT NULL") "CREATE TABLE fact_fwinfo (" UID_GEN ", " SIZED("firmware_sha256",                                                                               \
                                                                                                          "32") ", " SIZED("fwinfo",                                                                       \
                                                                                                                           "192") ", PRIMARY KEY (uid, gen, firmware_sha256));" INSERT_ONLY("fact_fwinfo") \
        FACT_BY_RUN(                                                                                                                                                                                       \
            "fact_agreement",                                                                                                                                                                              \
            SIZED("kcv", "16") ", " SIZED("tag_target", "16") ", " SIZED(                                                                                                                                  \
                "tag_write", "16") ", " SIZED("tag_keep", "16") ", " SIZED("lock_tag", "16"))                                                                                                              \
            FACT_BY_RUN("fact_receipt",                                                                                                                                                                    \
                        "n BIGINT NOT NULL, receipt BYTEA NOT NULL, " SIZED("sha256", "32") ", lock_level BIGINT NOT NULL, " FLAG(                                                                         \
                            "rotpk_unproven") ", slot BIGINT NOT NULL,"                                                                                                                                    \
                                              " slot_kcv BYTEA CHECK (slot_kcv IS NULL OR "                                                                                                                \
                                              "length(slot_kcv) = 16), " SIZED(                                                                                                                            \
                                                  "firmware_sha256",                                                                                                                                       \
                                                  "32") ", " FLAG("keep") ", station TEXT "                                                                                                                \
                                                                          "NOT NULL, "                                                                                                                     \
                                                                          "received_us "                                                                                                                   \
                                                                          "BIGINT NOT NULL, "                                                                                                              \
                                                                          "UNIQUE (uid, gen, "                                                                                                             \
                                                                          "n)")                                                                                                                            \
                FACT_BY_RUN(                                                                                                                                                                               \
                    "fact_commit",                                                                                                                                                                         \
                    "slot BIGINT NOT NULL, " SIZED(                                                                                                                                                        \
                        "kcv", "16") ", lock_level BIGINT NOT "                                                                                                                                            \
                                     "NULL, " SIZED("receipt_sha256",                                                                                                                                      \
                                                    "32") ", " SIZED("sha256", "32") ","                                                                                                                   \
                                                                                     " "                                                                                                                   \
                                                                                     "s"                                                                                                                   \
                                                                                     "t"                                                                                                                   \
                                                                                     "a"                                                                                                                   \
                                                                                     "t"                                                                                                                   \
                                                                                     "e"                                                                                                                   \
                                                                                     "m"                                                                                                                   \
                                                                                     "e"                                                                                                                   \
                                                                                     "n"                                                                                                                   \
                                                                                     "t"                                                                                                                   \
                                                                                     " "                                                                                                                   \
                                                                                     "B"                                                                                                                   \
                                                                                     "Y"                                                                                                                   \
                                                                                     "T"                                                                                                                   \
                                                                                     "E"                                                                                                                   \
                                                                                     "A"                                                                                                                   \
                                                                                     " "                                                                                                                   \
                                                                                     "N"                                                                                                                   \
                                                                                     "O"                                                                                                                   \
                                                                                     "T"                                                                                                                   \
                                                                                     " "                                                                                                                   \
                                                                                     "N"                                                                                                                   \
                                                                                     "U"                                                                                                                   \
                                                                                     "L"                                                                                                                   \
                                                                                     "L"                                                                                                                   \
                                                                                     ","                                                                                                                   \
                                                                                     " "                                                                                                                   \
                                                                                     "s"                                                                                                                   \
                                                                                     "t"                                                                                                                   \
                                                                                     "a"                                                                                                                   \
                                                                                     "t"                                                                                                                   \
                                                                                     "i"                                                                                                                   \
                                                                                     "o"                                                                                                                   \
                                                                                     "n"                                                                                                                   \
                                                                                     " "                                                                                                                   \
                                                                                     "T"                                                                                                                   \
                                                                                     "E"                                                                                                                   \
                                                                                     "X"                                                                                                                   \
                                                                                     "T"                                                                                                                   \
                                                                                     " "                                                                                                                   \
                                                                                     "N"                                                                                                                   \
                                                                                     "O"                                                                                                                   \
                                                                                     "T"                                                                                                                   \
                                                                                     " "                                                                                                                   \
                                                                                     "N"                                                                                                                   \
                                                                                     "U"                                                                                                                   \
                                                                                     "L"                                                                                                                   \
                                                                                     "L"                                                                                                                   \
                                                                                     ","                                                                                                                   \
                                                                                     " "                                                                                                                   \
                                                                                     "c"                                                                                                                   \
                                                                                     "o"                                                                                                                   \
                                                                                     "m"                                                                                                                   \
                                                                                     "m"                                                                                                                   \
                                                                                     "i"                                                                                                                   \
                                                                                     "t"                                                                                                                   \
                                                                                     "t"                                                                                                                   \
                                                                                     "e"                                                                                                                   \
                                                                                     "d"                                                                                                                   \
                                                                                     "_"                                                                                                                   \
                                                                                     "u"                                                                                                                   \
                                                                                     "s"                                                                                                                   \
                                                                                     " "                                                                                                                   \
                                                                                     "B"                                                                                                                   \
                                                                                     "I"                                                                                                                   \
                                                                                     "G"                                                                                                                   \
                                                                                     "I"                                                                                                                   \
                                                                                     "N"                                                                                                                   \
                                                                                     "T"                                                                                                                   \
                                                                                     " "                                                                                                                   \
                                                                                     "N"                                                                                                                   \
                                                                                     "O"                                                                                                                   \
                                                                                     "T"                                                                                                                   \
                                                                                     " "                                                                                                                   \
                                                                                     "N"                                                                                                                   \
                                                                                     "U"                                                                                                                   \
                                                                                     "L"                                                                                                                   \
                                                                                     "L")                                                                                                                  \
                    FACT_BY_GEN("fact_lock",                                                                                                                                                               \
                                RUN ", lock_level BIGINT NOT NULL, " SIZED(                                                                                                                                \
                                    "statement_sha256",                                                                                                                                                    \
                                    "32") ", statement BYTEA NOT NULL,"                                                                                                                                    \
                                          " station TEXT NOT NULL, locked_us BIGINT NOT NULL")                                                                                                             \
                        FACT_BY_GEN(                                                                                                                                                                       \
                            "fact_seal",                                                                                                                                                                   \
                            "station TEXT NOT NULL, detail TEXT NOT "                                                                                                                                      \
                            "NULL, " FLAG("accepted") ", sealed_us BIGINT NOT "                                                                                                                            \
                                                      "NULL") "CREATE TABLE "                                                                                                                              \
                                                              "fact_revoked "                                                                                                                              \
                                                              "(" UID_GEN ", " SIZED(                                                                                                                      \
                                                                  "serial",                                                                                                                                \
                                                                  "20") ", reason "                                                                                                                        \
                                                                        "TEXT NOT "                                                                                                                        \
                                                                        "NULL, "                                                                                                                           \
                                                                        "revoked_"                                                                                                                         \
                                                                        "us "                                                                                                                              \
                                                                        "BIGINT "                                                                                                                          \
                                                                        "NOT "                                                                                                                             \
                                                                        "NULL, "                                                                                                                           \
                                                                        "PRIMARY "                                                                                                                         \
                                                                        "KEY "                                                                                                                             \
                                                                        "(uid, "                                                                                                                           \
                                                                        "gen, "                                                                                                                            \
                                                                        "serial))"                                                                                                                         \
                                                                        ";" INSERT_ONLY(                                                                                                                   \
                                                                            "fact_revoked")

#define SCHEMA_HOLDS /* a hold stands while no fact_allow has its n */                         \
    "CREATE TABLE fact_hold (" UID_GEN ", n BIGINT NOT NULL CHECK (n >= 1),"                   \
    " cause BIGINT NOT NULL CHECK (cause BETWEEN 1 AND 3), reason TEXT NOT NULL,"              \
    " held_us BIGINT NOT NULL, PRIMARY KEY (uid, gen, n));"                                    \
    "CREATE TABLE fact_allow (" UID_GEN ", n BIGINT NOT NULL, reason TEXT NOT NULL,"           \
    " allowed_us BIGINT NOT NULL, PRIMARY KEY (uid, gen, n),"                                  \
    " FOREIGN KEY (uid, gen, n) REFERENCES fact_hold);" /* */                                  \
        INSERT_ONLY("fact_hold") INSERT_ONLY("fact_allow")

#define SCHEMA_KEYS                                                                            \
    "CREATE TABLE auth_key (pub BYTEA NOT NULL PRIMARY KEY CHECK (length(pub) = 65), " SIZED(  \
        "uid",                                                                                 \
        "12") ");" INSERT_ONLY("auth_key") "CREATE TABLE boot_key (scope TEXT NOT NULL "       \
                                           "PRIMARY KEY, " SIZED(                              \
                                               "rotpk",                                        \
                                               "64") ");" INSERT_ONLY("boot"                   \
                                                                      "_ke"                    \
                                                                      "y") "CREATE TABLE "     \
                                                                           "wrapped (id TEXT " \
                                                                           "NOT NULL PRIMARY " \
                                                                           "KEY, kek TEXT "    \
                                                                           "NOT NULL,"         \
                                                                           " blob BYTEA NOT "  \
                                                                           "NULL);"

/* Append, never edit one that was released (README.md: none was yet). */
const char *const schema_migrations[] = {
    /* 1 */
    SCHEMA_PEOPLE SCHEMA_ORDERS SCHEMA_UNITS SCHEMA_FACTS SCHEMA_HOLDS SCHEMA_KEYS SCHEMA_LOG
        SCHEMA_PRINCIPAL_KEYS SCHEMA_APPROVALS SCHEMA_SEIZURES,
};
const unsigned schema_version = COUNT(schema_migrations);
