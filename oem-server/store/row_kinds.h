/* SPDX-License-Identifier: MIT */
/*
 * row_kinds: each table whose content the event log accounts for, with its key and its columns.
 *
 * From this list come the statements that add and read such a row (statements.h), the notes of
 * a change (row.h) and the dump that "log verify --state" compares with the log (state.h): so a
 * column that is in here is in all three. Not in here, because no entry tells it: leases,
 * answers, and the log itself (tests/unit/test_unit_state.c says why, column by column).
 */
#pragma once

/*
 * kind, name in the log, key columns, their number, other columns, number of all, table, how:
 * FIELDS: each column is a field of the row; DIGEST: one field "sha256" over key and columns.
 */
#define ROW_LIST(X)                                                                            \
    X(PRINCIPAL, "principal", "role, name", 2, "revoked, revoked_reason, added_us", 5,         \
      "principals", FIELDS)                                                                    \
    X(PRINCIPAL_CERTIFICATE, "principal-certificate", "role, name, n", 3,                      \
      "certificate_sha256", 4, "principal_certificates", FIELDS)                               \
    X(PRINCIPAL_KEY, "principal-key", "key_sha256", 1, "role, name", 3, "principal_keys",      \
      FIELDS)                                                                                  \
    X(APPROVAL, "approval", "number", 1,                                                       \
      "method, request, requester, certificate_sha256, call_key, reason, subject, asked_us,"   \
      " expires_us, state, decided_by, decided_reason, decided_us",                            \
      14, "approvals", FIELDS)                                                                 \
    X(SEIZURE, "seizure", "station", 1, "reason, scrap_reason, seized_us, step, cursor", 6,    \
      "seizures", FIELDS)                                                                      \
    X(REGISTRATION, "registration", "role, name", 2, "csr_sha256, certificate", 4,             \
      "registrations", DIGEST)                                                                 \
    X(SETTING, "setting", "name", 1, "value", 2, "settings", DIGEST)                           \
    X(IMAGE, "image", "sha256", 1,                                                             \
      "kind, version, version_number, security_counter, sbom_sha256, size, released_us,"       \
      " withdrawn, withdrawn_reason, bytes",                                                   \
      11, "images", FIELDS)                                                                    \
    X(ORDER, "order", "name", 1,                                                               \
      "quantity, spares, firmware_sha256, devauth_sha256, lock_level, boot_key_scope,"         \
      " boot_test, not_before, not_after, lot, line, part_number, attributes, closed,"         \
      " closed_reason, created_us, good, accepted, under_way, issued, unknown",                \
      22, "orders", FIELDS)                                                                    \
    X(ORDER_STATION, "order-station", "order_name, station", 2, "added_us", 3,                 \
      "order_stations", FIELDS)                                                                \
    X(UNIT, "unit", "uid", 1,                                                                  \
      "gen, state, order_name, station, held, run_id, holder_server, holder_station,"          \
      " opened_us, boot_failed, accepted, started_us, changed_us",                             \
      14, "units", FIELDS)                                                                     \
    X(RELEASE, "fact/release", "uid, gen", 2, "board_refuses, reason, released_us", 5,         \
      "fact_release", DIGEST)                                                                  \
    X(ROTPK, "fact/rotpk", "uid, gen", 2, "rotpk, boot_key", 4, "fact_rotpk", DIGEST)          \
    X(CLAIM, "fact/claim", "uid, gen", 2,                                                      \
      "order_name, auth_public_key, serial, not_before, not_after", 7, "fact_claim", DIGEST)   \
    X(CERTIFICATE, "fact/certificate", "uid, gen", 2, "csr, certificate", 4,                   \
      "fact_certificate", DIGEST)                                                              \
    X(FWINFO, "fact/fwinfo", "uid, gen, firmware_sha256", 3, "fwinfo", 4, "fact_fwinfo",       \
      DIGEST)                                                                                  \
    X(AGREEMENT, "fact/agreement", "uid, gen, run_id", 3,                                      \
      "kcv, tag_target, tag_write, tag_keep, lock_tag", 8, "fact_agreement", DIGEST)           \
    X(RECEIPT, "fact/receipt", "uid, gen, run_id", 3,                                          \
      "n, receipt, sha256, lock_level, rotpk_unproven, slot, slot_kcv, firmware_sha256,"       \
      " keep, station, received_us",                                                           \
      14, "fact_receipt", DIGEST)                                                              \
    X(COMMIT, "fact/commit", "uid, gen, run_id", 3,                                            \
      "slot, kcv, lock_level, receipt_sha256, sha256, statement, station, committed_us", 11,   \
      "fact_commit", DIGEST)                                                                   \
    X(LOCK, "fact/lock", "uid, gen", 2,                                                        \
      "run_id, lock_level, statement_sha256, statement, station, locked_us", 8, "fact_lock",   \
      DIGEST)                                                                                  \
    X(SEAL, "fact/seal", "uid, gen", 2, "station, detail, accepted, sealed_us", 6,             \
      "fact_seal", DIGEST)                                                                     \
    X(HOLD, "fact/hold", "uid, gen, n", 3, "cause, reason, held_us", 6, "fact_hold", DIGEST)   \
    X(ALLOW, "fact/allow", "uid, gen, n", 3, "reason, allowed_us", 5, "fact_allow", DIGEST)    \
    X(REVOKED, "fact/revoked", "uid, gen, serial", 3, "reason, revoked_us", 5, "fact_revoked", \
      DIGEST)                                                                                  \
    X(AUTH_KEY, "auth-key", "pub", 1, "uid", 2, "auth_key", FIELDS)                            \
    X(BOOT_KEY, "boot-key", "scope", 1, "rotpk", 2, "boot_key", DIGEST)                        \
    X(WRAPPED, "wrapped", "id", 1, "kek, blob", 3, "wrapped", DIGEST)

