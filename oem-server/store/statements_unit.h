/* SPDX-License-Identifier: MIT */
/* statements_unit: the statements of units and their facts. For statements.h. */
#pragma once

#define STARTED_BY_FIRMWARE_SQL                                                                \
    "u.state = 1 AND (EXISTS (SELECT 1 FROM orders o WHERE o.name = u.order_name"              \
    " AND o.firmware_sha256 = $1) OR EXISTS (SELECT 1 FROM fact_fwinfo f"                      \
    " WHERE f.uid = u.uid AND f.gen = u.gen AND f.firmware_sha256 = $1))"

/* Committed before $1, or at a time that has not come ($2): then a clock was set back. */
#define UNLOCKED_SQL                                                                           \
    "u.state = 3 AND (u.changed_us < $1 OR u.changed_us > $2) AND NOT EXISTS"                  \
    " (SELECT 1 FROM fact_lock l WHERE l.uid = u.uid AND l.gen = u.gen)"

#define STATEMENT_LIST_UNIT(X)                                                                 \
    X(UNIT_GET, "SELECT uid, gen, state, order_name, station, held, run_id, holder_server,"    \
                " holder_station, opened_us, boot_failed, accepted, started_us, changed_us,"   \
                " lease_us FROM units WHERE uid = $1")                                         \
    X(UNIT_GENERATION, "SELECT COALESCE(MAX(gen), 0) + 1 FROM fact_release WHERE uid = $1")    \
    X(UNIT_SET, "UPDATE units SET state = $2, station = $3, held = $4, run_id = $5,"           \
                " holder_server = $6, holder_station = $7, opened_us = $8, boot_failed = $9,"  \
                " accepted = $10, changed_us = $11, lease_us = $12 WHERE uid = $1")            \
    X(UNIT_RENEW, "UPDATE units SET lease_us = $2 WHERE uid = $1")                             \
    X(UNIT_DELETE, "DELETE FROM units WHERE uid = $1")                                         \
    X(UNIT_PAGE, "SELECT u.uid, u.gen, u.state, u.order_name, u.station, u.held, u.run_id,"    \
                 " u.holder_server, u.holder_station, u.opened_us, u.boot_failed, u.accepted," \
                 " u.started_us, u.changed_us, u.lease_us, COALESCE(l.lock_level, 0)"          \
                 " FROM units u LEFT JOIN fact_lock l ON l.uid = u.uid AND l.gen = u.gen"      \
                 " WHERE u.uid > $1 AND ($2 = '' OR u.order_name = $2)"                        \
                 " AND ($3 = '' OR u.station = $3) AND ($4 = 0 OR u.state = $4)"               \
                 " AND ($5 = 0 OR u.held <> '')"                                               \
                 " AND ($6 = 0 OR (u.state = 3 AND l.uid IS NULL))"                            \
                 " ORDER BY u.uid LIMIT $7")                                                   \
    X(UNIT_HELD_PAGE, "SELECT u.uid, u.gen, u.state, u.order_name, u.station, u.held,"         \
                      " u.run_id, u.holder_server, u.holder_station, u.opened_us,"             \
                      " u.boot_failed, u.accepted, u.started_us, u.changed_us, u.lease_us,"    \
                      " COALESCE(l.lock_level, 0) FROM units u LEFT JOIN fact_lock l"          \
                      " ON l.uid = u.uid AND l.gen = u.gen WHERE u.run_id IS NOT NULL"         \
                      " AND (u.opened_us, u.uid) > ($1, $2) AND ($3 IS NULL OR u.uid = $3)"    \
                      " ORDER BY u.opened_us, u.uid LIMIT $4")                                 \
    X(UNIT_BY_RUN, "SELECT uid FROM units WHERE run_id = $1 LIMIT $2")                         \
    X(UNIT_EXPIRED, "SELECT COUNT(*) FROM units WHERE run_id IS NOT NULL"                      \
                    " AND (lease_us <= $1 OR opened_us > $2)")                                 \
    X(UNIT_UNSEALED, "SELECT uid FROM units WHERE state IN (2, 3)"                             \
                     " AND ($1 = '' OR station = $1) AND ($2 = '' OR order_name = $2)"         \
                     " AND uid > $3 ORDER BY uid LIMIT $4")                                    \
    X(UNIT_UNLOCKED, "SELECT COUNT(*) FROM units u WHERE " UNLOCKED_SQL                        \
                     " AND ($3 = '' OR u.order_name = $3)")                                    \
    X(UNIT_UNLOCKED_PAGE, "SELECT u.uid FROM units u WHERE " UNLOCKED_SQL                      \
                          " AND u.uid > $3 ORDER BY u.uid LIMIT $4")                           \
    X(UNIT_HOLDERS, "SELECT uid, run_id FROM units WHERE run_id IS NOT NULL"                   \
                    " AND ($1 = '' OR holder_server = $1)"                                     \
                    " AND ($2 = 0 OR lease_us <= $2 OR opened_us > $3)"                        \
                    " AND ($4 = '' OR order_name = $4) ORDER BY uid LIMIT $5")                 \
    X(UNIT_HOLDERS_OF_STATION, "SELECT uid FROM units WHERE holder_station = $1"               \
                               " AND run_id IS NOT NULL ORDER BY uid LIMIT $2")                \
    X(UNIT_COUNT_OF_STATION, "SELECT COUNT(*) FROM units WHERE station = $1 AND state = $2")   \
    X(UNIT_UNSEALED_OR_STARTED, "SELECT uid FROM units WHERE station = $1"                     \
                                " AND state IN (1, 2, 3) AND uid > $2 ORDER BY uid LIMIT $3")  \
    X(SEIZURE_GET, "SELECT station, reason, scrap_reason, step, cursor FROM seizures"          \
                   " WHERE station = $1")                                                      \
    X(SEIZURE_OPEN, "SELECT station, reason, scrap_reason, step, cursor FROM seizures"         \
                    " WHERE step IN (0, 2) ORDER BY station LIMIT 1")                          \
    X(SEIZURE_SET, "UPDATE seizures SET scrap_reason = $2, step = $3, cursor = $4"             \
                   " WHERE station = $1")                                                      \
    X(UNIT_STARTED, "SELECT uid FROM units WHERE state = 1 AND order_name = $1"                \
                    " AND run_id IS NULL AND uid > $2 ORDER BY uid LIMIT $3")                  \
    X(UNIT_BY_FIRMWARE, "SELECT u.uid FROM units u JOIN orders o ON o.name = u.order_name"     \
                        " WHERE u.state IN (2, 3) AND u.uid > $2"                              \
                        " AND (o.firmware_sha256 = $1 OR EXISTS (SELECT 1 FROM fact_fwinfo f"  \
                        " WHERE f.uid = u.uid AND f.gen = u.gen AND f.firmware_sha256 = $1))"  \
                        " ORDER BY u.uid LIMIT $3")                                            \
    X(UNIT_STARTED_BY_FIRMWARE,                                                                \
      "SELECT u.uid FROM units u WHERE " STARTED_BY_FIRMWARE_SQL " ORDER BY u.uid LIMIT $2")   \
    X(UNIT_STARTED_BY_FIRMWARE_COUNT,                                                          \
      "SELECT COUNT(*) FROM units u WHERE " STARTED_BY_FIRMWARE_SQL)                           \
    X(UNIT_SEALED_BY_FIRMWARE, "SELECT COUNT(*) FROM units u WHERE u.state = 4 AND EXISTS"     \
                               " (SELECT 1 FROM fact_fwinfo f WHERE f.uid = u.uid"             \
                               " AND f.gen = u.gen AND f.firmware_sha256 = $1)")               \
    X(HOLD_STANDING, "SELECT h.n, h.cause, h.reason, h.held_us FROM fact_hold h"               \
                     " WHERE h.uid = $1 AND h.gen = $2 AND ($3 = 0 OR h.cause = $3)"           \
                     " AND NOT EXISTS (SELECT 1 FROM fact_allow a WHERE a.uid = h.uid"         \
                     " AND a.gen = h.gen AND a.n = h.n) ORDER BY h.n LIMIT $4")                \
    X(HOLD_NEXT, "SELECT COALESCE(MAX(n), 0) + 1 FROM fact_hold WHERE uid = $1 AND gen = $2")  \
    X(CLAIM_GET, "SELECT auth_public_key, serial, not_before, not_after FROM fact_claim"       \
                 " WHERE uid = $1 AND gen = $2")                                               \
    X(AUTH_KEY_GET, "SELECT uid FROM auth_key WHERE pub = $1")                                 \
    X(CERTIFICATE_GET, "SELECT csr, certificate FROM fact_certificate"                         \
                       " WHERE uid = $1 AND gen = $2")                                         \
    X(CERTIFICATE_COUNT, "SELECT COUNT(*) FROM fact_certificate WHERE uid = $1 AND gen = $2")  \
    X(ROTPK_GET, "SELECT gen, rotpk, boot_key FROM fact_rotpk WHERE uid = $1"                  \
                 " ORDER BY gen DESC LIMIT 1")                                                 \
    X(RELEASE_REFUSES, "SELECT COUNT(*) FROM fact_release WHERE uid = $1 AND gen >= $2"        \
                       " AND board_refuses = 1")                                               \
    X(FWINFO_GET, "SELECT fwinfo FROM fact_fwinfo WHERE uid = $1 AND gen = $2"                 \
                  " AND firmware_sha256 = $3")                                                 \
    X(AGREEMENT_GET, "SELECT kcv, tag_target, tag_write, tag_keep, lock_tag"                   \
                     " FROM fact_agreement WHERE uid = $1 AND gen = $2 AND run_id = $3")       \
    X(AGREEMENT_BY_KCV, "SELECT a.run_id, a.lock_tag FROM fact_agreement a"                    \
                        " JOIN fact_receipt r"                                                 \
                        " ON r.uid = a.uid AND r.gen = a.gen AND r.run_id = a.run_id"          \
                        " WHERE a.uid = $1 AND a.gen = $2 AND a.kcv = $3"                      \
                        " ORDER BY r.n LIMIT 1")                                               \
    X(RECEIPT_GET, "SELECT receipt, sha256, lock_level, rotpk_unproven, slot, slot_kcv,"       \
                   " firmware_sha256, keep FROM fact_receipt WHERE uid = $1 AND gen = $2"      \
                   " AND run_id = $3")                                                         \
    X(RECEIPT_NEWEST, "SELECT n, run_id, receipt, firmware_sha256, received_us"                \
                      " FROM fact_receipt WHERE uid = $1 AND gen = $2"                         \
                      " ORDER BY n DESC LIMIT 1")                                              \
    X(RECEIPT_UNPROVEN, "SELECT COUNT(*) FROM fact_receipt WHERE uid = $1 AND gen = $2"        \
                        " AND rotpk_unproven = 1")                                             \
    X(COMMIT_GET, "SELECT slot, kcv, lock_level, receipt_sha256, sha256, statement"            \
                  " FROM fact_commit WHERE uid = $1 AND gen = $2 AND run_id = $3")             \
    X(COMMIT_NEWEST, "SELECT c.run_id, c.kcv, c.lock_level, c.statement, r.receipt"            \
                     " FROM fact_commit c JOIN fact_receipt r"                                 \
                     " ON r.uid = c.uid AND r.gen = c.gen AND r.run_id = c.run_id"             \
                     " WHERE c.uid = $1 AND c.gen = $2 ORDER BY r.n DESC LIMIT 1")             \
    X(LOCK_GET, "SELECT run_id, lock_level, statement_sha256, statement FROM fact_lock"        \
                " WHERE uid = $1 AND gen = $2")                                                \
    X(SEAL_GET, "SELECT station, detail, accepted FROM fact_seal WHERE uid = $1 AND gen = $2") \
    X(REVOKED_COUNT, "SELECT COUNT(*) FROM fact_revoked WHERE uid = $1 AND gen = $2")          \
    X(REVOKED_SERIALS, "SELECT serial FROM fact_revoked WHERE uid = $1"                        \
                       " ORDER BY gen DESC, serial LIMIT $2")                                  \
    X(REVOKED_PAGE, "SELECT gen, serial, reason, revoked_us FROM fact_revoked WHERE uid = $1"  \
                    " ORDER BY gen, serial LIMIT $2")                                          \
    X(REVOKED_NEXT, "SELECT r.revoked_us, r.uid, r.gen, c.certificate, r.reason"               \
                    " FROM fact_revoked r JOIN fact_certificate c ON c.uid = r.uid AND"        \
                    " c.gen = r.gen WHERE (r.revoked_us, r.uid, r.gen) > ($1, $2, $3)"         \
                    " ORDER BY r.revoked_us, r.uid, r.gen LIMIT 1")                            \
    X(BOOT_CERTIFICATE_GET, "SELECT certificate FROM boot_certificate WHERE scope = $1")       \
    X(BOOT_KEY_GET, "SELECT k.rotpk, w.blob FROM boot_key k JOIN wrapped w"                    \
                    " ON w.id = 'boot/' || k.scope WHERE k.scope = $1")                        \
    X(WRAPPED_GET, "SELECT kek, blob FROM wrapped WHERE id = $1")                              \
    X(WRAPPED_PAGE, "SELECT id, kek FROM wrapped WHERE id > $1 ORDER BY id LIMIT $2")          \
    X(WRAPPED_UNDER, "SELECT id FROM wrapped WHERE id >= $1 AND id < $2 ORDER BY id LIMIT $3") \
    X(WRAPPED_SET, "UPDATE wrapped SET kek = $2, blob = $3 WHERE id = $1")                     \
    X(WRAPPED_DELETE, "DELETE FROM wrapped WHERE id = $1")
