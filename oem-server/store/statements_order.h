/* SPDX-License-Identifier: MIT */
/* statements_order: the statements of orders and images. For statements.h. */
#pragma once

#define STATEMENT_LIST_ORDER(X)                                                                \
    X(ORDER_GET, "SELECT name, quantity, spares, firmware_sha256, devauth_sha256, lock_level," \
                 " boot_key_scope, boot_test, not_before, not_after, lot, line, part_number,"  \
                 " attributes, closed, closed_reason FROM orders WHERE name = $1")             \
    X(ORDER_NAMES, "SELECT name FROM orders WHERE name > $1 ORDER BY name LIMIT $2")           \
    X(ORDER_COUNTERS, "SELECT good, accepted, under_way, issued, unknown FROM orders"          \
                      " WHERE name = $1")                                                      \
    X(ORDER_STATIONS, "SELECT station FROM order_stations WHERE order_name = $1"               \
                      " ORDER BY station LIMIT $2")                                            \
    X(ORDER_STATION_DELETE, "DELETE FROM order_stations WHERE order_name = $1"                 \
                            " AND station = $2")                                               \
    X(ORDER_NAMES_STATION, "SELECT COUNT(*) FROM order_stations WHERE order_name = $1"         \
                           " AND station = $2")                                                \
    X(ORDER_BY_STATE, "SELECT state, COUNT(*) FROM units WHERE order_name = $1"                \
                      " GROUP BY state")                                                       \
    X(ORDER_COUNT_ADD, "UPDATE orders SET good = good + $2, accepted = accepted + $3,"         \
                       " under_way = under_way + $4 WHERE name = $1")                          \
    X(ORDER_PLACE, "UPDATE orders SET under_way = under_way + 1 WHERE name = $1"               \
                   " AND good + under_way + unknown < quantity")                               \
    X(ORDER_ISSUE, "UPDATE orders SET issued = issued + 1 WHERE name = $1"                     \
                   " AND issued + unknown < quantity + spares")                                \
    X(ORDER_CLOSE, "UPDATE orders SET closed = 1, closed_reason = $2 WHERE name = $1")         \
    X(ORDER_EXTEND, "UPDATE orders SET not_after = $2 WHERE name = $1")                        \
    X(ORDER_QUANTITY, "UPDATE orders SET quantity = $2, spares = $3, unknown = $4"             \
                      " WHERE name = $1 AND $4 <= unknown AND good + under_way + $4 <= $2"     \
                      " AND issued <= $2 + $3")                                                \
    X(ORDER_UNKNOWN, "UPDATE orders SET unknown = quantity - good - under_way"                 \
                     " WHERE name = $1")                                                       \
    X(ORDER_WITH_PLACES, "SELECT name, quantity - good - under_way - unknown FROM orders"      \
                         " WHERE name > $1 AND closed = 0"                                     \
                         " AND quantity - good - under_way - unknown > 0"                      \
                         " ORDER BY name LIMIT $2")                                            \
    X(ORDER_RECOUNT,                                                                           \
      "SELECT o.name, o.good, o.accepted, o.under_way, o.issued,"                              \
      " (SELECT COUNT(*) FROM units u WHERE u.order_name = o.name AND (u.state = 4"            \
      " OR (u.state = 6 AND EXISTS (SELECT 1 FROM fact_seal s WHERE s.uid = u.uid"             \
      " AND s.gen = u.gen)))),"                                                                \
      " (SELECT COUNT(*) FROM units u WHERE u.order_name = o.name AND u.accepted = 1),"        \
      " (SELECT COUNT(*) FROM units u WHERE u.order_name = o.name AND (u.state IN (2, 3)"      \
      " OR (u.state = 1 AND u.run_id IS NOT NULL))),"                                          \
      " (SELECT COUNT(*) FROM fact_claim c WHERE c.order_name = o.name)"                       \
      " FROM orders o WHERE o.name > $1 ORDER BY o.name LIMIT $2")                             \
    X(IMAGE_GET, "SELECT kind, version, version_number, security_counter, sbom_sha256, size,"  \
                 " released_us, withdrawn, withdrawn_reason, bytes FROM images"                \
                 " WHERE sha256 = $1")                                                         \
    X(IMAGE_INFO, "SELECT kind, version, version_number, security_counter, sbom_sha256, size," \
                  " released_us, withdrawn, withdrawn_reason FROM images WHERE sha256 = $1")   \
    X(IMAGE_PAGE, "SELECT sha256 FROM images WHERE (released_us, sha256) > ($1, $2)"           \
                  " ORDER BY released_us, sha256 LIMIT $3")                                    \
    X(IMAGE_WITHDRAW, "UPDATE images SET withdrawn = 1, withdrawn_reason = $2"                 \
                      " WHERE sha256 = $1")
