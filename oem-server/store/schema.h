/* SPDX-License-Identifier: MIT */
/*
 * schema: the tables, as numbered migrations that only grow. Each is applied once, in a
 * transaction of its own, and leaves its number in schema_versions.
 *
 * Types are PostgreSQL's BIGINT, TEXT and BYTEA. SQLite takes any name for a type and stores
 * values of any type, so each reader checks the type and size of what it reads (query.h).
 */
#pragma once

#include "oem-server/store/backend.h"

extern const char schema_base[]; /* makes schema_versions, if it is not there */
extern const char *const schema_migrations[];
extern const unsigned schema_version; /* how many there are */
