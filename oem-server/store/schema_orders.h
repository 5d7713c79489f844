/* SPDX-License-Identifier: MIT */
/* schema_orders: the tables of images and orders. For schema.c. */
#pragma once

#include "oem-server/store/schema_words.h"

/* The counters of an order are those that unit/ keeps; they bound what is made and issued.
 * unknown: places that entries which are lost may have spent (unit/adopt.c). */
// clang-format off
#define SCHEMA_ORDERS                                                                         \
    "CREATE TABLE images (sha256 BYTEA NOT NULL PRIMARY KEY CHECK (length(sha256) = 32),"     \
    " kind BIGINT NOT NULL, version TEXT NOT NULL, version_number BIGINT NOT NULL,"           \
    " security_counter BIGINT NOT NULL, sbom_sha256 BYTEA CHECK (sbom_sha256 IS NULL OR"      \
    " length(sbom_sha256) = 32), size BIGINT NOT NULL, released_us BIGINT NOT NULL, "         \
    FLAG("withdrawn") ", withdrawn_reason TEXT NOT NULL,"                                     \
    " bytes BYTEA NOT NULL CHECK (length(bytes) = size));"                                    \
    "CREATE TABLE orders (name TEXT NOT NULL PRIMARY KEY, quantity BIGINT NOT NULL,"          \
    " spares BIGINT NOT NULL, firmware_sha256 BYTEA NOT NULL REFERENCES images,"              \
    " devauth_sha256 BYTEA NOT NULL REFERENCES images,"                                       \
    " lock_level BIGINT NOT NULL CHECK (lock_level IN (1, 3)),"                               \
    " boot_key_scope BIGINT NOT NULL, boot_test BIGINT NOT NULL,"                             \
    " not_before BIGINT NOT NULL, not_after BIGINT NOT NULL, lot TEXT NOT NULL,"              \
    " line TEXT NOT NULL, part_number TEXT NOT NULL, attributes BYTEA NOT NULL, "             \
    FLAG("closed") ", closed_reason TEXT NOT NULL, created_us BIGINT NOT NULL,"               \
    " good BIGINT NOT NULL CHECK (good >= 0), accepted BIGINT NOT NULL CHECK (accepted"       \
    " BETWEEN 0 AND good), under_way BIGINT NOT NULL CHECK (under_way >= 0),"                 \
    " issued BIGINT NOT NULL CHECK (issued BETWEEN 0 AND quantity + spares),"                 \
    " unknown BIGINT NOT NULL CHECK (unknown >= 0),"                                          \
    " CHECK (good + under_way + unknown <= quantity));"                                       \
    "CREATE TRIGGER orders_terms BEFORE UPDATE OF firmware_sha256,"                           \
    " devauth_sha256, lock_level, boot_key_scope ON orders WHEN OLD.firmware_sha256 <>"       \
    " NEW.firmware_sha256 OR OLD.devauth_sha256 <> NEW.devauth_sha256 OR OLD.lock_level <>"   \
    " NEW.lock_level OR OLD.boot_key_scope <> NEW.boot_key_scope BEGIN SELECT RAISE(ABORT,"   \
    " 'orders: image, level and scope do not change'); END;"                                  \
    "CREATE TABLE order_stations (order_name TEXT NOT NULL REFERENCES orders,"                \
    " station TEXT NOT NULL, added_us BIGINT NOT NULL, PRIMARY KEY (order_name, station));"
// clang-format on