enum row_kind {
#define X(kind, name, key, keys, columns, count, table, how) ROW_##kind,
    ROW_LIST(X)
#undef X
        ROW_KIND_COUNT
};

enum { ROW_KEYS_MAX = 3, ROW_COLUMNS_MAX = 24 };

/* Placeholders of as many values. */
#define ROW_PLACES_1  "$1"
#define ROW_PLACES_2  ROW_PLACES_1 ", $2"
#define ROW_PLACES_3  ROW_PLACES_2 ", $3"
#define ROW_PLACES_4  ROW_PLACES_3 ", $4"
#define ROW_PLACES_5  ROW_PLACES_4 ", $5"
#define ROW_PLACES_6  ROW_PLACES_5 ", $6"
#define ROW_PLACES_7  ROW_PLACES_6 ", $7"
#define ROW_PLACES_8  ROW_PLACES_7 ", $8"
#define ROW_PLACES_11 ROW_PLACES_8 ", $9, $10, $11"
#define ROW_PLACES_14 ROW_PLACES_11 ", $12, $13, $14"
#define ROW_PLACES_22 ROW_PLACES_14 ", $15, $16, $17, $18, $19, $20, $21, $22"

#define ROW_LIMIT_1 "$2"
#define ROW_LIMIT_2 "$3"
#define ROW_LIMIT_3 "$4"

/* Rows from the first on, whatever its key is, and rows from a key on; in the key's order. */
#define ROW_SQL_FIRST(key, columns, table)                                                     \
    "SELECT " key ", " columns " FROM " table " ORDER BY " key " LIMIT $1"
#define ROW_SQL_PAGE(key, keys, columns, table)                                                \
    "SELECT " key ", " columns " FROM " table " WHERE (" key ") >= (" ROW_PLACES_##keys        \
        ") ORDER BY " key " LIMIT " ROW_LIMIT_##keys
#define ROW_SQL_ADD(key, columns, count, table)                                                \
    "INSERT INTO " table " (" key ", " columns ") VALUES (" ROW_PLACES_##count                 \
        ") ON CONFLICT (" key ") DO NOTHING"
